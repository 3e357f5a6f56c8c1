"""How much myocardium, scar and blood pool a label volume holds, in plain numbers with units in their names."""

from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.classes import N_CLASSES, TissueClass
from scarnet.errors import ScarNetError
from scarnet.measure.slabs import slabs_of
from scarnet.stack import LGEStack

__all__ = ["MYOCARDIAL_DENSITY_G_PER_ML", "check_labels", "measure_labels", "percent_of"]

MYOCARDIAL_DENSITY_G_PER_ML = 1.05
"""Specific gravity of heart muscle that turns its volume into its mass.

The value in general use for left ventricular mass in cardiac MRI: Myerson et al., Hypertension 2002;39:750-755.
"""

_MM3_PER_ML = 1000.0


def measure_labels(labels: npt.NDArray[Any], stack: LGEStack) -> dict[str, Any]:
    """Measure a label volume on its stack's grid.

    Parameters
    ----------
    labels : ndarray of integers, shape (Z, Y, X)
        Class of each voxel, as in :class:`scarnet.classes.TissueClass`.
    stack : LGEStack
        The study the labels belong to; gives the voxel spacing and the slices' positions.

    Returns
    -------
    dict
        Plain JSON values:

        - ``myocardium_volume_ml``, ``myocardium_mass_g``: the whole wall, healthy myocardium and scar.
        - ``scar_volume_ml``, ``scar_mass_g``, ``blood_pool_volume_ml``.
        - ``scar_percent_myocardium``: scar volume over the whole wall's; None where there is no myocardium.
        - ``note``: one sentence where a number above could not be given, otherwise None.
        - ``slices``: a list with one dict a slice, in stack order: ``index``, ``position_mm`` along the slice
          normal (index times slice spacing where the study does not tell), ``myocardium_area_mm2``,
          ``scar_area_mm2``, ``blood_pool_area_mm2``, the same three as ``..._volume_ml``, and
          ``scar_percent_myocardium`` (None in a slice without myocardium).

    Raises
    ------
    ScarNetError
        The labels are not on the stack's grid, or hold a value that is no class.

    Notes
    -----
    A slice counts as its area times the distance half way to its neighbours on both sides, which is the slice spacing
    in an evenly spaced stack (:mod:`scarnet.measure.slabs`). A position missing from the stack adds nothing: a gap is
    not taken for tissue. Mass is volume times 1.05 g/ml [1]_.

    References
    ----------
    .. [1] Myerson SG, Bellenger NG, Pennell DJ. Assessment of left ventricular mass by cardiovascular magnetic
       resonance. Hypertension 2002;39:750-755.
    """
    labels = check_labels(labels, stack)
    # One row a slice, one column a class: number of voxels.
    counts = np.stack([np.count_nonzero(labels == value, axis=(1, 2)) for value in range(N_CLASSES)], axis=1)
    areas_mm2 = counts * (stack.spacing_mm[1] * stack.spacing_mm[2])
    slabs = slabs_of(stack)
    volumes_ml = areas_mm2 * (slabs.counted_mm[:, None] / _MM3_PER_ML)

    slices: list[dict[str, Any]] = []
    for z, position in enumerate(slabs.positions_mm):
        area, volume = _tissues(areas_mm2[z]), _tissues(volumes_ml[z])
        slices.append(
            {"index": z, "position_mm": float(position)}
            | {f"{name}_area_mm2": value for name, value in area.items()}
            | {f"{name}_volume_ml": value for name, value in volume.items()}
            | {"scar_percent_myocardium": percent_of(area["scar"], area["myocardium"])}
        )

    total = _tissues(volumes_ml.sum(axis=0))
    percent = percent_of(total["scar"], total["myocardium"])
    return {
        "myocardium_volume_ml": total["myocardium"],
        "myocardium_mass_g": total["myocardium"] * MYOCARDIAL_DENSITY_G_PER_ML,
        "scar_volume_ml": total["scar"],
        "scar_mass_g": total["scar"] * MYOCARDIAL_DENSITY_G_PER_ML,
        "blood_pool_volume_ml": total["blood_pool"],
        "scar_percent_myocardium": percent,
        "note": None if percent is not None else "There is no myocardium in the labels, so no scar percentage.",
        "slices": slices,
    }


def check_labels(labels: npt.NDArray[Any], stack: LGEStack) -> npt.NDArray[Any]:
    """Refuse labels that do not belong to a stack.

    Parameters
    ----------
    labels : array_like, shape (Z, Y, X)
        Class of each voxel.
    stack : LGEStack
        The study.

    Returns
    -------
    ndarray, shape (Z, Y, X)
        The labels.

    Raises
    ------
    ScarNetError
        They are not on the stack's grid, or hold a value that is no class.
    """
    labels = np.asarray(labels)
    if labels.shape != stack.shape:
        raise ScarNetError(
            f"{stack.case}: the labels have shape {labels.shape}, but the image has {stack.shape} (Z, Y, X); "
            "use labels made on this image's grid."
        )
    # Asking for the range is much faster than np.isin on a whole volume, and this runs after each brush stroke.
    if labels.dtype.kind in "iub" and labels.min() >= 0 and labels.max() < N_CLASSES:
        return labels
    valid = np.isin(labels, range(N_CLASSES))
    if not valid.all():
        found = ", ".join(f"{value:g}" for value in np.unique(labels[~valid])[:5])
        raise ScarNetError(
            f"{stack.case}: the labels hold values that are no class ({found}); "
            "use 0 background, 1 myocardium, 2 blood pool and 3 scar."
        )
    return labels


def percent_of(scar: float, myocardium: float) -> float | None:
    """Give scar's share of the whole wall.

    Parameters
    ----------
    scar, myocardium : float
        In one unit; myocardium with the scar in it.

    Returns
    -------
    float or None
        Percent; None where there is no wall.
    """
    return 100.0 * scar / myocardium if myocardium > 0 else None


def _tissues(by_class: npt.NDArray[np.float64]) -> dict[str, float]:
    """Name the amounts of each tissue; myocardium is the whole wall, scar included."""
    scar = float(by_class[TissueClass.SCAR])
    return {
        "myocardium": float(by_class[TissueClass.MYOCARDIUM]) + scar,
        "scar": scar,
        "blood_pool": float(by_class[TissueClass.BLOOD_POOL]),
    }

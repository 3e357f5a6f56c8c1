"""How far apart the surfaces of two masks lie, in mm."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from scarnet.errors import ScarNetError
from scarnet.evaluate.overlap import Mask, check_masks

__all__ = ["SurfaceDistances", "Undefined", "surface_distances", "surface_voxels"]

Undefined = Literal["both empty", "reference empty", "prediction empty"]
"""Why two masks have no distance."""


@dataclass(frozen=True)
class SurfaceDistances:
    """Distances between two surfaces.

    Attributes
    ----------
    hd_mm : float or None
        Hausdorff distance: the farthest that a point of either surface lies from the other surface.
    hd95_mm : float or None
        The same with the 95th percentile in place of the maximum.
    assd_mm : float or None
        Average symmetric surface distance.
    undefined : {"both empty", "reference empty", "prediction empty"} or None
        Why there are none; then all three are None. An empty mask has no surface, and no number of mm would be true.
    """

    hd_mm: float | None = None
    hd95_mm: float | None = None
    assd_mm: float | None = None
    undefined: Undefined | None = None


def surface_voxels(mask: Mask) -> Mask:
    """Find the voxels of a mask that lie on its surface.

    Parameters
    ----------
    mask : ndarray of bool, shape (Z, Y, X)
        A mask.

    Returns
    -------
    ndarray of bool, shape (Z, Y, X)
        The voxels with at least one face towards a voxel outside. Beyond the grid's border all is outside, so a mask
        that touches the border has a surface there.
    """
    from scipy.ndimage import binary_erosion

    return mask & ~binary_erosion(mask)


def surface_distances(reference: Mask, predicted: Mask, spacing_mm: Sequence[float]) -> SurfaceDistances:
    """Measure how far apart two surfaces lie, both ways.

    Parameters
    ----------
    reference, predicted : ndarray of bool, shape (Z, Y, X)
        Masks of one shape.
    spacing_mm : sequence of float
        Voxel spacing in mm, (z, y, x); z is the distance between slice centres.

    Returns
    -------
    SurfaceDistances
        In mm, or why there are none.

    Raises
    ------
    ScarNetError
        The masks have different shapes, or the spacing is not one positive number per axis.

    Notes
    -----
    A surface is the centres of its :func:`surface_voxels`; each distance is Euclidean in mm to the nearest centre of
    the other surface. With d(A→B) the distances of all points of A to B, as in Metrics Reloaded [1]_ and MONAI:
    HD = max(max d(A→B), max d(B→A)); HD95 = max(P95 d(A→B), P95 d(B→A)), the percentile of each direction on its own,
    linearly interpolated, not of both pooled; ASSD = mean of d(A→B) and d(B→A) pooled. medpy pools the directions in
    its HD95 and averages their means in its ASSD, so its numbers differ where one surface is much the larger.

    References
    ----------
    .. [1] Maier-Hein L, Reinke A, et al. Metrics reloaded: recommendations for image analysis validation.
       Nature Methods 2024;21:195-212.
    """
    check_masks(reference, predicted)
    spacing = np.asarray(spacing_mm, dtype=np.float64)
    if spacing.shape != (reference.ndim,) or not np.isfinite(spacing).all() or (spacing <= 0).any():
        raise ScarNetError(f"The spacing {tuple(spacing_mm)} is not {reference.ndim} positive numbers in mm.")
    empty = (not reference.any(), not predicted.any())
    if all(empty):
        return SurfaceDistances(undefined="both empty")
    if any(empty):
        return SurfaceDistances(undefined="reference empty" if empty[0] else "prediction empty")
    box = _bounding_box(reference | predicted)
    first = np.argwhere(surface_voxels(reference[box])) * spacing
    second = np.argwhere(surface_voxels(predicted[box])) * spacing
    there, back = _nearest(first, second), _nearest(second, first)
    return SurfaceDistances(
        hd_mm=float(max(there.max(), back.max())),
        hd95_mm=float(max(np.percentile(there, 95), np.percentile(back, 95))),
        assd_mm=float(np.concatenate([there, back]).mean()),
    )


def _bounding_box(mask: Mask) -> tuple[slice, ...]:
    """Cut to the mask; outside it nothing belongs to a surface, so no margin is needed."""
    axes = range(mask.ndim)
    where = [np.flatnonzero(mask.any(axis=tuple(other for other in axes if other != axis))) for axis in axes]
    return tuple(slice(int(found[0]), int(found[-1]) + 1) for found in where)


def _nearest(points: npt.NDArray[np.float64], others: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give each point's distance to the nearest of the others."""
    from scipy.spatial import KDTree

    return np.asarray(KDTree(others).query(points)[0], dtype=np.float64)

"""One patient's labels against another's of the same study: overlap, distances and amounts, in 3D and per slice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scarnet.classes import N_CLASSES, TissueClass
from scarnet.errors import ScarNetError
from scarnet.evaluate.overlap import Mask, dice, slice_dice
from scarnet.evaluate.surface import SurfaceDistances, Undefined, surface_distances

__all__ = ["CLASSES", "CaseResult", "ClassResult", "SliceResult", "class_mask", "evaluate_case", "say_undefined"]

CLASSES = ("myocardium", "blood_pool", "scar")
"""What is evaluated. Myocardium is the whole wall: healthy myocardium and scar."""

_MM3_PER_ML = 1000.0


@dataclass(frozen=True)
class ClassResult:
    """One class in one patient.

    Attributes
    ----------
    dice : float or None
        3D Dice; None where both are empty, and for scar also where the reference holds none (unless two readers
        are compared): that is a question of false alarms, not of overlap.
    reference_ml, predicted_ml : float
        Volumes.
    distances : SurfaceDistances or None
        None where they were not asked for.
    undefined : {"both empty", "reference empty", "prediction empty"} or None
        Which mask is empty, if any.
    """

    dice: float | None
    reference_ml: float
    predicted_ml: float
    distances: SurfaceDistances | None
    undefined: Undefined | None


@dataclass(frozen=True)
class SliceResult:
    """One slice of one patient.

    Attributes
    ----------
    index : int
        From 0, in stack order.
    dice : Mapping of str to (float or None)
        By class, under the rules of :class:`ClassResult` applied to the slice.
    reference_mm2, predicted_mm2 : Mapping of str to float
        Areas by class.
    """

    index: int
    dice: Mapping[str, float | None]
    reference_mm2: Mapping[str, float]
    predicted_mm2: Mapping[str, float]


@dataclass(frozen=True)
class CaseResult:
    """One patient.

    Attributes
    ----------
    case : str
        The case's name.
    classes : Mapping of str to ClassResult
        By class, :data:`CLASSES`.
    slices : tuple of SliceResult
        In stack order.
    spacing_mm : tuple of float
        Voxel spacing, (z, y, x).
    readers : bool
        Two readers were compared, neither of whom is the truth.
    """

    case: str
    classes: Mapping[str, ClassResult]
    slices: tuple[SliceResult, ...]
    spacing_mm: tuple[float, float, float]
    readers: bool = False

    @property
    def scar_percent_reference(self) -> float | None:
        """Scar in percent of the whole wall in the reference; None where there is no wall."""
        return _percent(self.classes["scar"].reference_ml, self.classes["myocardium"].reference_ml)

    @property
    def scar_percent_predicted(self) -> float | None:
        """Scar in percent of the whole wall in the prediction; None where there is no wall."""
        return _percent(self.classes["scar"].predicted_ml, self.classes["myocardium"].predicted_ml)

    @property
    def has_scar(self) -> bool:
        """Whether the reference holds scar."""
        return self.classes["scar"].reference_ml > 0

    @property
    def claims_scar(self) -> bool:
        """Whether the prediction holds scar."""
        return self.classes["scar"].predicted_ml > 0


def evaluate_case(
    reference: npt.NDArray[np.integer],
    predicted: npt.NDArray[np.integer],
    spacing_mm: Sequence[float],
    case: str = "case",
    *,
    distances: bool = True,
    readers: bool = False,
) -> CaseResult:
    """Compare two label volumes of one study.

    Parameters
    ----------
    reference, predicted : ndarray of integers, shape (Z, Y, X)
        Class of each voxel, as in :class:`scarnet.classes.TissueClass`, on one grid.
    spacing_mm : sequence of float
        Voxel spacing in mm, (z, y, x); z is the distance between slice centres.
    case : str
        The case's name, for messages and tables.
    distances : bool
        Measure surface distances too, which takes most of the time.
    readers : bool
        Both are readers and neither is the truth: scar that only one of them marks counts as a scar Dice of 0, where
        scar that only a prediction marks would be a false alarm without a Dice.

    Returns
    -------
    CaseResult
        The comparison.

    Raises
    ------
    ScarNetError
        The volumes have different shapes or not three axes, hold values that are no class, or the spacing is wrong.
    """
    reference, predicted = np.asarray(reference), np.asarray(predicted)
    spacing = _checked_spacing(spacing_mm, case)
    for labels, whose in ((reference, "reference"), (predicted, "prediction")):
        _check_labels(labels, case, whose)
    if reference.shape != predicted.shape:
        raise ScarNetError(
            f"{case}: the reference has shape {reference.shape}, but the prediction {predicted.shape} (Z, Y, X); "
            "compare labels on one grid."
        )
    pixel_mm2 = spacing[1] * spacing[2]
    voxel_ml = pixel_mm2 * spacing[0] / _MM3_PER_ML
    classes: dict[str, ClassResult] = {}
    by_slice: list[tuple[dict[str, float | None], dict[str, float], dict[str, float]]] = [
        ({}, {}, {}) for _ in range(reference.shape[0])
    ]
    for name in CLASSES:
        first, second = class_mask(reference, name), class_mask(predicted, name)
        # Absent reference scar is not an overlap of 0: a published mean moves from .56 to .69 with how it is counted.
        needs_reference = name == "scar" and not readers
        areas = first.sum(axis=(1, 2)) * pixel_mm2, second.sum(axis=(1, 2)) * pixel_mm2
        for z, overlap in enumerate(slice_dice(first, second)):
            by_slice[z][0][name] = None if needs_reference and not areas[0][z] else overlap
            by_slice[z][1][name], by_slice[z][2][name] = float(areas[0][z]), float(areas[1][z])
        there = bool(first.any())
        classes[name] = ClassResult(
            dice=None if needs_reference and not there else dice(first, second),
            reference_ml=float(np.count_nonzero(first) * voxel_ml),
            predicted_ml=float(np.count_nonzero(second) * voxel_ml),
            distances=surface_distances(first, second, spacing) if distances else None,
            undefined=_undefined(there, bool(second.any())),
        )
    slices = tuple(SliceResult(z, *values) for z, values in enumerate(by_slice))
    return CaseResult(case, classes, slices, spacing, readers)


def class_mask(labels: npt.NDArray[np.integer], name: str) -> Mask:
    """Give one class of a label volume as a mask.

    Parameters
    ----------
    labels : ndarray of integers, shape (Z, Y, X)
        Class of each voxel.
    name : {"myocardium", "blood_pool", "scar"}
        The class; myocardium is the whole wall, scar included.

    Returns
    -------
    ndarray of bool, shape (Z, Y, X)
        Where it is.
    """
    if name == "myocardium":
        return (labels == TissueClass.MYOCARDIUM) | (labels == TissueClass.SCAR)
    return np.asarray(labels == TissueClass[name.upper()])


def say_undefined(undefined: Undefined | None, readers: bool) -> str | None:
    """Name the empty mask in a table.

    Parameters
    ----------
    undefined : {"both empty", "reference empty", "prediction empty"} or None
        Which mask is empty.
    readers : bool
        The masks are two readers'.

    Returns
    -------
    str or None
        The same, with ``reader 1`` for the reference and ``reader 2`` for the prediction where they are readers'.
    """
    if undefined is None or not readers:
        return undefined
    return undefined.replace("reference", "reader 1").replace("prediction", "reader 2")


def _undefined(reference: bool, predicted: bool) -> Undefined | None:
    if reference and predicted:
        return None
    if not reference and not predicted:
        return "both empty"
    return "prediction empty" if reference else "reference empty"


def _percent(scar: float, wall: float) -> float | None:
    return 100.0 * scar / wall if wall > 0 else None


def _checked_spacing(spacing_mm: Sequence[float], case: str) -> tuple[float, float, float]:
    spacing = tuple(float(value) for value in spacing_mm)
    if len(spacing) != 3 or not all(np.isfinite(value) and value > 0 for value in spacing):
        raise ScarNetError(f"{case}: the spacing {spacing} is not three positive numbers (z, y, x) in mm.")
    return spacing[0], spacing[1], spacing[2]


def _check_labels(labels: npt.NDArray[np.integer], case: str, whose: str) -> None:
    if labels.ndim != 3 or 0 in labels.shape:
        raise ScarNetError(
            f"{case}: labels need three axes (Z, Y, X), but those of the {whose} have shape {labels.shape}."
        )
    # Comparing against the range is much faster than np.unique or np.isin on a whole volume.
    valid = labels.dtype.kind in "iub" and int(labels.min()) >= 0 and int(labels.max()) < N_CLASSES
    if not valid:
        raise ScarNetError(
            f"{case}: the {whose} holds values that are no class; use whole numbers: 0 background, 1 myocardium, "
            "2 blood pool and 3 scar."
        )

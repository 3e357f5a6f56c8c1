"""Which end of a stack is the base, and which way round its segments are numbered."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from scarnet.measure.settings import End, SeenFrom
from scarnet.measure.wall import cavity_mask, in_slices, wall_mask
from scarnet.stack import LGEStack

__all__ = ["SEPTAL", "Orientation", "find_orientation", "lies_as_in_a_chest", "tells_how_it_lies"]

# Directions in a usual chest, RAS: the ventricle points to the left, to the front and down; the septum lies to the
# right and to the front of it.
_BASE_TO_APEX = np.array([-0.72, 0.58, -0.38]) / np.linalg.norm([-0.72, 0.58, -0.38])
SEPTAL: npt.NDArray[np.float64] = np.array([0.64, 0.70, -0.10]) / np.linalg.norm([0.64, 0.70, -0.10])
"""From the left ventricle's axis to the middle of the septum in a usual chest, RAS unit vector."""

# A short-axis stack's normal lies within 60° of that axis, whoever the patient is.
_CHEST_COSINE = 0.5
# An affine whose axes run along the patient's to this part is taken as made up: short-axis stacks are oblique.
_ALIGNED = 1e-3


@dataclass(frozen=True)
class Orientation:
    """How the stack lies on the ventricle.

    Attributes
    ----------
    base_first : bool
        The first slice is at the basal end.
    direction : {1, -1}
        Sign of the in-plane angle atan2(y, x), y down the rows and x along the columns, along which segments are
        numbered: from the anterior wall over the septum and the inferior wall to the lateral wall.
    base_source : {"given", "patient axes", "blood pool", "assumed"}
        How the basal end is known.
    direction_source : {"patient axes", "display"}
        From the stack's handedness, or as the slices are usually displayed: seen from the apex.
    notes : tuple of str
        What a reader of segment numbers should know, a sentence each.
    """

    base_first: bool
    direction: int
    base_source: Literal["given", "patient axes", "blood pool", "assumed"]
    direction_source: Literal["patient axes", "display"]
    notes: tuple[str, ...] = ()


def tells_how_it_lies(stack: LGEStack) -> bool:
    """Tell whether the affine knows the patient.

    Parameters
    ----------
    stack : LGEStack
        The study.

    Returns
    -------
    bool
        False where the axes run exactly along the patient's: short-axis slices are oblique in every patient, so such an
        affine was made up when a file was written or read without its geometry.
    """
    axes = stack.affine[:3, :3] / np.linalg.norm(stack.affine[:3, :3], axis=0)
    return bool((np.sort(np.abs(axes), axis=0)[1] > _ALIGNED).any())


def lies_as_in_a_chest(stack: LGEStack) -> bool:
    """Tell whether the slices lie across the long axis that left ventricles have.

    Parameters
    ----------
    stack : LGEStack
        The study.

    Returns
    -------
    bool
        The affine knows the patient, and the slice normal is within 60° of the usual axis.
    """
    return tells_how_it_lies(stack) and abs(_towards_apex(stack)) >= _CHEST_COSINE


def find_orientation(
    stack: LGEStack, labels: npt.NDArray[Any], base: End | None = None, seen_from: SeenFrom = "apex"
) -> Orientation:
    """Find the basal end and the direction of numbering.

    Parameters
    ----------
    stack : LGEStack
        The study.
    labels : ndarray of integers, shape (Z, Y, X)
        Class of each voxel.
    base : {"first", "last"}, optional
        Which end is the base, if the user says so.
    seen_from : {"apex", "base"}
        From which side slices are displayed, where the affine is made up.

    Returns
    -------
    Orientation
        With the source of each answer: the basal end from the patient's axes where the stack lies across a usual long
        axis, else from the end with the larger cavity. The direction from the affine's handedness, which neither
        rotating the patient nor reordering rows, columns or slices changes; as displayed where the affine is made up.
    """
    notes: list[str] = []
    base_first, base_source = _basal_end(stack, labels, base, notes)
    direction_source: Literal["patient axes", "display"] = "patient axes"
    if tells_how_it_lies(stack):
        # Anterior, septal, inferior, lateral is a right-handed turn about the axis from base to apex.
        handedness = 1 if np.linalg.det(stack.affine[:3, :3]) > 0 else -1
        direction = handedness * (1 if base_first else -1)
    else:
        direction, direction_source = -1 if seen_from == "apex" else 1, "display"
        notes.append(
            f"The file does not tell how the slices lie in the patient: they are taken as seen from the {seen_from}; "
            "check that the inferior wall is where the segments say."
        )
    return Orientation(base_first, direction, base_source, direction_source, tuple(notes))


def _basal_end(
    stack: LGEStack, labels: npt.NDArray[Any], base: End | None, notes: list[str]
) -> tuple[bool, Literal["given", "patient axes", "blood pool", "assumed"]]:
    if base is not None:
        return base == "first", "given"
    tapering = _tapering(labels)
    if lies_as_in_a_chest(stack):
        base_first = _towards_apex(stack) > 0
        if tapering and base_first != (tapering > 0):
            notes.append(
                "By the patient's axes the base is at the "
                f"{'first' if base_first else 'last'} slice, but the ventricle grows smaller towards it; check which "
                "end is the base."
            )
        return base_first, "patient axes"
    if tapering:
        return tapering > 0, "blood pool"
    notes.append("Which end is the base cannot be told; the first slice is taken for it.")
    return True, "assumed"


def _towards_apex(stack: LGEStack) -> float:
    """Give the cosine between the direction of rising slice index and the usual axis from base to apex."""
    columns = stack.affine[:3, :3]
    normal = np.cross(columns[:, 0], columns[:, 1])
    normal *= np.sign(normal @ columns[:, 2]) / np.linalg.norm(normal)
    return float(normal @ _BASE_TO_APEX)


def _tapering(labels: npt.NDArray[Any]) -> float:
    """Tell how the cavity's area falls with the slice index: positive, negative, or 0 where it does not."""
    there = np.flatnonzero(in_slices(wall_mask(labels)))
    if there.size < 2:
        return 0.0
    areas = np.count_nonzero(cavity_mask(labels), axis=(1, 2))[there].astype(np.float64)
    if not areas.any():
        areas = np.count_nonzero(labels, axis=(1, 2))[there].astype(np.float64)
    slope = -float((areas - areas.mean()) @ (there - there.mean()))
    # Less than a fifth of the mean area from end to end is no tapering.
    drop = slope / float(((there - there.mean()) ** 2).sum()) * float(there[-1] - there[0])
    return drop if abs(drop) > 0.2 * areas.mean() else 0.0

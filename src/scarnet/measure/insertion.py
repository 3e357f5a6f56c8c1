"""The anterior insertion of the right ventricle, from which segments are counted."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from scarnet.errors import ScarNetError
from scarnet.measure.orientation import SEPTAL, Orientation, lies_as_in_a_chest
from scarnet.measure.slabs import slabs_of
from scarnet.stack import LGEStack

__all__ = ["Insertion", "InsertionAngles", "insertion_angles", "insertion_at_patient"]

# The septum takes a third of the circumference, so its middle lies a sixth behind the insertion.
_TO_SEPTUM = math.pi / 3
# The patient's axes say little of the septum where they are nearly seen end on.
_IN_PLANE_PART = 0.5
# What the image says is not believed farther than this from what the patient's axes say.
_BELIEVED_RAD = math.radians(60)

Source = Literal["given", "image", "patient axes", "display"]


@dataclass(frozen=True)
class Insertion:
    """The anterior insertion point, marked on a slice.

    Attributes
    ----------
    z : int
        The slice, from 0.
    y, x : float
        Voxels.
    """

    z: int
    y: float
    x: float


@dataclass(frozen=True, eq=False)
class InsertionAngles:
    """Where the insertion is in each slice.

    Attributes
    ----------
    angles_rad : ndarray, shape (Z,)
        In-plane angle atan2(y, x) in mm from the ventricle's centre.
    source : {"given", "image", "patient axes", "display"}
        Marked by the user; or estimated: a sixth of the circumference before the middle of the septum, which the image
        shows, or which lies as in a usual chest, or on the left of a slice as displayed.
    """

    angles_rad: npt.NDArray[np.float64]
    source: Source

    @property
    def estimated(self) -> bool:
        """Whether nobody marked it."""
        return self.source != "given"


def insertion_at_patient(point_mm: Sequence[float], stack: LGEStack) -> Insertion:
    """Find the voxel of a point in the patient.

    Parameters
    ----------
    point_mm : sequence of float
        (x, y, z) in mm, RAS+ (NIfTI's convention).
    stack : LGEStack
        The study.

    Returns
    -------
    Insertion
        On the nearest slice.

    Raises
    ------
    ScarNetError
        The point lies outside the stack.
    """
    x, y, z = (np.linalg.inv(stack.affine) @ [*point_mm, 1.0])[:3]
    depth, height, width = stack.shape
    if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5 and -1 <= z <= depth):
        raise ScarNetError(
            f"{stack.case}: the point {', '.join(f'{value:.1f}' for value in point_mm)} mm lies outside the stack; "
            "give the insertion point in RAS coordinates of this study."
        )
    return Insertion(int(np.clip(round(z), 0, depth - 1)), float(y), float(x))


def insertion_angles(
    stack: LGEStack,
    centres: npt.NDArray[np.float64],
    orientation: Orientation,
    marked: Sequence[Insertion] = (),
    septum_rad: float | None = None,
) -> InsertionAngles:
    """Give the insertion's angle in each slice.

    Parameters
    ----------
    stack : LGEStack
        The study.
    centres : ndarray, shape (Z, 2)
        The ventricle's centre in each slice, (y, x) in voxels; NaN where it is not.
    orientation : Orientation
        How the stack lies.
    marked : sequence of Insertion
        Points that the user marked; each slice takes the nearest slice's.
    septum_rad : float, optional
        Angle of the middle of the septum that the image shows.

    Returns
    -------
    InsertionAngles
        From the marked points; without any, an estimate that :attr:`InsertionAngles.estimated` tells.

    Raises
    ------
    ScarNetError
        A point is marked on a slice without heart, or outside the stack.
    """
    depth = stack.shape[0]
    if not marked:
        septum, source = _septum_angle(stack, septum_rad)
        return InsertionAngles(np.full(depth, septum - orientation.direction * _TO_SEPTUM), source)
    angles = {point.z: _marked_angle(point, stack, centres) for point in marked}
    slices = np.array(sorted(angles))
    positions = slabs_of(stack).positions_mm
    nearest = slices[np.abs(positions[:, None] - positions[slices]).argmin(axis=1)]
    return InsertionAngles(np.array([angles[int(z)] for z in nearest]), "given")


def _septum_angle(stack: LGEStack, seen_rad: float | None) -> tuple[float, Source]:
    """Choose the direction of the middle of the septum."""
    if lies_as_in_a_chest(stack):
        along_x, along_y = (axis / np.linalg.norm(axis) for axis in stack.affine[:3, :2].T)
        x, y = float(SEPTAL @ along_x), float(SEPTAL @ along_y)
        if math.hypot(x, y) >= _IN_PLANE_PART:
            usual = math.atan2(y, x)
            if seen_rad is not None and abs(math.remainder(seen_rad - usual, math.tau)) <= _BELIEVED_RAD:
                return seen_rad, "image"
            return usual, "patient axes"
    return (math.pi, "display") if seen_rad is None else (seen_rad, "image")


def _marked_angle(point: Insertion, stack: LGEStack, centres: npt.NDArray[np.float64]) -> float:
    depth, height, width = stack.shape
    if not (0 <= point.z < depth and -0.5 <= point.y <= height - 0.5 and -0.5 <= point.x <= width - 0.5):
        raise ScarNetError(
            f"{stack.case}: the insertion point at slice {point.z}, row {point.y:g}, column {point.x:g} lies outside "
            f"the stack of {depth} × {height} × {width}; slices, rows and columns count from 0."
        )
    centre = centres[point.z]
    if np.isnan(centre).any():
        raise ScarNetError(
            f"{stack.case}: the insertion point is on slice {point.z} (from 0), which has no heart in its labels; "
            "mark it on another slice."
        )
    down, right = (point.y - centre[0]) * stack.spacing_mm[1], (point.x - centre[1]) * stack.spacing_mm[2]
    if down == 0 and right == 0:
        raise ScarNetError(f"{stack.case}: the insertion point is at the ventricle's centre; mark it on the wall.")
    return math.atan2(down, right)

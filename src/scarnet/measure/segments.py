"""The 17 segments of the left ventricle."""

from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.measure.slabs import Slabs
from scarnet.measure.wall import in_slices

__all__ = ["LEVELS", "SEGMENT_LEVELS", "SEGMENT_NAMES", "chord_segments", "levels_of", "segment_map"]

LEVELS = ("basal", "mid", "apical", "apex")
"""Levels from base to apex."""

SEGMENT_NAMES: dict[int, str] = {
    1: "basal anterior",
    2: "basal anteroseptal",
    3: "basal inferoseptal",
    4: "basal inferior",
    5: "basal inferolateral",
    6: "basal anterolateral",
    7: "mid anterior",
    8: "mid anteroseptal",
    9: "mid inferoseptal",
    10: "mid inferior",
    11: "mid inferolateral",
    12: "mid anterolateral",
    13: "apical anterior",
    14: "apical septal",
    15: "apical inferior",
    16: "apical lateral",
    17: "apex",
}
"""The standard's names."""

SEGMENT_LEVELS: dict[int, str] = {number: name.split(" ", maxsplit=1)[0] for number, name in SEGMENT_NAMES.items()}
"""The level of each segment."""

# 60° each from the anterior insertion on: anteroseptal, inferoseptal, inferior, inferolateral, anterolateral, anterior.
_OF_SIX = np.array([2, 3, 4, 5, 6, 1])
# Four of 90°, the septal one around the middle of the septum at 60°: septal from 15° on, inferior, lateral, anterior.
_OF_FOUR = np.array([14, 15, 16, 13])
_FIRST_OF_FOUR_DEG = 15.0

Floats = npt.NDArray[np.float64]


def levels_of(
    wall: npt.NDArray[np.bool_], cavity: npt.NDArray[np.bool_], slabs: Slabs, base_first: bool
) -> tuple[list[str | None], list[str]]:
    """Assign each slice to a level of the ventricle.

    Parameters
    ----------
    wall, cavity : ndarray of bool, shape (Z, Y, X)
        The masks.
    slabs : Slabs
        The slices' positions and thickness.
    base_first : bool
        Whether the first slice is the basal one.

    Returns
    -------
    levels : list of (str or None)
        Among :data:`LEVELS`; None for a slice without wall.
    notes : list of str
        What a reader of segment numbers should know.

    Notes
    -----
    The stretch of slices with wall and cavity is divided into equal thirds by position, and a slice belongs to the
    third that its centre lies in [1]_. Slices with wall but no cavity beyond the last cavity are the apex, segment 17.
    Without any cavity all slices with wall are divided.

    References
    ----------
    .. [1] Cerqueira MD, Weissman NJ, Dilsizian V, et al. Standardized myocardial segmentation and nomenclature for
       tomographic imaging of the heart. Circulation 2002;105:539-542.
    """
    with_wall, with_cavity = in_slices(wall), in_slices(cavity)
    order = np.flatnonzero(with_wall) if base_first else np.flatnonzero(with_wall)[::-1]
    levels: list[str | None] = [None] * len(with_wall)
    notes = []
    hollow = [int(z) for z in order if with_cavity[z]]
    if order.size and not hollow:
        notes.append("No slice has a cavity, so none is taken for the apex (segment 17) and there is no transmurality.")
        hollow = [int(z) for z in order]
    if len(hollow) == 1:
        notes.append("A single slice shows wall and cavity; it is taken for the middle of the ventricle.")
    if not hollow:
        return levels, ["There is no myocardium in the labels, so no segments."]
    ends = [slabs.positions_mm[z] for z in (hollow[0], hollow[-1])]
    sign = 1.0 if ends[1] >= ends[0] else -1.0
    start = sign * ends[0] - slabs.counted_mm[hollow[0]] / 2
    length = sign * ends[1] + slabs.counted_mm[hollow[-1]] / 2 - start
    last = list(order).index(hollow[-1])
    for place, z in enumerate(order):
        if place > last:
            levels[z] = "apex"
            continue
        part = (sign * slabs.positions_mm[z] - start) / length
        # A centre on the border of two thirds is not to go by rounding error.
        levels[z] = LEVELS[int(np.clip(np.floor(part * 3 + 1e-9), 0, 2))]
    return levels, notes


def segment_map(
    wall: npt.NDArray[np.bool_],
    centre: Floats,
    spacing_mm: tuple[float, float, float],
    start_rad: Floats,
    direction: int,
    levels: list[str | None],
) -> npt.NDArray[np.uint8]:
    """Give each voxel of the wall its segment.

    Parameters
    ----------
    wall : ndarray of bool, shape (Z, Y, X)
        The wall.
    centre : ndarray, shape (Z, 2)
        The ventricle's centre in each slice, (y, x) in voxels.
    spacing_mm : tuple of float
        Voxel spacing in mm, (z, y, x).
    start_rad : ndarray, shape (Z,)
        In-plane angle of the anterior insertion.
    direction : {1, -1}
        Sign of the in-plane angle along which segments are numbered.
    levels : list of (str or None)
        Level of each slice.

    Returns
    -------
    ndarray of uint8, shape (Z, Y, X)
        1 to 17 in the wall, 0 elsewhere.
    """
    segments = np.zeros(wall.shape, dtype=np.uint8)
    z, y, x = np.nonzero(wall)
    angle = np.arctan2((y - centre[z, 0]) * spacing_mm[1], (x - centre[z, 1]) * spacing_mm[2])
    segments[z, y, x] = _numbers(direction * (angle - start_rad[z]), _level_numbers(levels)[z])
    return segments


def chord_segments(levels: list[str | None], count: int) -> npt.NDArray[np.uint8]:
    """Give each chord its segment.

    Parameters
    ----------
    levels : list of (str or None)
        Level of each slice.
    count : int
        Chords a slice, the first of which begins at the anterior insertion.

    Returns
    -------
    ndarray of uint8, shape (Z, count)
        1 to 17; 0 in slices without a level.
    """
    turns = 2 * np.pi * (np.arange(count) + 0.5) / count
    level = _level_numbers(levels)
    return _numbers(np.broadcast_to(turns, (len(level), count)), level[:, None])


def _level_numbers(levels: list[str | None]) -> npt.NDArray[np.int64]:
    return np.array([-1 if level is None else LEVELS.index(level) for level in levels], dtype=np.int64)


def _numbers(turn_rad: npt.NDArray[Any], level: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Give segments by the angle from the anterior insertion in the direction of numbering, and by level."""
    degrees = np.degrees(turn_rad) % 360
    six = _OF_SIX[(degrees // 60).astype(int) % 6]
    four = _OF_FOUR[((degrees - _FIRST_OF_FOUR_DEG) % 360 // 90).astype(int) % 4]
    numbers = np.select([level == 0, level == 1, level == 2, level == 3], [six, six + 6, four, 17], default=0)
    return numbers.astype(np.uint8)

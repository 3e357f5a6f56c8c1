"""Where DICOM slices lie: order along the normal, spacing from positions, gaps, and the affine."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scarnet.errors import ScarNetError
from scarnet.io.dicom_frames import Frame

__all__ = ["Geometry", "geometry_of", "normal_of", "same_position_mm", "slice_coordinates"]

# Slices closer than this along the normal are at the same position.
_SAME_POSITION_MM = 0.1
# Of unevenly spaced slices, those closer than this part of the slice distance were taken again after a small shift.
_RETAKEN = 0.25
# Spacings within this fraction of each other are regular.
_REGULAR = 0.05
# Slices shifted within their plane by more than this are worth a note.
_SHIFT_MM = 2.0
# Slices this many thicknesses apart look as if every other one had been left out.
_SPARSE = 1.9

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Geometry:
    """How slices lie in the patient.

    Attributes
    ----------
    spacing_mm : tuple of float
        (z, y, x); z is the regular distance between neighbouring slices.
    affine : ndarray, shape (4, 4)
        From (x, y, z) index to RAS+ mm.
    positions_mm : tuple of float or None
        Coordinate of each slice along the normal.
    notes : list of str
        Gaps and other irregularities, a sentence each.
    """

    spacing_mm: tuple[float, float, float]
    affine: npt.NDArray[np.float64]
    positions_mm: tuple[float, ...] | None
    notes: list[str]


def normal_of(orientation: Sequence[float]) -> npt.NDArray[np.float64]:
    """Compute the slice normal, the direction in which slices are sorted.

    Parameters
    ----------
    orientation : sequence of six floats
        ImageOrientationPatient.

    Returns
    -------
    ndarray, shape (3,)
        Unit vector, LPS; zero for a degenerate orientation.
    """
    normal = np.cross(orientation[:3], orientation[3:])
    length = float(np.linalg.norm(normal))
    return normal / length if length > 0 else normal


def slice_coordinates(frames: Sequence[Frame]) -> npt.NDArray[np.float64]:
    """Project the frames' positions on the first one's normal.

    Parameters
    ----------
    frames : sequence of Frame
        Frames of one orientation, each with a position.

    Returns
    -------
    ndarray, shape (N,)
        Coordinates in mm.
    """
    normal = normal_of(frames[0].orientation or (0.0,) * 6)
    return np.array([frame.position for frame in frames], dtype=np.float64) @ normal


def same_position_mm(frames: Sequence[Frame], coordinates: npt.NDArray[np.float64]) -> float:
    """Say how close slices of a series lie that are one position taken again.

    Parameters
    ----------
    frames : sequence of Frame
        Frames of one orientation.
    coordinates : ndarray, shape (N,)
        From :func:`slice_coordinates`.

    Returns
    -------
    float
        Distance in mm: 0.1 for a regular series; where distances differ, a quarter of the slice distance, which is
        what the header gives (or the slice thickness) but no more than the positions allow.
    """
    steps = np.diff(np.sort(coordinates))
    steps = steps[steps > _SAME_POSITION_MM]
    if not steps.size or steps.max() <= (1 + 2 * _REGULAR) * steps.min():
        return _SAME_POSITION_MM
    stated = frames[0].slice_spacing or frames[0].slice_thickness or float(np.median(steps))
    # Two slices and what lies between them span a slice distance at least, however thick the slices are.
    return max(_SAME_POSITION_MM, _RETAKEN * min(stated, float(steps.max() + steps.min())))


def geometry_of(frames: Sequence[Frame], where: str, spacing_mm: tuple[float, float, float] | None = None) -> Geometry:
    """Work out spacing and affine of sorted slices.

    Parameters
    ----------
    frames : sequence of Frame
        Slices of one phase, sorted along the normal.
    where : str
        What to call the study in messages.
    spacing_mm : tuple of float, optional
        (z, y, x) to use where the headers do not say.

    Returns
    -------
    Geometry
        Spacing, affine, positions and notes.

    Raises
    ------
    ScarNetError
        A spacing, a position or the orientation is missing or senseless.
    """
    in_plane, notes = _in_plane_spacing(frames[0], where, spacing_mm)
    head = frames[0]
    if any(frame.position is None or frame.orientation is None for frame in frames) or head.orientation is None:
        return _without_position(frames, where, in_plane, spacing_mm, notes)
    row, column = np.array(head.orientation[:3]), np.array(head.orientation[3:])
    lengths = float(np.linalg.norm(row)), float(np.linalg.norm(column))
    if min(lengths) < 0.9 or max(lengths) > 1.1 or abs(float(row @ column)) > 0.05:
        raise ScarNetError(f"{where}: the image orientation in the DICOM header is not two perpendicular directions.")
    row, column, normal = row / lengths[0], column / lengths[1], normal_of(head.orientation)
    coordinates = slice_coordinates(frames)
    positions = np.array([frame.position for frame in frames], dtype=np.float64)
    if len(frames) == 1:
        spacing, step = _single_slice_spacing(head, where, spacing_mm, notes), normal
        step = step * spacing
    else:
        spacing, regular = _regular_spacing(coordinates, notes)
        step = (positions[-1] - positions[0]) / (len(frames) - 1) if regular else normal * spacing
        step = _keep_slope(positions, coordinates, step, normal * spacing, notes, regular)
        _compare_with_header(head, spacing, notes)
        if head.slice_thickness and spacing >= _SPARSE * head.slice_thickness:
            notes.append(
                f"Slices are {head.slice_thickness:g} mm thick but lie {spacing:.2f} mm apart; every other one may be "
                "missing."
            )
    lps = np.eye(4)
    lps[:3, 0], lps[:3, 1], lps[:3, 2], lps[:3, 3] = row * in_plane[1], column * in_plane[0], step, positions[0]
    affine = _LPS_TO_RAS @ lps
    return Geometry((spacing, *in_plane), affine, tuple(float(value) for value in coordinates), notes)


def _in_plane_spacing(
    head: Frame, where: str, spacing_mm: tuple[float, float, float] | None
) -> tuple[tuple[float, float], list[str]]:
    stored = head.pixel_spacing
    if stored is not None and min(stored) > 0:
        return (stored[0], stored[1]), []
    if spacing_mm is not None:
        return (spacing_mm[1], spacing_mm[2]), ["The spacing within slices is the one given, the files state none."]
    problem = (
        "states no pixel spacing" if stored is None else f"states a pixel spacing of {stored[0]:g} × {stored[1]:g} mm"
    )
    raise ScarNetError(
        f"{where}: the DICOM header {problem}, so nothing could be measured in mm; give the spacing as (z, y, x) in mm."
    )


def _single_slice_spacing(
    head: Frame, where: str, spacing_mm: tuple[float, float, float] | None, notes: list[str]
) -> float:
    stated = head.slice_spacing or head.slice_thickness
    if stated is not None and stated > 0:
        source = "slice spacing" if head.slice_spacing else "slice thickness"
        notes.append(f"A single slice; its spacing of {stated:g} mm is the header's {source}.")
        return stated
    if spacing_mm is not None:
        notes.append("A single slice; its spacing is the one given, the file states none.")
        return spacing_mm[0]
    raise ScarNetError(
        f"{where}: a single slice whose DICOM header states neither slice spacing nor thickness; give the spacing as "
        "(z, y, x) in mm."
    )


def _without_position(
    frames: Sequence[Frame],
    where: str,
    in_plane: tuple[float, float],
    spacing_mm: tuple[float, float, float] | None,
    notes: list[str],
) -> Geometry:
    if len(frames) > 1:
        raise ScarNetError(
            f"{where}: the DICOM headers do not say where the slices lie (no position or orientation), so they cannot "
            "be put in order; export the series again with its geometry."
        )
    spacing = _single_slice_spacing(frames[0], where, spacing_mm, notes)
    notes.append("The DICOM header does not say where the slice lies; it is placed as if axial.")
    affine = np.diag([-in_plane[1], -in_plane[0], spacing, 1.0])
    return Geometry((spacing, *in_plane), affine, None, notes)


def _regular_spacing(coordinates: npt.NDArray[np.float64], notes: list[str]) -> tuple[float, bool]:
    """Find the regular spacing of sorted coordinates and note gaps; also tell whether there is none of either."""
    steps = np.diff(coordinates)
    smallest = float(steps.min())
    multiples = np.round(steps / smallest)
    if np.all(np.abs(steps - multiples * smallest) <= 2 * _REGULAR * steps):
        spacing = float(np.median(steps[multiples == 1]))
        gaps = np.flatnonzero(multiples > 1)
        for index in gaps:
            notes.append(
                f"Gap: {int(multiples[index]) - 1} slice(s) missing between slice {index + 1} at "
                f"{coordinates[index]:.1f} mm and slice {index + 2} at {coordinates[index + 1]:.1f} mm; "
                f"the others are {spacing:.2f} mm apart. Volumes leave the gap out, and files written from this study "
                "close it up."
            )
        even = float(np.abs(steps - spacing).max()) <= _REGULAR * spacing
        if not gaps.size and not even:
            notes.append(_uneven(steps, spacing))
        return (float(steps.mean()), True) if even else (spacing, False)
    spacing = float(np.median(steps))
    notes.append(_uneven(steps, spacing))
    return spacing, False


def _uneven(steps: npt.NDArray[np.float64], spacing: float) -> str:
    return (
        f"Slices are unevenly spaced, {steps.min():.2f} to {steps.max():.2f} mm apart; {spacing:.2f} mm, the middle "
        "value, is used."
    )


def _keep_slope(
    positions: npt.NDArray[np.float64],
    coordinates: npt.NDArray[np.float64],
    step: npt.NDArray[np.float64],
    straight: npt.NDArray[np.float64],
    notes: list[str],
    regular: bool,
) -> npt.NDArray[np.float64]:
    """Choose the slice step of the affine, and note slices that are shifted within their planes."""
    fitted = positions[0] + np.outer(np.arange(len(positions)), step)
    if not regular:
        fitted = positions[0] + np.outer((coordinates - coordinates[0]) / np.linalg.norm(straight), straight)
    shift = float(np.linalg.norm(positions - fitted, axis=1).max())
    if shift > _SHIFT_MM:
        notes.append(
            f"Slices are shifted within their planes by up to {shift:.1f} mm against one another; the stack shows them "
            "as if aligned."
        )
    return step


def _compare_with_header(head: Frame, spacing: float, notes: list[str]) -> None:
    stated = head.slice_spacing
    if stated and abs(spacing - stated) > 0.1 * stated:
        notes.append(
            f"Slices lie {spacing:.2f} mm apart by their positions, the header says {stated:g} mm; positions are used."
        )

"""What a reader of the numbers should know of the labels, a sentence each."""

from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.classes import TissueClass
from scarnet.measure.chords import Chords
from scarnet.measure.settings import MeasureSettings
from scarnet.measure.slabs import Slabs
from scarnet.measure.wall import in_slices, wall_mask

__all__ = ["notes_on"]

# So many chords of a slice without wall make an open ring; fewer are a notch.
_OPEN_PART = 0.05


def notes_on(
    given: npt.NDArray[Any],
    measured: npt.NDArray[Any],
    slabs: Slabs,
    chords: Chords,
    settings: MeasureSettings,
    voxel_ml: npt.NDArray[np.float64],
) -> list[str]:
    """Say what is unusual about the labels.

    Parameters
    ----------
    given, measured : ndarray of integers, shape (Z, Y, X)
        The labels before and after what the settings leave out of scar.
    slabs : Slabs
        The slices' positions and thickness.
    chords : Chords
        Chords across the wall.
    settings : MeasureSettings
        The choices.
    voxel_ml : ndarray, shape (Z,)
        Volume of a voxel of each slice.

    Returns
    -------
    list of str
        Sentences; none for a closed ring with blood and scar in it on every slice.
    """
    wall, scar = wall_mask(measured), measured == TissueClass.SCAR
    notes = []
    if slabs.missing:
        notes.append(
            f"{_count(slabs.missing, 'slice seems', 'slices seem')} to be missing between others; volumes leave their "
            "place out, and 'gaps' gives them with it filled."
        )
    if not wall.any():
        return [*notes, "There is no myocardium in the labels, so there is nothing to give percentages of."]
    if not (given == TissueClass.SCAR).any():
        notes.append("There is no scar in the labels.")
    elif not (wall & ~scar).any():
        notes.append("All of the wall is scar; check the labels.")
    left_out = float(voxel_ml @ np.count_nonzero((given == TissueClass.SCAR) & ~scar, axis=(1, 2)))
    if left_out:
        why = [f"pieces under {settings.smallest_scar_ml:g} ml"] if settings.smallest_scar_ml else []
        why += ["no-reflow"] if settings.no_reflow == "apart" else []
        notes.append(f"{left_out:.2f} ml labelled as scar do not count as scar: {' and '.join(why)}.")
    if not (measured == TissueClass.BLOOD_POOL).any():
        notes.append("There is no blood pool in the labels; what the wall encloses is taken for the cavity.")
    stray = _stray_scar(wall, scar)
    if stray.any():
        notes.append(
            f"{float(voxel_ml @ np.count_nonzero(stray, axis=(1, 2))):.2f} ml of scar lie apart from the wall, on "
            f"{_slices(in_slices(stray))}; they are counted as wall and scar."
        )
    hollow = ~np.isnan(chords.transmurality).all(axis=1)
    gaps = np.isnan(chords.transmurality).mean(axis=1)
    if (hollow & (gaps > _OPEN_PART)).any():
        notes.append(
            f"The wall is open on {_slices(hollow & (gaps > _OPEN_PART))}; transmurality and extent are of the "
            "wall there is."
        )
    capped = in_slices(wall) & ~hollow
    if capped.any():
        notes.append(f"There is no cavity on {_slices(capped)}, so no transmurality there.")
    return notes


def _stray_scar(wall: npt.NDArray[np.bool_], scar: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Mark scar that is not connected with its slice's largest piece of wall."""
    from scipy.ndimage import label

    in_plane = np.zeros((3, 3, 3), dtype=bool)
    in_plane[1] = True
    pieces, count = label(wall, structure=in_plane)
    if count <= np.count_nonzero(in_slices(wall)):
        return np.zeros(scar.shape, dtype=bool)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    sizes[0] = 0
    largest = np.zeros(count + 1, dtype=bool)
    for one in pieces:
        there = np.unique(one)
        largest[there[sizes[there].argmax()]] = True
    return np.asarray(scar & ~largest[pieces])


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _slices(chosen: npt.NDArray[np.bool_]) -> str:
    """Name slices as pictures and tables do, from 1."""
    numbers = np.flatnonzero(chosen) + 1
    return f"slice{'s' if numbers.size > 1 else ''} {', '.join(str(number) for number in numbers)}"

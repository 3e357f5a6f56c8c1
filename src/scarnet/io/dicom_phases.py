"""Slice positions that repeat: which stacks, or phases, a series holds, and what each is called."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scarnet.io.dicom_frames import PHASE_TAGS, Frame
from scarnet.io.dicom_geometry import normal_of, same_position_mm, slice_coordinates

__all__ = ["Phase", "positions_of", "repeats_of", "split_phases"]


@dataclass(frozen=True)
class Phase:
    """One stack of a series.

    Attributes
    ----------
    frames : tuple of Frame
        One frame a position, sorted along the normal.
    label : str
        What tells it from the others, and which positions it lacks.
    notes : tuple of str
        What to know once it is chosen.
    """

    frames: tuple[Frame, ...]
    label: str
    notes: tuple[str, ...] = ()


def positions_of(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Sort frames along the normal and gather those at the same position.

    Parameters
    ----------
    frames : sequence of Frame
        Frames of one orientation.

    Returns
    -------
    list of list of Frame
        Frames of each position, along the normal; a single position if the headers state none.
    """
    unplaced = any(frame.position is None or frame.orientation is None for frame in frames)
    if unplaced or not normal_of(frames[0].orientation or (0.0,) * 6).any():
        return [[frame] for frame in frames]
    coordinates = slice_coordinates(frames)
    tolerance = same_position_mm(frames, coordinates)
    places: list[list[Frame]] = []
    last = -np.inf
    for index in np.argsort(coordinates, kind="stable"):
        if coordinates[index] - last > tolerance:
            places.append([])
            last = float(coordinates[index])
        places[-1].append(frames[index])
    return places


def split_phases(frames: Sequence[Frame]) -> list[Phase]:
    """Split a series into stacks with one slice a position.

    Parameters
    ----------
    frames : sequence of Frame
        Frames of one series.

    Returns
    -------
    list of Phase
        A single one where no position repeats. Otherwise by the first header value that tells all repeats apart
        (time point, trigger, inversion or echo time, acquisition): such a phase may lack positions. Failing that,
        by the order in which the images were taken.
    """
    places = positions_of(frames)
    most = max(len(place) for place in places)
    if most == 1:
        return [Phase(tuple(place[0] for place in places), "all slices")]
    for tag, words in PHASE_TAGS.items():
        values = _values_if_telling(places, tag, most)
        if values:
            return [_phase_of_value(places, tag, value, words) for value in values]
    return [_phase_of_turn(places, turn, most) for turn in range(most)]


def repeats_of(frames: Sequence[Frame]) -> str:
    """Say which positions repeat.

    Parameters
    ----------
    frames : sequence of Frame
        Frames of one series.

    Returns
    -------
    str
        Such as ``"10 images at 6 slice positions: 2 at position 2 to 5 and 1 at position 1, 6"``.
    """
    places = positions_of(frames)
    counts = [len(place) for place in places]
    head = f"{sum(counts)} images at {len(places)} slice positions"
    if min(counts) == max(counts):
        return f"{head}, {counts[0]} at each"
    details = [
        f"{times} at position {_ranges([i for i, count in enumerate(counts, start=1) if count == times])}"
        for times in sorted(set(counts), reverse=True)
    ]
    return f"{head}: {' and '.join(details)}"


def _values_if_telling(places: list[list[Frame]], tag: str, most: int) -> list[float]:
    """Give a tag's values if they name every frame of a position differently and are as many as the repeats."""
    values: set[float] = set()
    for place in places:
        here = [frame.order[tag] for frame in place if tag in frame.order]
        if len(here) != len(place) or len(set(here)) != len(here):
            return []
        values.update(here)
    return sorted(values) if len(values) == most else []


def _phase_of_value(places: list[list[Frame]], tag: str, value: float, words: str) -> Phase:
    chosen = [[frame for frame in place if frame.order[tag] == value] for place in places]
    lacking = [number for number, here in enumerate(chosen, start=1) if not here]
    label = words.format(value)
    notes: tuple[str, ...] = ()
    if lacking:
        label += f" ({len(places) - len(lacking)} of {len(places)} slices, none at position {_ranges(lacking)})"
        notes = (f"The chosen phase has no slice at position {_ranges(lacking)} of {len(places)}.",)
    return Phase(tuple(here[0] for here in chosen if here), label, notes)


def _phase_of_turn(places: list[list[Frame]], turn: int, most: int) -> Phase:
    frames = []
    for place in places:
        taken = sorted(place, key=_time_order)
        frames.append(taken[min(turn, len(taken) - 1)])
    fewer = [number for number, place in enumerate(places, start=1) if len(place) <= turn]
    label, notes = f"image {turn + 1} of {most} at each position, in the order taken", ()
    if fewer:
        label += f"; at position {_ranges(fewer)} the last there is"
        return Phase(
            tuple(frames), label, (f"Position {_ranges(fewer)} has no image {turn + 1}; its last one is used.",)
        )
    return Phase(tuple(frames), label, notes)


def _time_order(frame: Frame) -> tuple[float, ...]:
    tags = ("TemporalPositionIdentifier", "AcquisitionNumber", "InstanceNumber", "TriggerTime")
    return tuple(frame.order.get(tag, 0.0) for tag in tags)


def _ranges(numbers: list[int]) -> str:
    """Write numbers with runs drawn together: 2-5, 7."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)

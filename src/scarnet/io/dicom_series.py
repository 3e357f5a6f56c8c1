"""Sorting DICOM frames into series that can each be stacked: same series, size, orientation, spacing, component."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scarnet.io.dicom_frames import Frame
from scarnet.io.dicom_geometry import normal_of, slice_coordinates
from scarnet.io.dicom_kind import kind_of_component
from scarnet.io.dicom_phases import Phase, positions_of, split_phases
from scarnet.io.series import SeriesInfo

__all__ = ["DicomSeries", "group_series"]

# Directions within half a degree of each other count as one orientation.
_SAME_DIRECTION = float(np.cos(np.radians(0.5)))
_PLANES = ("sagittal", "coronal", "axial")


@dataclass(frozen=True)
class DicomSeries:
    """Frames that share everything but position and phase.

    Attributes
    ----------
    key : str
        The number it is chosen by.
    frames : tuple of Frame
        Its frames, in the order found.
    n_positions : int
        Number of different slice positions.
    phases : list of Phase
        The stacks it holds; more than one where positions repeat.
    joined : int
        How many single-slice series it was put together from; 0 if it is one series.
    """

    key: str
    frames: tuple[Frame, ...]
    n_positions: int
    phases: list[Phase]
    joined: int = 0

    @property
    def summary(self) -> str:
        """The series in neutral words: nothing from free-text header fields."""
        head = self.frames[0]
        parts = [_count(self.n_positions, "slice"), f"{head.shape[0]} × {head.shape[1]}"]
        if len(self.phases) > 1:
            parts.insert(1, f"{len(self.phases)} phases")
        if head.component != "unknown":
            parts.append("PSIR" if head.component == "psir" else head.component)
        parts.append(_plane(head))
        if head.series_number and not self.joined:
            parts.append(f"scanner's series {head.series_number}")
        if self.joined:
            parts.append(f"{self.joined} single-slice series together")
        return ", ".join(parts)

    @property
    def info(self) -> SeriesInfo:
        """The series as a chooser shows it."""
        head = self.frames[0]
        number = str(head.series_number) if head.series_number and not self.joined else ""
        plane = f"{self.joined} single-slice series together" if self.joined else _plane(head)
        return SeriesInfo(
            key=self.key,
            description=f"{head.description}: {self.summary}" if head.description else self.summary,
            n_slices=self.n_positions,
            n_phases=len(self.phases),
            shape=head.shape,
            kind=kind_of_component(head.component),
            format="dicom",
            label=" · ".join(part for part in (number, head.description, plane) if part),
        )


def group_series(frames: Sequence[Frame]) -> list[DicomSeries]:
    """Sort frames into series.

    Parameters
    ----------
    frames : sequence of Frame
        Frames of one patient, in any order.

    Returns
    -------
    list of DicomSeries
        By series number, then as found. Three or more single-slice series that would make one stack are also
        offered together, as a last choice: many scanners store each breath-hold as a series.
    """
    groups: dict[tuple[object, ...], list[list[Frame]]] = {}
    for frame in frames:
        clusters = groups.setdefault((frame.series, *_look(frame)), [])
        _add_by_orientation(clusters, frame)
    found = [cluster for clusters in groups.values() for cluster in clusters]
    found.sort(key=lambda cluster: cluster[0].series_number)
    joined = _join_single_slices(found)
    return [
        *(_series(str(number), cluster) for number, cluster in enumerate(found, start=1)),
        *(_series(str(number), cluster, len(cluster)) for number, cluster in enumerate(joined, start=len(found) + 1)),
    ]


def _series(key: str, cluster: list[Frame], joined: int = 0) -> DicomSeries:
    # The file's own order is no order: names and instance numbers are often shuffled by exports.
    return DicomSeries(key, tuple(cluster), len(positions_of(cluster)), split_phases(cluster), joined)


def _look(frame: Frame) -> tuple[object, ...]:
    spacing = None if frame.pixel_spacing is None else tuple(round(value, 3) for value in frame.pixel_spacing)
    return frame.shape, spacing, frame.component, frame.inverted


def _add_by_orientation(clusters: list[list[Frame]], frame: Frame) -> None:
    for cluster in clusters:
        if _same_orientation(cluster[0], frame):
            cluster.append(frame)
            return
    clusters.append([frame])


def _same_orientation(one: Frame, other: Frame) -> bool:
    if one.orientation is None or other.orientation is None:
        return one.orientation is other.orientation
    rows = sum(a * b for a, b in zip(one.orientation[:3], other.orientation[:3], strict=True))
    columns = sum(a * b for a, b in zip(one.orientation[3:], other.orientation[3:], strict=True))
    return min(rows, columns) >= _SAME_DIRECTION


def _join_single_slices(found: list[list[Frame]]) -> list[list[Frame]]:
    groups: dict[tuple[object, ...], list[list[Frame]]] = {}
    for cluster in found:
        if len(cluster) == 1 and cluster[0].position is not None and cluster[0].orientation is not None:
            _add_by_orientation(groups.setdefault(_look(cluster[0]), []), cluster[0])
    joined = [cluster for clusters in groups.values() for cluster in clusters if len(cluster) >= 3]
    return [cluster for cluster in joined if len(np.unique(np.round(slice_coordinates(cluster), 1))) == len(cluster)]


def _plane(frame: Frame) -> str:
    if frame.orientation is None:
        return "orientation not stated"
    normal = np.abs(normal_of(frame.orientation))
    return _PLANES[int(normal.argmax())] if normal.max() > 0.99 else "oblique"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"

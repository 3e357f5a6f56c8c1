"""DICOM files and folders as stacks: choose a series and a phase, then read only those pixels."""

from pathlib import Path

import numpy as np

from scarnet.errors import ScarNetError
from scarnet.io.dicom_frames import Frame
from scarnet.io.dicom_geometry import geometry_of
from scarnet.io.dicom_headers import scan
from scarnet.io.dicom_kind import kind_of_component
from scarnet.io.dicom_phases import Phase, repeats_of
from scarnet.io.dicom_pixels import read_pixels
from scarnet.io.dicom_series import DicomSeries, group_series
from scarnet.io.series import AmbiguousStudyError, SeriesInfo
from scarnet.progress import Progress, silent
from scarnet.stack import ImageKind, LGEStack, StudySource

__all__ = ["frames_of_stack", "list_dicom", "read_dicom"]

# More choices than this are counted instead of listed in a message.
_LISTED = 100


def list_dicom(path: Path, progress: Progress = silent) -> list[SeriesInfo]:
    """List the series of a DICOM file or folder.

    Parameters
    ----------
    path : Path
        File or folder.
    progress : Progress
        Called per file; may raise Cancelled.

    Returns
    -------
    list of SeriesInfo
        At least one.
    """
    return [series.info for series in group_series(scan(path, progress).frames)]


def read_dicom(
    path: Path,
    case: str,
    series: str | None = None,
    phase: int | None = None,
    spacing_mm: tuple[float, float, float] | None = None,
    progress: Progress = silent,
) -> LGEStack:
    """Read a stack from a DICOM file or folder.

    Parameters
    ----------
    path : Path
        A folder, or one file: a single-frame file is read as one slice, whatever lies beside it.
    case : str
        The case's name.
    series : str, optional
        Key of the series, needed if there are several.
    phase : int, optional
        Index of the phase from 0, needed if slice positions repeat.
    spacing_mm : tuple of float, optional
        (z, y, x) to use where the headers do not say.
    progress : Progress
        Called per file and per slice; may raise Cancelled.

    Returns
    -------
    LGEStack
        The stack, sorted along the slice normal.

    Raises
    ------
    AmbiguousStudyError
        A series or a phase has to be chosen.
    ScarNetError
        Nothing readable is there.
    """
    found = scan(path, progress)
    offered = group_series(found.frames)
    chosen = _choose_series(path, offered, series)
    stack = _choose_phase(path, chosen, phase)
    geometry = geometry_of(stack.frames, str(path), spacing_mm)
    pixels = read_pixels(stack.frames, found.datasets, progress)
    kind, kind_notes = _kind(chosen, float(np.min(pixels)))
    description = f"series {chosen.key} of {len(offered)}, {chosen.summary}"
    if len(chosen.phases) > 1:
        description += f", phase {chosen.phases.index(stack) + 1} of {len(chosen.phases)}: {stack.label}"
    return LGEStack(
        pixels=pixels,
        spacing_mm=geometry.spacing_mm,
        affine=geometry.affine,
        case=case,
        kind=kind,
        slice_positions_mm=geometry.positions_mm,
        source=StudySource(
            path=path,
            format="dicom",
            series=description,
            series_key=chosen.key,
            phase=chosen.phases.index(stack),
            notes=(*stack.notes, *geometry.notes, *kind_notes, *found.notes()),
        ),
    )


def frames_of_stack(stack: LGEStack, progress: Progress = silent) -> tuple[Frame, ...]:
    """Find again the DICOM frames that a stack was read from.

    Parameters
    ----------
    stack : LGEStack
        A stack that :func:`read_dicom` gave.
    progress : Progress
        Called per file and per slice; may raise Cancelled.

    Returns
    -------
    tuple of Frame
        One a slice, in the stack's order.

    Raises
    ------
    ScarNetError
        The stack does not come from DICOM, or its files are gone or no longer hold the same images.
    """
    source = stack.source
    if source.format != "dicom" or source.path is None:
        raise ScarNetError(
            f"{stack.case}: the study was not read from DICOM, so there are no DICOM images to refer to; open its "
            "DICOM series, or write NIfTI or TIFF."
        )
    found = scan(source.path, progress)
    changed = ScarNetError(
        f"{stack.case}: the DICOM files in {source.path} are no longer those that were opened; open the study again."
    )
    try:
        chosen = _choose_series(source.path, group_series(found.frames), source.series_key)
        frames = _choose_phase(source.path, chosen, source.phase).frames
    except AmbiguousStudyError as error:
        raise changed from error
    if (len(frames), *frames[0].shape) != stack.shape:
        raise changed
    if not np.array_equal(read_pixels(frames, found.datasets, progress), stack.pixels):
        raise changed
    return frames


def _choose_series(path: Path, offered: list[DicomSeries], key: str | None) -> DicomSeries:
    listing = "; ".join(f"{series.key}: {series.summary}" for series in offered[:_LISTED])
    listing += f"; and {len(offered) - _LISTED} more" if len(offered) > _LISTED else ""
    infos = [series.info for series in offered]
    if key is not None:
        for series in offered:
            if series.key == key:
                return series
        raise AmbiguousStudyError(f"{path} has no series {key}; choose one of {listing}.", infos)
    if len(offered) == 1:
        return offered[0]
    raise AmbiguousStudyError(f"{path} holds {len(offered)} series; choose one by its number: {listing}.", infos)


def _choose_phase(path: Path, series: DicomSeries, index: int | None) -> Phase:
    phases = series.phases
    if index is None and len(phases) == 1:
        return phases[0]
    if index is not None and 0 <= index < len(phases):
        return phases[index]
    labels = [phase.label for phase in phases]
    listing = "; ".join(f"{number}: {label}" for number, label in enumerate(labels[:_LISTED]))
    listing += f"; and {len(labels) - _LISTED} more" if len(labels) > _LISTED else ""
    if index is not None:
        raise AmbiguousStudyError(f"{path} has no phase {index}; choose one of {listing}.", phases=labels)
    raise AmbiguousStudyError(
        f"{path}: slice positions repeat, {repeats_of(series.frames)}; choose a phase by its number: {listing}.",
        phases=labels,
    )


def _kind(series: DicomSeries, smallest: float) -> tuple[ImageKind, list[str]]:
    component = series.frames[0].component
    if component in ("phase", "imaginary"):
        return "unknown", [f"The header says this is the {component} part of the image, not magnitude or PSIR."]
    if smallest < 0 and component == "magnitude":
        return "psir", ["The header says magnitude, but there are negative values: taken as PSIR."]
    if smallest < 0:
        return "psir", []
    return kind_of_component(component), []

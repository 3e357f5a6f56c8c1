"""The one way in: a path of any format becomes a stack."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from scarnet.errors import ScarNetError
from scarnet.io.dicom import list_dicom, read_dicom
from scarnet.io.dicom_headers import looks_like_dicom, walk_files
from scarnet.io.hdf5 import list_hdf5, read_hdf5
from scarnet.io.nifti import list_nifti, read_nifti
from scarnet.io.paths import case_name, check_readable, format_of
from scarnet.io.series import SeriesInfo
from scarnet.io.tiff import list_tiff, read_tiff
from scarnet.progress import Progress, silent
from scarnet.stack import LGEStack

__all__ = ["is_study", "list_series", "read_study"]

# A folder is looked through only this far to tell whether it could be a study.
_PROBED_FILES = 200


def read_study(
    path: Path | str,
    *,
    series: str | None = None,
    phase: int | None = None,
    case: str | None = None,
    spacing_mm: tuple[float, float, float] | None = None,
    progress: Progress = silent,
) -> LGEStack:
    """Read a study from DICOM (folder or file), NIfTI, TIFF or HDF5.

    Parameters
    ----------
    path : Path or str
        A DICOM folder (subfolders included), or one file. A single-frame DICOM file is read as one slice.
    series : str, optional
        Key of the series, from :func:`list_series`; needed where a DICOM path holds several.
    phase : int, optional
        Index from 0; needed where slice positions repeat, or a NIfTI or TIFF file has a fourth axis.
    case : str, optional
        The case's name; the file's or folder's name if not given, never anything from a DICOM header.
    spacing_mm : tuple of float, optional
        Voxel spacing (z, y, x) in mm, used only where the file does not state its own.
    progress : Progress
        Called as ``progress(done, total, what)``; may raise :class:`scarnet.errors.Cancelled`.

    Returns
    -------
    LGEStack
        The stack; what a user should know about it stands in ``source.notes``.

    Raises
    ------
    AmbiguousStudyError
        A series or phase has to be chosen; the error carries the choices.
    ScarNetError
        The path cannot be read; the message says why and what to do.
    """
    path = Path(path)
    name = case or case_name(path)
    kind = format_of(path)
    if spacing_mm is not None and (len(spacing_mm) != 3 or not all(np.isfinite(s) and s > 0 for s in spacing_mm)):
        raise ScarNetError(f"The spacing given, {spacing_mm}, is not three positive numbers (z, y, x) in mm.")
    if kind != "dicom" and series not in (None, "1"):
        raise ScarNetError(f"{path} holds no series {series}; a file that is not DICOM is one series, 1.")
    if kind == "dicom":
        stack = read_dicom(path, name, series, phase, spacing_mm, progress)
    else:
        check_readable(path)
        progress(0, 1, "Reading the study")
        if kind == "nifti":
            stack = read_nifti(path, name, phase)
        elif kind == "tiff":
            stack = read_tiff(path, name, phase, spacing_mm)
        else:
            stack = read_hdf5(path, name, spacing_mm)
        progress(1, 1, "Reading the study")
    return _with_notes_on_contents(stack)


def _with_notes_on_contents(stack: LGEStack) -> LGEStack:
    notes = list(stack.source.notes)
    if float(stack.pixels.min()) == float(stack.pixels.max()):
        notes.append(f"Every voxel has the same value, {float(stack.pixels[0, 0, 0]):g}: there is nothing to see.")
    if len(notes) == len(stack.source.notes):
        return stack
    return replace(stack, source=replace(stack.source, notes=tuple(notes)))


def list_series(path: Path | str, *, progress: Progress = silent) -> list[SeriesInfo]:
    """List what a path offers to read.

    Parameters
    ----------
    path : Path or str
        As for :func:`read_study`.
    progress : Progress
        Called per file of a DICOM folder; may raise :class:`scarnet.errors.Cancelled`.

    Returns
    -------
    list of SeriesInfo
        At least one entry; exactly one for formats other than DICOM.

    Raises
    ------
    ScarNetError
        The path cannot be read.
    """
    path = Path(path)
    kind = format_of(path)
    if kind == "dicom":
        return list_dicom(path, progress)
    check_readable(path)
    if kind == "nifti":
        return [list_nifti(path)]
    if kind == "tiff":
        return [list_tiff(path)]
    return [list_hdf5(path)]


def is_study(path: Path | str) -> bool:
    """Tell cheaply whether a path could be a study.

    Parameters
    ----------
    path : Path or str
        A file or folder.

    Returns
    -------
    bool
        True for a file of a known format, and for a folder with a DICOM file among its first few hundred.
        Nothing but names and first bytes is looked at.
    """
    path = Path(path)
    try:
        if path.is_dir():
            return any(_is_dicom(file) for _, file in zip(range(_PROBED_FILES), walk_files(path), strict=False))
        if not path.is_file():
            return False
        return format_of(path) != "dicom" or _is_dicom(path)
    except (ScarNetError, OSError):
        return False


def _is_dicom(path: Path) -> bool:
    return path.name.upper() != "DICOMDIR" and looks_like_dicom(path)

"""Finding the DICOM images under a path and reading their headers, without pixels where there are many."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scarnet.errors import ScarNetError
from scarnet.io.dicom_frames import HEADER_TAGS, Frame, frames_of, refusal_of
from scarnet.io.dicom_values import Values, tag_of
from scarnet.progress import Progress, silent

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["DicomScan", "looks_like_dicom", "read_dataset", "scan", "walk_files"]

# Up to this much on disk, files are read once and whole; beyond it, headers first and pixels when chosen.
WHOLE_READ_BYTES = 64 * 1024 * 1024

_PIXEL_TAGS = ["PixelData", "FloatPixelData", "DoubleFloatPixelData"]

_MR_STORAGE = "1.2.840.10008.5.1.4.1.1.4"


@dataclass
class DicomScan:
    """What the headers under a path say.

    Attributes
    ----------
    frames : list of Frame
        Every image slice found.
    refused : Counter
        Reason to number of files, for DICOM files that hold no MR image.
    unreadable : list of Path
        Files that begin as DICOM but cannot be parsed.
    foreign : int
        Number of files that are no DICOM.
    duplicates : int
        Number of files that are copies of others.
    datasets : dict of Path to Dataset
        Files that were read whole; empty where only headers were read.
    """

    frames: list[Frame] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    unreadable: list[Path] = field(default_factory=list)
    foreign: int = 0
    duplicates: int = 0
    datasets: "dict[Path, Dataset]" = field(default_factory=dict)

    def notes(self) -> list[str]:
        """Say in sentences what was left out."""
        notes = [f"{count} DICOM file(s) left out: {reason}." for reason, count in sorted(self.refused.items())]
        if self.unreadable:
            notes.append(
                f"{len(self.unreadable)} damaged DICOM file(s) left out, the first is {self.unreadable[0].name}; "
                "slices may be missing."
            )
        if self.foreign:
            notes.append(f"{self.foreign} file(s) that are no DICOM images were ignored.")
        if self.duplicates:
            notes.append(f"{self.duplicates} file(s) were copies of others and were left out.")
        return notes


def walk_files(folder: Path) -> Iterator[Path]:
    """Give every file under a folder, subfolders included, hidden ones left out, in sorted order.

    Parameters
    ----------
    folder : Path
        The folder.

    Yields
    ------
    Path
        A file.

    Raises
    ------
    ScarNetError
        The folder cannot be listed.
    """

    def stop(error: OSError) -> None:
        raise ScarNetError(f"Cannot look into {error.filename}: {error.strerror}; check its permissions.") from error

    for parent, folders, files in os.walk(folder, onerror=stop):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(parent) / name
            # Broken links and pipes are no files either.
            if not name.startswith(".") and path.is_file():
                yield path


def looks_like_dicom(path: Path) -> bool:
    """Tell from a file's first bytes whether it could be DICOM.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    bool
        True for the ``DICM`` mark, and for old files that begin with a data element of group 2 or 8.

    Raises
    ------
    OSError
        The file cannot be opened.
    """
    with path.open("rb") as file:
        start = file.read(132)
    if start[128:132] == b"DICM":
        return True
    # Without the mark: group 0002 or 0008 in either byte order, then a small element number.
    little = start[:2] in (b"\x02\x00", b"\x08\x00") and start[3:4] in (b"\x00",)
    big = start[:2] in (b"\x00\x02", b"\x00\x08") and start[2:3] in (b"\x00",)
    return len(start) > 8 and (little or big)


def read_dataset(path: Path, *, pixels: bool) -> "Dataset":
    """Read the few elements of a DICOM file that a stack needs.

    Parameters
    ----------
    path : Path
        The file.
    pixels : bool
        Whether to read the pixel data too.

    Returns
    -------
    Dataset
        pydicom's data set.

    Raises
    ------
    ScarNetError
        The file cannot be opened or parsed.
    """
    import pydicom

    tags: list[Any] = [tag_of(tag) for tag in (*HEADER_TAGS, *(_PIXEL_TAGS if pixels else []))]
    try:
        return pydicom.dcmread(path, force=True, stop_before_pixels=not pixels, specific_tags=tags)
    except OSError as error:
        if error.strerror is None:
            raise _damaged(path) from error
        raise ScarNetError(f"Cannot read {path}: {error.strerror}.") from error
    except Exception as error:  # pydicom raises nearly any type on damaged files
        raise _damaged(path) from error


def _damaged(path: Path) -> ScarNetError:
    return ScarNetError(f"{path} is damaged: its DICOM header breaks off or makes no sense; copy or export it again.")


def _read_frames(path: Path, *, pixels: bool) -> "tuple[Dataset, list[Frame], str | None]":
    dataset = read_dataset(path, pixels=pixels)
    if pixels and "Rows" not in dataset:
        # pydicom gives nothing at all where the pixels break off; the header may still be whole.
        dataset = read_dataset(path, pixels=False)
    if "Rows" not in dataset and Values(dataset).text("SOPClassUID").startswith(_MR_STORAGE):
        raise _damaged(path)
    try:
        reason = refusal_of(dataset)
        frames = [] if reason else frames_of(dataset, path)
    except Exception as error:  # values that cannot be converted raise nearly any type
        raise _damaged(path) from error
    return dataset, frames, reason


def scan(path: Path, progress: Progress = silent) -> DicomScan:
    """Read the headers of a DICOM file, or of every DICOM file under a folder.

    Parameters
    ----------
    path : Path
        File or folder.
    progress : Progress
        Called per file; may raise Cancelled.

    Returns
    -------
    DicomScan
        The frames and what was left out.

    Raises
    ------
    ScarNetError
        A single file is no usable MR image; the folder holds none, or images of several patients.
    """
    return _scan_folder(path, progress) if path.is_dir() else _scan_file(path)


def _scan_file(path: Path) -> DicomScan:
    try:
        genuine = looks_like_dicom(path)
    except OSError as error:
        raise ScarNetError(f"Cannot read {path}: {error.strerror}; check its permissions.") from error
    if not genuine:
        raise ScarNetError(f"{path} is not a DICOM file, whatever its name says; choose another.")
    dataset, frames, reason = _read_frames(path, pixels=True)
    if reason:
        raise ScarNetError(f"{path} cannot be read as a study: {reason}.")
    whole = any(tag in dataset for tag in _PIXEL_TAGS)
    return DicomScan(frames=frames, datasets={path: dataset} if whole else {})


def _scan_folder(folder: Path, progress: Progress) -> DicomScan:
    files = list(walk_files(folder))
    found = DicomScan()
    whole = sum(path.stat().st_size for path in files) <= WHOLE_READ_BYTES
    patients: dict[str, set[str]] = {"id": set(), "name": set()}
    seen: set[tuple[Any, ...]] = set()
    for done, path in enumerate(files):
        progress(done, len(files), "Reading DICOM headers")
        if not _is_image_candidate(path):
            found.foreign += 1
            continue
        try:
            dataset, frames, reason = _read_frames(path, pixels=whole)
        except ScarNetError:
            found.unreadable.append(path)
            continue
        if reason:
            found.refused[reason] += 1
            continue
        identity = frames[0].identity
        if identity in seen:
            found.duplicates += 1
            continue
        if identity[0]:
            seen.add(identity)
        _note_patient(dataset, patients)
        found.frames.extend(frames)
        if any(tag in dataset for tag in _PIXEL_TAGS):
            found.datasets[path] = dataset
    progress(len(files), len(files), "Reading DICOM headers")
    _check_scan(folder, found, patients)
    return found


def _is_image_candidate(path: Path) -> bool:
    if path.name.upper() == "DICOMDIR":
        return False
    try:
        return looks_like_dicom(path)
    except OSError as error:
        raise ScarNetError(f"Cannot read {path}: {error.strerror}; check its permissions.") from error


def _note_patient(dataset: "Dataset", patients: dict[str, set[str]]) -> None:
    header = Values(dataset)
    number = header.text("PatientID").strip().casefold()
    # Names only count where there is no ID: the same person's name is often spelt in several ways.
    name = "" if number else header.text("PatientName").replace("^", " ").strip().casefold()
    patients["id"].update({number} - {""})
    patients["name"].update({name} - {""})


def _check_scan(folder: Path, found: DicomScan, patients: dict[str, set[str]]) -> None:
    if len(patients["id"]) > 1 or len(patients["name"]) > 1:
        count = max(len(patients["id"]), len(patients["name"]))
        raise ScarNetError(
            f"{folder} holds images of {count} different patients; put each patient into a folder of its own and "
            "open one."
        )
    if found.frames:
        return
    if found.refused:
        reasons = "; ".join(f"{count} file(s): {reason}" for reason, count in sorted(found.refused.items()))
        raise ScarNetError(f"{folder} holds DICOM files but no MR image to read: {reasons}.")
    if found.unreadable:
        raise ScarNetError(
            f"{folder}: none of its {len(found.unreadable)} DICOM file(s) can be read, they are damaged; copy or "
            "export them again."
        )
    if found.foreign:
        raise ScarNetError(
            f"{folder} holds {found.foreign} file(s) but none is a DICOM image; choose the folder with the DICOM "
            "files, or open a NIfTI, TIFF or HDF5 file by itself."
        )
    raise ScarNetError(f"{folder} is empty; choose the folder that holds the DICOM files.")

"""Finding the DICOM images under a path and reading their headers, without pixels where there are many."""

import os
import re
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
WHOLE_READ_FILES = 200

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
    doubtful_patient : bool
        The headers leave open whether all images are of one patient.
    datasets : dict of Path to Dataset
        Files that were read whole; empty where only headers were read.
    """

    frames: list[Frame] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    unreadable: list[Path] = field(default_factory=list)
    foreign: int = 0
    duplicates: int = 0
    doubtful_patient: bool = False
    datasets: "dict[Path, Dataset]" = field(default_factory=dict)

    def notes(self) -> list[str]:
        """Say in sentences what was left out."""
        notes = [f"{count} DICOM file(s) left out: {reason}." for reason, count in sorted(self.refused.items())]
        if self.unreadable:
            # Exports often put the patient's name into file names, so none is told.
            notes.append(f"{len(self.unreadable)} damaged DICOM file(s) left out; slices may be missing.")
        if self.foreign:
            notes.append(f"{self.foreign} file(s) that are no DICOM images were ignored.")
        if self.doubtful_patient:
            notes.append(
                "The files state different patient names, or some of them none; make sure that they are of one patient."
            )
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
    """
    with path.open("rb") as file:
        start = file.read(132)
    if start[128:132] == b"DICM":
        return True
    # Without the mark: group 0002 or 0008 in either byte order, then a small element number.
    little = start[:2] in (b"\x02\x00", b"\x08\x00") and start[3:4] in (b"\x00",)
    big = start[:2] in (b"\x00\x02", b"\x00\x08") and start[2:3] in (b"\x00",)
    return len(start) > 8 and (little or big)


def _damaged(path: Path) -> ScarNetError:
    return ScarNetError(f"{path} is damaged: its DICOM header breaks off or makes no sense; copy or export it again.")


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


def _read_frames(path: Path, *, pixels: bool) -> "tuple[Dataset, list[Frame], str | None]":
    dataset = read_dataset(path, pixels=pixels)
    if pixels and "Rows" not in dataset:
        # pydicom gives nothing at all where the pixels break off; the header may still be whole.
        dataset = read_dataset(path, pixels=False)
    if "Rows" not in dataset and _claims_mr(dataset):
        raise _damaged(path)
    try:
        reason = refusal_of(dataset)
        frames = [] if reason else frames_of(dataset, path)
    except Exception as error:  # values that cannot be converted raise nearly any type
        raise _damaged(path) from error
    return dataset, frames, reason


def _claims_mr(dataset: "Dataset") -> bool:
    stated = Values(dataset).text("SOPClassUID") or str(dataset.file_meta.get("MediaStorageSOPClassUID", ""))
    return stated == _MR_STORAGE or stated.startswith(f"{_MR_STORAGE}.")


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
    if path.name.upper() == "DICOMDIR":
        raise ScarNetError(f"{path} is only the table of contents of its folder; open the folder.")
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
    whole = len(files) <= WHOLE_READ_FILES and sum(path.stat().st_size for path in files) <= WHOLE_READ_BYTES
    patients: set[tuple[str, str]] = set()
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
        patients.add(_patient_of(dataset))
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


def _patient_of(dataset: "Dataset") -> tuple[str, str]:
    """Give the patient's ID and name in a form that compares."""
    header = Values(dataset)
    words = re.findall(r"\w+", header.text("PatientName").casefold())
    return header.text("PatientID").strip().casefold(), " ".join(sorted(words))


def _check_scan(folder: Path, found: DicomScan, patients: set[tuple[str, str]]) -> None:
    numbers, names = {number for number, _ in patients} - {""}, {name for number, name in patients if not number} - {""}
    if len(numbers) > 1 or len(names) > 1:
        raise ScarNetError(
            f"{folder} holds images of {max(len(numbers), len(names))} different patients; put each patient into a "
            "folder of its own and open one."
        )
    # One person's name is often spelt in several ways, so under one ID it is only told.
    found.doubtful_patient = len(patients) > 1
    if found.frames:
        return
    if found.refused:
        reasons = "; ".join(f"{count} file(s): {reason}" for reason, count in sorted(found.refused.items()))
        raise ScarNetError(f"{folder} holds DICOM files but no MR image to read: {reasons}.")
    if found.unreadable:
        count = len(found.unreadable)
        raise ScarNetError(f"{folder}: its {count} DICOM file(s) are damaged and cannot be read; copy them again.")
    if found.foreign:
        raise ScarNetError(
            f"{folder} holds {found.foreign} file(s) but none is a DICOM image; choose the folder with the DICOM "
            "files, or open a NIfTI, TIFF or HDF5 file by itself."
        )
    raise ScarNetError(f"{folder} is empty; choose the folder that holds the DICOM files.")

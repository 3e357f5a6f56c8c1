"""The DICOM images a stack was read from, reduced to what an object referring to them may say."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scarnet.errors import ScarNetError
from scarnet.io.dicom import frames_of_stack
from scarnet.progress import Progress, silent
from scarnet.stack import LGEStack

if TYPE_CHECKING:
    from pydicom import Dataset

    from scarnet.io.dicom_frames import Frame

__all__ = ["DicomSource", "SourceImage", "dicom_source"]

_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID")
# DICOM's Patient and Study modules as far as a new object of the study repeats them; a name's type 2 elements first.
_IDENTITY = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
)
_LOSSY = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")
_SEXES = ("M", "F", "O")
_LONG_STRING = 64
_METHOD = "ScarNet: patient and study data replaced by the case name"


@dataclass(frozen=True)
class SourceImage:
    """What one slice of a stack was read from.

    Attributes
    ----------
    study_uid, series_uid, sop_class_uid, sop_instance_uid : str
        The instance, as DICOM refers to it.
    frame_number : int or None
        Number of the frame from 1 in a multi-frame instance; None in a single-frame one.
    position : tuple of float
        Centre of the first voxel in mm, LPS, as the file states it.
    """

    study_uid: str
    series_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    frame_number: int | None
    position: tuple[float, ...]


@dataclass(frozen=True)
class DicomSource:
    """The images behind a stack.

    Attributes
    ----------
    images : tuple of SourceImage
        One a slice, in the stack's order.
    orientation : tuple of six floats
        Directions of the rows' and the columns' axis, LPS.
    slice_thickness_mm : float
        As the files state it; the slice spacing where they do not.
    header : Dataset
        Patient and study elements for a new object of this study, frame of reference and compression. Patient and
        study are those of the files only where that was asked for; otherwise they carry the case's name.
    """

    images: tuple[SourceImage, ...]
    orientation: tuple[float, ...]
    slice_thickness_mm: float
    header: "Dataset"


def dicom_source(stack: LGEStack, *, keep_identity: bool = False, progress: Progress = silent) -> DicomSource:
    """Read again where a stack comes from.

    Parameters
    ----------
    stack : LGEStack
        A stack read from DICOM.
    keep_identity : bool
        Take name, ID, birth date and sex of the patient and date and number of the study from the files. Without it
        the case's name stands in for patient name and ID, and the others stay empty.
    progress : Progress
        Called per file and per slice; may raise Cancelled.

    Returns
    -------
    DicomSource
        The images, and the header of an object that refers to them.

    Raises
    ------
    ScarNetError
        The stack was not read from DICOM, the files have changed, or they lack what a reference needs.
    """
    frames = frames_of_stack(stack, progress)
    headers = {path: _read_header(path) for path in dict.fromkeys(frame.path for frame in frames)}
    first = headers[frames[0].path]
    _check(stack, frames, list(headers.values()))
    images = tuple(_image(frame, headers[frame.path]) for frame in frames)
    return DicomSource(
        images=images,
        orientation=frames[0].orientation or (),
        slice_thickness_mm=frames[0].slice_thickness or stack.spacing_mm[0],
        header=_new_header(first, stack.case, keep_identity),
    )


def _read_header(path: Path) -> "Dataset":
    import pydicom

    tags = ["SpecificCharacterSet", "FrameOfReferenceUID", "PositionReferenceIndicator", *_UIDS, *_IDENTITY, *_LOSSY]
    return pydicom.dcmread(path, force=True, stop_before_pixels=True, specific_tags=list(tags))


def _check(stack: LGEStack, frames: "Sequence[Frame]", headers: "Sequence[Dataset]") -> None:
    if any(frame.position is None or frame.orientation is None for frame in frames):
        raise ScarNetError(
            f"{stack.case}: the DICOM files do not say where the slice lies, so nothing can be tied to it; "
            "write NIfTI or TIFF."
        )
    for keyword in (*_UIDS, "FrameOfReferenceUID"):
        if not all(header.get(keyword) for header in headers):
            raise ScarNetError(
                f"{stack.case}: the DICOM files lack {keyword}, without which nothing can refer to them; "
                "export the series again, or write NIfTI or TIFF."
            )
    for keyword, words in (("StudyInstanceUID", "studies"), ("FrameOfReferenceUID", "frames of reference")):
        if len({header[keyword].value for header in headers}) > 1:
            raise ScarNetError(
                f"{stack.case}: its slices belong to different {words}, which one DICOM object cannot refer to; "
                "write NIfTI or TIFF."
            )


def _image(frame: "Frame", header: "Dataset") -> SourceImage:
    study, series, sop_class, instance = (str(header[keyword].value) for keyword in _UIDS)
    number = None if frame.index is None else frame.index + 1
    return SourceImage(study, series, sop_class, instance, number, frame.position or ())


def _new_header(first: "Dataset", case: str, keep_identity: bool) -> "Dataset":
    """Start the header of a new object; only what is named here can ever get into it."""
    from pydicom import Dataset

    header = Dataset()
    # The source's text is decoded here and written anew, whatever its character set was.
    header.SpecificCharacterSet = "ISO_IR 192"
    for keyword in _IDENTITY:
        setattr(header, keyword, _text(first, keyword) if keep_identity else "")
    if keep_identity:
        header.PatientSex = header.PatientSex if header.PatientSex in _SEXES else ""
    else:
        name = "".join(" " if letter in "\\^=" or not letter.isprintable() else letter for letter in case)
        header.PatientID = name.strip()[:_LONG_STRING]
        header.PatientName = f"{name.strip()[: _LONG_STRING - 1]}^"  # a family name without a given name
        header.PatientIdentityRemoved = "YES"
        header.DeidentificationMethod = _METHOD
    header.StudyInstanceUID = first.StudyInstanceUID
    header.FrameOfReferenceUID = first.FrameOfReferenceUID
    header.PositionReferenceIndicator = _text(first, "PositionReferenceIndicator")
    for keyword in _LOSSY:
        if keyword in first:
            header[keyword] = first[keyword]
    return header


def _text(dataset: "Dataset", keyword: str) -> str:
    value = dataset.get(keyword)
    return "" if value is None else str(value)

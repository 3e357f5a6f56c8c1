"""One DICOM header into frames: what each slice says of its place, size, contrast and series."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scarnet.io.dicom_kind import Component, component_of
from scarnet.io.dicom_values import Values

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["HEADER_TAGS", "PHASE_TAGS", "Frame", "frames_of", "refusal_of"]

# What tells repeats at one position apart, most telling first, with the words shown for it.
PHASE_TAGS: dict[str, str] = {
    "TemporalPositionIdentifier": "time point {:g}",
    "TriggerTime": "trigger time {:g} ms",
    "InversionTime": "inversion time {:g} ms",
    "EchoTime": "echo time {:g} ms",
    "AcquisitionNumber": "acquisition {:g}",
}

_GE_IMAGE_TYPE = 0x0043102F

HEADER_TAGS: list[str | int] = [
    *("SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "Modality", "Manufacturer", "ImageType"),
    *("SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "ProtocolName", "SequenceName", "PatientID"),
    *("PatientName", "InstanceNumber", "ComplexImageComponent", "Rows", "Columns", "NumberOfFrames"),
    *("SamplesPerPixel", "PhotometricInterpretation", "PixelSpacing", "SpacingBetweenSlices", "SliceThickness"),
    *("ImagePositionPatient", "ImageOrientationPatient", "RescaleSlope", "RescaleIntercept", "BitsAllocated"),
    *("BitsStored", "HighBit", "PixelRepresentation", "PlanarConfiguration"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
    *PHASE_TAGS,
    0x00430010,
    _GE_IMAGE_TYPE,
]


@dataclass(frozen=True, slots=True)
class Frame:
    """One image slice, as its header describes it.

    Attributes
    ----------
    path : Path
        The file.
    index : int or None
        Frame number within a multi-frame file, from 0; None for a single-frame file.
    identity : tuple
        Equal for copies of one file; its first entry is empty where the file does not say.
    series : tuple
        What separates series: UID and, in enhanced files, the stack. Internal, never shown.
    series_number, description : int, str
        The scanner's own, for choosing on screen.
    shape : tuple of int
        Rows and columns.
    position : tuple of float, or None
        Centre of the first voxel in mm, LPS.
    orientation : tuple of six floats, or None
        Directions of the rows' and the columns' axis, LPS.
    pixel_spacing : tuple of float, or None
        Spacing in mm between rows and between columns (y, x), as stored: it may be zero.
    slice_spacing, slice_thickness : float or None
        SpacingBetweenSlices (some scanners sign it) and SliceThickness in mm, as far as stated.
    component : Component
        Which part of the complex image this is, as far as the header says.
    inverted : bool
        MONOCHROME1: small values are bright.
    slope, intercept : float
        From stored values to intensities.
    order : Mapping
        Values of PHASE_TAGS that are there, and ``InstanceNumber``.
    """

    path: Path
    index: int | None
    identity: tuple[Any, ...]
    series: tuple[str, ...]
    series_number: int
    description: str
    shape: tuple[int, int]
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    pixel_spacing: tuple[float, ...] | None
    slice_spacing: float | None
    slice_thickness: float | None
    component: Component
    inverted: bool
    slope: float
    intercept: float
    order: Mapping[str, float]


def refusal_of(dataset: "Dataset") -> str | None:
    """Say why a DICOM file holds no image this program reads; None if it does.

    Parameters
    ----------
    dataset : Dataset
        The file's header.

    Returns
    -------
    str or None
        The reason, without a full stop.
    """
    header = Values(dataset)
    if not header.integer("Rows") or not header.integer("Columns"):
        return "it holds no image (such as a report, a presentation state or contours)"
    modality = header.text("Modality").upper()
    if modality not in ("", "MR"):
        known = {"SEG": "a segmentation", "CT": "a CT image", "OT": "a secondary capture", "SC": "a secondary capture"}
        return f"it holds {known.get(modality, 'another modality')}, not an MR image"
    samples = header.integer("SamplesPerPixel")
    if samples > 1 or not header.text("PhotometricInterpretation").startswith("MONOCHROME"):
        return "it is a colour image, which has no intensities to segment"
    if header.integer("NumberOfFrames") > 1 and not header.items("PerFrameFunctionalGroupsSequence"):
        return "it is a multi-frame image that does not say where its frames lie; export it one file a slice"
    groups = len(header.items("PerFrameFunctionalGroupsSequence"))
    if groups and "NumberOfFrames" in header and groups != header.integer("NumberOfFrames"):
        return f"it states {header.integer('NumberOfFrames')} frames but describes {groups}; export it again"
    return None


def frames_of(dataset: "Dataset", path: Path) -> list[Frame]:
    """Describe each slice of a DICOM file.

    Parameters
    ----------
    dataset : Dataset
        The file's header, not refused by :func:`refusal_of`.
    path : Path
        The file.

    Returns
    -------
    list of Frame
        One for a single-frame file, one a frame for an enhanced multi-frame file.
    """
    header = Values(dataset)
    groups = header.items("PerFrameFunctionalGroupsSequence") if "NumberOfFrames" in header else []
    if not groups:
        return [_frame(header, path, None, [header])]
    shared = [part for item in header.items("SharedFunctionalGroupsSequence")[:1] for part in item.opened()]
    return [_frame(header, path, index, [*group.opened(), *shared, header]) for index, group in enumerate(groups)]


def _frame(header: Values, path: Path, index: int | None, places: Sequence[Values]) -> Frame:
    def where(keyword: str) -> Values:
        """Give the innermost group that states an element; the header if none does."""
        return next((place for place in places if keyword in place), header)

    def number(*keywords: str) -> float | None:
        return next((found for word in keywords if (found := where(word).number(word)) is not None), None)

    def numbers(keyword: str, count: int) -> tuple[float, ...] | None:
        found = where(keyword).numbers(keyword)
        return found if found is not None and len(found) == count else None

    if index is None:
        order = {tag: header.number(tag) for tag in (*PHASE_TAGS, "InstanceNumber")}
        image_type = header.texts("ImageType")
    else:
        order = {
            "TemporalPositionIdentifier": number("TemporalPositionIndex", "TemporalPositionIdentifier"),
            "TriggerTime": number("NominalCardiacTriggerDelayTime", "TriggerTime"),
            "InversionTime": number("InversionTimes", "InversionTime"),
            "EchoTime": number("EffectiveEchoTime", "EchoTime"),
            "AcquisitionNumber": number("FrameAcquisitionNumber"),
            "InstanceNumber": float(index),
        }
        image_type = where("FrameType").texts("FrameType") or header.texts("ImageType")
    position = numbers("ImagePositionPatient", 3)
    description = header.described("SeriesDescription")
    slope, spacing = number("RescaleSlope"), number("SpacingBetweenSlices")
    return Frame(
        path=path,
        index=index,
        identity=(header.text("SOPInstanceUID"), index, position, order["InstanceNumber"]),
        series=(header.text("SeriesInstanceUID"), where("StackID").text("StackID") if index is not None else ""),
        series_number=header.integer("SeriesNumber"),
        description=description,
        shape=(header.integer("Rows"), header.integer("Columns")),
        position=position,
        orientation=numbers("ImageOrientationPatient", 6),
        pixel_spacing=numbers("PixelSpacing", 2),
        slice_spacing=abs(spacing) if spacing else None,
        slice_thickness=number("SliceThickness"),
        component=component_of(
            image_type=image_type,
            complex_component=where("ComplexImageComponent").text("ComplexImageComponent"),
            description=description,
            protocol=f"{header.described('ProtocolName')} {header.described('SequenceName')}",
            ge_type=header.number(_GE_IMAGE_TYPE),
        ),
        inverted=header.text("PhotometricInterpretation") == "MONOCHROME1",
        slope=1.0 if slope is None else slope,
        intercept=number("RescaleIntercept") or 0.0,
        order={key: value for key, value in order.items() if value is not None},
    )

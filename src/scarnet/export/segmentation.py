"""Labels as a DICOM Segmentation that lies on the source images, slice for slice."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import scarnet
from scarnet.classes import CLASS_COLOURS, CLASS_NAMES, N_CLASSES, TissueClass
from scarnet.errors import ScarNetError
from scarnet.export.equipment import EQUIPMENT, MANUFACTURER
from scarnet.export.origin import MODEL_PREFIX, LabelOrigin
from scarnet.export.source import DicomSource, SourceImage, dicom_source
from scarnet.export.writing import unquoted
from scarnet.progress import Progress, silent
from scarnet.stack import LGEStack

if TYPE_CHECKING:
    from highdicom.seg import Segmentation, SegmentDescription
    from pydicom import Dataset

__all__ = ["SEGMENTS", "make_segmentation"]

SEGMENTS: tuple[TissueClass, ...] = (TissueClass.MYOCARDIUM, TissueClass.BLOOD_POOL, TissueClass.SCAR)
"""In the order of their segment numbers, which are the classes' label values."""

_MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4"
_SERIES_NUMBER = 9001


def make_segmentation(
    labels: npt.NDArray[Any],
    stack: LGEStack,
    origin: LabelOrigin,
    *,
    keep_identity: bool = False,
    progress: Progress = silent,
) -> "Segmentation":
    """Make a DICOM Segmentation of labels on the images they were drawn on.

    Parameters
    ----------
    labels : ndarray of integers, shape (Z, Y, X)
        Class of each voxel, as in :class:`scarnet.classes.TissueClass`.
    stack : LGEStack
        The study, read from DICOM.
    origin : LabelOrigin
        Who drew the labels.
    keep_identity : bool
        Repeat the patient's and the study's identity from the source files, as a picture archive wants it.
    progress : Progress
        Called while the source files are read again; may raise Cancelled.

    Returns
    -------
    highdicom.seg.Segmentation
        Binary; segment 1 is the whole wall of the left ventricle, scar included, 2 the blood pool, 3 the infarct, which
        lies within 1. Every segment has a frame for every slice, empty ones too, at the source image's own
        position, so that a reader gets the source's grid back. For :func:`scarnet.export.write_dicom`.

    Raises
    ------
    ScarNetError
        The labels do not fit, or the stack's source cannot be referred to.
    """
    labels = np.asarray(labels)
    if labels.shape != stack.shape or not np.isin(labels, range(N_CLASSES)).all():
        raise ScarNetError(
            f"{stack.case}: the labels do not fit; they must have the image's shape {stack.shape} and values 0 to "
            f"{N_CLASSES - 1}."
        )
    with unquoted():
        source = dicom_source(stack, keep_identity=keep_identity, progress=progress)
        return _make(labels, stack, origin, source)


def _make(labels: npt.NDArray[Any], stack: LGEStack, origin: LabelOrigin, source: DicomSource) -> "Segmentation":
    from highdicom.seg import Segmentation, SegmentationTypeValues
    from pydicom.uid import generate_uid

    scar = labels == TissueClass.SCAR
    masks = [scar | (labels == tissue) if tissue is TissueClass.MYOCARDIUM else labels == tissue for tissue in SEGMENTS]
    images = _stand_ins(source, stack)
    segmentation = Segmentation(
        source_images=images,
        pixel_array=np.stack(masks, axis=-1).astype(np.uint8),
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[_description(tissue, origin) for tissue in SEGMENTS],
        series_instance_uid=generate_uid(),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        **EQUIPMENT,
        device_serial_number="none",
        content_label="LGE_SCAR",
        content_description="Left ventricle and scar; research use only",
        series_description="ScarNet segmentation; research use only",
        omit_empty_frames=False,
    )
    segmentation.ContentCreatorName = ""  # the standard wants it there, though empty
    _refer(segmentation, dict(zip((image.SOPInstanceUID for image in images), source.images, strict=True)))
    return segmentation


def _stand_ins(source: DicomSource, stack: LGEStack) -> "list[Dataset]":
    """Give each slice a single-frame header of its own, whatever file or frame it lies in.

    The library wants one series of single-frame images, or one multi-frame image with all its frames; a stack may be a
    phase of either, or put together from several series. So it gets made-up instances of one made-up series.
    """
    from copy import deepcopy

    from pydicom.uid import generate_uid

    series = generate_uid()
    headers = []
    for image in source.images:
        header = deepcopy(source.header)
        header.SOPClassUID, header.SOPInstanceUID = _MR_IMAGE_STORAGE, generate_uid()
        header.SeriesInstanceUID, header.Modality = series, "MR"
        header.Rows, header.Columns = stack.shape[1:]
        header.PixelSpacing = [_decimal(value) for value in stack.spacing_mm[1:]]
        header.SliceThickness = _decimal(source.slice_thickness_mm)
        header.SpacingBetweenSlices = _decimal(stack.spacing_mm[0])
        header.ImageOrientationPatient = [_decimal(value) for value in source.orientation]
        header.ImagePositionPatient = [_decimal(value) for value in image.position]
        headers.append(header)
    return headers


def _description(tissue: TissueClass, origin: LabelOrigin) -> "SegmentDescription":
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.color import CIELabColor
    from highdicom.seg import SegmentDescription
    from pydicom.sr.codedict import codes
    from pydicom.uid import generate_uid

    from scarnet.io.dicom_codes import SEGMENT_CODES

    name, coded = CLASS_NAMES[tissue], SEGMENT_CODES[tissue]
    algorithm = None
    if origin.kind != "manual":
        # A long string holds 64 characters, which is a SHA-256 digest.
        algorithm = AlgorithmIdentificationSequence(
            name=f"{MODEL_PREFIX}{origin.model_name}"[:64],
            family=codes.DCM.ArtificialIntelligence,
            version=origin.model_sha256,
            source=f"{MANUFACTURER} {scarnet.__version__}",
        )
    red, green, blue = (255 * value for value in CLASS_COLOURS[tissue][:3])
    return SegmentDescription(
        segment_number=int(tissue),
        segment_label=name,
        segmented_property_category=coded.category,
        segmented_property_type=coded.kind,
        algorithm_type=origin.kind.upper(),
        algorithm_identification=algorithm,
        tracking_uid=generate_uid(),
        tracking_id=name,
        anatomic_regions=[coded.region],
        display_color=CIELabColor.from_rgb(red, green, blue),
    )


def _refer(segmentation: "Segmentation", images: dict[str, SourceImage]) -> None:
    """Turn references to the stand-ins into references to the real instances and frames."""
    from pydicom import Dataset

    instances: dict[str, Dataset] = {}
    series: dict[str, list[Dataset]] = {}
    for image in images.values():
        if image.sop_instance_uid not in instances:
            instances[image.sop_instance_uid] = _reference(image, frame=False)
            series.setdefault(image.series_uid, []).append(_reference(image, frame=False))
    segmentation.SourceImageSequence = list(instances.values())
    segmentation.ReferencedSeriesSequence = []
    for uid, members in series.items():
        item = Dataset()
        item.SeriesInstanceUID, item.ReferencedInstanceSequence = uid, members
        segmentation.ReferencedSeriesSequence.append(item)
    for frame in segmentation.PerFrameFunctionalGroupsSequence:
        (reference,) = frame.DerivationImageSequence[0].SourceImageSequence
        # The segments' frames of one slice share their reference.
        if reference.ReferencedSOPInstanceUID in images:
            reference.update(_reference(images[reference.ReferencedSOPInstanceUID], frame=True))


def _reference(image: SourceImage, *, frame: bool) -> "Dataset":
    from pydicom import Dataset

    reference = Dataset()
    reference.ReferencedSOPClassUID = image.sop_class_uid
    reference.ReferencedSOPInstanceUID = image.sop_instance_uid
    if frame and image.frame_number is not None:
        reference.ReferencedFrameNumber = image.frame_number
    return reference


def _decimal(value: float) -> Any:
    from pydicom.valuerep import DSfloat

    return DSfloat(value, auto_format=True)

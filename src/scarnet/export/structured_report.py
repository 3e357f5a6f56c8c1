"""The headline measures as a DICOM measurement report (TID 1500) that refers to the segmentation they are of."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import scarnet
from scarnet.classes import CLASS_NAMES, TissueClass
from scarnet.errors import ScarNetError
from scarnet.export.equipment import DEVICE, EQUIPMENT, MANUFACTURER
from scarnet.export.segmentation import SEGMENTS
from scarnet.export.writing import unquoted
from scarnet.measure import MYOCARDIAL_DENSITY_G_PER_ML

if TYPE_CHECKING:
    from highdicom.seg import Segmentation
    from highdicom.sr import (
        CodedConcept,
        ComprehensiveSR,
        Measurement,
        MeasurementReport,
        VolumetricROIMeasurementsAndQualitativeEvaluations,
    )
    from pydicom import Dataset

__all__ = ["make_structured_report"]

_SERIES_NUMBER = 9002
_SCHEME = "99SCARNET"
# No standard code says this, so it is a private one.
_SCAR_PERCENT = ("SCARPERCENT", "Infarct as percentage of left ventricular myocardium volume")
_VOLUMES = {
    TissueClass.MYOCARDIUM: "myocardium_volume_ml",
    TissueClass.BLOOD_POOL: "blood_pool_volume_ml",
    TissueClass.SCAR: "scar_volume_ml",
}
_AREAS = {tissue: key.replace("volume_ml", "area_mm2") for tissue, key in _VOLUMES.items()}
_MASSES = {TissueClass.MYOCARDIUM: "myocardium_mass_g", TissueClass.SCAR: "scar_mass_g"}
# Measures of a segmentation of the same labels agree with its own voxels to this share.
_AGREEMENT = 1e-3


def make_structured_report(values: Mapping[str, Any], segmentation: "Segmentation") -> "ComprehensiveSR":
    """Make a measurement report of volumes, masses and the scar's percentage.

    Parameters
    ----------
    values : Mapping
        The measures, as in ``measures.json``.
    segmentation : highdicom.seg.Segmentation
        The segmentation of the labels that were measured; patient and study are taken from it.

    Returns
    -------
    highdicom.sr.ComprehensiveSR
        One measurement group a segment: volume in ml, mass in g (not of the blood pool), and of the infarct its
        percentage of the whole wall. A percentage that does not exist is left out. For
        :func:`scarnet.export.write_dicom`.

    Raises
    ------
    ScarNetError
        The measures are not of this segmentation.

    References
    ----------
    DICOM PS3.16, TID 1500 "Measurement Report" and TID 1411 "Volumetric ROI Measurements".
    """
    _check_areas(values, segmentation)

    from highdicom.coding_schemes import CodingSchemeIdentificationItem
    from highdicom.sr import ComprehensiveSR
    from pydicom.uid import generate_uid

    with unquoted():
        report = ComprehensiveSR(
            evidence=[segmentation, *_sources(segmentation)],
            content=_content(values, segmentation)[0],
            series_instance_uid=generate_uid(),
            series_number=_SERIES_NUMBER,
            sop_instance_uid=generate_uid(),
            instance_number=1,
            **EQUIPMENT,
            series_description="ScarNet measures; research use only",
            coding_schemes=[CodingSchemeIdentificationItem(designator=_SCHEME, name=MANUFACTURER)],
            is_complete=True,
        )
    return report


def _check_areas(values: Mapping[str, Any], segmentation: "Segmentation") -> None:
    import numpy as np

    frames = segmentation.pixel_array.reshape(-1, segmentation.Rows, segmentation.Columns)
    numbers = [
        frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        for frame in segmentation.PerFrameFunctionalGroupsSequence
    ]
    counts = np.bincount(numbers, weights=np.count_nonzero(frames, axis=(1, 2)), minlength=len(SEGMENTS) + 1)
    spacing = segmentation.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing
    for tissue in SEGMENTS:
        own = counts[tissue] * float(spacing[0]) * float(spacing[1])
        # Areas, not volumes: how thick a slice counts is the measures' affair.
        measured = sum(one[_AREAS[tissue]] for one in values["slices"])
        if abs(own - measured) > _AGREEMENT * max(own, measured):
            raise ScarNetError(
                f"The measures say {measured:.1f} mm² of {CLASS_NAMES[tissue]} in all slices, the segmentation holds "
                f"{own:.1f} mm²; measure the labels that are written."
            )


def _sources(segmentation: "Segmentation") -> "list[Dataset]":
    """Give the instances that the segmentation refers to, as evidence of its own study."""
    from pydicom import Dataset

    evidence = []
    for series in segmentation.ReferencedSeriesSequence:
        for reference in series.ReferencedInstanceSequence:
            item = Dataset()
            item.StudyInstanceUID, item.SeriesInstanceUID = segmentation.StudyInstanceUID, series.SeriesInstanceUID
            item.SOPClassUID, item.SOPInstanceUID = (
                reference.ReferencedSOPClassUID,
                reference.ReferencedSOPInstanceUID,
            )
            evidence.append(item)
    return evidence


def _content(values: Mapping[str, Any], segmentation: "Segmentation") -> "MeasurementReport":
    from highdicom.sr import (
        DeviceObserverIdentifyingAttributes,
        MeasurementReport,
        ObservationContext,
        ObserverContext,
    )
    from pydicom.sr.codedict import codes
    from pydicom.uid import generate_uid

    device = DeviceObserverIdentifyingAttributes(
        uid=generate_uid(), name=DEVICE, manufacturer_name=MANUFACTURER, model_name=f"{DEVICE} {scarnet.__version__}"
    )
    return MeasurementReport(
        observation_context=ObservationContext(
            observer_device_context=ObserverContext(
                observer_type=codes.DCM.Device, observer_identifying_attributes=device
            )
        ),
        procedure_reported=codes.SCT.CardiacMRI,
        imaging_measurements=[_group(tissue, values, segmentation) for tissue in SEGMENTS],
        title=codes.DCM.ImagingMeasurementReport,
    )


def _group(
    tissue: TissueClass, values: Mapping[str, Any], segmentation: "Segmentation"
) -> "VolumetricROIMeasurementsAndQualitativeEvaluations":
    from highdicom.sr import (
        AlgorithmIdentification,
        FindingSite,
        ReferencedSegment,
        TrackingIdentifier,
        VolumetricROIMeasurementsAndQualitativeEvaluations,
    )

    from scarnet.io.dicom_codes import SEGMENT_CODES

    coded = SEGMENT_CODES[tissue]
    segment = segmentation.SegmentSequence[SEGMENTS.index(tissue)]
    return VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=segment.TrackingUID, identifier=segment.TrackingID),
        referenced_segment=ReferencedSegment.from_segmentation(segmentation, segment_number=int(tissue)),
        finding_type=coded.kind,
        finding_category=coded.category,
        finding_sites=[FindingSite(anatomic_location=coded.region)],
        algorithm_id=AlgorithmIdentification(
            name=f"{MANUFACTURER} measures",
            version=scarnet.__version__,
            parameters=[f"myocardial density = {MYOCARDIAL_DENSITY_G_PER_ML} g/ml"],
        ),
        measurements=_measurements(tissue, values),
    )


def _measurements(tissue: TissueClass, values: Mapping[str, Any]) -> "list[Measurement]":
    from highdicom.sr import CodedConcept
    from pydicom.sr.codedict import codes

    millilitre, gram = CodedConcept("ml", "UCUM", "milliliter"), CodedConcept("g", "UCUM", "gram")
    percent = CodedConcept("%", "UCUM", "percent")
    found = [_measurement(codes.SCT.Volume, values[_VOLUMES[tissue]], millilitre)]
    if tissue in _MASSES:
        found.append(_measurement(codes.SCT.MassQuantity, values[_MASSES[tissue]], gram))
    if tissue is TissueClass.SCAR and values["scar_percent_myocardium"] is not None:
        name = CodedConcept(_SCAR_PERCENT[0], _SCHEME, _SCAR_PERCENT[1])
        found.append(_measurement(name, values["scar_percent_myocardium"], percent))
    return found


def _measurement(name: Any, value: float, unit: "CodedConcept") -> "Measurement":
    from highdicom.sr import Measurement

    # Six digits are more than voxels bear; a decimal string of DICOM holds 16 letters.
    return Measurement(name=name, value=float(f"{value:.6g}"), unit=unit)

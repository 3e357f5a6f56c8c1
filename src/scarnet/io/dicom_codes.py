"""The SNOMED CT codes by which DICOM segmentations and reports name our classes."""

from dataclasses import dataclass

from pydicom.sr.coding import Code

from scarnet.classes import TissueClass

__all__ = ["SEGMENT_CODES", "SegmentCodes"]


@dataclass(frozen=True)
class SegmentCodes:
    """What a segment is, in codes.

    Attributes
    ----------
    category : Code
        Segmented property category, of DICOM's context group CID 7150.
    kind : Code
        Segmented property type.
    region : Code
        The anatomic region it lies in.
    """

    category: Code
    kind: Code
    region: Code


_LEFT_VENTRICLE = Code("87878005", "SCT", "Left ventricle")
_MYOCARDIUM = Code("49848007", "SCT", "Myocardium of left ventricle")

SEGMENT_CODES: dict[TissueClass, SegmentCodes] = {
    TissueClass.MYOCARDIUM: SegmentCodes(Code("91723000", "SCT", "Anatomical Structure"), _MYOCARDIUM, _LEFT_VENTRICLE),
    TissueClass.BLOOD_POOL: SegmentCodes(
        Code("91720002", "SCT", "Body Substance"), Code("87612001", "SCT", "Blood"), _LEFT_VENTRICLE
    ),
    TissueClass.SCAR: SegmentCodes(
        Code("49755003", "SCT", "Morphologically Abnormal Structure"), Code("55641003", "SCT", "Infarct"), _MYOCARDIUM
    ),
}
"""By class; the segment's number is the class's label value, and the myocardium is the whole wall, scar included."""

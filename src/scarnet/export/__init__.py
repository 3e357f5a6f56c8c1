"""What leaves the program as DICOM: segmentations and measurement reports that refer to the source images."""

from scarnet.export.origin import LabelOrigin
from scarnet.export.segmentation import make_segmentation
from scarnet.export.structured_report import make_structured_report
from scarnet.export.writing import write_dicom

__all__ = ["LabelOrigin", "make_segmentation", "make_structured_report", "write_dicom"]

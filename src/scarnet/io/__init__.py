"""Reading studies and labels from every format, writing labels and maps."""

from scarnet.io.labels import read_labels
from scarnet.io.series import AmbiguousStudyError, SeriesInfo
from scarnet.io.study import is_study, list_series, read_study
from scarnet.io.writers import write_channels, write_image, write_labels

__all__ = [
    "AmbiguousStudyError",
    "SeriesInfo",
    "is_study",
    "list_series",
    "read_labels",
    "read_study",
    "write_channels",
    "write_image",
    "write_labels",
]

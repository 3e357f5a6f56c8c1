"""Writing a DICOM object as a file."""

from pathlib import Path
from typing import TYPE_CHECKING

from scarnet.files import atomic_path

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["write_dicom"]


def write_dicom(path: Path | str, dataset: "Dataset") -> None:
    """Write a DICOM object.

    Parameters
    ----------
    path : Path or str
        The file; what stands there is replaced at the end.
    dataset : Dataset
        The object, with its file meta information.

    Raises
    ------
    ScarNetError
        The file cannot be written.
    """
    with atomic_path(path) as target:
        dataset.save_as(target, enforce_file_format=True)

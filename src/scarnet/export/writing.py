"""Writing a DICOM object as a file, without a word of it in a log."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scarnet.files import atomic_path

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["unquoted", "write_dicom"]


@contextmanager
def unquoted() -> Iterator[None]:
    """Keep pydicom's and highdicom's warnings off the screen: they quote names and identifiers.

    Yields
    ------
    None
        Nothing.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


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
    with atomic_path(path) as target, unquoted():
        dataset.save_as(target, enforce_file_format=True)

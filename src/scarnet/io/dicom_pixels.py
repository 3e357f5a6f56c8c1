"""Decoding the pixels of chosen DICOM frames: rescale, MONOCHROME1, multi-frame."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from scarnet.errors import ScarNetError
from scarnet.io.dicom_frames import Frame
from scarnet.io.dicom_headers import read_dataset
from scarnet.progress import Progress

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["read_pixels"]


def read_pixels(
    frames: Sequence[Frame], datasets: "Mapping[Path, Dataset]", progress: Progress
) -> npt.NDArray[np.float32]:
    """Decode frames into one array of intensities.

    Parameters
    ----------
    frames : sequence of Frame
        Slices of one size, in the order wanted.
    datasets : mapping of Path to Dataset
        Files that were read already, pixels included.
    progress : Progress
        Called per slice; may raise Cancelled.

    Returns
    -------
    ndarray of float32, shape (Z, Y, X)
        Intensities after slope and intercept; of MONOCHROME1 images turned over, so that bright stays bright.

    Raises
    ------
    ScarNetError
        A file is truncated or its compression cannot be decoded.
    """
    pixels = np.empty((len(frames), *frames[0].shape), dtype=np.float32)
    opened: tuple[Path, Dataset] | None = None
    for z, frame in enumerate(frames):
        progress(z, len(frames), "Reading slices")
        if opened is None or opened[0] != frame.path:
            opened = frame.path, datasets.get(frame.path) or read_dataset(frame.path, pixels=True)
        stored = _decode(opened[1], frame)
        if stored.shape != frame.shape:
            raise ScarNetError(
                f"{frame.path}: the pixel data is not the {frame.shape[0]} × {frame.shape[1]} it claims."
            )
        if frame.slope == 1.0 and frame.intercept == 0.0:
            pixels[z] = stored
        else:
            pixels[z] = stored * np.float64(frame.slope) + frame.intercept
    progress(len(frames), len(frames), "Reading slices")
    if frames[0].inverted:
        pixels = (pixels.max() + pixels.min()) - pixels
    return pixels


def _decode(dataset: "Dataset", frame: Frame) -> npt.NDArray[Any]:
    from pydicom.pixels import pixel_array

    _complete_meta(dataset)
    try:
        if frame.index is None:
            return np.asarray(dataset.pixel_array)
        return np.asarray(pixel_array(dataset, index=frame.index))
    except Exception as error:  # each decoder raises its own types
        raise ScarNetError(
            f"{frame.path}: the pixel data cannot be decoded; the file is truncated or damaged, or its compression is "
            "not supported. Copy or export it again."
        ) from error


def _complete_meta(dataset: "Dataset") -> None:
    """Name the transfer syntax of old files that carry none, from how the header was encoded."""
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    if dataset.file_meta.get("TransferSyntaxUID"):
        return
    implicit, little = dataset.original_encoding
    explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit

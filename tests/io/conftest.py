"""A small DICOM writer with every knob a bad study needs, and an LGE-like volume."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID, ExplicitVRLittleEndian

MR_IMAGE, ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1"
OBLIQUE = (0.698629, 0.714773, -0.0318918, -0.298901, 0.251078, -0.920662)


def orthonormal(orientation: Sequence[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    row = np.array(orientation[:3]) / np.linalg.norm(orientation[:3])
    column = np.array(orientation[3:]) - row * (row @ np.array(orientation[3:]))
    column /= np.linalg.norm(column)
    return row, column, np.cross(row, column)


def new_dataset(sop_class: str, uid: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID(sop_class), UID(uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, uid
    dataset.Modality, dataset.PatientID, dataset.PatientName = "MR", "SECRET-7", "Secret^Person"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SeriesNumber = "1.2.3", "1.2.3.4", 1
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    return dataset


def set_or_delete(dataset: Dataset, values: dict[str, Any]) -> None:
    for keyword, value in values.items():
        if value is None:
            if keyword in dataset:
                del dataset[keyword]
        else:
            setattr(dataset, keyword, value)


def write_slice(path: Path, pixels: np.ndarray, position: Sequence[float], number: int, **header: Any) -> Path:
    """One single-frame MR file; a header value of None leaves the element out."""
    dataset = new_dataset(MR_IMAGE, f"1.2.3.4.{header.pop('uid', number)}")
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
    dataset.InstanceNumber = number
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.PixelSpacing, dataset.SliceThickness = [1.5, 1.25], 8
    dataset.ImageOrientationPatient = [f"{v:.12g}" for v in np.concatenate(orthonormal(OBLIQUE)[:2])]
    dataset.ImagePositionPatient = [f"{v:.12g}" for v in position]
    dataset.PixelData = np.ascontiguousarray(pixels, dtype="<u2").tobytes()
    set_or_delete(dataset, header)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def volume() -> np.ndarray:
    """Six slices of 48 x 40 with every value telling its place."""
    return np.random.default_rng(3).integers(1, 4000, (6, 48, 40)).astype(np.uint16)


@pytest.fixture
def write_series(volume: np.ndarray) -> Callable[..., Path]:
    """Write `volume` as a series: `offsets` are distances along the normal, `headers` a function of the slice."""

    def write(
        folder: Path,
        offsets: Sequence[float] = (0, 8, 16, 24, 32, 40),
        slices: Sequence[int] | None = None,
        start: Sequence[float] = (-30.0, -210.0, 140.0),
        prefix: str = "f",
        headers: Callable[[int], dict[str, Any]] = lambda index: {},
        **header: Any,
    ) -> Path:
        normal = orthonormal(OBLIQUE)[2]
        order = np.random.default_rng(1).permutation(len(offsets))
        for name, index in enumerate(order):
            z = index if slices is None else slices[index]
            write_slice(
                folder / f"{prefix}{name:03d}",
                volume[z % 6],
                np.array(start) + offsets[index] * normal,
                name + 1,
                **({"uid": f"{sum(prefix.encode())}.{index + 1}"} | header | headers(int(index))),
            )
        return folder

    return write


def write_enhanced(path: Path, pixels: np.ndarray, phases: int = 1, shared_rescale: bool = True) -> Path:
    """An enhanced MR file whose frames are shuffled; pixels are (P * Z, Y, X), phase by phase."""
    row, column, normal = orthonormal(OBLIQUE)
    dataset = new_dataset(ENHANCED_MR, "1.2.3.9.1")
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    dataset.Rows, dataset.Columns = pixels.shape[1:]
    dataset.NumberOfFrames = len(pixels)

    def group(keyword: str, **values: Any) -> tuple[str, DicomSequence]:
        item = Dataset()
        set_or_delete(item, values)
        return keyword, DicomSequence([item])

    shared = Dataset()
    parts = [
        group("PixelMeasuresSequence", PixelSpacing=[1.5, 1.25], SliceThickness=8),
        group("PlaneOrientationSequence", ImageOrientationPatient=[f"{v:.12g}" for v in (*row, *column)]),
        group(
            "MRImageFrameTypeSequence",
            FrameType=["ORIGINAL", "PRIMARY", "CARDIAC", "NONE"],
            ComplexImageComponent="REAL",
        ),
    ]
    rescale = group("PixelValueTransformationSequence", RescaleSlope=0.5, RescaleIntercept=-100, RescaleType="US")
    for keyword, sequence in [*parts, *([rescale] if shared_rescale else [])]:
        setattr(shared, keyword, sequence)
    dataset.SharedFunctionalGroupsSequence = DicomSequence([shared])
    n_slices = len(pixels) // phases
    order = np.random.default_rng(5).permutation(len(pixels))
    frames = []
    for index in order:
        phase, z = divmod(int(index), n_slices)
        position = np.array([-30.0, -210.0, 140.0]) + 8 * z * normal
        frame = Dataset()
        for keyword, sequence in [
            group("PlanePositionSequence", ImagePositionPatient=[f"{v:.12g}" for v in position]),
            group("FrameContentSequence", StackID="1", InStackPositionNumber=z + 1, TemporalPositionIndex=phase + 1),
            *([] if shared_rescale else [rescale]),
        ]:
            setattr(frame, keyword, sequence)
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = DicomSequence(frames)
    dataset.PixelData = np.ascontiguousarray(pixels[order], dtype="<u2").tobytes()
    dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def enhanced_writer() -> Callable[..., Path]:
    return write_enhanced


@pytest.fixture
def slice_writer() -> Callable[..., Path]:
    return write_slice

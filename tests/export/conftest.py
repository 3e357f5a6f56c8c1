"""Four kinds of DICOM studies with a patient in their headers, and labels on them."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from scarnet.io import read_study
from scarnet.phantom import write_dicom_series
from scarnet.stack import LGEStack

SECRETS = {
    "PatientName": "Geheim^Person",
    "PatientID": "SECRET-ID-7",
    "PatientBirthDate": "19510203",
    "PatientSex": "F",
    "StudyDate": "20190405",
    "StudyTime": "101112",
    "StudyID": "SECRET-STUDY",
    "AccessionNumber": "SECRET-ACC",
    "ReferringPhysicianName": "Geheim^Doctor",
    "StudyDescription": "SECRET description",
    "InstitutionName": "SECRET hospital",
    "StationName": "SECRET-STATION",
    "DeviceSerialNumber": "SECRET-SERIAL",
    "OperatorsName": "Geheim^Operator",
}


@dataclass(frozen=True)
class Study:
    """A study as it was read, its folder, and labels of all classes with an empty slice at one end."""

    stack: LGEStack
    folder: Path
    labels: np.ndarray


def oblique_affine(spacing: tuple[float, float, float] = (9.0, 1.5, 1.25)) -> np.ndarray:
    across = np.array([0.7, -0.65, 0.2])
    across /= np.linalg.norm(across)
    down = np.array([0.3, 0.25, 0.9])
    down -= across * (across @ down)
    down /= np.linalg.norm(down)
    affine = np.eye(4)
    affine[:3, :3] = np.stack([across, down, np.cross(across, down)], axis=1) * spacing[::-1]
    affine[:3, 3] = (-31.5, 80.25, -12.125)
    return affine


def random_labels(shape: tuple[int, int, int]) -> np.ndarray:
    labels = np.random.default_rng(8).integers(0, 4, shape).astype(np.uint8)
    labels[0] = 0
    labels[:, :3] = 0
    return labels


def single_frames(folder: Path) -> tuple[LGEStack, list[Path]]:
    pixels = np.random.default_rng(4).integers(0, 3000, (6, 20, 29)).astype(np.float32)
    stack = LGEStack(pixels, (9.0, 1.5, 1.25), oblique_affine(), "made", kind="magnitude")
    paths = write_dicom_series(folder, stack, shuffle_names=True, slice_thickness_mm=8.0)
    for path in paths:
        dataset = pydicom.dcmread(path)
        for keyword, value in SECRETS.items():
            setattr(dataset, keyword, value)
        dataset.save_as(path)
    return stack, paths


def enhanced(folder: Path) -> None:
    """Put the slices twice, as two shuffled phases, into one enhanced file."""
    _, paths = single_frames(folder)
    slices = [pydicom.dcmread(path) for path in paths]
    whole = deepcopy(slices[0])
    whole.SOPClassUID = whole.file_meta.MediaStorageSOPClassUID = pydicom.uid.EnhancedMRImageStorage
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"):
        delattr(whole, keyword)
    shared = Dataset()
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [Dataset()], [Dataset()]
    shared.PixelMeasuresSequence[0].PixelSpacing = slices[0].PixelSpacing
    shared.PixelMeasuresSequence[0].SliceThickness = slices[0].SliceThickness
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = slices[0].ImageOrientationPatient
    whole.SharedFunctionalGroupsSequence = [shared]
    whole.PerFrameFunctionalGroupsSequence, pixels = [], []
    for number in np.random.default_rng(2).permutation(2 * len(slices)):
        phase, z = divmod(int(number), len(slices))
        frame = Dataset()
        frame.PlanePositionSequence, frame.FrameContentSequence = [Dataset()], [Dataset()]
        frame.PlanePositionSequence[0].ImagePositionPatient = slices[z].ImagePositionPatient
        frame.FrameContentSequence[0].TemporalPositionIndex = phase + 1
        whole.PerFrameFunctionalGroupsSequence.append(frame)
        pixels.append(slices[z].pixel_array + np.uint16(1000 * phase))
    whole.NumberOfFrames, whole.PixelData = len(pixels), np.stack(pixels).astype("<u2").tobytes()
    for path in paths:
        path.unlink()
    whole.save_as(folder / "enhanced.dcm")


@pytest.fixture
def make_study(tmp_path: Path) -> Callable[[str], Study]:
    """Write and read a study: "oblique", "gapped", "enhanced" or "joined" (a series a slice)."""

    def make(kind: str = "oblique") -> Study:
        folder = tmp_path / f"study-{kind}"
        choice: dict[str, object] = {}
        if kind == "enhanced":
            enhanced(folder)
            choice = {"phase": 1}
        else:
            _, paths = single_frames(folder)
            if kind == "gapped":
                paths[2].unlink()
            if kind == "joined":
                for number, path in enumerate(paths):
                    dataset = pydicom.dcmread(path)
                    dataset.SeriesInstanceUID += f".{number + 1}"
                    dataset.save_as(path)
                choice = {"series": str(len(paths) + 1)}
        stack = read_study(folder, case="case 7", **choice)  # type: ignore[arg-type]
        return Study(stack, folder, random_labels(stack.shape))

    return make

"""Writing a stack as an MR DICOM series with made-up, plausible headers."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.errors import ScarNetError
from scarnet.files import atomic_path, make_folder
from scarnet.progress import Progress, silent
from scarnet.stack import LGEStack

__all__ = ["DEFAULT_SEQUENCE", "write_dicom_series"]

DEFAULT_SEQUENCE: dict[str, float] = {"ti_ms": 280.0, "tr_ms": 800.0, "te_ms": 1.6, "flip_angle_deg": 25.0}

_MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4"


def write_dicom_series(
    folder: Path | str,
    stack: LGEStack,
    *,
    seed: int = 0,
    sequence: Mapping[str, float] | None = None,
    slice_thickness_mm: float | None = None,
    shuffle_names: bool = False,
    description: str | None = None,
    series_number: int = 1,
    progress: Progress = silent,
) -> list[Path]:
    """Write a stack as one single-frame MR DICOM file per slice, with synthetic headers.

    Explicit VR Little Endian; position and orientation come from the stack's affine (RAS turned to LPS). Pixels are
    unsigned 16 bit with a rescale slope and intercept. Whole-number intensities that span less than 65 536 come back
    exactly, and so do multiples of a common step; others come back within half of 1/65 535 of their span.

    Parameters
    ----------
    folder : Path or str
        Where the files go; made where it is missing.
    stack : LGEStack
        The images.
    seed : int
        Source of the identifiers and of the order of file names; the same seed gives the same bytes.
    sequence : Mapping, optional
        ``ti_ms``, ``tr_ms``, ``te_ms``, ``flip_angle_deg``, as :attr:`Phantom.sequence`; usual values if not given.
    slice_thickness_mm : float, optional
        Thickness to state; the distance between slices if not given.
    shuffle_names : bool
        Give the files names, and write the instance numbers, in an order that says nothing about the slices' positions.
    description : str, optional
        The series' description; says that the series is synthetic if not given.
    series_number : int
        Number of the series in its study.
    progress : Progress
        Called after each file.

    Returns
    -------
    list of Path
        The files, in the order of the stack's slices.

    Raises
    ------
    ScarNetError
        The folder cannot be written to, or the stack's slices are not at right angles to their normal.
    """
    folder = make_folder(folder)
    stored, slope, intercept = _quantised(stack.pixels)
    names = _file_names(len(stored), seed, shuffle_names)
    normal, shared = _series_tags(stack, seed, {**DEFAULT_SEQUENCE, **(sequence or {})}, description, series_number)
    if slice_thickness_mm is not None:
        shared["SliceThickness"] = _decimal(slice_thickness_mm)
    shared |= {"RescaleSlope": _decimal(slope), "RescaleIntercept": _decimal(intercept)}
    low, high = np.percentile(stack.pixels, [1, 99.5])
    shared |= {"WindowCenter": _decimal((low + high) / 2), "WindowWidth": _decimal(max(high - low, 1.0))}
    paths = []
    for z, (number, name) in enumerate(names):
        position = _lps(stack.affine @ np.array([0.0, 0.0, z, 1.0]))
        dataset = _dataset(shared, stored[z], f"{_root(seed)}.{series_number}.{number}")
        dataset.InstanceNumber = number
        dataset.ImagePositionPatient = [_decimal(v) for v in position]
        dataset.SliceLocation = _decimal(float(position @ normal))
        with atomic_path(folder / name) as path:
            dataset.save_as(path, enforce_file_format=True)
        paths.append(folder / name)
        progress(z + 1, len(names), "Writing synthetic DICOM")
    return paths


def _series_tags(
    stack: LGEStack, seed: int, sequence: Mapping[str, float], description: str | None, number: int
) -> tuple[npt.NDArray[np.float64], dict[str, Any]]:
    columns = np.array([_lps(stack.affine[:, k]) for k in range(3)])
    spacing = np.linalg.norm(columns, axis=1)
    across, down = columns[0] / spacing[0], columns[1] / spacing[1]
    normal = np.cross(across, down)
    step = columns[2] / spacing[2]
    if abs(across @ down) > 1e-3 or abs(abs(step @ normal) - 1) > 1e-3:
        raise ScarNetError(f"{stack.case}: the affine is sheared, which an MR series cannot hold; resample it first.")
    synthetic = "Synthetic LGE phantom" if stack.source.format == "phantom" else "Synthetic headers"
    reconstruction = {"psir": ["R", "PSIR"], "magnitude": ["M", "NORM"]}.get(stack.kind, ["OTHER"])
    root = _root(seed)
    return normal, {
        "ImageType": ["ORIGINAL", "PRIMARY", *reconstruction],
        "SOPClassUID": _MR_IMAGE_STORAGE,
        "SpecificCharacterSet": "ISO_IR 192",
        "AccessionNumber": "",
        "ReferringPhysicianName": "",
        "StudyDate": "20000101",
        "SeriesDate": "20000101",
        "StudyTime": "120000",
        "Modality": "MR",
        "Manufacturer": "SYNTHETIC",
        "ManufacturerModelName": "Phantom",
        "StudyDescription": "Synthetic cardiac MR",
        "SeriesDescription": description or f"{synthetic} SAX {stack.kind.upper()}",
        "PatientName": f"PHANTOM^SEED{seed}",
        "PatientID": "PHANTOM",
        "PatientSex": "O",
        "PatientBirthDate": "",
        "PatientIdentityRemoved": "YES",
        "BodyPartExamined": "HEART",
        "ScanningSequence": ["GR", "IR"],
        "SequenceVariant": ["SK", "MP"],
        "ScanOptions": "CT",
        "MRAcquisitionType": "2D",
        "SliceThickness": _decimal(spacing[2]),
        "RepetitionTime": _decimal(sequence["tr_ms"]),
        "EchoTime": _decimal(sequence["te_ms"]),
        "InversionTime": _decimal(sequence["ti_ms"]),
        "FlipAngle": _decimal(sequence["flip_angle_deg"]),
        "MagneticFieldStrength": _decimal(1.5),
        "SpacingBetweenSlices": _decimal(spacing[2]),
        "PatientPosition": "HFS",
        "StudyInstanceUID": root,
        "SeriesInstanceUID": f"{root}.{number}",
        "FrameOfReferenceUID": f"{root}.0",
        "StudyID": "1",
        "SeriesNumber": number,
        "ImageOrientationPatient": [_decimal(v) for v in (*across, *down)],
        "PixelSpacing": [_decimal(spacing[1]), _decimal(spacing[0])],
        "ContrastBolusAgent": "SYNTHETIC",
        "RescaleType": "US",
    }


def _dataset(shared: Mapping[str, Any], pixels: npt.NDArray[np.uint16], uid: str) -> Any:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(_MR_IMAGE_STORAGE)
    meta.MediaStorageSOPInstanceUID = UID(uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    for keyword, value in shared.items():
        setattr(dataset, keyword, value)
    dataset.SOPInstanceUID = uid
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = 0
    dataset.PixelData = pixels.astype("<u2").tobytes()
    return dataset


def _quantised(pixels: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.uint16], float, float]:
    values = pixels.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if (values == np.rint(values)).all() and high - low < 65536:
        intercept = 0.0 if low >= 0 and high < 65536 else low
        return (values - intercept).astype(np.uint16), 1.0, intercept
    levels = np.unique(values)
    step = float(np.diff(levels).min()) if len(levels) > 1 else 1.0
    counts = (values - low) / step
    if counts.max() > 65535 or np.abs(counts - np.rint(counts)).max() > 1e-3:
        step = (high - low) / 65535
    # The slope is rounded to what the file can hold before it is used, so that reading undoes writing.
    step, low = float(_decimal(step)), float(_decimal(low))
    return np.clip(np.rint((values - low) / step), 0, 65535).astype(np.uint16), step, low


def _file_names(n: int, seed: int, shuffled: bool) -> list[tuple[int, str]]:
    numbers = np.arange(1, n + 1)
    if not shuffled:
        return [(int(k), f"IM{k:04d}.dcm") for k in numbers]
    rng = np.random.default_rng([seed, 20])
    tags = rng.permutation(16**4)[:n]
    return [(int(k), f"{tag:04X}") for k, tag in zip(rng.permutation(numbers), tags, strict=True)]


def _root(seed: int) -> str:
    # 2.25 is the arc for identifiers made from a number of 128 bits.
    digest = hashlib.sha256(f"scarnet phantom {seed}".encode()).digest()
    return f"2.25.{int.from_bytes(digest[:12], 'big')}"


def _lps(ras: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.array([-ras[0], -ras[1], ras[2]], dtype=np.float64)


def _decimal(value: float) -> str:
    # DICOM decimal strings hold 16 characters.
    for digits in range(15, 4, -1):
        text = f"{float(value):.{digits}g}"
        if len(text) <= 16:
            return text
    return f"{float(value):.5g}"

"""Reading a DICOM Segmentation back as labels, each frame on the slice whose place in the patient it states."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from scarnet.classes import TissueClass, class_from_name
from scarnet.errors import ScarNetError
from scarnet.io.dicom import frames_of_stack
from scarnet.io.dicom_geometry import normal_of
from scarnet.stack import LGEStack

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["read_segmentation"]

_STORAGE = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
# Corners of a frame and its slice may differ by this part of a voxel: headers store rounded decimals.
_SAME_GRID_VOXELS = 0.2
# Later ones are painted over earlier ones: the wall includes its scar.
_PAINTED = (TissueClass.MYOCARDIUM, TissueClass.BLOOD_POOL, TissueClass.SCAR)


@dataclass(frozen=True)
class _Plane:
    """A frame of a segmentation: its segment, None for a frame that holds the numbers of all, and its corners."""

    segment: int | None
    corners: npt.NDArray[np.float64]


def read_segmentation(path: Path, stack: LGEStack | None = None) -> npt.NDArray[np.uint8]:
    """Read a DICOM Segmentation.

    Parameters
    ----------
    path : Path
        The file: binary or label map, by this program or another.
    stack : LGEStack, optional
        The image the labels belong to. Without it, the planes of the segmentation are the slices.

    Returns
    -------
    ndarray of uint8, shape (Z, Y, X)
        Class of each voxel, as in :class:`scarnet.classes.TissueClass`. Slices without a frame are background. Where
        segments overlap, scar wins over blood pool and that over myocardium.

    Raises
    ------
    ScarNetError
        The file is no such segmentation, has a segment that is no class, or lies elsewhere than the stack.
    """
    dataset = _open(path)
    classes = _classes(path, dataset)
    try:
        planes = _planes(dataset)
        frames = np.asarray(dataset.pixel_array).reshape(-1, dataset.Rows, dataset.Columns)
    except Exception as error:  # broken sequences and pixels raise nearly any type
        raise ScarNetError(f"{path} is damaged or not a whole DICOM segmentation; export it again.") from error
    slices = _own_slices(planes) if stack is None else _slices_of(stack)
    shape = (len(slices), int(dataset.Rows), int(dataset.Columns))
    if stack is not None and shape != stack.shape:
        raise ScarNetError(
            f"{path} has slices of {shape[1]} × {shape[2]}, but {stack.case} has {stack.shape[1]} × {stack.shape[2]}; "
            "choose the segmentation of this case."
        )
    masks = {tissue: np.zeros(shape, dtype=bool) for tissue in _PAINTED}
    tolerance = _tolerance_mm(slices, shape)
    for plane, values in zip(planes, frames, strict=True):
        z = int(np.argmin(np.linalg.norm(slices[:, 0] - plane.corners[0], axis=1)))
        apart = float(np.linalg.norm(slices[z] - plane.corners, axis=1).max())
        for number, tissue in classes.items():
            mask = values == number if plane.segment is None else values > 0
            if plane.segment not in (None, number) or not mask.any() or tissue is TissueClass.BACKGROUND:
                continue
            if apart > tolerance:
                raise ScarNetError(
                    f"{path} has a slice that lies {apart:.1f} mm from the nearest one of "
                    f"{stack.case if stack else 'its own'}; choose the segmentation of this case."
                )
            masks[tissue][z] |= mask
    labels = np.zeros(shape, dtype=np.uint8)
    for tissue in _PAINTED:
        labels[masks[tissue]] = tissue
    return labels


def _open(path: Path) -> "Dataset":
    import pydicom

    if path.is_dir():
        raise ScarNetError(f"{path} is a folder; choose the file that holds the labels.")
    try:
        dataset = pydicom.dcmread(path, force=True)
        sop_class = dataset.get("SOPClassUID")
    except Exception as error:  # pydicom raises nearly any type on damaged files
        raise ScarNetError(f"{path} cannot be read as DICOM; copy or export it again.") from error
    if sop_class not in _STORAGE:
        raise ScarNetError(
            f"{path} is a DICOM file but no segmentation; choose a DICOM segmentation, NIfTI, TIFF or HDF5."
        )
    if dataset.get("SegmentationType") == "FRACTIONAL":
        raise ScarNetError(f"{path} is a fractional segmentation, which has no labels; export it as a binary one.")
    return dataset


def _classes(path: Path, dataset: "Dataset") -> dict[int, TissueClass]:
    """Say which class each segment is: by our codes, or else by its name."""
    from scarnet.io.dicom_codes import SEGMENT_CODES

    known = {(codes.kind.scheme_designator, codes.kind.value): tissue for tissue, codes in SEGMENT_CODES.items()}
    classes = {}
    for segment in dataset.get("SegmentSequence") or []:
        kind = segment.SegmentedPropertyTypeCodeSequence[0]
        coded = known.get((kind.get("CodingSchemeDesignator"), kind.get("CodeValue")))
        try:
            classes[int(segment.SegmentNumber)] = coded or class_from_name(str(segment.SegmentLabel))
        except ScarNetError as error:
            raise ScarNetError(f"{path}: {error}") from error
    return classes


def _planes(dataset: "Dataset") -> list[_Plane]:
    shared = dataset.SharedFunctionalGroupsSequence[0]
    planes = []
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        orientation = _group(frame, shared, "PlaneOrientationSequence").ImageOrientationPatient
        spacing = _group(frame, shared, "PixelMeasuresSequence").PixelSpacing
        position = _group(frame, shared, "PlanePositionSequence").ImagePositionPatient
        identified = "SegmentIdentificationSequence" in frame or "SegmentIdentificationSequence" in shared
        segment = _group(frame, shared, "SegmentIdentificationSequence").ReferencedSegmentNumber if identified else None
        corners = _corners(position, orientation, spacing, (dataset.Rows, dataset.Columns))
        planes.append(_Plane(None if segment is None else int(segment), corners))
    return planes


def _group(frame: "Dataset", shared: "Dataset", keyword: str) -> Any:
    return (frame if keyword in frame else shared)[keyword].value[0]


def _corners(
    position: Sequence[float], orientation: Sequence[float], spacing: Sequence[float], shape: tuple[int, int]
) -> npt.NDArray[np.float64]:
    """Give the first, the row's last and the column's last voxel's centre in mm, LPS; shape (3, 3)."""
    first = np.array(position, dtype=np.float64)
    across, down = np.array(orientation, dtype=np.float64).reshape(2, 3)
    return np.stack(
        [first, first + across * (shape[1] - 1) * float(spacing[1]), first + down * (shape[0] - 1) * float(spacing[0])]
    )


def _slices_of(stack: LGEStack) -> npt.NDArray[np.float64]:
    """Give the corners of a stack's slices, shape (Z, 3, 3); of DICOM at the files' own positions, gaps included."""
    z, y, x = stack.shape
    if stack.source.format == "dicom":
        frames = frames_of_stack(stack)
        if all(frame.position is not None and frame.orientation is not None for frame in frames):
            return np.stack(
                [_corners(f.position or (), f.orientation or (), stack.spacing_mm[1:], (y, x)) for f in frames]
            )
    voxels = np.array([[[0, 0, k, 1], [x - 1, 0, k, 1], [0, y - 1, k, 1]] for k in range(z)], dtype=np.float64)
    corners: npt.NDArray[np.float64] = (voxels @ stack.affine.T)[..., :3] * (-1.0, -1.0, 1.0)
    return corners


def _own_slices(planes: Sequence[_Plane]) -> npt.NDArray[np.float64]:
    """Give the different planes of a segmentation along their normal, shape (Z, 3, 3)."""
    first = planes[0].corners
    normal = normal_of((*(first[1] - first[0]), *(first[2] - first[0])))
    by_place = {round(float(plane.corners[0] @ normal), 2): plane.corners for plane in planes}
    return np.stack([by_place[place] for place in sorted(by_place)])


def _tolerance_mm(slices: npt.NDArray[np.float64], shape: tuple[int, int, int]) -> float:
    lengths = np.linalg.norm(slices[0, 1:] - slices[0, 0], axis=1) / np.maximum(np.array([shape[2], shape[1]]) - 1, 1)
    return float(_SAME_GRID_VOXELS * lengths.min())

"""Reading label volumes: values checked, other datasets' values mapped by name, the grid checked against the image."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.classes import CLASS_NAMES, map_label_values
from scarnet.errors import ScarNetError
from scarnet.io.hdf5 import MASK, load_dataset
from scarnet.io.nifti import load_volume
from scarnet.io.paths import check_readable, format_of
from scarnet.io.tiff import load_tiff
from scarnet.stack import LGEStack

__all__ = ["read_labels", "read_mask"]

# Corners of the two grids may differ by this part of a voxel: headers store floats of 32 bits.
_SAME_GRID_VOXELS = 0.2


def read_labels(
    path: Path | str, stack: LGEStack | None = None, names: Mapping[str, int] | None = None
) -> npt.NDArray[np.uint8]:
    """Read a label volume.

    Parameters
    ----------
    path : Path or str
        NIfTI, TIFF, HDF5 with a data set ``mask``, or a DICOM Segmentation, whose segments carry their own names.
    stack : LGEStack, optional
        The image the labels belong to; their grids must agree.
    names : Mapping, optional
        ``{label name: value}`` in the file. Without it, the ``dataset.json`` of an nnU-Net dataset that the file
        lies in is used; without that too, the values are the classes' own.

    Returns
    -------
    ndarray of uint8, shape (Z, Y, X)
        Class of each voxel, as in :class:`scarnet.classes.TissueClass`.

    Raises
    ------
    ScarNetError
        The file cannot be read, holds values that mean nothing, or does not fit the stack.
    """
    path = Path(path)
    if format_of(path) == "dicom":
        from scarnet.io.dicom_labels import read_segmentation

        return read_segmentation(path, stack)
    values, affine = _load(path)
    if stack is not None:
        _check_grid(path, values.shape, affine, stack)
    names = names if names is not None else _dataset_names(path)
    meaning = {int(c): int(c) for c in CLASS_NAMES} if names is None else map_label_values(names)
    found = np.unique(values)
    unknown = [value for value in found if not np.isfinite(value) or float(value) not in meaning]
    if unknown:
        listed = ", ".join(f"{value:g}" for value in unknown[:8]) + (" …" if len(unknown) > 8 else "")
        known = ", ".join(f"{value} {CLASS_NAMES[c]}" for value, c in _by_value(meaning))
        raise ScarNetError(
            f"{path} holds label values that mean nothing here: {listed}; it may hold {known}. Name the others with "
            "a dataset.json, or correct them."
        )
    labels = np.zeros(values.shape, dtype=np.uint8)
    for value in found:
        labels[values == value] = meaning[int(value)]
    return labels


def read_mask(path: Path | str, stack: LGEStack) -> npt.NDArray[np.bool_]:
    """Read a region that has no class, such as one drawn in another program.

    Parameters
    ----------
    path : Path or str
        NIfTI, TIFF or HDF5 with a data set ``mask``.
    stack : LGEStack
        The image it belongs to; their grids must agree.

    Returns
    -------
    ndarray of bool, shape (Z, Y, X)
        What is not 0 in the file: programs write 1 or 255.

    Raises
    ------
    ScarNetError
        The file cannot be read, is DICOM, or does not fit the stack.
    """
    path = Path(path)
    if format_of(path) == "dicom":
        raise ScarNetError(f"{path} is DICOM; give the mask as NIfTI, TIFF or HDF5.")
    values, affine = _load(path)
    _check_grid(path, values.shape, affine, stack)
    return np.asarray(np.nan_to_num(values) != 0)


def _by_value(meaning: Mapping[int, Any]) -> list[tuple[int, Any]]:
    return sorted(meaning.items())


def _load(path: Path) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64] | None]:
    kind = format_of(path)
    check_readable(path)
    if kind == "nifti":
        values, affine, _ = load_volume(path)
        return values, affine
    if kind == "tiff":
        return load_tiff(path)[0], None
    return load_dataset(path, MASK)[0], None


def _check_grid(path: Path, shape: tuple[int, ...], affine: npt.NDArray[np.float64] | None, stack: LGEStack) -> None:
    if shape != stack.shape:
        raise ScarNetError(
            f"{path} has {shape[0]} slices of {shape[1]} × {shape[2]}, but {stack.case} has {stack.shape[0]} of "
            f"{stack.shape[1]} × {stack.shape[2]}; choose the labels of this case."
        )
    if affine is None or stack.source.format in ("tiff", "hdf5", "array"):
        return
    z, y, x = (length - 1 for length in stack.shape)
    corners = np.array([[i, j, k, 1] for i in (0, x) for j in (0, y) for k in (0, z)], dtype=np.float64)
    apart = float(np.linalg.norm((corners @ (affine - stack.affine).T)[:, :3], axis=1).max())
    if apart > _SAME_GRID_VOXELS * min(stack.spacing_mm):
        raise ScarNetError(
            f"{path} lies elsewhere than {stack.case}: their grids are up to {apart:.1f} mm apart; resample the labels "
            "to the image, or choose the labels of this case."
        )


def _dataset_names(path: Path) -> dict[str, int] | None:
    """Find the label names of the nnU-Net dataset that a file lies in."""
    folder = path.absolute().parent
    candidates = [folder / "dataset.json"]
    if folder.name.lower().startswith("labels"):
        candidates.append(folder.parent / "dataset.json")
    for candidate in candidates:
        if candidate.is_file():
            return _names_from(candidate)
    return None


def _names_from(path: Path) -> dict[str, int]:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))["labels"]
        # nnU-Net's first version wrote {"0": "background"}, the second {"background": 0}.
        if all(str(key).isdigit() for key in stored):
            return {str(name): int(value) for value, name in stored.items()}
        return {str(name): int(value) for name, value in stored.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ScarNetError(f"{path} has no plain list of labels ({{name: value}}); correct its 'labels'.") from error

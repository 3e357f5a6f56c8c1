"""Writing labels and maps on the study's own grid, so that any other tool lays them over the image."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.classes import N_CLASSES
from scarnet.errors import ScarNetError
from scarnet.files import atomic_path
from scarnet.io.paths import suffix_of
from scarnet.stack import LGEStack

__all__ = ["write_channels", "write_image", "write_labels"]


def write_image(path: Path | str, stack: LGEStack) -> None:
    """Write a study's image.

    Parameters
    ----------
    path : Path or str
        ``.nii`` or ``.nii.gz``; float32, on the stack's grid and affine.
    stack : LGEStack
        The study.

    Raises
    ------
    ScarNetError
        The suffix is another, or the file cannot be written.
    """
    path = Path(path)
    if suffix_of(path) not in (".nii", ".nii.gz"):
        raise ScarNetError(f"{path}: images are written as .nii.gz or .nii; change the name.")
    _write_nifti(path, stack.pixels.transpose(2, 1, 0), stack, intent="none")


def write_labels(path: Path | str, labels: npt.ArrayLike, stack: LGEStack) -> None:
    """Write a label volume.

    Parameters
    ----------
    path : Path or str
        ``.nii`` or ``.nii.gz`` (on the stack's grid and affine), ``.tif`` or ``.tiff`` (ImageJ metadata, spacing).
    labels : array_like of int, shape (Z, Y, X)
        Class of each voxel.
    stack : LGEStack
        The study the labels belong to.

    Raises
    ------
    ScarNetError
        Shape or values do not fit, the suffix is another, or the file cannot be written.
    """
    path = Path(path)
    values = _checked_labels(np.asarray(labels), stack)
    suffix = suffix_of(path)
    if suffix in (".nii", ".nii.gz"):
        _write_nifti(path, values.transpose(2, 1, 0), stack, intent="label")
    elif suffix in (".tif", ".tiff"):
        _write_tiff(path, values, stack)
    else:
        raise ScarNetError(f"{path}: labels are written as .nii.gz, .nii, .tif or .tiff; change the name.")


def write_channels(path: Path | str, channels: npt.ArrayLike, stack: LGEStack) -> None:
    """Write logits or probabilities as a four-dimensional NIfTI.

    Parameters
    ----------
    path : Path or str
        ``.nii`` or ``.nii.gz``.
    channels : array_like of float, shape (C, Z, Y, X)
        One volume a class; stored as float32 (X, Y, Z, C).
    stack : LGEStack
        The study they belong to.

    Raises
    ------
    ScarNetError
        The shape does not fit, the suffix is another, or the file cannot be written.
    """
    path = Path(path)
    values = np.asarray(channels, dtype=np.float32)
    if values.ndim != 4 or values.shape[1:] != stack.shape:
        raise ScarNetError(f"{stack.case}: maps of shape {values.shape} do not fit the study's {stack.shape}.")
    if suffix_of(path) not in (".nii", ".nii.gz"):
        raise ScarNetError(f"{path}: maps are written as .nii.gz or .nii; change the name.")
    _write_nifti(path, values.transpose(3, 2, 1, 0), stack, intent="none")


def _checked_labels(labels: npt.NDArray[Any], stack: LGEStack) -> npt.NDArray[np.uint8]:
    if labels.shape != stack.shape:
        raise ScarNetError(f"{stack.case}: labels of shape {labels.shape} do not fit the study's {stack.shape}.")
    values = np.unique(labels)
    if values.dtype.kind not in "biuf" or not np.isin(values, np.arange(N_CLASSES)).all():
        raise ScarNetError(f"{stack.case}: labels must be 0 to {N_CLASSES - 1}, but reach {values[-1]}.")
    return labels.astype(np.uint8)


def _write_nifti(path: Path, values: npt.NDArray[Any], stack: LGEStack, intent: str) -> None:
    import nibabel

    image = nibabel.Nifti1Image(values, stack.affine)
    # Tools differ in which of the two they read; qform cannot hold shear, sform always holds the affine.
    image.set_qform(stack.affine, code="scanner")
    image.set_sform(stack.affine, code="scanner")
    image.header.set_xyzt_units(xyz="mm")
    image.header.set_intent(intent, name="ScarNet")
    with atomic_path(path) as target:
        nibabel.save(image, target)


def _write_tiff(path: Path, values: npt.NDArray[np.uint8], stack: LGEStack) -> None:
    import tifffile

    z, y, x = stack.spacing_mm
    with atomic_path(path) as target:
        tifffile.imwrite(
            target,
            values,
            imagej=True,
            resolution=(1.0 / x, 1.0 / y),
            metadata={"axes": "ZYX", "spacing": z, "unit": "mm"},
        )

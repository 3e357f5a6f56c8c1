"""HDF5 files in the published repository's layout: ``image_mag`` and ``mask``."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.errors import ScarNetError
from scarnet.io.series import SeriesInfo
from scarnet.stack import LGEStack, StudySource

__all__ = ["IMAGE", "MASK", "list_hdf5", "load_dataset", "read_hdf5"]

IMAGE = "image_mag"
MASK = "mask"


def list_hdf5(path: Path) -> SeriesInfo:
    """Describe an HDF5 file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    SeriesInfo
        Its only entry.

    Raises
    ------
    ScarNetError
        The file is no HDF5 or holds no ``image_mag``.
    """
    values, _, _ = load_dataset(path, IMAGE)
    z, y, x = values.shape
    return SeriesInfo("1", f"{z} slices, {y} × {x}, magnitude", z, 1, (y, x), "magnitude", "hdf5")


def read_hdf5(path: Path, case: str, spacing_mm: tuple[float, float, float] | None = None) -> LGEStack:
    """Read ``image_mag`` of an HDF5 file.

    Parameters
    ----------
    path : Path
        ``.h5`` or ``.hdf5``.
    case : str
        The case's name.
    spacing_mm : tuple of float, optional
        (z, y, x) where the file has no attribute ``spacing_mm`` of that meaning.

    Returns
    -------
    LGEStack
        The stack, a magnitude image, its axes along the patient's: the layout cannot say how it lies.

    Raises
    ------
    ScarNetError
        The data set is missing, has other than two or three axes, its slice axis cannot be told, or there is
        no spacing.
    """
    values, stated, notes = load_dataset(path, IMAGE)
    if stated is None and spacing_mm is None:
        raise ScarNetError(
            f"{path} states no voxel spacing; give it as (z, y, x) in mm, or store it as the attribute 'spacing_mm'."
        )
    if stated is None:
        notes.append("The spacing is the one given, the file states none.")
    return LGEStack.from_array(
        values.astype(np.float32),
        stated or spacing_mm or (0.0, 0.0, 0.0),
        case=case,
        kind="magnitude",
        source=StudySource(path=path, format="hdf5", notes=tuple(notes)),
    )


def load_dataset(path: Path, name: str) -> tuple[npt.NDArray[Any], tuple[float, float, float] | None, list[str]]:
    """Load one data set with its slices first.

    Which axis holds the slices says the attribute ``axes`` (such as ``"ZYX"`` or ``"YXZ"``) of the data set or
    file; without it, the axis that is shorter than both others is taken, if it is the first or the last.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        The data set's name.

    Returns
    -------
    values : ndarray, shape (Z, Y, X)
        As stored.
    spacing : tuple of float or None
        The attribute ``spacing_mm`` (z, y, x) of the data set or file.
    notes : list of str
        What to know, a sentence each.

    Raises
    ------
    ScarNetError
        As for :func:`read_hdf5`.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            dataset = file.get(name)
            if not isinstance(dataset, h5py.Dataset):
                held = ", ".join(sorted(map(str, file))[:10]) or "nothing"
                raise ScarNetError(f"{path} has no data set '{name}', it holds: {held}; name the data set '{name}'.")
            values = np.asarray(dataset[()])
            attributes = {**file.attrs, **dataset.attrs}
    except ScarNetError:
        raise
    except Exception as error:  # h5py raises OSError, RuntimeError and KeyError on damaged files
        raise ScarNetError(f"{path} is damaged or not an HDF5 file; copy or export it again.") from error
    if values.dtype.kind not in "biuf":
        raise ScarNetError(f"{path}: the data set '{name}' does not hold plain numbers.")
    values, notes = _slices_first(path, name, values, attributes)
    return values, _spacing(path, attributes), notes


def _slices_first(
    path: Path, name: str, values: npt.NDArray[Any], attributes: dict[str, Any]
) -> tuple[npt.NDArray[Any], list[str]]:
    if values.ndim == 2:
        return values[np.newaxis], []
    if values.ndim != 3 or 0 in values.shape:
        raise ScarNetError(
            f"{path}: the data set '{name}' has shape {values.shape}; it needs (Y, X), (Z, Y, X) or (Y, X, Z)."
        )
    stated = attributes.get("axes", "")
    axes = (stated.decode() if isinstance(stated, bytes) else str(stated)).upper()
    if sorted(axes) == ["X", "Y", "Z"]:
        return values.transpose([axes.index(axis) for axis in "ZYX"]), []
    first, middle, last = values.shape
    if first < min(middle, last):
        return values, []
    if last < min(first, middle):
        return values.transpose(2, 0, 1), ["The last axis, the shortest, is read as the slices."]
    raise ScarNetError(
        f"{path}: which axis of '{name}' with shape {values.shape} holds the slices cannot be told; store the "
        "attribute 'axes', such as 'ZYX' or 'YXZ'."
    )


def _spacing(path: Path, attributes: dict[str, Any]) -> tuple[float, float, float] | None:
    stored = attributes.get("spacing_mm")
    if stored is None:
        return None
    try:
        z, y, x = (float(value) for value in np.ravel(stored))
    except (TypeError, ValueError) as error:
        raise ScarNetError(f"{path}: the attribute 'spacing_mm' is not three numbers (z, y, x).") from error
    if not all(np.isfinite(s) and s > 0 for s in (z, y, x)):
        raise ScarNetError(f"{path} states a spacing of {z:g} × {y:g} × {x:g} mm; it must be positive.")
    return z, y, x

"""The wall, the cavity and the part of the slices that holds the heart."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.classes import TissueClass

__all__ = ["IN_PLANE", "HeartBox", "cavity_mask", "centroids", "heart_box", "in_slices", "wall_mask"]

Mask = npt.NDArray[np.bool_]

IN_PLANE: npt.NDArray[np.bool_] = np.zeros((3, 3, 3), dtype=bool)
"""Neighbours over the edges of a voxel within its slice, for scipy's morphology on a volume slice by slice."""
IN_PLANE[1] = [[False, True, False], [True, True, True], [False, True, False]]


@dataclass(frozen=True)
class HeartBox:
    """The rows and columns that hold the heart, so that work is done where there is something.

    Attributes
    ----------
    y0, y1, x0, x1 : int
        Voxels, ends excluded.
    """

    y0: int
    y1: int
    x0: int
    x1: int

    @property
    def cut(self) -> tuple[slice, slice, slice]:
        """The index of this part in a volume (Z, Y, X)."""
        return slice(None), slice(self.y0, self.y1), slice(self.x0, self.x1)


def heart_box(labels: npt.NDArray[Any]) -> HeartBox | None:
    """Find the rows and columns with labels, and one more on each side where there is one.

    Parameters
    ----------
    labels : ndarray, shape (Z, Y, X)
        Class of each voxel, or any mask.

    Returns
    -------
    HeartBox or None
        None where all is background.
    """
    rows = np.flatnonzero(labels.any(axis=(0, 2)))
    if not rows.size:
        return None
    y0, y1 = max(int(rows[0]) - 1, 0), min(int(rows[-1]) + 2, labels.shape[1])
    columns = np.flatnonzero(labels[:, y0:y1].any(axis=(0, 1)))
    return HeartBox(y0, y1, max(int(columns[0]) - 1, 0), min(int(columns[-1]) + 2, labels.shape[2]))


def in_slices(mask: Mask) -> Mask:
    """Tell which slices hold any of a mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (Z, Y, X)
        A mask.

    Returns
    -------
    ndarray of bool, shape (Z,)
        Whether there is any.
    """
    return np.asarray(mask.any(axis=(1, 2)))


def wall_mask(labels: npt.NDArray[Any]) -> Mask:
    """Mark the whole wall.

    Parameters
    ----------
    labels : ndarray of integers, shape (Z, Y, X)
        Class of each voxel.

    Returns
    -------
    ndarray of bool, shape (Z, Y, X)
        Healthy myocardium and scar.
    """
    return np.asarray((labels == TissueClass.MYOCARDIUM) | (labels == TissueClass.SCAR))


def cavity_mask(labels: npt.NDArray[Any]) -> Mask:
    """Mark the cavity.

    Parameters
    ----------
    labels : ndarray of integers, shape (Z, Y, X)
        Class of each voxel.

    Returns
    -------
    ndarray of bool, shape (Z, Y, X)
        The blood pool; in a slice without any, what the wall encloses, so that labels of the wall alone have a cavity.
    """
    from scipy.ndimage import binary_fill_holes

    cavity = np.asarray(labels == TissueClass.BLOOD_POOL)
    wall = wall_mask(labels)
    for z in np.flatnonzero(~in_slices(cavity) & in_slices(wall)):
        cavity[z] = binary_fill_holes(wall[z]) & ~wall[z]
    return cavity


def centroids(mask: Mask) -> npt.NDArray[np.float64]:
    """Find the centre of a mask in each slice.

    Parameters
    ----------
    mask : ndarray of bool, shape (Z, Y, X)
        A mask.

    Returns
    -------
    ndarray of float64, shape (Z, 2)
        (y, x) in voxels; NaN in a slice without any of it.
    """
    counts = np.count_nonzero(mask, axis=(1, 2)).astype(np.float64)
    counts[counts == 0] = np.nan
    y = mask.sum(axis=2) @ np.arange(mask.shape[1])
    x = mask.sum(axis=1) @ np.arange(mask.shape[2])
    return np.stack([y / counts, x / counts], axis=1)

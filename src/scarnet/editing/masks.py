"""Putting a mask into labels, so that the heart stays a heart."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from scarnet.classes import TissueClass

__all__ = ["mask_to_labels", "polygon_mask", "scar_kept_in_wall"]

Labels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_WALL = (TissueClass.MYOCARDIUM, TissueClass.SCAR)


def mask_to_labels(
    labels: Labels, mask: Mask, cls: int, *, within: Mask | None = None, scar_in_wall: bool = True
) -> Labels:
    """Give a class to the voxels of a mask, as somebody means it who outlines that tissue.

    Parameters
    ----------
    labels : ndarray of uint8, shape (Z, Y, X)
        Class of each voxel.
    mask : ndarray of bool, shape (Z, Y, X)
        The voxels. A mask of myocardium is taken as the whole heart's outline: it only takes background, so that
        blood pool and scar inside it stay.
    cls : int
        The class.
    within : ndarray of bool, shape (Z, Y, X), optional
        Where the mask is the whole truth about the class: voxels of the class inside this, but not in the mask, lose
        it. Scar then becomes myocardium, anything else background. Without it nothing is taken away.
    scar_in_wall : bool
        Scar replaces only myocardium.

    Returns
    -------
    ndarray of uint8, shape (Z, Y, X)
        A new array.
    """
    result = labels.copy()
    if within is not None:
        gone = (labels == cls) & within & ~mask
        result[gone] = TissueClass.MYOCARDIUM if cls == TissueClass.SCAR else TissueClass.BACKGROUND
    if cls == TissueClass.MYOCARDIUM:
        mask = mask & (labels == TissueClass.BACKGROUND)
    result[mask] = cls
    return scar_kept_in_wall(labels, result) if scar_in_wall else result


def scar_kept_in_wall(before: Labels, after: Labels) -> Labels:
    """Take back new scar that was no wall before.

    Parameters
    ----------
    before, after : ndarray of uint8, shape (Z, Y, X)
        Class of each voxel.

    Returns
    -------
    ndarray of uint8, shape (Z, Y, X)
        ``after``, with new scar outside the old wall (myocardium or scar) as it was.
    """
    stray = (after == TissueClass.SCAR) & ~np.isin(before, _WALL)
    return np.where(stray, before, after) if stray.any() else after


def polygon_mask(shape: tuple[int, int, int], polygons: Sequence[npt.ArrayLike]) -> Mask:
    """Give the voxels inside polygons that were drawn on slices.

    Parameters
    ----------
    shape : tuple of int
        (Z, Y, X).
    polygons : sequence of array_like, each of shape (N, 3)
        Corners (z, y, x) in voxels; each polygon lies in the slice that is nearest to its first corner.

    Returns
    -------
    ndarray of bool, shape (Z, Y, X)
        Voxels whose centre is inside one of them; what lies outside the volume is left out.
    """
    from skimage.draw import polygon

    mask = np.zeros(shape, dtype=bool)
    for corners in polygons:
        points = np.asarray(corners, dtype=float)
        z = round(float(points[0, 0]))
        if 0 <= z < shape[0]:
            rows, columns = polygon(points[:, 1], points[:, 2], shape[1:])
            mask[z, rows, columns] = True
    return mask

"""Growing, shrinking, smoothing and filling one class, slice by slice.

Slices are 8 to 10 mm apart, so nothing here reaches from one into the next. Myocardium is treated as the whole wall:
its scar grows and shrinks with it, but is never overwritten by it.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from scarnet.classes import TissueClass
from scarnet.editing.masks import scar_kept_in_wall

__all__ = ["fill_holes", "grow", "shrink", "smooth"]

Labels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


def grow(labels: Labels, cls: int, where: Mask | None = None, *, scar_in_wall: bool = True) -> Labels:
    """Grow a class by one voxel along rows and columns.

    Parameters
    ----------
    labels : ndarray of uint8, shape (Z, Y, X)
        Class of each voxel.
    cls : int
        The class; myocardium means the whole wall, and takes no blood pool.
    where : ndarray of bool, shape (Z, Y, X), optional
        Only these voxels may change.
    scar_in_wall : bool
        New scar only where there was myocardium.

    Returns
    -------
    ndarray of uint8, shape (Z, Y, X)
        A new array.
    """
    return _reshape(labels, cls, ndimage.binary_dilation, where, scar_in_wall)


def shrink(labels: Labels, cls: int, where: Mask | None = None) -> Labels:
    """Shrink a class by one voxel along rows and columns.

    Parameters
    ----------
    labels : ndarray of uint8, shape (Z, Y, X)
        Class of each voxel.
    cls : int
        The class; myocardium means the whole wall, which becomes thinner from outside and inside.
    where : ndarray of bool, shape (Z, Y, X), optional
        Only these voxels may change.

    Returns
    -------
    ndarray of uint8, shape (Z, Y, X)
        A new array; what is given up takes the class of the nearest voxel that is not the class's, scar always
        becomes myocardium.
    """

    # The image's border is no border of the heart.
    def eroded(mask: Mask) -> Mask:
        return np.asarray(ndimage.binary_erosion(mask, border_value=1))

    return _reshape(labels, cls, eroded, where, True)


def smooth(
    labels: Labels, cls: int, where: Mask | None = None, *, sigma: float = 1.5, scar_in_wall: bool = True
) -> Labels:
    """Smooth the outline of a class, keeping about its area.

    Parameters
    ----------
    labels : ndarray of uint8, shape (Z, Y, X)
        Class of each voxel.
    cls : int
        The class; myocardium means the outer and inner outline of the whole wall.
    where : ndarray of bool, shape (Z, Y, X), optional
        Only these voxels may change.
    sigma : float
        Standard deviation of the Gaussian in voxels; details below about twice that go.
    scar_in_wall : bool
        New scar only where there was myocardium.

    Returns
    -------
    ndarray of uint8, shape (Z, Y, X)
        A new array.
    """

    def blurred(mask: Mask) -> Mask:
        return np.asarray(ndimage.gaussian_filter(mask.astype(np.float32), sigma, mode="nearest") > 0.5)

    if cls != TissueClass.MYOCARDIUM:
        return _reshape(labels, cls, blurred, where, scar_in_wall)
    # A Gaussian would eat the thin wall from both sides; its two outlines are smoothed as discs instead.
    heart = labels > 0
    cavity = labels == TissueClass.BLOOD_POOL
    outer = _by_slice(heart, blurred)
    inner = _by_slice(cavity, blurred) & outer
    result = labels.copy()
    result[heart & ~outer] = TissueClass.BACKGROUND
    result[inner] = TissueClass.BLOOD_POOL
    result[outer & ~inner & ~_wall(labels)] = TissueClass.MYOCARDIUM
    return _only(result, labels, where)


def fill_holes(labels: Labels, cls: int, where: Mask | None = None, *, scar_in_wall: bool = True) -> Labels:
    """Fill what a class encloses in a slice.

    Parameters
    ----------
    labels : ndarray of uint8, shape (Z, Y, X)
        Class of each voxel.
    cls : int
        The class. Scar takes dark cores (no-reflow), blood pool takes papillary muscles; myocardium takes background
        that the heart encloses, and leaves the blood pool alone.
    where : ndarray of bool, shape (Z, Y, X), optional
        Only these voxels may change.
    scar_in_wall : bool
        New scar only where there was myocardium.

    Returns
    -------
    ndarray of uint8, shape (Z, Y, X)
        A new array.
    """
    if cls == TissueClass.MYOCARDIUM:
        holes = _by_slice(labels > 0, ndimage.binary_fill_holes) & (labels == TissueClass.BACKGROUND)
        result = np.where(holes, np.uint8(cls), labels)
        return _only(result, labels, where)
    return _reshape(labels, cls, ndimage.binary_fill_holes, where, scar_in_wall)


def _wall(labels: Labels) -> Mask:
    return (labels == TissueClass.MYOCARDIUM) | (labels == TissueClass.SCAR)


def _by_slice(mask: Mask, change: Callable[[Mask], Mask]) -> Mask:
    result = mask.copy()
    for z in np.flatnonzero(mask.any(axis=(1, 2))):
        result[z] = change(mask[z])
    return result


def _only(result: Labels, labels: Labels, where: Mask | None) -> Labels:
    return result if where is None else np.where(where, result, labels)


def _reshape(
    labels: Labels, cls: int, change: Callable[[Mask], Mask], where: Mask | None, scar_in_wall: bool
) -> Labels:
    """Change the outline of a class, and settle what becomes of the voxels it wins and loses."""
    is_wall = cls == TissueClass.MYOCARDIUM
    before = _wall(labels) if is_wall else labels == cls
    after = _by_slice(before, change)
    won, lost = after & ~before, before & ~after
    if is_wall:
        won &= labels == TissueClass.BACKGROUND
    result = labels.copy()
    result[won] = cls
    if cls == TissueClass.SCAR:
        result[lost] = TissueClass.MYOCARDIUM
    else:
        for z in np.flatnonzero(lost.any(axis=(1, 2))):
            if before[z].all():
                continue
            nearest = ndimage.distance_transform_edt(before[z], return_distances=False, return_indices=True)
            result[z][lost[z]] = labels[z][tuple(nearest)][lost[z]]
    result = _only(result, labels, where)
    return scar_kept_in_wall(labels, result) if scar_in_wall else result

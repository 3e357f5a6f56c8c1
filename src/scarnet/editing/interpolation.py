"""Filling the slices between two that were edited, by the shapes in them.

Shape-based interpolation of signed distances: Raya SP, Udupa JK. Shape-based interpolation of multidimensional objects.
IEEE Trans Med Imaging 1990;9:32-42.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from scarnet.classes import TissueClass
from scarnet.errors import ScarNetError

__all__ = ["interpolate_slices"]

Labels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


def interpolate_slices(
    labels: Labels,
    first: int,
    last: int,
    spacing_mm: tuple[float, float] = (1.0, 1.0),
    positions_mm: Sequence[float] | None = None,
) -> Labels:
    """Make the slices between two others from these.

    The heart's outline, the blood pool in it and the scar in the wall are interpolated one after the other, so that
    they stay nested. What only one of the two slices has ends half-way.

    Parameters
    ----------
    labels : ndarray of uint8, shape (Z, Y, X)
        Class of each voxel.
    first, last : int
        The two slices to go by; they stay as they are.
    spacing_mm : tuple of float
        Pixel spacing (y, x) in mm.
    positions_mm : sequence of float, optional
        Position of each slice in mm; the slices count as evenly spaced without it.

    Returns
    -------
    ndarray of uint8, shape (Z, Y, X)
        A new array, with new slices between the two and all others as they were.

    Raises
    ------
    ScarNetError
        There is nothing between the two, or nothing in them.
    """
    first, last = sorted((first, last))
    if last - first < 2:
        raise ScarNetError(
            f"Slices {first + 1} and {last + 1} have none between them to fill; choose slices further apart."
        )
    if not labels[first].any() and not labels[last].any():
        raise ScarNetError(
            f"Slices {first + 1} and {last + 1} are both empty, so there is nothing to go by; draw in one of them."
        )
    places = np.arange(len(labels), dtype=float) if positions_mm is None else np.asarray(positions_mm, dtype=float)
    shapes = [
        _signed_distances(test(labels[first]), test(labels[last]), spacing_mm)
        for test in (_is_heart, _is_blood_pool, _is_scar)
    ]
    result = labels.copy()
    for z in range(first + 1, last):
        share = (places[z] - places[first]) / (places[last] - places[first])
        heart, pool, scar = ((1 - share) * near + share * far > 0 for near, far in shapes)
        piece = np.zeros_like(labels[z])
        piece[heart] = TissueClass.MYOCARDIUM
        piece[heart & scar] = TissueClass.SCAR
        piece[heart & pool] = TissueClass.BLOOD_POOL
        result[z] = piece
    return result


def _is_heart(labels: Labels) -> Mask:
    return labels > 0


def _is_blood_pool(labels: Labels) -> Mask:
    return labels == TissueClass.BLOOD_POOL


def _is_scar(labels: Labels) -> Mask:
    return labels == TissueClass.SCAR


def _signed_distances(
    first: Mask, last: Mask, spacing_mm: tuple[float, float]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Distances in mm to the outline, positive inside; a missing shape is as far away as the other one is thick."""
    one, other = (_signed_distance(mask, spacing_mm) for mask in (first, last))
    if one is None and other is None:
        nowhere = np.full(first.shape, -1.0)
        return nowhere, nowhere
    if one is None:
        assert other is not None
        return np.full(first.shape, -other.max()), other
    if other is None:
        return one, np.full(first.shape, -one.max())
    return one, other


def _signed_distance(mask: Mask, spacing_mm: tuple[float, float]) -> npt.NDArray[np.float64] | None:
    if not mask.any():
        return None
    inside = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=spacing_mm)[1:-1, 1:-1]
    outside = ndimage.distance_transform_edt(~mask, sampling=spacing_mm)
    # A voxel's centre lies half a voxel from its border.
    half = 0.5 * min(spacing_mm)
    return np.asarray(np.where(mask, inside - half, half - outside), dtype=np.float64)

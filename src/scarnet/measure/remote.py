"""Remote myocardium: the healthy wall that scar is compared with."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.errors import ScarNetError
from scarnet.measure.wall import IN_PLANE, centroids

__all__ = ["Remote", "find_remote", "remote_from_mask"]

Mask = npt.NDArray[np.bool_]

# A sector of 60° is looked for in steps of 10°.
_BINS = 36
_SECTOR = 6
# Fewer voxels give no useful standard deviation.
_FEWEST = 10


@dataclass(frozen=True, eq=False)
class Remote:
    """Remote myocardium.

    Attributes
    ----------
    mask : ndarray of bool, shape (Z, Y, X)
        Where it is.
    mean, sd : float
        Mean intensity, and standard deviation (n − 1).
    drawn : bool
        A user drew it.
    """

    mask: Mask
    mean: float
    sd: float
    drawn: bool


def remote_from_mask(pixels: npt.NDArray[Any], wall: Mask, drawn: Mask) -> Remote:
    """Take the region that a user drew.

    Parameters
    ----------
    pixels : ndarray, shape (Z, Y, X)
        Intensities.
    wall : ndarray of bool, shape (Z, Y, X)
        The wall; what was drawn beside it does not count.
    drawn : ndarray of bool, shape (Z, Y, X)
        The region, on one slice or on several.

    Returns
    -------
    Remote
        Its voxels of all slices taken together.

    Raises
    ------
    ScarNetError
        The region has another shape, or fewer than 10 voxels in the wall.
    """
    if drawn.shape != wall.shape:
        raise ScarNetError(
            f"The remote region has shape {drawn.shape}, but the image has {wall.shape} (Z, Y, X); draw it on this "
            "image."
        )
    mask = np.asarray(drawn, dtype=bool) & wall
    count = int(np.count_nonzero(mask))
    if count < _FEWEST:
        raise ScarNetError(
            f"The remote region covers {count} voxels of the wall; draw at least {_FEWEST} on healthy myocardium."
        )
    return _remote(pixels, mask, drawn=True)


def find_remote(pixels: npt.NDArray[Any], wall: Mask, spacing_mm: tuple[float, float, float]) -> Remote | None:
    """Look for remote myocardium: in each slice the darkest sector of 60°.

    Parameters
    ----------
    pixels : ndarray, shape (Z, Y, X)
        Intensities.
    wall : ndarray of bool, shape (Z, Y, X)
        The wall.
    spacing_mm : tuple of float
        Voxel spacing in mm, (z, y, x).

    Returns
    -------
    Remote or None
        The sectors of all slices taken together; None where no slice has a sector of 10 voxels.

    Notes
    -----
    The rule is ours. Voxels at the wall's borders are left out where the wall is thick enough, as they hold part of
    blood, fat or lung. Within a slice of healthy myocardium the darkest sector lies a little below the mean, so that
    n-SD thresholds are a little low; a region drawn by hand avoids that.
    """
    inner = _inner_wall(wall)
    z, y, x = np.nonzero(inner)
    if not z.size:
        return None
    centre = centroids(_filled(wall))
    angle = np.arctan2((y - centre[z, 0]) * spacing_mm[1], (x - centre[z, 1]) * spacing_mm[2])
    bins = (np.floor((angle + np.pi) / (2 * np.pi) * _BINS)).astype(np.int64) % _BINS
    depth = wall.shape[0]
    values = pixels[z, y, x].astype(np.float64)
    place = z * _BINS + bins
    counts = _sectors(np.bincount(place, minlength=depth * _BINS).reshape(depth, _BINS))
    sums = _sectors(np.bincount(place, weights=values, minlength=depth * _BINS).reshape(depth, _BINS))
    means = np.where(counts >= _FEWEST, sums / np.maximum(counts, 1), np.inf)
    darkest = means.argmin(axis=1)
    found = np.isfinite(means.min(axis=1))
    chosen = found[z] & ((bins - darkest[z]) % _BINS < _SECTOR)
    if not chosen.any():
        return None
    mask = np.zeros(wall.shape, dtype=bool)
    mask[z[chosen], y[chosen], x[chosen]] = True
    return _remote(pixels, mask, drawn=False)


def _remote(pixels: npt.NDArray[Any], mask: Mask, *, drawn: bool) -> Remote:
    values = pixels[mask].astype(np.float64)
    return Remote(mask, float(values.mean()), float(values.std(ddof=1)), drawn)


def _inner_wall(wall: Mask) -> Mask:
    """Leave out the wall's outermost voxels, except in slices where too little would be left."""
    from scipy.ndimage import binary_erosion

    inner = binary_erosion(wall, structure=IN_PLANE)
    thin = np.count_nonzero(inner, axis=(1, 2)) < 0.2 * np.count_nonzero(wall, axis=(1, 2))
    return np.where(thin[:, None, None], wall, inner)


def _filled(wall: Mask) -> Mask:
    """Fill each slice's ring, so that its centre is the ventricle's even where the wall is thicker on one side."""
    from scipy.ndimage import binary_fill_holes

    return np.stack([binary_fill_holes(one) if one.any() else one for one in wall])


def _sectors(bins: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Sum up each bin and the next ones that make a sector, round the circle."""
    wrapped = np.concatenate([bins, bins[:, : _SECTOR - 1]], axis=1)
    return np.lib.stride_tricks.sliding_window_view(wrapped, _SECTOR, axis=1).sum(axis=2)

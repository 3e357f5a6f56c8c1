"""The wall unwrapped: depth against angle."""

from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.measure.chords import Chords

__all__ = ["unwrap"]


def unwrap(
    values: npt.NDArray[Any],
    chords: Chords,
    spacing_mm: tuple[float, float, float],
    depths: int = 24,
    order: int = 1,
) -> npt.NDArray[np.float64]:
    """Unwrap the wall of each slice into a strip.

    Parameters
    ----------
    values : ndarray, shape (Z, Y, X)
        What to show: intensities, or labels with ``order=0``.
    chords : Chords
        The slices' chords, from :func:`scarnet.measure.measure_study` of the same grid.
    spacing_mm : tuple of float
        Voxel spacing in mm, (z, y, x).
    depths : int
        Samples from endocardium to epicardium.
    order : {0, 1}
        The nearest voxel's value, or linear interpolation.

    Returns
    -------
    ndarray of float64, shape (Z, depths, N)
        Row 0 at the endocardium (at the centre, in a slice without cavity), the last at the epicardium; column 0 at the
        anterior insertion, on in the direction of segment numbering. NaN where there is no wall.
    """
    from scipy.ndimage import map_coordinates

    part = ((np.arange(depths) + 0.5) / depths)[None, :, None]
    inner, outer = chords.inner_mm[:, None], chords.outer_mm[:, None]
    radius = inner + part * (outer - inner)
    angle, centre = chords.angles_rad[:, None], chords.centre[:, :, None, None]
    y = centre[:, 0] + radius * np.sin(angle) / spacing_mm[1]
    x = centre[:, 1] + radius * np.cos(angle) / spacing_mm[2]
    strip = np.full(radius.shape, np.nan)
    there = ~np.isnan(y)
    z = np.broadcast_to(np.arange(values.shape[0])[:, None, None], radius.shape)
    at = np.stack([z[there].astype(np.float64), y[there], x[there]])
    strip[there] = map_coordinates(values.astype(np.float64, copy=False), at, order=order, mode="nearest")
    return strip

"""How long the border between scar and healthy wall is."""

import numpy as np
import numpy.typing as npt

__all__ = ["border_length_mm"]

# Steps (rows, columns) that count crossings: along rows and columns, diagonally, and as a knight moves.
_STEPS = ((0, 1), (1, 2), (1, 1), (2, 1), (1, 0), (2, -1), (1, -1), (1, -2))

Mask = npt.NDArray[np.bool_]


def border_length_mm(scar: Mask, healthy: Mask, spacing_mm: tuple[float, float, float]) -> npt.NDArray[np.float64]:
    """Measure the border between two tissues in each slice.

    Parameters
    ----------
    scar, healthy : ndarray of bool, shape (Z, Y, X)
        Two masks without a voxel in common.
    spacing_mm : tuple of float
        Voxel spacing in mm, (z, y, x).

    Returns
    -------
    ndarray of float64, shape (Z,)
        Length in mm of the line along which they touch; borders with anything else do not count.

    Notes
    -----
    Crofton's formula [1]_: the length of a curve is half the integral, over all straight lines, of how often they cross
    it. Lines in eight directions through the voxels are counted, each direction weighted by the angle it stands for on
    this grid, whose voxels need not be square [2]_. The error of a curved border vanishes as voxels shrink; that of a
    straight one stays within 1 to 2 %, by its direction. Where the border runs out of the wall, a line that leaves the
    wall between two voxels counts half. The voxels' own edges would be up to 41 % too long at any
    size.

    References
    ----------
    .. [1] Santaló LA. Integral geometry and geometric probability. Addison-Wesley 1976, chapter 3.
    .. [2] Lehmann G, Legland D. Efficient N-dimensional surface estimation using Crofton formula and run-length
       encoding. Insight Journal 2012.
    """
    dy, dx = spacing_mm[1:]
    vectors = np.array(_STEPS, dtype=np.float64) * (dy, dx)
    weights = _angles(vectors) * (dy * dx) / np.hypot(*vectors.T) / 2
    wall = (scar | healthy).astype(np.int8)
    side = _sides(scar, healthy)
    length = np.zeros(scar.shape[0])
    for (down, right), weight in zip(_STEPS, weights, strict=True):
        here, there = _pairs(scar.shape, down, right)
        inside = (side[here] * side[there] < 0) * (wall[here] + wall[there])
        length += weight / 2 * inside.sum(axis=(1, 2))
    return length


def _sides(scar: Mask, healthy: Mask) -> npt.NDArray[np.int8]:
    """Give 1 to scar, −1 to healthy wall, and to what lies just outside the wall the sign of what is nearer."""
    from scipy.ndimage import gaussian_filter

    # The narrow kernel reaches two voxels, as far as the steps do, and weighs the nearer one by far the most.
    difference = scar.astype(np.float32) - healthy.astype(np.float32)
    outside = np.sign(gaussian_filter(difference, (0, 0.7, 0.7), mode="constant", truncate=2.9))
    return np.where(scar, 1, np.where(healthy, -1, outside)).astype(np.int8)


def _angles(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give the angle that each direction stands for: half way to its neighbours, π together."""
    angles = np.arctan2(vectors[:, 0], vectors[:, 1]) % np.pi
    order = np.argsort(angles)
    steps = np.diff(np.append(angles[order], angles[order][0] + np.pi))
    share = np.empty_like(angles)
    share[order] = (steps + np.roll(steps, 1)) / 2
    return share


def _pairs(shape: tuple[int, ...], down: int, right: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Index the voxels that have another one so many rows down and columns to the right, and those others."""
    height, width = shape[1:]
    rows, shifted_rows = slice(0, max(height - down, 0)), slice(min(down, height), height)
    left, right_part = slice(0, max(width - abs(right), 0)), slice(min(abs(right), width), width)
    columns, shifted_columns = (left, right_part) if right >= 0 else (right_part, left)
    return (slice(None), rows, columns), (slice(None), shifted_rows, shifted_columns)

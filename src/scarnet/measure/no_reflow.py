"""No-reflow: the dark core of a fresh infarct, which contrast does not reach."""

from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.measure.wall import IN_PLANE, cavity_mask, wall_mask

__all__ = ["dark_within_scar", "enclosed_dark"]

Mask = npt.NDArray[np.bool_]

# Smaller dark patches within a slice are noise: ten voxels of 1.4 mm.
_SMALLEST_MM2 = 20.0


def enclosed_dark(bright: Mask, labels: npt.NDArray[Any]) -> Mask:
    """Find the dark regions that bright scar encloses.

    Parameters
    ----------
    bright : ndarray of bool, shape (Z, Y, X)
        Hyperenhanced scar: a threshold method's, or what of the labelled scar is bright.
    labels : ndarray of integers, shape (Z, Y, X)
        Class of each voxel, for the wall and the cavity.

    Returns
    -------
    ndarray of bool, shape (Z, Y, X)
        Connected parts of the wall outside ``bright``, slice by slice, that touch no healthy wall and nothing outside
        the ventricle: scar surrounds them, or scar and the cavity, with scar along more than half of their outline and
        without going round the cavity, as the inner rim of a healthy wall would.

    References
    ----------
    Dark regions within hyperenhancement count as infarct, and apart as microvascular obstruction: Schulz-Menger J,
    Bluemke DA, Bremerich J, et al. Standardized image interpretation and post-processing in cardiovascular magnetic
    resonance - 2020 update. J Cardiovasc Magn Reson 2020;22:19. The rule for what is enclosed is ours.
    """
    from scipy.ndimage import binary_fill_holes, label

    cavity = cavity_mask(labels)
    wall = wall_mask(labels)
    dark = wall & ~bright
    pieces, count = label(dark, structure=IN_PLANE)
    # Length of each piece's outline, in voxel edges, along what is outside, dark wall, blood and scar.
    outline = np.zeros((count + 1, 4), dtype=np.int64)
    kinds = np.pad(np.select([bright & wall, cavity, dark], [3, 2, 1]), ((0, 0), (1, 1), (1, 1)))
    z, y, x = np.nonzero(pieces)
    numbers = pieces[z, y, x]
    for down, right in ((0, 1), (2, 1), (1, 0), (1, 2)):
        outline += np.bincount(numbers * 4 + kinds[z, y + down, x + right], minlength=outline.size).reshape(-1, 4)
    enclosed = (outline[:, 0] == 0) & (outline[:, 3] > outline[:, 2])
    for number in np.flatnonzero(enclosed & (outline[:, 2] > 0)):
        at = np.flatnonzero((pieces == number).any(axis=(1, 2)))[0]
        # An inner rim all round the cavity is healthy wall.
        enclosed[number] = not (binary_fill_holes(pieces[at] == number) & cavity[at]).any()
    return np.asarray(enclosed[pieces] & dark)


def dark_within_scar(
    pixels: npt.NDArray[Any],
    labels: npt.NDArray[Any],
    scar: Mask,
    limit: float,
    spacing_mm: tuple[float, float, float],
) -> Mask:
    """Find the dark regions inside labelled scar.

    Parameters
    ----------
    pixels : ndarray, shape (Z, Y, X)
        Intensities.
    labels : ndarray of integers, shape (Z, Y, X)
        Class of each voxel.
    scar : ndarray of bool, shape (Z, Y, X)
        The labelled scar; as a reader draws it, no-reflow is in it.
    limit : float
        Darker voxels are no longer enhanced: the lower limit of the grey zone.
    spacing_mm : tuple of float
        Voxel spacing in mm, (z, y, x).

    Returns
    -------
    ndarray of bool, shape (Z, Y, X)
        Connected dark scar of at least 20 mm² in a slice, without the voxels next to healthy wall or to the outside,
        which are dark as they hold part of both. It may touch the cavity. The rule is ours.
    """
    from scipy.ndimage import binary_dilation, label

    in_plane = np.zeros((3, 3, 3), dtype=bool)
    in_plane[1] = True
    outside = ~scar & ~cavity_mask(labels)
    dark = scar & ~binary_dilation(outside, in_plane) & (pixels < limit)
    pieces, _ = label(dark, structure=in_plane)
    large = np.bincount(pieces.ravel()) * (spacing_mm[1] * spacing_mm[2]) >= _SMALLEST_MM2
    large[0] = False
    return np.asarray(large[pieces])

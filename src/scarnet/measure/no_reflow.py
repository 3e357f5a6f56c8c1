"""No-reflow: the dark core of a fresh infarct, which contrast does not reach."""

from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.measure.wall import cavity_mask, wall_mask

__all__ = ["enclosed_dark"]

Mask = npt.NDArray[np.bool_]


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
    from scipy.ndimage import label

    wall, cavity = wall_mask(labels), cavity_mask(labels)
    found = np.zeros(wall.shape, dtype=bool)
    for z in np.flatnonzero((bright & wall).any(axis=(1, 2))):
        # A border of nothing, so that the image's edge is outside the ventricle.
        scar, dark, blood = (np.pad(mask, 1) for mask in (bright[z] & wall[z], wall[z] & ~bright[z], cavity[z]))
        pieces, count = label(dark)
        kept = np.zeros(count + 1, dtype=bool)
        for number in range(1, count + 1):
            kept[number] = _is_enclosed(pieces == number, scar, blood)
        found[z] = kept[pieces][1:-1, 1:-1]
    return found


def _is_enclosed(piece: Mask, scar: Mask, blood: Mask) -> bool:
    from scipy.ndimage import binary_dilation, binary_fill_holes

    around = binary_dilation(piece) & ~piece
    at_scar, at_blood = int((around & scar).sum()), int((around & blood).sum())
    if at_scar + at_blood < int(around.sum()) or at_scar <= at_blood:
        return False
    return not bool((binary_fill_holes(piece) & blood).any())

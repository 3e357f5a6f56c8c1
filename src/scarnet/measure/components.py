"""Connected scar: how many pieces, how large, and which are too small to count."""

import numpy as np
import numpy.typing as npt

__all__ = ["component_volumes_ml", "drop_small"]

Mask = npt.NDArray[np.bool_]


def component_volumes_ml(mask: Mask, slab_ml: npt.NDArray[np.float64]) -> list[float]:
    """Measure each connected piece of a mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (Z, Y, X)
        The mask; voxels that share a face, an edge or a corner are connected.
    slab_ml : ndarray, shape (Z,)
        Volume of a voxel of each slice.

    Returns
    -------
    list of float
        Volumes in ml, largest first.
    """
    pieces, count = _label(mask)
    return sorted(_volumes(pieces, count, slab_ml)[1:].tolist(), reverse=True)


def drop_small(mask: Mask, smallest_ml: float, slab_ml: npt.NDArray[np.float64]) -> Mask:
    """Leave out connected pieces that are too small.

    Parameters
    ----------
    mask : ndarray of bool, shape (Z, Y, X)
        The mask; voxels that share a face, an edge or a corner are connected.
    smallest_ml : float
        Pieces of less volume are left out; 0 leaves out none.
    slab_ml : ndarray, shape (Z,)
        Volume of a voxel of each slice.

    Returns
    -------
    ndarray of bool, shape (Z, Y, X)
        What is left; the same array where nothing was left out.
    """
    if smallest_ml <= 0 or not mask.any():
        return mask
    pieces, count = _label(mask)
    # Sums of equal volumes may fall short of the limit by a rounding error.
    small = _volumes(pieces, count, slab_ml) < smallest_ml * (1 - 1e-9)
    small[0] = False
    return mask & ~small[pieces] if small.any() else mask


def _label(mask: Mask) -> tuple[npt.NDArray[np.int32], int]:
    from scipy.ndimage import label

    pieces, count = label(mask, structure=np.ones((3, 3, 3)))
    return pieces, int(count)


def _volumes(pieces: npt.NDArray[np.int32], count: int, slab_ml: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Sum up the volume of each piece; entry 0 is what lies between them."""
    weights = np.broadcast_to(slab_ml[:, None, None], pieces.shape)
    found = np.bincount(pieces.ravel(), weights=weights.ravel(), minlength=count + 1)
    return np.asarray(found, dtype=np.float64)

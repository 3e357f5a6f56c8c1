"""How far two masks cover the same voxels."""

import numpy as np
import numpy.typing as npt

from scarnet.errors import ScarNetError

__all__ = ["Mask", "check_masks", "dice", "slice_dice"]

Mask = npt.NDArray[np.bool_]


def dice(first: Mask, second: Mask) -> float | None:
    """Measure overlap as Dice's coefficient [1]_, 2|A∩B| / (|A| + |B|).

    Parameters
    ----------
    first, second : ndarray of bool
        Masks of one shape, of any number of axes; (Z, Y, X) gives a patient's 3D Dice.

    Returns
    -------
    float or None
        0 to 1; None where both are empty: there is no overlap to speak of, and counting 1 would inflate a mean.

    Raises
    ------
    ScarNetError
        The masks have different shapes or are not boolean.

    References
    ----------
    .. [1] Dice LR. Measures of the amount of ecologic association between species. Ecology 1945;26:297-302.
    """
    check_masks(first, second)
    size = np.count_nonzero(first) + np.count_nonzero(second)
    return float(2 * np.count_nonzero(first & second) / size) if size else None


def slice_dice(first: Mask, second: Mask) -> list[float | None]:
    """Measure overlap slice by slice.

    Parameters
    ----------
    first, second : ndarray of bool, shape (Z, Y, X)
        Masks of one shape.

    Returns
    -------
    list of (float or None)
        One Dice a slice, in stack order; None for a slice that is empty in both.

    Raises
    ------
    ScarNetError
        The masks have different shapes or are not boolean.
    """
    check_masks(first, second)
    return [dice(a, b) for a, b in zip(first, second, strict=True)]


def check_masks(first: Mask, second: Mask) -> None:
    """Refuse what is no pair of masks on one grid.

    Parameters
    ----------
    first, second : ndarray
        To be boolean and of one shape.

    Raises
    ------
    ScarNetError
        They are not.
    """
    if first.dtype != np.bool_ or second.dtype != np.bool_:
        raise ScarNetError(f"Masks to compare are boolean, not {first.dtype} and {second.dtype}; compare one class.")
    if first.shape != second.shape:
        raise ScarNetError(
            f"Masks of shapes {first.shape} and {second.shape} cannot be compared; bring both to one grid."
        )

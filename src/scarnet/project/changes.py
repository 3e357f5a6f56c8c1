"""How many voxels somebody changed, by class."""

from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.classes import CLASS_NAMES, TissueClass

__all__ = ["count_changes", "scar_percent"]

Labels = npt.NDArray[Any]


def count_changes(before: Labels | None, after: Labels) -> dict[str, dict[str, int]]:
    """Count the voxels that came to and left each class.

    Parameters
    ----------
    before : ndarray of integers, shape (Z, Y, X), or None
        Labels as they were; None for none at all, which is background everywhere.
    after : ndarray of integers, shape (Z, Y, X)
        Labels as they are.

    Returns
    -------
    dict
        ``{"myocardium": {"added": voxels, "removed": voxels}, …}`` of the classes that changed; myocardium is what is
        labelled so, without scar. Background is left out: what it gains the others lose.
    """
    start = np.zeros_like(after) if before is None else before
    counts = {}
    for tissue in TissueClass:
        was, is_now = start == tissue, after == tissue
        added, removed = int((is_now & ~was).sum()), int((was & ~is_now).sum())
        if tissue != TissueClass.BACKGROUND and (added or removed):
            counts[CLASS_NAMES[tissue]] = {"added": added, "removed": removed}
    return counts


def scar_percent(labels: Labels) -> float | None:
    """Give the share of the wall that is scar.

    Parameters
    ----------
    labels : ndarray of integers, shape (Z, Y, X)
        Class of each voxel.

    Returns
    -------
    float or None
        In percent of the whole wall's voxels; None without a wall.
    """
    scar = int((labels == TissueClass.SCAR).sum())
    wall = scar + int((labels == TissueClass.MYOCARDIUM).sum())
    return 100.0 * scar / wall if wall else None

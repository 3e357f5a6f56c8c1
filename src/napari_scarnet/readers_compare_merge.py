"""Merging two readers' labels into those on screen, again and again, without touching what was painted since."""

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scarnet.project import Regions

__all__ = ["RegionMerge"]

Labels = npt.NDArray[np.uint8]
_AGREED = 0  # the number, in the map of regions, of voxels on which the readers agree


class RegionMerge:
    """Remembers whose labels each region was given last, and what was on screen before each merge.

    Parameters
    ----------
    labels : tuple of ndarray of uint8, shape (Z, Y, X)
        The two readers'.
    regions : Regions
        Where they differ.
    own : int or None
        Which of the two was the case's own when they were compared, 0 or 1; None where neither was.
    """

    def __init__(self, labels: tuple[Labels, Labels], regions: "Regions", own: int | None) -> None:
        self._labels, self._regions, self._own = labels, regions, own
        self._numbers = frozenset(region.number for region in regions.regions)
        self._from_second = self._numbers if own == 1 else frozenset()
        self._steps: list[tuple[frozenset[int], Labels]] = []  # the regions that were written, and what was on screen

    def into(self, on_screen: Labels, from_second: Collection[int]) -> Labels:
        """Give what the labels on screen become.

        Parameters
        ----------
        on_screen : ndarray of uint8, shape (Z, Y, X)
            The case's own labels as they are now.
        from_second : collection of int
            Numbers of the regions that are to be the second reader's.

        Returns
        -------
        ndarray of uint8, shape (Z, Y, X)
            The first time, where neither reader's were the case's own, the two merged. Else the labels on screen, in
            which only those regions are written whose reader is another than before, or whose merge was undone
            meanwhile: those that hold again, in every voxel, what they held before a merge wrote them. Where readers
            agree, each connected piece of what a merge changed counts as such a region.
        """
        from scarnet.project import merge_regions

        merged, index = merge_regions(*self._labels, self._regions, from_second), self._regions.index
        written = self._from_second.symmetric_difference(from_second)
        again = np.zeros(on_screen.shape, np.bool_)
        if self._own is None and not self._steps:
            written = self._numbers | {_AGREED}
        for regions, before in self._steps:
            written |= regions.difference([_AGREED], np.unique(index[on_screen != before]).tolist())
            if _AGREED in regions:
                again |= _undone((index == _AGREED) & (before != merged), on_screen == before)
        if written or again.any():
            self._steps.append((written | {_AGREED} if again.any() else written, on_screen.copy()))
        self._from_second = frozenset(from_second)
        return np.where(np.isin(index, list(written)) | again, merged, on_screen)


def _undone(changed: npt.NDArray[np.bool_], as_before: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Give the connected pieces of what a merge changed that are, in every voxel, as they were before it."""
    from skimage.measure import label

    pieces = label(changed)
    return changed & ~np.isin(pieces, pieces[changed & ~as_before])

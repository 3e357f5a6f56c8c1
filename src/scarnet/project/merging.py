"""One labelling made of two people's, region by region."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from scarnet.classes import CLASS_NAMES, TissueClass
from scarnet.errors import ScarNetError

__all__ = ["Region", "Regions", "disagreement_regions", "merge_regions"]

Labels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Region:
    """A part of a slice in which two labellings differ.

    Attributes
    ----------
    number : int
        From 1, as in :attr:`Regions.index`.
    slice : int
        Which slice.
    voxels : int
        How large it is.
    centre : tuple of float
        Mean place in the slice, (y, x) in voxels.
    first, second : str
        What it mostly is to the one and to the other: a class's name.
    """

    number: int
    slice: int
    voxels: int
    centre: tuple[float, float]
    first: str
    second: str


@dataclass(frozen=True, eq=False)
class Regions:
    """Where two labellings differ.

    Attributes
    ----------
    index : ndarray of int32, shape (Z, Y, X)
        Number of each voxel's region; 0 where both agree.
    regions : tuple of Region
        Slice by slice, in each the largest first.
    """

    index: npt.NDArray[np.int32]
    regions: tuple[Region, ...]


def disagreement_regions(first: Labels, second: Labels) -> Regions:
    """Find the regions in which two labellings differ.

    Parameters
    ----------
    first, second : ndarray of uint8, shape (Z, Y, X)
        Labels of one study.

    Returns
    -------
    Regions
        Connected over edges and corners within a slice. Slices lie so far apart that people decide slice by slice; and
        over slices the rims of two contours would grow into one single region.

    Raises
    ------
    ScarNetError
        The labels have different shapes.
    """
    _check_shapes(first, second)
    index = np.zeros(first.shape, np.int32)
    regions: list[Region] = []
    for z in range(len(first)):
        components, count = ndimage.label(first[z] != second[z], structure=np.ones((3, 3)))
        sizes = np.bincount(components.ravel(), minlength=count + 1)[1:]
        for component in 1 + np.argsort(-sizes, kind="stable"):
            inside = components == component
            number = len(regions) + 1
            index[z][inside] = number
            y, x = (float(values.mean()) for values in np.nonzero(inside))
            names = (_main_class(labels[z][inside]) for labels in (first, second))
            regions.append(Region(number, z, int(sizes[component - 1]), (y, x), *names))
    return Regions(index, tuple(regions))


def merge_regions(first: Labels, second: Labels, regions: Regions, from_second: Collection[int]) -> Labels:
    """Make one labelling of two.

    Parameters
    ----------
    first, second : ndarray of uint8, shape (Z, Y, X)
        Labels of one study.
    regions : Regions
        Of these two.
    from_second : collection of int
        Numbers of the regions that are taken from the second; all others are as in the first.

    Returns
    -------
    ndarray of uint8, shape (Z, Y, X)
        The merged labels.

    Raises
    ------
    ScarNetError
        There is no such region, or the regions are of other labels.
    """
    _check_shapes(first, second)
    unknown = sorted(set(from_second) - {region.number for region in regions.regions})
    if unknown:
        raise ScarNetError(f"There is no region {unknown[0]}; the two differ in {len(regions.regions)}.")
    if regions.index.shape != first.shape or not np.array_equal(regions.index > 0, first != second):
        raise ScarNetError("The regions are not those of these labels; find them again.")
    return np.where(np.isin(regions.index, list(from_second)), second, first)


def _main_class(values: Labels) -> str:
    return CLASS_NAMES[TissueClass(int(np.bincount(values).argmax()))]


def _check_shapes(first: Labels, second: Labels) -> None:
    if first.shape != second.shape:
        raise ScarNetError(f"Labels of shapes {first.shape} and {second.shape} are not of one study.")

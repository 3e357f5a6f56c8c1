"""Where the septum is: the side of the ventricle beyond which there is blood again, the right ventricle's."""

from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.classes import TissueClass
from scarnet.measure.chords import Chords
from scarnet.stack import LGEStack

__all__ = ["septum_angle"]

# Beyond the epicardium and the right ventricle's side of the septum's border, within the right ventricle.
_BEYOND_MM = np.arange(4.0, 16.0)
# Fewer voxels of blood say little of how bright it is.
_FEWEST = 30
# On the other side of the ventricle there must be less blood than this part of what is at the septum.
_OPPOSITE = 0.7

Floats = npt.NDArray[np.float64]


def septum_angle(
    stack: LGEStack, labels: npt.NDArray[Any], chords: Chords, offset: Floats, levels: list[str | None]
) -> float | None:
    """Look for the right ventricle around the left one.

    Parameters
    ----------
    stack : LGEStack
        The study.
    labels : ndarray of integers, shape (Z, Y', X')
        Class of each voxel of a part of the slices.
    chords : Chords
        Chords of that part, with the angle from -π on rising from chord to chord.
    offset : ndarray, shape (2,)
        Where the part begins in the slices, (y, x) in voxels.
    levels : list of (str or None)
        Level of each slice; only basal and mid ones show a right ventricle for sure.

    Returns
    -------
    float or None
        In-plane angle of the middle of the septum: of the third of the circumference beyond which, 4 to 16 mm from the
        epicardium, the image is most like the left ventricle's blood. None where no side stands out.

    Notes
    -----
    The rule is ours.
    """
    count = chords.angles_rad.shape[1]
    likeness = np.zeros(count)
    for z, level in enumerate(levels):
        if level in ("basal", "mid"):
            likeness += _likeness(stack, z, labels[z], chords, offset)
    third = count // 3
    around = np.concatenate([likeness, likeness[: third - 1]])
    sums = np.convolve(around, np.ones(third), mode="valid")
    best = int(sums.argmax())
    if sums[best] <= 0 or sums[(best + count // 2) % count] > _OPPOSITE * sums[best]:
        return None
    return float(chords.angles_rad[0, 0] + 2 * np.pi * (best + (third - 1) / 2) / count)


def _likeness(stack: LGEStack, z: int, labels: npt.NDArray[Any], chords: Chords, offset: Floats) -> Floats:
    """Tell for each chord how much what lies beyond it looks like blood, 0 to 1."""
    image = stack.pixels[z]
    part = image[int(offset[0]) :, int(offset[1]) :][: labels.shape[0], : labels.shape[1]]
    blood, wall = part[labels == TissueClass.BLOOD_POOL], part[labels == TissueClass.MYOCARDIUM]
    if blood.size < _FEWEST or not wall.size:
        return np.zeros(chords.angles_rad.shape[1])
    middle = float(np.median(blood))
    low, high = np.percentile(blood, (16, 84))
    width = 1.5 * max(float(high - low) / 2, abs(middle - float(np.median(wall))) / 4)
    if width == 0:
        return np.zeros(chords.angles_rad.shape[1])
    # Where a chord meets no wall, its neighbours' mean radius will do.
    outer = np.where(np.isnan(chords.outer_mm[z]), np.nanmean(chords.outer_mm[z]), chords.outer_mm[z])
    radius, angle = outer[:, None] + _BEYOND_MM, chords.angles_rad[z][:, None]
    y = chords.centre[z, 0] + offset[0] + radius * np.sin(angle) / stack.spacing_mm[1]
    x = chords.centre[z, 1] + offset[1] + radius * np.cos(angle) / stack.spacing_mm[2]
    rows = np.clip(np.rint(y), 0, image.shape[0] - 1).astype(np.int64)
    columns = np.clip(np.rint(x), 0, image.shape[1] - 1).astype(np.int64)
    away = (image[rows, columns] - middle) / width
    return np.asarray(np.exp(-0.5 * np.minimum(away**2, 50)).mean(axis=1), dtype=np.float64)

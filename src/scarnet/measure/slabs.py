"""How much of the long axis each slice stands for, from the slices' true positions."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scarnet.stack import LGEStack

__all__ = ["Slabs", "slabs_of"]

# As the readers do: distances within 5 % of the spacing are regular.
_REGULAR = 0.05
# From this many spacings on, at least one slice is missing in between.
_MISSING = 1.5


@dataclass(frozen=True, eq=False)
class Slabs:
    """Thickness of tissue that each slice is counted for.

    Attributes
    ----------
    positions_mm : ndarray, shape (Z,)
        Along the slice normal; index times spacing where the study does not tell.
    counted_mm : ndarray, shape (Z,)
        Half way to each neighbour, where that neighbour is the next slice; half a spacing towards a missing slice and
        beyond the ends.
    filled_mm : ndarray, shape (Z,)
        The same, with the place of missing slices shared between the two slices that are there.
    missing : int
        Number of slices that seem to be missing.
    """

    positions_mm: npt.NDArray[np.float64]
    counted_mm: npt.NDArray[np.float64]
    filled_mm: npt.NDArray[np.float64]
    missing: int


def slabs_of(stack: LGEStack) -> Slabs:
    """Work out how thick each slice counts.

    Parameters
    ----------
    stack : LGEStack
        The study. Its spacing is the distance between neighbouring slice centres, so that the nominal gap between two
        slices is shared by them.

    Returns
    -------
    Slabs
        The spacing for each slice of an evenly spaced stack, otherwise from the positions.
    """
    spacing, depth = stack.spacing_mm[0], stack.shape[0]
    if stack.slice_positions_mm is None:
        positions = np.arange(depth, dtype=np.float64) * spacing
    else:
        positions = np.asarray(stack.slice_positions_mm, dtype=np.float64)
    steps = np.abs(np.diff(positions))
    if not (np.abs(steps - spacing) > _REGULAR * spacing).any():
        even = np.full(depth, spacing, dtype=np.float64)
        return Slabs(positions, even, even, 0)
    gaps = steps >= _MISSING * spacing
    return Slabs(
        positions,
        _halves(np.where(gaps, spacing, steps), spacing),
        _halves(steps, spacing),
        int(np.round(steps[gaps] / spacing - 1).sum()),
    )


def _halves(steps: npt.NDArray[np.float64], spacing: float) -> npt.NDArray[np.float64]:
    """Add half the step before and half the step after each slice."""
    around = np.concatenate([[spacing], steps, [spacing]])
    return np.asarray((around[:-1] + around[1:]) / 2)

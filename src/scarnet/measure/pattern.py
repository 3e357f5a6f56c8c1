"""How scar lies in the wall: how deep it reaches, and from which side."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.measure.chords import Chords

__all__ = ["QUARTILES", "pattern_of", "quartiles_of"]

QUARTILES = ("1-25", "26-50", "51-75", "76-100")
"""Classes of transmurality in percent."""

# Scar that begins within this part of the wall begins at its surface: a voxel, in a wall of five.
_AT_SURFACE = 0.2

_NAMES = ("endocardial", "mid_wall", "epicardial", "transmural")
_Test = Callable[[npt.NDArray[np.bool_], npt.NDArray[np.bool_]], npt.NDArray[np.bool_]]
_TESTS: dict[str, _Test] = {
    "endocardial": lambda inside, outside: inside & ~outside,
    "mid_wall": lambda inside, outside: ~inside & ~outside,
    "epicardial": lambda inside, outside: ~inside & outside,
    "transmural": lambda inside, outside: inside & outside,
}


def quartiles_of(transmurality: npt.NDArray[np.float64]) -> dict[str, float] | None:
    """Share out the circumference by transmurality.

    Parameters
    ----------
    transmurality : ndarray
        Of chords, 0 to 1; NaN where there is no wall.

    Returns
    -------
    dict of str to float, or None
        By :data:`QUARTILES`, percent of the chords with wall whose scar takes up to 25, 50, 75 and 100 % of it; the
        rest has none. None where there is no chord with wall.

    References
    ----------
    The classes are those of Kim RJ, Wu E, Rafael A, et al. The use of contrast-enhanced magnetic resonance imaging to
    identify reversible myocardial dysfunction. N Engl J Med 2000;343:1445-1453.
    """
    there = transmurality[~np.isnan(transmurality)]
    if not there.size:
        return None
    # A length is a whole number of samples, so sums of steps may miss 0.25 by a rounding error.
    quarter = np.ceil(there * 4 - 1e-9).astype(int)
    return {name: 100.0 * float((quarter == number).mean()) for number, name in enumerate(QUARTILES, start=1)}


def pattern_of(chords: Chords, slices: slice = slice(None)) -> dict[str, Any]:
    """Tell on which side of the wall scar lies.

    Parameters
    ----------
    chords : Chords
        The slices' chords.
    slices : slice
        Which slices.

    Returns
    -------
    dict
        ``dominant``: ``endocardial`` (begins within a fifth of the wall from the endocardium and ends before the last
        fifth), ``epicardial`` (the other way round), ``transmural`` (reaches both), ``mid_wall`` (neither), whichever
        most of the chords with scar show; None without any. ``…_percent``: the share of each among those chords.
    """
    begins, ends = chords.scar_inner[slices], chords.scar_outer[slices]
    scarred = ~np.isnan(begins)
    if not scarred.any():
        return {"dominant": None} | {f"{name}_percent": None for name in _NAMES}
    inside, outside = begins[scarred] <= _AT_SURFACE, ends[scarred] >= 1 - _AT_SURFACE
    shares = {name: 100.0 * float(test(inside, outside).mean()) for name, test in _TESTS.items()}
    return {"dominant": max(shares, key=lambda name: shares[name])} | {f"{n}_percent": v for n, v in shares.items()}

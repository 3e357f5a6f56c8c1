"""How far to trust a volume: from the network's probabilities, and from a Monte-Carlo run with noise."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.classes import TissueClass
from scarnet.errors import ScarNetError
from scarnet.measure.slabs import slabs_of
from scarnet.measure.volumes import percent_of
from scarnet.measure.wall import heart_box
from scarnet.stack import LGEStack

__all__ = ["CORRELATION_MM", "disagreement_notes", "noise_intervals", "probability_intervals"]

CORRELATION_MM = 5.0
"""Standard deviation of the Gaussian kernel that makes neighbouring voxels err alike; correlation falls to 1/e at twice
this distance."""

DRAWS = 200
_SEED = 0
_LIMITS = (2.5, 97.5)
# Less than this takes no part in the draws; its share of the expected volume is counted.
_SURELY_NOT = 1e-3
_QUANTITIES = ("scar_volume_ml", "myocardium_volume_ml", "scar_percent_myocardium")


def probability_intervals(
    probabilities: npt.NDArray[Any], stack: LGEStack, draws: int = DRAWS, correlation_mm: float = CORRELATION_MM
) -> dict[str, Any]:
    """Give what the probabilities expect, and how widely labels drawn from them spread.

    Parameters
    ----------
    probabilities : ndarray, shape (C, Z, Y, X)
        Probability of each class, on the stack's grid.
    stack : LGEStack
        The study.
    draws : int
        Number of label volumes to draw.
    correlation_mm : float
        See :data:`CORRELATION_MM`.

    Returns
    -------
    dict
        ``scar_volume_ml``, ``myocardium_volume_ml`` (whole wall) and ``scar_percent_myocardium``, each a dict of
        ``expected`` and ``interval`` (2.5th to 97.5th percentile of the draws; None where there is no wall);
        ``draws``, ``correlation_mm`` and ``assumes``, a sentence.

    Raises
    ------
    ScarNetError
        The probabilities are not on the stack's grid, or not between 0 and 1.

    Notes
    -----
    The expected volume is the sum of probabilities. Voxels do not err independently: drawn so, thousands of errors
    would cancel and the interval be far too narrow. Two random fields are drawn, standard normal at each voxel and
    correlated over distance in mm as white noise smoothed by a Gaussian kernel; a voxel is wall where the first field's
    probability falls below its wall probability, and scar where also the second's falls below scar's share of it (a
    Gaussian copula). So each voxel has its own probability in every draw, and neighbours err together. The distance is
    assumed, not estimated, and so is that the probabilities are calibrated: the interval tells what the network doubts,
    not what it overlooks.
    """
    if probabilities.shape[1:] != stack.shape or probabilities.shape[0] != len(TissueClass):
        raise ScarNetError(
            f"{stack.case}: the probabilities have shape {probabilities.shape}, but must be {len(TissueClass)} classes "
            f"on the image's {stack.shape} (Z, Y, X)."
        )
    scar = np.asarray(probabilities[TissueClass.SCAR], dtype=np.float64)
    wall = scar + probabilities[TissueClass.MYOCARDIUM]
    if not (np.isfinite(wall).all() and wall.min() > -1e-3 and wall.max() < 1 + 1e-3):
        raise ScarNetError(f"{stack.case}: the probabilities are not between 0 and 1; give probabilities, not logits.")
    slab_ml = slabs_of(stack).counted_mm * (stack.spacing_mm[1] * stack.spacing_mm[2] / 1000)
    told = {"draws": draws, "correlation_mm": correlation_mm, "assumes": _assumption(correlation_mm)}
    expected = [float(slab_ml @ p.sum(axis=(1, 2))) for p in (scar, wall)]
    box = heart_box(wall > _SURELY_NOT)
    drawn = (
        np.zeros((draws, 2))
        if box is None
        else _draw(scar[box.cut], wall[box.cut], stack, slab_ml, draws, correlation_mm)
    )
    spread = {
        "scar_volume_ml": (expected[0], drawn[:, 0]),
        "myocardium_volume_ml": (expected[1], drawn[:, 1]),
        "scar_percent_myocardium": (
            percent_of(*expected),
            100 * drawn[:, 0] / drawn[:, 1] if (drawn[:, 1] > 0).all() else np.empty(0),
        ),
    }
    return {name: {"expected": mean, "interval": _interval(values)} for name, (mean, values) in spread.items()} | told


def disagreement_notes(scar_volume_ml: float, intervals: Mapping[str, Any]) -> list[str]:
    """Say where labels hold more or less scar than the probabilities bear out.

    Parameters
    ----------
    scar_volume_ml : float
        Scar in the labels.
    intervals : Mapping
        Of :func:`probability_intervals`.

    Returns
    -------
    list of str
        A sentence, or none where the labels' volume lies in the interval.
    """
    scar = intervals["scar_volume_ml"]
    low, high = scar["interval"]
    # To the digit that is printed.
    if round(low, 1) <= round(scar_volume_ml, 1) <= round(high, 1):
        return []
    return [
        f"The labels hold {scar_volume_ml:.1f} ml of scar, but the network's probabilities {low:.1f} to {high:.1f} ml "
        f"(expected {scar['expected']:.1f}): labels take each voxel's likeliest class, and may have been corrected."
    ]


def noise_intervals(samples: Mapping[str, Sequence[float | None]]) -> dict[str, Any]:
    """Give the interval of a Monte-Carlo run in which the image was predicted again and again with noise added.

    Parameters
    ----------
    samples : Mapping of str to sequence of (float or None)
        Values of ``scar_volume_ml``, ``myocardium_volume_ml`` or ``scar_percent_myocardium``, one a repetition.

    Returns
    -------
    dict
        By quantity ``mean``, ``interval`` (2.5th to 97.5th percentile) and ``n``; a repetition without a value is left
        out.

    Raises
    ------
    ScarNetError
        A quantity is not known, or has fewer than two values.
    """
    found: dict[str, Any] = {}
    for name, values in samples.items():
        if name not in _QUANTITIES:
            raise ScarNetError(f"The quantity {name!r} is not known; use {', '.join(_QUANTITIES)}.")
        kept = np.array([value for value in values if value is not None and np.isfinite(value)], dtype=np.float64)
        if kept.size < 2:
            raise ScarNetError(f"{name} has {kept.size} values from the noise run; an interval needs at least 2.")
        found[name] = {"mean": float(kept.mean()), "interval": _interval(kept), "n": int(kept.size)}
    return found


def _draw(
    scar: npt.NDArray[np.float64],
    wall: npt.NDArray[np.float64],
    stack: LGEStack,
    slab_ml: npt.NDArray[np.float64],
    draws: int,
    correlation_mm: float,
) -> npt.NDArray[np.float64]:
    """Draw volumes in ml, (scar, wall), shape (draws, 2)."""
    from scipy.fft import ifftn
    from scipy.special import ndtri

    share = np.clip(scar / np.maximum(wall, 1e-12), 0, 1)
    # Fields are compared with the normal quantiles of the probabilities.
    wall_limit, scar_limit = ndtri(np.clip(wall, 0, 1)), ndtri(share)
    random = np.random.default_rng(_SEED)
    transfer = _transfer(scar.shape, stack.spacing_mm, correlation_mm)
    here = tuple(slice(length) for length in scar.shape)
    drawn = np.zeros((draws, 2))
    for number in range(draws):
        # The real and the imaginary part are two fields that know nothing of each other.
        noise = random.standard_normal((*transfer.shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
        fields = ifftn(noise * transfer, norm="ortho", overwrite_x=True)[here]
        in_wall = fields.real < wall_limit
        in_scar = in_wall & (fields.imag < scar_limit)
        drawn[number] = [slab_ml @ np.count_nonzero(mask, axis=(1, 2)) for mask in (in_scar, in_wall)]
    return drawn


def _transfer(
    shape: tuple[int, ...], spacing_mm: tuple[float, float, float], correlation_mm: float
) -> npt.NDArray[np.float32]:
    """Give the Gaussian kernel's Fourier transform, scaled to fields of variance 1, on a grid a kernel larger."""
    from scipy.fft import next_fast_len

    transfer = np.ones((1, 1, 1))
    for axis, (length, spacing) in enumerate(zip(shape, spacing_mm, strict=True)):
        sigma = correlation_mm / spacing
        # The field repeats itself at the grid's end, which must be out of the first part's reach.
        padded = next_fast_len(length + int(np.ceil(4 * sigma)))
        falloff = np.exp(-2 * (np.pi * sigma * np.fft.fftfreq(padded)) ** 2)
        transfer = transfer * np.expand_dims(falloff, tuple(other for other in range(3) if other != axis))
    return (transfer / np.sqrt((transfer**2).mean())).astype(np.float32)


def _interval(values: npt.NDArray[np.float64]) -> list[float] | None:
    return [float(value) for value in np.percentile(values, _LIMITS)] if values.size else None


def _assumption(correlation_mm: float) -> str:
    return (
        f"The probabilities are calibrated, and voxels err together over about {2 * correlation_mm:g} mm; the interval "
        "holds what the network doubts, not what it overlooks."
    )

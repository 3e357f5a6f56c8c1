"""Two Gaussian distributions of intensity: healthy wall and hyperenhanced wall."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Mixture", "fit_two_gaussians"]

_BINS = 256
_ROUNDS = 500
_SETTLED = 1e-8

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Mixture:
    """Two Gaussian distributions, the darker one first.

    Attributes
    ----------
    weights, means, sds : tuple of float
        Part of the voxels, mean and standard deviation of each.
    threshold : float or None
        Between the means, where both are equally likely; None where that is nowhere.
    """

    weights: tuple[float, float]
    means: tuple[float, float]
    sds: tuple[float, float]
    threshold: float | None


def fit_two_gaussians(values: npt.NDArray[Any]) -> Mixture | None:
    """Fit a mixture of two Gaussian distributions by expectation maximisation.

    Parameters
    ----------
    values : ndarray
        Intensities of any shape; at least two unlike ones.

    Returns
    -------
    Mixture or None
        The fit, from Otsu's two classes on; None where all values are alike or one class is left without any.

    References
    ----------
    .. [1] Dempster AP, Laird NM, Rubin DB. Maximum likelihood from incomplete data via the EM algorithm. J R Stat Soc B
       1977;39:1-38.
    """
    from skimage.filters import threshold_otsu

    flat = np.asarray(values, dtype=np.float64).ravel()
    if flat.size < 2 or np.ptp(flat) == 0:
        return None
    # Counts in bins say all there is at a fraction of the work.
    count, edges = np.histogram(flat, bins=_BINS)
    at = (edges[:-1] + edges[1:]) / 2
    width = float(edges[1] - edges[0])
    bright = (at > threshold_otsu(hist=(count, at))).astype(np.float64)
    belongs = np.stack([1 - bright, bright])
    before = -math.inf
    for _ in range(_ROUNDS):
        mass = (belongs * count).sum(axis=1)
        if (mass < 1).any():
            return None
        means = (belongs * count) @ at / mass
        # A distribution narrower than a bin would grow without bound on a single value.
        sds = np.sqrt((belongs * count * (at - means[:, None]) ** 2).sum(axis=1) / mass + width**2 / 12)
        weights = mass / flat.size
        dense = _density(at, weights, means, sds)
        total = np.maximum(dense.sum(axis=0), np.finfo(float).tiny)
        likelihood = float(count @ np.log(total)) / flat.size
        belongs = dense / total
        if likelihood - before < _SETTLED:
            break
        before = likelihood
    dark, light = np.argsort(means)
    chosen = [dark, light]
    weights, means, sds = weights[chosen], means[chosen], sds[chosen]
    return Mixture(_pair(weights), _pair(means), _pair(sds), _crossing(weights, means, sds))


def _density(at: Floats, weights: Floats, means: Floats, sds: Floats) -> Floats:
    z = (at - means[:, None]) / sds[:, None]
    return np.asarray((weights / sds)[:, None] * np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi))


def _crossing(weights: Floats, means: Floats, sds: Floats) -> float | None:
    """Find where the two weighted densities are equal, between the means."""
    inverse = 1 / sds**2
    a = (inverse[0] - inverse[1]) / 2
    b = means[1] * inverse[1] - means[0] * inverse[0]
    c = (means[0] ** 2 * inverse[0] - means[1] ** 2 * inverse[1]) / 2
    c += math.log(weights[1] / sds[1]) - math.log(weights[0] / sds[0])
    roots = np.roots([a, b, c]) if a != 0 else np.roots([b, c])
    between = [float(r.real) for r in roots if abs(r.imag) < 1e-12 and means[0] <= r.real <= means[1]]
    return min(between) if between else None


def _pair(values: Floats) -> tuple[float, float]:
    return float(values[0]), float(values[1])

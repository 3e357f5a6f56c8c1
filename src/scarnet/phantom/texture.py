"""Smooth random fields, so that no tissue is flat."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

__all__ = ["Ripple", "blurred", "smooth_field", "soften"]


def smooth_field(rng: np.random.Generator, shape: tuple[int, int], cell: float) -> npt.NDArray[np.float32]:
    """Draw a smooth random image.

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    shape : tuple of int
        Rows and columns.
    cell : float
        Size of a bump in pixels.

    Returns
    -------
    ndarray of float32, shape ``shape``
        Mean 0 and standard deviation 1, nearly.
    """
    # Drawn on a grid half as wide as the bumps and blurred there, which hides the grid.
    coarse = tuple(max(4, round(2 * n / max(cell, 2.0)) + 3) for n in shape)
    noise = blurred(rng.standard_normal(coarse).astype(np.float32), 0.9)
    rows, cols = (np.linspace(1.0, c - 2.0, n, dtype=np.float32) for c, n in zip(coarse, shape, strict=True))
    field = _resample(_resample(noise, rows).T, cols).T
    return np.ascontiguousarray(field / (field.std() + 1e-6))


def _resample(values: npt.NDArray[np.float32], at: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    # Separable and much cheaper than a spline zoom.
    low = np.clip(np.floor(at).astype(int), 0, len(values) - 2)
    t = (at - low)[:, None].astype(np.float32)
    return values[low] * (1 - t) + values[low + 1] * t


class Ripple:
    """A smooth random function of angle and height, periodic in the angle.

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    orders : int
        Highest number of bumps around the circle.
    wavelength_mm : float
        Typical wavelength along the height.
    """

    def __init__(self, rng: np.random.Generator, orders: int = 6, wavelength_mm: float = 35.0) -> None:
        self._terms = [
            (k, rng.uniform(0, 2 * np.pi), rng.normal() * 2 * np.pi / wavelength_mm, rng.normal() / np.sqrt(k))
            for k in range(1, orders + 1)
        ]
        self._scale = 1 / np.sqrt(sum(a * a for *_, a in self._terms) / 2 + 1e-9)

    def __call__(self, theta: npt.NDArray[np.floating] | np.floating, z: npt.ArrayLike) -> npt.NDArray[np.floating]:
        """Evaluate at angles in radians and heights in mm; standard deviation about 1."""
        total: npt.NDArray[np.floating] = np.zeros(np.broadcast_shapes(np.shape(theta), np.shape(z)), dtype=np.float32)
        for k, phase, slope, amplitude in self._terms:
            total += np.float32(amplitude) * np.cos(k * theta + np.float32(phase) + np.asarray(z) * np.float32(slope))
        return total * np.float32(self._scale)


def soften(distance: npt.NDArray[np.floating], width: float) -> npt.NDArray[np.floating]:
    """Turn a signed distance (positive inside) into a membership from 0 to 1 across ``width``."""
    return np.clip(distance / width + 0.5, 0.0, 1.0)


def blurred(image: npt.NDArray[np.floating], sigma: float) -> npt.NDArray[np.floating]:
    """Blur an image in plane with a Gaussian of ``sigma`` pixels."""
    return ndimage.gaussian_filter(image, sigma, mode="nearest", truncate=3.0)

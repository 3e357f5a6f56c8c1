"""What the scanner does to the picture: coil, ghost, noise, reconstruction."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from scarnet.phantom.texture import blurred, smooth_field

__all__ = ["acquire", "coil_profile", "store_integers"]

Array = npt.NDArray[np.floating]


def coil_profile(rng: np.random.Generator, shape: tuple[int, int], strength: float) -> Array:
    """Draw a smooth receive profile.

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    shape : tuple of int
        Rows and columns.
    strength : float
        0 is flat; 0.5 makes the near side about three times as bright as the far side.

    Returns
    -------
    ndarray of float32
        Positive, mean 1.
    """
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j].astype(np.float32)
    turn = rng.uniform(0, 2 * np.pi)
    slope = np.cos(turn) * x + np.sin(turn) * y
    log = strength * (0.8 * slope + 0.35 * smooth_field(rng, shape, max(shape) / 2.5))
    profile = np.exp(log)
    return np.asarray(profile / profile.mean(), dtype=np.float32)


def acquire(
    signal: Array,
    rng: np.random.Generator,
    *,
    kind: Literal["magnitude", "psir"],
    coil: Array,
    noise: float,
    ghosting: float,
    phase_axis: int,
    blur: float,
) -> Array:
    """Turn signed signal into a reconstructed image.

    Parameters
    ----------
    signal : ndarray, shape (Y, X)
        Signed magnetisation.
    rng : Generator
        Source of randomness.
    kind : {"magnitude", "psir"}
        Magnitude (Rician noise) or phase-sensitive (Gaussian noise around the signed signal).
    coil : ndarray, shape (Y, X)
        Receive profile.
    noise : float
        Standard deviation of each channel of the complex noise in the stored image.
    ghosting : float
        Relative strength of the ghost, half a field of view away.
    phase_axis : int
        Axis of the ghost: 0 rows, 1 columns.
    blur : float
        Width of the reconstruction's point spread in pixels.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        The image in units of the equilibrium magnetisation.
    """
    real = np.asarray(signal * coil, dtype=np.float32)
    if ghosting:
        shift = int(real.shape[phase_axis] * rng.uniform(0.35, 0.6))
        real = real + np.float32(ghosting * rng.choice([-1.0, 1.0])) * np.roll(real, shift, axis=phase_axis)
    if blur > 0:
        real = blurred(real, blur)
    noisy = real + _noise(rng, real.shape, noise, blur)
    if kind == "psir":
        return noisy
    return np.hypot(noisy, _noise(rng, real.shape, noise, blur))


def _noise(rng: np.random.Generator, shape: tuple[int, ...], level: float, blur: float) -> Array:
    white = rng.standard_normal(shape).astype(np.float32)
    if blur > 0:
        # Interpolated images have correlated noise; its strength is kept.
        white = blurred(white, blur)
        white /= white.std() + 1e-9
    return white * np.float32(level)


def store_integers(
    image: Array, kind: Literal["magnitude", "psir"], gain: float, offset: int
) -> npt.NDArray[np.float32]:
    """Round to the whole numbers a scanner stores.

    Parameters
    ----------
    image : ndarray
        In units of the equilibrium magnetisation.
    kind : {"magnitude", "psir"}
        Magnitude starts at 0; phase-sensitive is shifted by ``offset``.
    gain : float
        Stored units for one.
    offset : int
        Stored value of no signal in a phase-sensitive image.

    Returns
    -------
    ndarray of float32
        Whole numbers from 0 to 4095.
    """
    stored = np.rint(image * gain + (offset if kind == "psir" else 0))
    return np.clip(stored, 0, 4095).astype(np.float32)

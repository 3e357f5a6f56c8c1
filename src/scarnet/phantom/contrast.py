"""Inversion-recovery contrast of post-contrast tissue."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["PROTON_DENSITY", "Contrast", "inversion_recovery", "null_time_ms"]

# Relative to blood; lung is mostly air, cortical bone and pericardium hold few mobile protons.
PROTON_DENSITY: dict[str, float] = {
    "remote": 0.95,
    "infarct": 1.0,
    "no_reflow": 0.95,
    "blood": 1.0,
    "fat": 0.8,
    "fluid": 1.0,
    "pericardium": 0.35,
    "lung": 0.16,
    "liver": 0.9,
    "spleen": 0.95,
    "muscle": 0.85,
    "bone": 0.7,
    "disc": 0.8,
    "stomach": 0.8,
    "kidney": 1.0,
    "air": 0.0,
}


def inversion_recovery(
    t1_ms: npt.ArrayLike, ti_ms: float, tr_ms: float, proton_density: npt.ArrayLike = 1.0
) -> npt.NDArray[np.floating]:
    """Give the signed magnetisation of an inversion-recovery readout.

    ``M = PD · (1 − 2·exp(−TI/T1) + exp(−TR/T1))``.

    Parameters
    ----------
    t1_ms : array_like
        Longitudinal relaxation time in ms.
    ti_ms : float
        Time from inversion to readout in ms.
    tr_ms : float
        Time from inversion to inversion in ms.
    proton_density : array_like
        Relative proton density, broadcast against ``t1_ms``.

    Returns
    -------
    ndarray
        Magnetisation as a fraction of the equilibrium's; below zero before the tissue's null.
    """
    t1 = np.asarray(t1_ms)
    return np.asarray(proton_density) * (1.0 - 2.0 * np.exp(-ti_ms / t1) + np.exp(-tr_ms / t1))


def null_time_ms(t1_ms: float, tr_ms: float) -> float:
    """Give the inversion time at which a tissue has no signal.

    Parameters
    ----------
    t1_ms : float
        Longitudinal relaxation time in ms.
    tr_ms : float
        Time from inversion to inversion in ms.

    Returns
    -------
    float
        ``T1 · ln(2 / (1 + exp(−TR/T1)))`` in ms.
    """
    return float(t1_ms * np.log(2.0 / (1.0 + np.exp(-tr_ms / t1_ms))))


@dataclass(frozen=True)
class Contrast:
    """The sequence's times and every tissue's T1.

    Attributes
    ----------
    t1_ms : Mapping
        From tissue name to T1 in ms; the names of :data:`PROTON_DENSITY` without air.
    ti_ms, tr_ms : float
        Inversion time and time between inversions.
    """

    t1_ms: Mapping[str, float]
    ti_ms: float
    tr_ms: float

    def signal(self, tissue: str, variation: npt.ArrayLike = 0.0) -> npt.NDArray[np.floating]:
        """Give a tissue's signed signal.

        Parameters
        ----------
        tissue : str
            A name of :data:`PROTON_DENSITY`.
        variation : array_like
            Relative deviation of T1, 0.05 for 5 % longer; the result has its shape.

        Returns
        -------
        ndarray
            Signal as a fraction of the equilibrium magnetisation.
        """
        if tissue == "air":
            return np.zeros_like(np.asarray(variation, dtype=np.float32))
        t1 = self.t1_ms[tissue] * np.clip(1.0 + np.asarray(variation), 0.4, 2.5)
        return inversion_recovery(t1, self.ti_ms, self.tr_ms, PROTON_DENSITY[tissue])

"""Scar's core and its grey zone of mixed healthy and scarred muscle."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.measure.remote import Remote
from scarnet.measure.settings import Baseline, GreyZoneMethod
from scarnet.measure.thresholds import fwhm, n_sd

__all__ = ["GreyZone", "grey_zone"]

_GREY_PART, _CORE_PART = 0.35, 0.5
_GREY_SD, _CORE_SD = 2, 3


@dataclass(frozen=True, eq=False)
class GreyZone:
    """Core and grey zone.

    Attributes
    ----------
    core, grey : ndarray of bool, shape (Z, Y, X)
        The masks; no voxel is in both.
    core_threshold, grey_threshold : float or None
        Intensity from which on a voxel is core, and grey zone; None where there is none.
    method : {"fwhm", "sd"}
        How they were found.
    note : str or None
        Why there are none, or why to doubt them, in a sentence.
    """

    core: npt.NDArray[np.bool_]
    grey: npt.NDArray[np.bool_]
    core_threshold: float | None
    grey_threshold: float | None
    method: GreyZoneMethod
    note: str | None = None


def grey_zone(
    pixels: npt.NDArray[Any],
    wall: npt.NDArray[np.bool_],
    remote: Remote | None,
    method: GreyZoneMethod = "fwhm",
    baseline: Baseline = "remote",
) -> GreyZone:
    """Find core and grey zone.

    Parameters
    ----------
    pixels : ndarray, shape (Z, Y, X)
        Intensities.
    wall : ndarray of bool, shape (Z, Y, X)
        Where to look.
    remote : Remote or None
        Healthy myocardium.
    method : {"fwhm", "sd"}
        Core from 50 % of the maximum on and grey zone from 35 % to 50 % [1]_, or core above 3 SD of remote myocardium
        and grey zone from 2 to 3 SD [2]_.
    baseline : {"remote", "zero"}
        From where the percentages are counted, as in :func:`scarnet.measure.fwhm`.

    Returns
    -------
    GreyZone
        The two.

    References
    ----------
    .. [1] Roes SD, Borleffs CJ, van der Geest RJ, et al. Infarct tissue heterogeneity assessed with contrast-enhanced
       MRI predicts spontaneous ventricular arrhythmia. Circ Cardiovasc Imaging 2009;2:183-190.
    .. [2] Yan AT, Shayne AJ, Brown KA, et al. Characterization of the peri-infarct zone by contrast-enhanced cardiac
       magnetic resonance imaging is a powerful predictor of post-myocardial infarction mortality. Circulation
       2006;114:32-39.
    """
    if method == "sd":
        core, wider = n_sd(pixels, wall, remote, _CORE_SD), n_sd(pixels, wall, remote, _GREY_SD)
        return GreyZone(core.mask, wider.mask & ~core.mask, core.threshold, wider.threshold, method, core.note)
    core = fwhm(pixels, wall, remote, baseline)
    if core.threshold is None or remote is None:
        return GreyZone(core.mask, core.mask, None, None, method, core.note)
    floor = remote.mean if baseline == "remote" else 0.0
    lower = floor + (core.threshold - floor) * _GREY_PART / _CORE_PART
    grey = wall & (pixels >= lower) & ~core.mask
    return GreyZone(core.mask, grey, core.threshold, float(lower), method, core.note)

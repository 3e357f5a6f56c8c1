"""Scar by a threshold on intensity inside the wall: FWHM, n-SD, Otsu, and two Gaussian distributions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.errors import ScarNetError
from scarnet.measure.mixture import fit_two_gaussians
from scarnet.measure.remote import Remote
from scarnet.measure.settings import Baseline

__all__ = [
    "SD_FACTORS",
    "ThresholdScar",
    "fwhm",
    "gaussian_mixture",
    "n_sd",
    "otsu",
    "peak_of",
    "threshold_scar",
]

Mask = npt.NDArray[np.bool_]

SD_FACTORS = (2, 3, 4, 5, 6)
"""The n of the n-SD methods."""

# How far, in SD of the remote region, the brightest spot must stand out for scar to be plain.
_PLAIN_SD = 5.0
_NO_REMOTE = "The wall has too few voxels for a remote region."
_ALIKE = "The wall's intensities do not part into two classes."
_ZERO_IS_NOTHING = (
    "Healthy myocardium itself lies above half of the maximum, so zero means nothing in these intensities; count from "
    "the remote mean."
)
_FAINT = (
    "Nowhere does the wall stand out from remote myocardium by 5 SD; this method marks a part of any wall, so look "
    "whether there is scar at all."
)


@dataclass(frozen=True, eq=False)
class ThresholdScar:
    """What a threshold method calls scar.

    Attributes
    ----------
    method : str
        ``fwhm``, ``sd2`` …, ``otsu`` or ``gmm``.
    mask : ndarray of bool, shape (Z, Y, X)
        Scar; inside the wall.
    threshold : float or None
        The intensity from which on a voxel is scar; None where there is none.
    note : str or None
        Why there is none, or why to doubt it, in a sentence.
    """

    method: str
    mask: Mask
    threshold: float | None
    note: str | None = None


def peak_of(pixels: npt.NDArray[Any], wall: Mask) -> float | None:
    """Find the maximum of the wall's intensity.

    Parameters
    ----------
    pixels : ndarray, shape (Z, Y, X)
        Intensities.
    wall : ndarray of bool, shape (Z, Y, X)
        The wall.

    Returns
    -------
    float or None
        The largest mean over the wall's voxels in a neighbourhood of 3 × 3 in a slice, at least six of them; the
        largest mean of all where there are nowhere six; None without wall. A single voxel would be noise, or blood at
        the edge.
    """
    from scipy.ndimage import uniform_filter

    if not wall.any():
        return None
    size = (1, 3, 3)
    share = uniform_filter(wall.astype(np.float64), size, mode="constant")
    total = uniform_filter(np.where(wall, pixels, 0).astype(np.float64), size, mode="constant")
    full = wall & (share > 5.5 / 9)
    chosen = full if full.any() else wall
    return float((total[chosen] / share[chosen]).max())


def fwhm(pixels: npt.NDArray[Any], wall: Mask, remote: Remote | None, baseline: Baseline = "remote") -> ThresholdScar:
    """Mark scar by full width at half maximum.

    Parameters
    ----------
    pixels : ndarray, shape (Z, Y, X)
        Intensities.
    wall : ndarray of bool, shape (Z, Y, X)
        Where to look.
    remote : Remote or None
        Healthy myocardium.
    baseline : {"remote", "zero"}
        Half way from the remote mean to the maximum [2]_, which any scale of intensities allows; or half of the maximum
        itself, as published for magnitude images [1]_, whose nulled myocardium is near zero.

    Returns
    -------
    ThresholdScar
        Voxels of at least half of the maximum (:func:`peak_of`).

    References
    ----------
    .. [1] Amado LC, Gerber BL, Gupta SN, et al. Accurate and objective infarct sizing by contrast-enhanced magnetic
       resonance imaging in a canine myocardial infarction model. J Am Coll Cardiol 2004;44:2383-2389.
    .. [2] Hsu LY, Natanzon A, Kellman P, et al. Quantitative myocardial infarction on delayed enhancement MRI. Part I.
       J Magn Reson Imaging 2006;23:298-308.
    """
    peak = peak_of(pixels, wall)
    if peak is None or remote is None:
        return _nothing("fwhm", wall, _NO_REMOTE)
    if baseline == "zero" and float(pixels[wall].min()) < 0:
        return _nothing(
            "fwhm", wall, "The wall holds negative values (PSIR), of which there is no half; count from remote."
        )
    floor = remote.mean if baseline == "remote" else 0.0
    threshold = floor + 0.5 * (peak - floor)
    note = _ZERO_IS_NOTHING if threshold < remote.mean else _faint(peak, remote)
    return _at_least("fwhm", pixels, wall, threshold, note)


def n_sd(pixels: npt.NDArray[Any], wall: Mask, remote: Remote | None, n: float) -> ThresholdScar:
    """Mark scar n standard deviations above remote myocardium.

    Parameters
    ----------
    pixels : ndarray, shape (Z, Y, X)
        Intensities.
    wall : ndarray of bool, shape (Z, Y, X)
        Where to look.
    remote : Remote or None
        Healthy myocardium.
    n : float
        How many standard deviations; 2 as first published [1]_, 5 for infarct [2]_, 6 for hypertrophy [3]_.

    Returns
    -------
    ThresholdScar
        Voxels above mean + n·SD of the remote region.

    Raises
    ------
    ScarNetError
        n is not positive.

    References
    ----------
    .. [1] Kim RJ, Fieno DS, Parrish TB, et al. Relationship of MRI delayed contrast enhancement to irreversible injury,
       infarct age, and contractile function. Circulation 1999;100:1992-2002.
    .. [2] Bondarenko O, Beek AM, Hofman MB, et al. Standardizing the definition of hyperenhancement in the quantitative
       assessment of infarct size and myocardial viability using delayed contrast-enhanced CMR. J Cardiovasc Magn Reson
       2005;7:481-485.
    .. [3] Harrigan CJ, Peters DC, Gibson CM, et al. Hypertrophic cardiomyopathy: quantification of late gadolinium
       enhancement with contrast-enhanced cardiovascular MR imaging. Radiology 2011;258:128-133.
    """
    if not 0 < n < float("inf"):
        raise ScarNetError(f"{n} standard deviations are not a threshold; use a positive number.")
    method = f"sd{n:g}"
    if remote is None:
        return _nothing(method, wall, _NO_REMOTE)
    threshold = remote.mean + n * remote.sd
    return ThresholdScar(method, wall & (pixels > threshold), threshold)


def otsu(pixels: npt.NDArray[Any], wall: Mask, remote: Remote | None) -> ThresholdScar:
    """Mark the brighter of two classes that differ most.

    Parameters
    ----------
    pixels : ndarray, shape (Z, Y, X)
        Intensities.
    wall : ndarray of bool, shape (Z, Y, X)
        Where to look.
    remote : Remote or None
        Healthy myocardium, to tell whether scar is plain.

    Returns
    -------
    ThresholdScar
        Voxels above the threshold of largest variance between classes [1]_, as first used for scar in [2]_.

    References
    ----------
    .. [1] Otsu N. A threshold selection method from gray-level histograms. IEEE Trans Syst Man Cybern 1979;9:62-66.
    .. [2] Tao Q, Milles J, Zeppenfeld K, et al. Automated segmentation of myocardial scar in late enhancement MRI using
       combined intensity and spatial information. Magn Reson Med 2010;64:586-594.
    """
    from skimage.filters import threshold_otsu

    peak = peak_of(pixels, wall)
    if peak is None or np.ptp(pixels[wall]) == 0:
        return _nothing("otsu", wall, _ALIKE)
    threshold = float(threshold_otsu(pixels[wall]))
    return ThresholdScar("otsu", wall & (pixels > threshold), threshold, _faint(peak, remote))


def gaussian_mixture(pixels: npt.NDArray[Any], wall: Mask, remote: Remote | None) -> ThresholdScar:
    """Mark what belongs to the brighter of two Gaussian distributions.

    Parameters
    ----------
    pixels : ndarray, shape (Z, Y, X)
        Intensities.
    wall : ndarray of bool, shape (Z, Y, X)
        Where to look.
    remote : Remote or None
        Healthy myocardium, to tell whether scar is plain.

    Returns
    -------
    ThresholdScar
        Voxels from the intensity on at which both distributions are equally likely; after [1]_, with two Gaussian
        distributions fitted by :func:`scarnet.measure.mixture.fit_two_gaussians`.

    References
    ----------
    .. [1] Hennemuth A, Seeger A, Friman O, et al. A comprehensive approach to the analysis of contrast enhanced cardiac
       MR images. IEEE Trans Med Imaging 2008;27:1592-1610.
    """
    peak, mixture = peak_of(pixels, wall), fit_two_gaussians(pixels[wall])
    if peak is None or mixture is None or mixture.threshold is None:
        return _nothing("gmm", wall, _ALIKE)
    return _at_least("gmm", pixels, wall, mixture.threshold, _faint(peak, remote))


def threshold_scar(
    pixels: npt.NDArray[Any], wall: Mask, remote: Remote | None, baseline: Baseline = "remote"
) -> dict[str, ThresholdScar]:
    """Mark scar by every method.

    Parameters
    ----------
    pixels : ndarray, shape (Z, Y, X)
        Intensities.
    wall : ndarray of bool, shape (Z, Y, X)
        Where to look.
    remote : Remote or None
        Healthy myocardium.
    baseline : {"remote", "zero"}
        For :func:`fwhm`.

    Returns
    -------
    dict of str to ThresholdScar
        By method: ``fwhm``, ``sd2`` to ``sd6``, ``otsu``, ``gmm``.
    """
    found = [
        fwhm(pixels, wall, remote, baseline),
        *(n_sd(pixels, wall, remote, n) for n in SD_FACTORS),
        otsu(pixels, wall, remote),
        gaussian_mixture(pixels, wall, remote),
    ]
    return {one.method: one for one in found}


def _faint(peak: float, remote: Remote | None) -> str | None:
    return _FAINT if remote is not None and peak <= remote.mean + _PLAIN_SD * remote.sd else None


def _at_least(method: str, pixels: npt.NDArray[Any], wall: Mask, threshold: float, note: str | None) -> ThresholdScar:
    return ThresholdScar(method, wall & (pixels >= threshold), float(threshold), note)


def _nothing(method: str, wall: Mask, note: str) -> ThresholdScar:
    return ThresholdScar(method, np.zeros(wall.shape, dtype=bool), None, note)

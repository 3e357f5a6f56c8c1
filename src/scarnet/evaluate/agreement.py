"""How well two measurements of the same quantity agree: Bland–Altman and linear regression."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.errors import ScarNetError

__all__ = ["agreement", "finite_pairs"]

_Z = 1.959963984540054
_NOTHING = dict.fromkeys(
    ("bias", "sd", "bias_ci", "loa", "loa_lower_ci", "loa_upper_ci", "mean", "cov", "cov_percent"),
)


def agreement(reference: Sequence[float | None], measured: Sequence[float | None]) -> dict[str, Any]:
    """Compare a measurement with a reference in the same patients.

    Parameters
    ----------
    reference, measured : sequence of (float or None)
        One value a patient, in one order and unit. A patient without both (None, NaN or infinite) is left out.

    Returns
    -------
    dict
        Plain JSON values, None where there are too few patients:

        - ``n``, ``left_out``: patients measured, and left out for want of a value.
        - ``bias``: mean of measured − reference; ``bias_ci``: its 95 % confidence interval; ``sd``: the differences'
          standard deviation (n − 1).
        - ``loa``: limits of agreement, bias ± 1.96 SD [1]_; ``loa_lower_ci``, ``loa_upper_ci``: their 95 % confidence
          intervals, from SE² = SD²·(1/n + 1.96²/(2(n − 1))) [1]_ and Student's t.
        - ``mean``: mean of the averages (reference + measured)/2; ``cov``: SD / mean, the paper's coefficient of
          variation, as a fraction; ``cov_percent``: the same in percent.
        - ``slope``, ``intercept``, ``r2``: least squares, measured = slope · reference + intercept.
        - ``note``: a sentence on what could not be given, or None.

    Raises
    ------
    ScarNetError
        The two have different lengths.

    References
    ----------
    .. [1] Bland JM, Altman DG. Measuring agreement in method comparison studies. Stat Methods Med Res 1999;8:135-160.
    """
    first, second, left_out = finite_pairs(reference, measured)
    notes = [f"{left_out} patients without both values are left out."] if left_out else []
    limits, told = _limits(first, second)
    line, more = _line(first, second)
    notes += told + more
    return {"n": len(first), "left_out": left_out, **limits, **line, "note": " ".join(notes) or None}


def finite_pairs(
    first: Sequence[float | None], second: Sequence[float | None]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], int]:
    """Keep the patients that have both values.

    Parameters
    ----------
    first, second : sequence of (float or None)
        One value a patient.

    Returns
    -------
    first, second : ndarray of float64, shape (n,)
        The pairs with two finite numbers.
    left_out : int
        How many others there were.

    Raises
    ------
    ScarNetError
        The two have different lengths.
    """
    if len(first) != len(second):
        raise ScarNetError(f"{len(first)} and {len(second)} values cannot be paired; give both for the same patients.")
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    kept = np.isfinite(a) & np.isfinite(b)
    return a[kept], b[kept], int((~kept).sum())


def _limits(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> tuple[dict[str, Any], list[str]]:
    n = len(first)
    found: dict[str, Any] = dict(_NOTHING)
    if n == 0:
        return found, ["There is no patient with both values."]
    difference = second - first
    bias, mean = float(difference.mean()), float(((first + second) / 2).mean())
    found |= {"bias": bias, "mean": mean}
    if n < 2:
        return found, ["One patient has no spread: no limits of agreement."]
    from scipy import stats

    sd, t = float(difference.std(ddof=1)), float(stats.t.ppf(0.975, n - 1))
    lower, upper = bias - _Z * sd, bias + _Z * sd
    at_bias = t * sd / n**0.5
    at_limit = t * sd * (1 / n + _Z**2 / (2 * (n - 1))) ** 0.5
    found |= {
        "sd": sd,
        "bias_ci": [bias - at_bias, bias + at_bias],
        "loa": [lower, upper],
        "loa_lower_ci": [lower - at_limit, lower + at_limit],
        "loa_upper_ci": [upper - at_limit, upper + at_limit],
    }
    if mean == 0:
        return found, ["The mean is 0: no coefficient of variation."]
    return found | {"cov": sd / mean, "cov_percent": 100 * sd / mean}, []


def _line(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> tuple[dict[str, Any], list[str]]:
    nothing = dict.fromkeys(("slope", "intercept", "r2"))
    if len(first) < 3:
        return nothing, ["Fewer than 3 patients: no regression."]
    if np.ptp(first) == 0:
        return nothing, ["The reference is the same in every patient: no regression."]
    from scipy import stats

    line = stats.linregress(first, second)
    found: dict[str, Any] = {"slope": float(line.slope), "intercept": float(line.intercept)}
    if np.ptp(second) == 0:
        # Nothing varies that could be explained.
        return found | {"r2": None}, ["The measurement is the same in every patient: no R²."]
    return found | {"r2": float(line.rvalue) ** 2}, []

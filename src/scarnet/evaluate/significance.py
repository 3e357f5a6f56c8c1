"""Tests of normality and of differences between methods that measured the same patients."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.errors import ScarNetError

__all__ = ["complete", "friedman", "kruskal_wallis", "mean_difference", "normality", "wilcoxon_pairs"]

ALPHA = 0.05
_RESAMPLES = 9999

Values = npt.NDArray[np.float64]
Groups = Mapping[str, Sequence[float | None]]


def normality(values: Sequence[float | None]) -> dict[str, Any]:
    """Test whether values look normally distributed, by the paper's three tests.

    Parameters
    ----------
    values : sequence of (float or None)
        One value a patient; those that are no finite number are left out.

    Returns
    -------
    dict
        ``n``; the p of ``lilliefors_p`` (Kolmogorov–Smirnov with mean and SD estimated [1]_; tabulated from 0.001 to
        0.2), ``anderson_darling_p`` and ``shapiro_wilk_p``; ``normal``: none of them is below 0.05, as the paper
        decides it; ``note``: why there are none, or None.

    References
    ----------
    .. [1] Lilliefors HW. On the Kolmogorov-Smirnov test for normality with mean and variance unknown. J Am Stat Assoc
       1967;62:399-402.
    """
    numbers = _finite(values)
    found: dict[str, Any] = {"n": len(numbers)}
    nothing = dict.fromkeys(("lilliefors_p", "anderson_darling_p", "shapiro_wilk_p", "normal"))
    # Below 8 the Anderson–Darling approximation does not hold, and no test has power.
    if len(numbers) < 8:
        return found | nothing | {"note": "Fewer than 8 values: normality is not tested."}
    # A spread of nothing but rounding is no spread.
    if np.ptp(numbers) <= 1e-12 * max(1.0, float(np.abs(numbers).max())):
        return found | nothing | {"note": "All values are equal: normality is not tested."}
    from scipy import stats
    from statsmodels.stats.diagnostic import lilliefors, normal_ad

    p = {
        "lilliefors_p": float(lilliefors(numbers, dist="norm")[1]),
        "anderson_darling_p": float(normal_ad(numbers)[1]),
        "shapiro_wilk_p": float(stats.shapiro(numbers).pvalue),
    }
    return found | p | {"normal": all(value >= ALPHA for value in p.values()), "note": None}


def complete(groups: Groups) -> tuple[dict[str, Values], int]:
    """Keep the patients that every method measured.

    Parameters
    ----------
    groups : Mapping of str to sequence of (float or None)
        By method, one value a patient in one order.

    Returns
    -------
    values : dict of str to ndarray of float64, shape (n,)
        Finite numbers, of the same patients in every method.
    left_out : int
        How many patients lacked a value in some method.

    Raises
    ------
    ScarNetError
        The methods have different numbers of patients.
    """
    if len({len(values) for values in groups.values()}) > 1:
        raise ScarNetError("The methods did not measure the same patients; give each the same ones in one order.")
    if not groups:
        return {}, 0
    table = np.array([np.asarray(values, dtype=np.float64) for values in groups.values()]).reshape(len(groups), -1)
    kept = np.isfinite(table).all(axis=0)
    return dict(zip(groups, table[:, kept], strict=True)), int((~kept).sum())


def kruskal_wallis(groups: Groups) -> dict[str, Any]:
    """Compare methods as the paper does: Kruskal–Wallis, then each two methods, Bonferroni-corrected.

    Parameters
    ----------
    groups : Mapping of str to sequence of (float or None)
        By method, one value a patient in one order; patients without all values are left out.

    Returns
    -------
    dict
        ``n``, ``statistic`` (H), ``p``, ``pairs`` (list of ``first``, ``second``, ``p`` of the Kruskal–Wallis test of
        these two and ``p_bonferroni``, that times the number of pairs, at most 1) and ``note``.

    Raises
    ------
    ScarNetError
        The methods have different numbers of patients.

    Notes
    -----
    The test takes the groups for independent, which the same patients are not: it is here to compare with the paper.
    :func:`friedman` and :func:`wilcoxon_pairs` are the tests to rely on.
    """
    values, _ = complete(groups)
    nothing: dict[str, Any] = {"n": _size(values), "statistic": None, "p": None, "pairs": []}
    if len(values) < 2 or _size(values) < 2:
        return nothing | {"note": "Fewer than 2 methods or 2 patients: not tested."}
    if np.ptp(np.concatenate(list(values.values()))) == 0:
        return nothing | {"note": "All values are equal: not tested."}
    from scipy import stats

    test = stats.kruskal(*values.values())
    pairs: list[dict[str, Any]] = []
    count = len(values) * (len(values) - 1) // 2
    for first, second in combinations(values, 2):
        equal = np.ptp(np.concatenate([values[first], values[second]])) == 0
        p = None if equal else float(stats.kruskal(values[first], values[second]).pvalue)
        corrected = None if p is None else min(1.0, p * count)
        pairs.append({"first": first, "second": second, "p": p, "p_bonferroni": corrected})
    note = "Two methods have all values equal: not tested." if any(pair["p"] is None for pair in pairs) else None
    return nothing | {"statistic": float(test.statistic), "p": float(test.pvalue), "pairs": pairs, "note": note}


def friedman(groups: Groups) -> dict[str, Any]:
    """Compare three or more methods that measured the same patients.

    Parameters
    ----------
    groups : Mapping of str to sequence of (float or None)
        By method, one value a patient in one order; patients without all values are left out.

    Returns
    -------
    dict
        ``n``, ``statistic`` (χ²), ``p``, ``kendall_w`` (agreement of the ranking over patients, χ²/(n(k − 1))) and
        ``note``.

    Raises
    ------
    ScarNetError
        The methods have different numbers of patients.
    """
    values, _ = complete(groups)
    n, k = _size(values), len(values)
    nothing: dict[str, Any] = {"n": n, "statistic": None, "p": None, "kendall_w": None}
    if k < 3:
        return nothing | {"note": "Fewer than 3 methods: see the Wilcoxon test."}
    if n < 3:
        return nothing | {"note": "Fewer than 3 patients: not tested."}
    if (np.ptp(list(values.values()), axis=0) == 0).all():
        return nothing | {"note": "The methods agree exactly in every patient: not tested."}
    from scipy import stats

    test = stats.friedmanchisquare(*values.values())
    few = "Fewer than 10 patients: the p value is approximate." if n < 10 else None
    w = float(test.statistic) / (n * (k - 1))
    return nothing | {"statistic": float(test.statistic), "p": float(test.pvalue), "kendall_w": w, "note": few}


def wilcoxon_pairs(groups: Groups, seed: int = 0) -> list[dict[str, Any]]:
    """Compare each two methods in the same patients: Wilcoxon signed-rank tests, Holm-corrected.

    Parameters
    ----------
    groups : Mapping of str to sequence of (float or None)
        By method, one value a patient in one order; patients without all values are left out.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    list of dict
        One a pair: ``first``, ``second``; ``n``; ``mean_difference`` (second − first), ``ci`` (its bootstrap 95 %
        interval), ``median_difference``; two-sided ``p``, ``p_holm`` over the pairs listed, and ``note``.

    Raises
    ------
    ScarNetError
        The methods have different numbers of patients.
    """
    values, _ = complete(groups)
    pairs = [
        {"first": first, "second": second, **_wilcoxon(values[second] - values[first], seed)}
        for first, second in combinations(values, 2)
    ]
    tested = [pair for pair in pairs if pair["p"] is not None]
    if tested:
        from statsmodels.stats.multitest import multipletests

        for pair, corrected in zip(tested, multipletests([p["p"] for p in tested], method="holm")[1], strict=True):
            pair["p_holm"] = float(corrected)
    return pairs


def mean_difference(differences: Sequence[float | None], seed: int = 0) -> dict[str, Any]:
    """Bootstrap the mean of paired differences over patients.

    Parameters
    ----------
    differences : sequence of (float or None)
        One a patient; those that are no finite number are left out.
    seed : int
        Seed of the resampling.

    Returns
    -------
    dict
        ``n``, ``mean``, ``ci``: the bias-corrected and accelerated (BCa) bootstrap's 95 % interval [1]_ of 9999
        resamples, and ``note``.

    References
    ----------
    .. [1] Efron B. Better bootstrap confidence intervals. J Am Stat Assoc 1987;82:171-185.
    """
    numbers = _finite(differences)
    found: dict[str, Any] = {"n": len(numbers), "mean": float(numbers.mean()) if len(numbers) else None, "ci": None}
    if len(numbers) < 3:
        return found | {"note": "Fewer than 3 patients: no confidence interval."}
    if np.ptp(numbers) <= 1e-12 * max(1.0, float(np.abs(numbers).max())):
        return found | {"note": "All differences are equal: no confidence interval."}
    from scipy import stats

    test = stats.bootstrap((numbers,), np.mean, n_resamples=_RESAMPLES, method="BCa", random_state=seed)
    low, high = (float(limit) for limit in test.confidence_interval)
    if not np.isfinite([low, high]).all():
        return found | {"note": "The differences are too alike for a bootstrap: no confidence interval."}
    return found | {"ci": [low, high], "note": None}


def _wilcoxon(differences: Values, seed: int) -> dict[str, Any]:
    mean = mean_difference(differences.tolist(), seed)
    found: dict[str, Any] = {
        "n": len(differences),
        "mean_difference": mean["mean"],
        "ci": mean["ci"],
        "median_difference": float(np.median(differences)) if len(differences) else None,
        "p": None,
        "p_holm": None,
    }
    notes = [] if mean["note"] is None else [mean["note"]]
    # Differences of equal volumes that differ by rounding would otherwise get ranks of their own.
    rounded = np.round(differences, 12)
    differing = np.count_nonzero(rounded)
    if not differing:
        notes.append("No patient differs: not tested.")
        return found | {"note": " ".join(notes)}
    from scipy import stats

    found["p"] = float(stats.wilcoxon(rounded).pvalue)
    if differing < 6:
        # 2 · 2⁻⁵ = 0.0625
        notes.append(f"Only {differing} of {len(differences)} differ: p cannot fall below 0.05.")
    return found | {"note": " ".join(notes) or None}


def _finite(values: Sequence[float | None]) -> Values:
    numbers = np.asarray(values, dtype=np.float64).reshape(-1)
    return numbers[np.isfinite(numbers)]


def _size(values: Mapping[str, Values]) -> int:
    return min((len(group) for group in values.values()), default=0)

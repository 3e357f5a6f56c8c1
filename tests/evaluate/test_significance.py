"""Tests of normality and of differences: against known values, and on too few, equal or missing ones."""

import json

import numpy as np
import pytest
from scipy import stats

from scarnet.errors import ScarNetError
from scarnet.evaluate.significance import friedman, kruskal_wallis, mean_difference, normality, wilcoxon_pairs

NORMAL = stats.norm.ppf((np.arange(40) + 0.5) / 40).tolist()
SKEWED = stats.expon.ppf((np.arange(40) + 0.5) / 40).tolist()


def test_normal_values_pass_all_three_and_skewed_ones_fail_all_three():
    p = ("lilliefors_p", "anderson_darling_p", "shapiro_wilk_p")
    normal, skewed = normality(NORMAL), normality([*SKEWED, None, float("nan")])
    assert normal["normal"] is True
    assert all(normal[key] > 0.05 for key in p)
    assert skewed["normal"] is False
    assert all(skewed[key] < 0.05 for key in p)
    assert (normal["n"], skewed["n"]) == (40, 40)


def test_the_kolmogorov_smirnov_test_knows_that_mean_and_spread_were_estimated():
    # Without Lilliefors' correction this sample passes easily.
    sample = np.random.default_rng(3).gamma(4, size=60)
    plain = stats.kstest(sample, "norm", args=(sample.mean(), sample.std(ddof=1))).pvalue
    assert plain > 0.2
    assert normality(sample.tolist())["lilliefors_p"] < plain / 2


@pytest.mark.parametrize(
    ("values", "sentence"),
    [([], "Fewer than 8"), (NORMAL[:7], "Fewer than 8"), ([0.1 + 0.2] * 9 + [0.3], "All values are equal")],
)
def test_normality_of_too_little_is_a_sentence(values, sentence):
    found = normality(values)
    assert found["normal"] is None
    assert sentence in found["note"]


def test_kruskal_wallis_and_bonferroni():
    groups = {"a": [1.0, 2.0, 3.0, 4.0], "b": [5.0, 6.0, 7.0, 8.0], "c": [9.0, 10.0, 11.0, 12.0]}
    found = kruskal_wallis(groups)
    # Rank sums 10, 26, 42: H = 12/(12·13)·(100 + 676 + 1764)/4 − 3·13
    assert found["statistic"] == pytest.approx(12 / 156 * 2540 / 4 - 39)
    assert found["p"] == pytest.approx(stats.chi2.sf(found["statistic"], 2))
    # Rank sums 10, 26 of 8: H = 12/72·(100 + 676)/4 − 27 = 16/3
    alone = stats.chi2.sf(16 / 3, 1)
    assert [(pair["first"], pair["second"]) for pair in found["pairs"]] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [pair["p"] for pair in found["pairs"]] == pytest.approx([alone] * 3)
    assert [pair["p_bonferroni"] for pair in found["pairs"]] == pytest.approx([3 * alone] * 3)
    same = kruskal_wallis({"a": groups["a"], "b": groups["a"], "c": [1.5, 2.5, 3.5, 4.5]})
    assert same["pairs"][0]["p_bonferroni"] == 1


def test_friedman_sees_what_kruskal_wallis_misses():
    # Patients differ much more than methods do.
    rng = np.random.default_rng(0)
    patients = rng.uniform(0, 100, 20)
    groups = {"a": patients, "b": patients + 1, "c": patients + 2}
    found = friedman(groups)
    assert kruskal_wallis(groups)["p"] > 0.5
    # Ranks 1, 2, 3 in every patient: χ² = n(k − 1)
    assert found["statistic"] == pytest.approx(40)
    assert found["kendall_w"] == pytest.approx(1)
    assert found["p"] == pytest.approx(stats.chi2.sf(40, 2))
    assert found["note"] is None


def test_wilcoxon_and_holm():
    a = np.arange(8.0)
    groups = {"a": a, "b": a + np.arange(1, 9), "c": a + np.array([1, -2, 3, -4, 5, -6, 7, -8.5])}
    pairs = wilcoxon_pairs(groups)
    assert [(pair["first"], pair["second"]) for pair in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    # All eight differences positive: 2 of 2⁸ sign patterns are as extreme.
    assert pairs[0]["p"] == pytest.approx(2 / 256)
    assert pairs[0]["mean_difference"] == pytest.approx(4.5)
    assert pairs[0]["median_difference"] == pytest.approx(4.5)
    order = np.argsort([pair["p"] for pair in pairs])
    expected = np.minimum(np.maximum.accumulate([(3 - i) * pairs[j]["p"] for i, j in enumerate(order)]), 1)
    assert [pairs[j]["p_holm"] for j in order] == pytest.approx(expected.tolist())


def test_patients_without_all_values_are_in_no_test():
    whole = {"a": [1.0, 2.0, 3.0, 5.0, 8.0, 9.0], "b": [2.0, 2.5, 4.0, 7.0, 8.5, 9.9], "c": [0.0, 1, 1, 1, 4, 7.5]}
    holes = {name: [*values, None if name == "b" else 100.0, float("nan")] for name, values in whole.items()}
    assert kruskal_wallis(holes) == kruskal_wallis(whole)
    assert friedman(holes) == friedman(whole)
    assert wilcoxon_pairs(holes) == wilcoxon_pairs(whole)


def test_the_bootstrap_covers_the_mean_and_is_repeatable():
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(60):
        found = mean_difference(rng.normal(0.3, 1.0, 30).tolist())
        held += found["ci"][0] <= 0.3 <= found["ci"][1]
    # 95 % of 60 is 57; the bootstrap is a little short at n = 30.
    assert held >= 51
    values = rng.gamma(2, size=25).tolist()
    assert mean_difference(values) == mean_difference(values)
    assert mean_difference(values)["mean"] == pytest.approx(np.mean(values))
    # Skewed to the right, the interval reaches farther up than down.
    low, high = mean_difference(values)["ci"]
    assert high - np.mean(values) > np.mean(values) - low


@pytest.mark.parametrize(
    ("first", "second", "p", "sentence"),
    [
        ([], [], None, "No patient differs"),
        ([1.0], [2.0], 1.0, "Only 1 of 1 differ"),
        ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0], None, "No patient differs"),
        ([1.0, 2.0, 3.0, 4.0], [1.5, 2.5, 3.5, 4.5], 0.125, "All differences are equal"),
        ([0.3] * 5, [0.1 + 0.2] * 5, None, "No patient differs"),
    ],
)
def test_few_or_equal_differences_are_a_sentence(first, second, p, sentence):
    (pair,) = wilcoxon_pairs({"a": first, "b": second})
    assert pair["p"] == (None if p is None else pytest.approx(p))
    assert sentence in pair["note"]
    assert pair["ci"] is None
    json.dumps(pair, allow_nan=False)


@pytest.mark.filterwarnings("error")
def test_all_equal_values_give_no_nan_and_no_warning():
    same = {"a": [0.5] * 9, "b": [0.5] * 9, "c": [0.5] * 9}
    found = [
        kruskal_wallis(same),
        friedman(same),
        wilcoxon_pairs(same),
        normality(same["a"]),
        mean_difference([0.0] * 9),
    ]
    json.dumps(found, allow_nan=False)
    assert found[0]["p"] is None
    assert found[1]["p"] is None
    two_alike = kruskal_wallis({"a": [0.5] * 9, "b": [0.5] * 9, "c": np.arange(9.0)})
    assert two_alike["p"] is not None
    assert "all values equal" in two_alike["note"]


def test_too_few_methods_or_patients_are_a_sentence():
    assert "Fewer than 3 methods" in friedman({"a": [1.0] * 9, "b": [2.0] * 9})["note"]
    assert "Fewer than 3 patients" in friedman({"a": [1.0], "b": [2.0], "c": [3.0]})["note"]
    assert "Fewer than 10 patients" in friedman({"a": [1.0, 2, 3], "b": [2.0, 3, 4], "c": [3.0, 4, 5]})["note"]
    assert "not tested" in kruskal_wallis({"a": [1.0]})["note"]
    assert "not tested" in kruskal_wallis({})["note"]
    with pytest.raises(ScarNetError, match="same patients"):
        friedman({"a": [1.0], "b": [1.0, 2.0], "c": [1.0]})

"""Bland–Altman and regression: by hand, by simulation, and where there is too little to tell."""

import json

import numpy as np
import pytest

from scarnet.errors import ScarNetError
from scarnet.evaluate.agreement import agreement

REFERENCE = [10.0, 20.0, 30.0, 40.0]
MEASURED = [12.0, 19.0, 33.0, 44.0]


def test_values_computed_by_hand():
    found = agreement(REFERENCE, MEASURED)
    # Differences 2, -1, 3, 4: mean 2, squares about it 0, 9, 1, 4.
    sd = (14 / 3) ** 0.5
    assert found["n"] == 4
    assert found["bias"] == pytest.approx(2)
    assert found["sd"] == pytest.approx(sd)
    assert found["loa"] == pytest.approx([2 - 1.959964 * sd, 2 + 1.959964 * sd])
    # t(0.975, 3) = 3.182446
    assert found["bias_ci"] == pytest.approx([2 - 3.182446 * sd / 2, 2 + 3.182446 * sd / 2], rel=1e-5)
    half = 3.182446 * sd * (1 / 4 + 1.959964**2 / 6) ** 0.5
    assert found["loa_upper_ci"] == pytest.approx([found["loa"][1] - half, found["loa"][1] + half], rel=1e-5)
    assert found["loa_lower_ci"] == pytest.approx([found["loa"][0] - half, found["loa"][0] + half], rel=1e-5)
    assert found["mean"] == pytest.approx(26)
    assert found["cov"] == pytest.approx(sd / 26)
    assert found["cov_percent"] == pytest.approx(100 * sd / 26)
    # Sums of products about the means: xy 550, xx 500, yy 614.
    assert found["slope"] == pytest.approx(1.1)
    assert found["intercept"] == pytest.approx(27 - 1.1 * 25)
    assert found["r2"] == pytest.approx(550**2 / (500 * 614))
    assert found["note"] is None


def test_the_intervals_hold_what_they_promise():
    rng = np.random.default_rng(0)
    runs, n = 600, 15
    truth = {"bias_ci": 1.0, "loa_lower_ci": 1.0 - 1.96 * 3, "loa_upper_ci": 1.0 + 1.96 * 3}
    held = dict.fromkeys(truth, 0)
    for _ in range(runs):
        reference = rng.uniform(0, 40, n)
        found = agreement(reference, reference + rng.normal(1.0, 3.0, n))
        for key, value in truth.items():
            held[key] += found[key][0] <= value <= found[key][1]
    # 95 % of 600 is 570, with a standard error of 5.3.
    assert all(550 <= count <= 590 for count in held.values()), held


def test_patients_without_both_values_are_left_out_and_counted():
    found = agreement([*REFERENCE, None, 5.0, float("nan")], [*MEASURED, 1.0, None, float("inf")])
    assert found["left_out"] == 3
    assert "3 patients without both values are left out." in found["note"]
    complete = agreement(REFERENCE, MEASURED)
    assert {key: found[key] for key in ("n", "bias", "loa", "r2")} == {
        key: complete[key] for key in ("n", "bias", "loa", "r2")
    }


@pytest.mark.parametrize(
    ("reference", "measured", "missing", "sentence"),
    [
        ([], [], {"bias", "loa", "cov", "slope", "r2"}, "no patient with both values"),
        ([None], [3.0], {"bias", "loa", "cov", "slope", "r2"}, "no patient with both values"),
        ([1.0], [3.0], {"loa", "cov", "slope", "r2"}, "One patient has no spread"),
        ([1.0, 2.0], [3.0, 5.0], {"slope", "r2"}, "Fewer than 3 patients: no regression"),
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0], {"cov", "slope", "r2"}, "no coefficient of variation"),
        ([2.0, 2.0, 2.0], [1.0, 2.0, 3.0], {"slope", "r2"}, "The reference is the same in every patient"),
        ([1.0, 2.0, 3.0], [4.0, 4.0, 4.0], {"r2"}, "The measurement is the same in every patient"),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], set(), None),
    ],
)
def test_what_cannot_be_told_is_none_and_a_sentence(reference, measured, missing, sentence):
    found = agreement(reference, measured)
    assert {key for key in ("bias", "loa", "cov", "slope", "r2") if found[key] is None} == missing
    assert (found["note"] is None) if sentence is None else (sentence in found["note"])
    json.dumps(found, allow_nan=False)


def test_unequal_lengths_are_refused():
    with pytest.raises(ScarNetError, match="cannot be paired"):
        agreement([1.0], [1.0, 2.0])

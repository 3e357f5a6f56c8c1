"""Cohorts: what the means rest on, false alarms apart, methods over the same patients."""

import json

import numpy as np
import pytest

from scarnet.errors import ScarNetError
from scarnet.evaluate import compare_methods, evaluate_case, summarise

SPACING = (10.0, 2.0, 1.0)


@pytest.fixture
def cohort(make_case):
    """Two hits, a miss, a false alarm of 20 voxels on 4 slices, a healthy wall left alone."""
    scar = {"hit": (30, 60), "better hit": (30, 40), "miss": (25, 0), "alarm": (0, 20), "healthy": (0, 0)}
    return [make_case(name, *amounts) for name, amounts in scar.items()]


def test_scar_dice_is_over_patients_with_scar_and_the_others_are_counted(cohort):
    summary = summarise(cohort)
    dice = summary["classes"]["scar"]["dice"]
    values = [60 / 90, 60 / 70, 0.0]
    assert dice["n"] == 3
    assert dice["mean"] == pytest.approx(np.mean(values))
    assert dice["median"] == pytest.approx(60 / 90)
    assert dice["iqr"] == pytest.approx(np.percentile(values, (25, 75)).tolist())
    assert summary["classes"]["scar"]["slice_dice"]["n"] == 3 * 4
    assert summary["classes"]["myocardium"]["dice"] == summary["classes"]["blood_pool"]["dice"]
    assert summary["classes"]["myocardium"]["dice"]["mean"] == 1
    assert summary["classes"]["myocardium"]["dice"]["n"] == 5
    alarms = summary["false_alarms"]
    assert (alarms["patients_without_scar"], alarms["patients"], alarms["percent"]) == (2, 1, 50)
    assert alarms["claimed_ml"]["mean"] == pytest.approx(20 * 4 * 0.02)
    assert summary["missed"] == {"patients_with_scar": 3, "patients": 1}


def test_patients_without_distances_are_counted_by_reason(cohort):
    for key in ("hd95_mm", "hd_mm", "assd_mm"):
        distances = summarise(cohort)["classes"]["scar"][key]
        assert distances["n"] == 2
        assert distances["undefined"] == {"both empty": 1, "prediction empty": 1, "reference empty": 1}
    (note,) = [note for note in summarise(cohort)["notes"] if "without a surface" in note]
    assert "prediction empty in 1" in note


def test_the_scar_percentage_is_of_the_whole_wall_over_all_patients(cohort):
    percent = summarise(cohort)["scar_percent"]
    wall = cohort[0].classes["myocardium"].reference_ml / (4 * 0.02)
    differences = 100 * np.array([30, 10, -25, 20, 0]) / wall
    assert percent["n"] == 5
    assert percent["bias"] == pytest.approx(differences.mean())
    assert percent["sd"] == pytest.approx(differences.std(ddof=1))
    assert percent["loa"] == pytest.approx(
        [differences.mean() + sign * 1.959964 * differences.std(ddof=1) for sign in (-1, 1)], rel=1e-6
    )
    slope, intercept = np.polyfit(
        100 * np.array([30, 30, 25, 0, 0]) / wall, 100 * np.array([60, 40, 0, 20, 0]) / wall, 1
    )
    assert (percent["slope"], percent["intercept"]) == pytest.approx((slope, intercept))
    assert summarise(cohort)["scar_percent_with_scar"]["n"] == 3
    assert summarise(cohort)["scar_volume_ml"]["bias"] == pytest.approx(7 * 4 * 0.02)


def test_without_distances_the_rest_is_the_same(make_case):
    quick, full = (summarise([make_case("a", 30, 60, distances=told)]) for told in (False, True))
    assert quick["classes"]["scar"]["hd95_mm"]["n"] == 0
    assert quick["classes"]["scar"]["dice"] == full["classes"]["scar"]["dice"]
    assert quick["scar_percent"] == full["scar_percent"]


def test_a_cohort_without_scar_is_told_and_plain_json(make_case):
    summary = summarise([make_case("a", 0, 0), make_case("b", 0, 0)])
    assert "No reference holds scar: there is no scar Dice." in summary["notes"]
    assert summary["classes"]["scar"]["dice"]["mean"] is None
    assert summary["false_alarms"]["percent"] == 0
    json.dumps(summary, allow_nan=False)


def test_a_prediction_without_any_wall_is_told(make_heart):
    empty = evaluate_case(make_heart(), np.zeros_like(make_heart()), SPACING, "a")
    notes = " ".join(summarise([empty])["notes"])
    assert "Patients without a wall are left out of the scar percentage: 1." in notes
    assert "check that both label the classes alike" in notes


def test_two_readers_have_no_false_alarms(make_case):
    scar = {"both": (30, 60), "first": (25, 0), "second": (0, 20), "neither": (0, 0)}
    summary = summarise([make_case(name, *amounts, readers=True) for name, amounts in scar.items()])
    assert "false_alarms" not in summary
    assert summary["presence"] == {"both": 1, "only_first": 1, "only_second": 1, "neither": 1}
    assert summary["classes"]["scar"]["dice"]["n"] == 3
    assert summary["classes"]["scar"]["dice"]["mean"] == pytest.approx(60 / 90 / 3)
    assert "reader 2 empty" in summary["classes"]["scar"]["hd95_mm"]["undefined"]


def test_what_is_no_cohort_is_refused(make_case):
    with pytest.raises(ScarNetError, match="no case"):
        summarise([])
    with pytest.raises(ScarNetError, match="Several cases are named a;"):
        summarise([make_case("a", 1, 1), make_case("a", 2, 2)])
    with pytest.raises(ScarNetError, match="are mixed"):
        summarise([make_case("a", 1, 1), make_case("b", 2, 2, readers=True)])


def test_methods_are_compared_over_the_same_patients(make_case):
    reference = [20, 30, 40, 50, 60, 70, 80, 90]
    good = [make_case(f"p{i}", n, n + 2 + i, distances=False) for i, n in enumerate(reference)]
    poor = [make_case(f"p{i}", n, 2 * n + i, distances=False) for i, n in enumerate(reference)]
    none = make_case("healthy", 0, 0, distances=False)
    found = compare_methods({"good": [*good, none], "poor": [none, *reversed(poor)]})
    dice = found["dice_scar"]
    assert (dice["n"], dice["left_out"]) == (8, 1)
    (pair,) = dice["wilcoxon"]
    assert (pair["first"], pair["second"]) == ("good", "poor")
    expected = np.mean([b.classes["scar"].dice - a.classes["scar"].dice for a, b in zip(good, poor, strict=True)])
    assert pair["mean_difference"] == pytest.approx(expected)
    assert pair["ci"][0] < expected < pair["ci"][1] < 0
    assert pair["p"] == pytest.approx(2 / 2**8)
    assert "Fewer than 3 methods" in dice["friedman"]["note"]
    assert not [name for name in found if name.startswith(("hd95", "assd"))]
    # The reference is a group of its own in the amounts.
    assert [pair["second"] for pair in found["scar_volume_ml"]["wilcoxon"]] == ["good", "poor", "poor"]
    assert found["scar_volume_ml"]["wilcoxon"][0]["first"] == "reference"
    assert found["scar_volume_ml"]["friedman"]["p"] < 0.01
    # All walls are alike, so nothing differs.
    assert found["dice_myocardium"]["wilcoxon"][0]["note"].endswith("No patient differs: not tested.")
    json.dumps(found, allow_nan=False)


def test_one_method_has_normality_and_its_amounts_against_the_reference(cohort):
    found = compare_methods({"only": cohort})
    assert set(found["dice_scar"]) == {"n", "left_out", "normality"}
    assert found["scar_percent"]["wilcoxon"][0]["first"] == "reference"


def test_methods_that_do_not_fit_are_refused(make_case):
    one, other = [make_case("a", 1, 1)], [make_case("b", 1, 1)]
    with pytest.raises(ScarNetError, match="different cases"):
        compare_methods({"x": one, "y": other})
    with pytest.raises(ScarNetError, match="like the reference"):
        compare_methods({"reference": one})
    with pytest.raises(ScarNetError, match="There is no method"):
        compare_methods({})

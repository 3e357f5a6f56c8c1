"""One patient: classes, what has no Dice, amounts, slices."""

import numpy as np
import pytest

from scarnet.errors import ScarNetError
from scarnet.evaluate import CLASSES, evaluate_case
from scarnet.measure import measure_labels
from scarnet.stack import LGEStack

SPACING = (10.0, 2.0, 1.0)


def test_equal_labels_agree_in_everything(make_heart):
    result = evaluate_case(make_heart(), make_heart(), SPACING, "anna")
    assert result.case == "anna"
    assert tuple(result.classes) == CLASSES
    for one in result.classes.values():
        assert one.dice == 1
        assert one.distances.hd_mm == one.distances.hd95_mm == one.distances.assd_mm == 0
        assert one.reference_ml == one.predicted_ml > 0
    assert result.scar_percent_reference == result.scar_percent_predicted
    assert [one.dice["scar"] for one in result.slices] == [None, 1, 1, 1, 1, None]


def test_the_wall_includes_its_scar(make_heart):
    result = evaluate_case(make_heart(scar=30), make_heart(scar=60), SPACING)
    assert result.classes["myocardium"].dice == 1
    assert result.classes["blood_pool"].dice == 1
    assert result.classes["scar"].dice == pytest.approx(2 * 30 / (30 + 60))


def test_amounts_equal_the_measures(make_heart):
    reference, predicted = make_heart(scar=30), make_heart(scar=45, shift=2)
    result = evaluate_case(reference, predicted, SPACING)
    stack = LGEStack.from_array(np.zeros(reference.shape, dtype=np.float32), SPACING)
    for labels, side in ((reference, "reference"), (predicted, "predicted")):
        measures = measure_labels(labels, stack)
        for name in CLASSES:
            assert getattr(result.classes[name], f"{side}_ml") == pytest.approx(measures[f"{name}_volume_ml"])
            for one, measured in zip(result.slices, measures["slices"], strict=True):
                assert getattr(one, f"{side}_mm2")[name] == pytest.approx(measured[f"{name}_area_mm2"])
        assert getattr(result, f"scar_percent_{side}") == pytest.approx(measures["scar_percent_myocardium"])


def test_scar_without_reference_scar_is_a_false_alarm_and_no_dice(make_heart):
    result = evaluate_case(make_heart(scar=0), make_heart(scar=20), SPACING)
    scar = result.classes["scar"]
    assert (scar.dice, scar.undefined, scar.distances.undefined) == (None, "reference empty", "reference empty")
    assert scar.predicted_ml == pytest.approx(20 * 4 * 0.02)
    assert (result.has_scar, result.claims_scar) == (False, True)
    assert {one.dice["scar"] for one in result.slices} == {None}


def test_missed_scar_has_a_dice_of_zero(make_heart):
    result = evaluate_case(make_heart(scar=20), make_heart(scar=0), SPACING)
    assert result.classes["scar"].dice == 0
    assert result.classes["scar"].undefined == "prediction empty"
    assert (result.has_scar, result.claims_scar) == (True, False)


def test_scar_in_neither_is_no_perfect_overlap(make_heart):
    result = evaluate_case(make_heart(scar=0), make_heart(scar=0), SPACING)
    assert result.classes["scar"].dice is None
    assert result.classes["scar"].undefined == "both empty"
    assert (result.scar_percent_reference, result.scar_percent_predicted) == (0, 0)


def test_between_readers_scar_of_one_alone_is_no_overlap(make_heart):
    result = evaluate_case(make_heart(scar=0), make_heart(scar=20), SPACING, readers=True)
    assert result.classes["scar"].dice == 0
    assert [one.dice["scar"] for one in result.slices] == [None, 0, 0, 0, 0, None]


def test_without_any_wall_there_is_no_percentage(make_heart):
    result = evaluate_case(make_heart(), np.zeros_like(make_heart()), SPACING)
    assert result.scar_percent_predicted is None
    assert result.classes["myocardium"].dice == 0


def test_distances_can_be_left_out(make_heart):
    full = evaluate_case(make_heart(), make_heart(shift=3), SPACING)
    quick = evaluate_case(make_heart(), make_heart(shift=3), SPACING, distances=False)
    for name in CLASSES:
        assert quick.classes[name].distances is None
        assert quick.classes[name].dice == full.classes[name].dice < 1
    assert full.classes["myocardium"].distances.hd_mm == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda a: a[:, 1:], "the reference has shape"),
        (lambda a: a[0], "labels need three axes"),
        (lambda a: np.where(a == 3, 4, a), "the prediction holds values that are no class"),
        (lambda a: a.astype(np.float32), "the prediction holds values that are no class"),
        (lambda a: a.astype(np.int16) - 1, "the prediction holds values that are no class"),
    ],
)
def test_labels_that_cannot_be_compared_get_a_sentence(make_heart, change, sentence):
    with pytest.raises(ScarNetError, match=sentence) as error:
        evaluate_case(make_heart(), change(make_heart()), SPACING, "anna")
    assert str(error.value).startswith("anna: ")


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (10.0, 0.0, 1.0), (10.0, float("inf"), 1.0)])
def test_a_wrong_spacing_gets_a_sentence(make_heart, spacing):
    with pytest.raises(ScarNetError, match="not three positive numbers"):
        evaluate_case(make_heart(), make_heart(), spacing)

"""Figures of a validation: empty pairs are counted apart."""

import numpy as np
import pytest

from scarnet.classes import TissueClass
from scarnet_training.validation import compare_labels, dice, summarise


def labels(scar: bool) -> np.ndarray:
    drawn = np.zeros((1, 4, 4), np.uint8)
    drawn[0, 1:3, 1:3] = TissueClass.MYOCARDIUM
    drawn[0, 1, 1] = TissueClass.SCAR if scar else TissueClass.MYOCARDIUM
    return drawn


def test_what_nobody_labelled_is_not_measured() -> None:
    drawn = labels(True)
    drawn[0, 0, 0] = TissueClass.BLOOD_POOL
    found = compare_labels(labels(True), drawn)
    assert found["dice_blood_pool"] is None
    assert "dice_blood_pool" not in summarise({"a": found})
    nothing = compare_labels(np.zeros_like(drawn), drawn)
    assert (nothing["dice_myocardium"], nothing["dice_scar"]) == (None, None)
    assert nothing["scar_percent_predicted"] == 25.0


def test_dice_counts_empty_pairs_apart() -> None:
    a, b = np.array([True, True, False]), np.array([True, False, True])
    assert dice(a, b) == pytest.approx(0.5)
    assert dice(np.zeros(3, bool), np.zeros(3, bool)) is None
    with_scar, without = labels(True), labels(False)
    patients = {"a": compare_labels(with_scar, with_scar), "b": compare_labels(without, with_scar)}
    assert patients["a"]["scar_percent_reference"] == pytest.approx(25)
    summary = summarise(patients)
    assert summary["dice_scar"] == {"mean": 1.0, "median": 1.0, "n": 1}
    assert summary["dice_myocardium"]["mean"] == 1.0
    assert (summary["false_alarms"], summary["patients_without_scar"]) == (1, 1)

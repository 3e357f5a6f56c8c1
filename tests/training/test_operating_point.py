"""How readily scar is called: measured, chosen, and built into the network."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from scarnet.classes import TissueClass
from scarnet.errors import ScarNetError
from scarnet.models import Model, ModelCard
from scarnet.network.config import ScarNetConfig
from scarnet.network.scarnet import ScarNet
from scarnet.phantom import Phantom
from scarnet.predict import Predictor
from scarnet_training.correction import Correction
from scarnet_training.data import LabelledCase
from scarnet_training.operating_point import SHIFTS, SIZES_ML, Choices, choose_point, measure_choices
from scarnet_training.validation import compare_labels

ZERO = SHIFTS.index(0.0)


def choices(overlap: np.ndarray, error: np.ndarray | float = 0.0, claimed: np.ndarray | bool = False) -> Choices:
    """Spread (P, S) over all sizes."""
    shape = (len(overlap), len(SHIFTS), len(SIZES_ML))

    def spread(values: np.ndarray | float) -> np.ndarray:
        values = np.asarray(values)
        return np.broadcast_to(values[..., None] if values.ndim == 2 else values, shape).copy()

    return Choices(spread(overlap), spread(error), spread(claimed).astype(bool))


def test_the_choice_is_the_best_mean_and_told_apart_from_what_left_out_patients_get() -> None:
    table = np.zeros((4, len(SHIFTS)))
    table[:, ZERO] = 0.4
    table[:2, ZERO + 4] = 0.7
    table[2, ZERO + 8] = 0.9
    table[3] = np.nan  # no scar
    point = choose_point(choices(table))
    assert point.shift == SHIFTS[ZERO + 4]
    assert point.dice_scar_unshifted == pytest.approx(0.4)
    assert point.dice_scar == pytest.approx(1.4 / 3)
    # Without one of the first two the third's choice wins, and without the third theirs; they get nothing from it.
    assert point.dice_scar_left_out == pytest.approx(0.0)
    assert point.patients == 3
    with pytest.raises(ScarNetError, match="at least two"):
        choose_point(choices(table[2:]))


def test_a_shift_that_biases_the_amount_of_scar_is_not_chosen() -> None:
    overlap = np.tile(np.linspace(0.5, 0.6, len(SHIFTS)), (2, 1))
    error = np.tile(np.arange(len(SHIFTS)) * 0.5 - 2.0, (2, 1))
    assert choose_point(choices(overlap)).shift == SHIFTS[-1]
    assert choose_point(choices(overlap, error)).shift == SHIFTS[6]  # the last within one point of the wall
    assert choose_point(choices(overlap, error + 5)).shift == SHIFTS[0]  # all are biased, this one least


def test_a_size_is_chosen_that_leaves_most_patients_without_scar_alone() -> None:
    overlap = np.full((7, len(SHIFTS)), 0.6)
    overlap[2:] = np.nan  # five patients without scar
    table = choices(overlap, claimed=True)
    table.overlap[:2] -= np.arange(len(SIZES_ML)) * 0.01  # a larger size costs true scar
    table.claimed[2:6, :, 3:] = False
    point = choose_point(table)
    assert point.smallest_scar_ml == SIZES_ML[3]
    assert point.dice_scar == pytest.approx(0.57)
    assert point.specificity_left_out == pytest.approx(0.8)


@pytest.mark.parametrize("network", [{"fusion": "attentive"}, {"fusion": "concat"}, {"encoder": "none"}])
def test_what_was_measured_is_what_the_shifted_network_does(phantom: Phantom, network: dict) -> None:
    torch.manual_seed(0)
    config = ScarNetConfig(unet_width=8, grid=64, spacing_mm=2.0, **network)
    model = Model(ScarNet(config).eval(), ModelCard("tiny", "", config), "", "tiny")
    case = LabelledCase(phantom.stack, phantom.labels)
    before = Predictor(model, "cpu").predict(phantom.stack, branches=True)
    measured = measure_choices([(case, before.logits)])
    shift, size = ZERO + 3, 4
    Correction(SHIFTS[shift]).apply(model.network)
    model = replace(model, card=replace(model.card, smallest_scar_ml=SIZES_ML[size]))
    after = Predictor(model, "cpu").predict(phantom.stack, branches=True)
    y0, y1, x0, x1 = after.window
    moved = (after.logits - before.logits)[:, :, y0:y1, x0:x1]
    np.testing.assert_allclose(moved[TissueClass.SCAR], SHIFTS[shift], atol=1e-4)
    np.testing.assert_allclose(moved[: TissueClass.SCAR], 0, atol=1e-4)
    if "fusion" in network:
        np.testing.assert_allclose(after.branch_logits["unet"], before.branch_logits["unet"], atol=1e-4)
    figures = compare_labels(phantom.labels, after.labels)
    assert measured.overlap.shape == (1, len(SHIFTS), len(SIZES_ML))
    assert measured.overlap[0, shift, size] == pytest.approx(figures["dice_scar"], abs=1e-3)
    difference = figures["scar_percent_predicted"] - figures["scar_percent_reference"]
    assert measured.error[0, shift, size] == pytest.approx(difference, abs=0.1)
    assert measured.claimed[0, shift, size] == (figures["scar_percent_predicted"] > 0)

"""How readily scar is called: measured, chosen, and built into the network."""

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
from scarnet_training.data import LabelledCase
from scarnet_training.operating_point import SHIFTS, choose_shift, measure_shifts, shift_scar
from scarnet_training.validation import compare_labels


def test_the_choice_is_the_best_mean_and_told_apart_from_what_left_out_patients_get() -> None:
    table = np.zeros((4, len(SHIFTS)))
    table[:, 0] = 0.4
    table[:2, 4] = 0.7
    table[2, 8] = 0.9
    table[3] = np.nan  # no scar
    point = choose_shift(table, np.zeros_like(table))
    assert point.shift == SHIFTS[4]
    assert point.dice_scar_unshifted == pytest.approx(0.4)
    assert point.dice_scar == pytest.approx(1.4 / 3)
    # Without one of the first two the third's choice wins, and without the third theirs; they get nothing from it.
    assert point.dice_scar_left_out == pytest.approx(0.0)
    assert point.patients == 3
    with pytest.raises(ScarNetError, match="at least two"):
        choose_shift(table[2:], np.zeros((2, len(SHIFTS))))


def test_a_shift_that_biases_the_amount_of_scar_is_not_chosen() -> None:
    overlap = np.tile(np.linspace(0.5, 0.6, len(SHIFTS)), (2, 1))
    error = np.tile(np.linspace(-2.0, 6.0, len(SHIFTS)), (2, 1))
    assert choose_shift(overlap, np.zeros_like(error)).shift == SHIFTS[-1]
    assert choose_shift(overlap, error).shift == SHIFTS[6]  # the last within one point of the wall
    assert choose_shift(overlap, error + 5).shift == SHIFTS[0]  # all are biased, this one least


@pytest.mark.parametrize("fusion", ["attentive", "concat"])
def test_what_was_measured_is_what_the_shifted_network_does(phantom: Phantom, fusion: str) -> None:
    torch.manual_seed(0)
    config = ScarNetConfig(unet_width=8, grid=64, spacing_mm=2.0, fusion=fusion)
    model = Model(ScarNet(config).eval(), ModelCard("tiny", "", config), "", "tiny")
    case = LabelledCase(phantom.stack, phantom.labels)
    table, error = measure_shifts(model, [case], "cpu")
    before = Predictor(model, "cpu").predict(phantom.stack, branches=True)
    shift_scar(model.network, SHIFTS[3])
    after = Predictor(model, "cpu").predict(phantom.stack, branches=True)
    y0, y1, x0, x1 = after.window
    moved = (after.logits - before.logits)[:, :, y0:y1, x0:x1]
    np.testing.assert_allclose(moved[TissueClass.SCAR], SHIFTS[3], atol=1e-4)
    np.testing.assert_allclose(moved[: TissueClass.SCAR], 0, atol=1e-4)
    np.testing.assert_allclose(after.branch_logits["unet"], before.branch_logits["unet"], atol=1e-4)
    figures = compare_labels(phantom.labels, after.labels)
    assert table.shape == (1, len(SHIFTS))
    assert table[0, 3] == pytest.approx(figures["dice_scar"], abs=1e-3)
    difference = figures["scar_percent_predicted"] - figures["scar_percent_reference"]
    assert error[0, 3] == pytest.approx(difference, abs=0.1)

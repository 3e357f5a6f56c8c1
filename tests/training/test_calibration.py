"""One temperature for all logits: found where it is known, built in, and never changing a label."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from scarnet.models import ModelCard
from scarnet.network.config import ScarNetConfig
from scarnet.network.scarnet import ScarNet
from scarnet.stack import LGEStack
from scarnet_training.calibration import choose_temperature
from scarnet_training.correction import Correction, carried_correction
from scarnet_training.labelled_case import LabelledCase
from scarnet_training.operating_point import OperatingPoint

POINT = OperatingPoint(
    shift=1.5,
    smallest_scar_ml=0.5,
    dice_scar_unshifted=0.5,
    dice_scar=0.6,
    dice_scar_left_out=0.6,
    specificity_left_out=None,
    bias=0.0,
    patients=3,
)


@pytest.mark.parametrize("true", [0.5, 1.0, 2.5])
def test_the_temperature_under_which_labels_were_drawn_is_found(true: float) -> None:
    rng = np.random.default_rng(0)
    cases = []
    for _ in range(2):
        honest = rng.normal(0, 2, (4, 3, 64, 64)).astype(np.float32)
        # Hardly any background, so that no voxel is left out for what was drawn.
        honest[0] = -30
        drawn = (honest + rng.gumbel(size=honest.shape)).argmax(axis=0).astype(np.uint8)  # from their softmax
        stack = LGEStack.from_array(np.zeros(drawn.shape, np.float32), (10.0, 1.0, 1.0))
        cases.append((LabelledCase(stack, drawn), honest * np.float32(true)))
    assert choose_temperature(iter(cases)) == pytest.approx(true, rel=0.05)


def test_a_corrected_network_gives_what_the_point_says_of_the_one_before() -> None:
    torch.manual_seed(0)
    network = ScarNet(ScarNetConfig(encoder="none", unet_width=8, grid=48)).eval()
    point = replace(POINT, temperature=2.0)
    image = torch.randn(3, 1, 48, 48)
    with torch.inference_mode():
        before = network(image).logits.movedim(1, 0).numpy().copy()
        point.correction.apply(network)
        after = network(image).logits.movedim(1, 0).numpy().copy()
        point.correction.undo(network)
        np.testing.assert_allclose(network(image).logits.movedim(1, 0).numpy(), before, atol=1e-5)
    np.testing.assert_allclose(after, point.logits(before), atol=1e-5)
    np.testing.assert_array_equal(point.labels(before, 0.01), replace(point, temperature=1.0).labels(before, 0.01))


def test_a_card_says_what_correction_the_weights_carry() -> None:
    card = ModelCard("tiny", "", ScarNetConfig())
    assert carried_correction(card) == Correction(0.0, 1.0)
    summary = {"operating_point": replace(POINT, temperature=2.0).to_dict()}
    assert carried_correction(replace(card, validation={"summary": summary})) == Correction(1.5, 2.0)
    del summary["operating_point"]["temperature"]  # of a model that was made before there was one
    assert carried_correction(replace(card, validation={"summary": summary})) == Correction(1.5, 1.0)

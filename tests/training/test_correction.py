"""The correction of the scar logit: built in, taken out, and said by the card."""

from dataclasses import replace

import numpy as np
import torch

from scarnet.models import ModelCard
from scarnet.network.config import ScarNetConfig
from scarnet.network.scarnet import ScarNet
from scarnet_training.correction import Correction, carried_correction
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


def test_a_corrected_network_gives_what_the_point_says_of_the_one_before() -> None:
    torch.manual_seed(0)
    network = ScarNet(ScarNetConfig(encoder="none", unet_width=8, grid=48)).eval()
    point = POINT
    image = torch.randn(3, 1, 48, 48)
    with torch.inference_mode():
        before = network(image).logits.movedim(1, 0).numpy().copy()
        point.correction.apply(network)
        after = network(image).logits.movedim(1, 0).numpy().copy()
        point.correction.undo(network)
        np.testing.assert_allclose(network(image).logits.movedim(1, 0).numpy(), before, atol=1e-5)
    np.testing.assert_allclose(after, point.logits(before), atol=1e-5)


def test_a_card_says_what_correction_the_weights_carry() -> None:
    card = ModelCard("tiny", "", ScarNetConfig())
    assert carried_correction(card) == Correction(0.0)
    assert carried_correction(replace(card, recipe={"scar_shift": 0.5})) == Correction(0.5)
    assert carried_correction(
        replace(card, validation={"summary": {"operating_point": POINT.to_dict()}})
    ) == Correction(1.5)

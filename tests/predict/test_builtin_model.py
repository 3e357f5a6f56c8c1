"""The model that ships: on a phantom, and on real patients it has not seen, where the data is at hand."""

from pathlib import Path

import numpy as np
import pytest
import torch

from scarnet.classes import TissueClass
from scarnet.models import list_models, load_model
from scarnet.phantom import Phantom
from scarnet.predict import Predictor
from scarnet_training.data import LabelledCase
from scarnet_training.validation import compare_labels


def test_the_card_says_what_a_user_must_know() -> None:
    entry = next(entry for entry in list_models() if entry.builtin)
    assert entry.name == "scarnet-lite"
    assert entry.path.stat().st_size < 32e6
    card = entry.card
    assert "CC BY-NC-SA 4.0" in card.licence
    assert any("EMIDEC" in line for line in card.data)
    assert any("Research use only" in line for line in card.limitations)
    assert len(card.commit) == 40
    assert len(card.validation["patients"]) >= 10


def test_it_finds_the_ventricle_of_a_phantom(phantom: Phantom) -> None:
    # The heart is sought in all slices whichever are segmented.
    middle = phantom.stack.shape[0] // 2
    chosen = [middle - 1, middle, middle + 1]
    prediction = Predictor(load_model(), "cpu").predict(phantom.stack, slices=chosen)
    figures = compare_labels(phantom.labels[chosen], prediction.labels[chosen])
    assert figures["dice_blood_pool"] > 0.7
    assert figures["dice_myocardium"] > 0.5
    # What is a little scar in every voxel of the background adds up.
    expected_ml = prediction.probabilities[TissueClass.SCAR][chosen].sum() * phantom.stack.voxel_ml
    drawn_ml = (prediction.labels[chosen] == TissueClass.SCAR).sum() * phantom.stack.voxel_ml
    assert expected_ml == pytest.approx(drawn_ml, abs=2.0)


def test_figures_of_the_card_hold_on_an_unseen_patient(shared_data: Path) -> None:
    from scarnet.io import read_labels, read_study

    model = load_model()
    name = sorted(model.card.validation["patients"])[-3]
    stack = read_study(shared_data / "emidec" / "imagesTr" / f"{name}_0000.nii.gz")
    reference = read_labels(shared_data / "emidec" / "labelsTr" / f"{name}.nii.gz", stack)
    case = LabelledCase(stack, reference)
    assert (case.labels == TissueClass.SCAR).any()
    claimed = model.card.validation["patients"][name]
    for key, value in compare_labels(reference, Predictor(model, "cpu").predict(stack).labels).items():
        assert value == pytest.approx(claimed[key], abs=0.02 if key.startswith("dice") else 1.0), key


def test_it_finds_the_heart_wherever_it_lies_in_the_field_of_view(shared_data: Path) -> None:
    from scarnet.io import read_study
    from scarnet.stack import LGEStack

    stack = read_study(shared_data / "emidec" / "imagesTr" / "emidec_P078_0000.nii.gz")
    # The heart is sought in all slices; one segmented slice, without flips, is enough to learn where.
    predictor = Predictor(load_model(), "cpu", test_time_flips=False)
    prediction = predictor.predict(stack, slices=[0])
    # Cut on one side and padded on the other, the image is no longer square and the heart no longer in the middle.
    moved = np.pad(stack.pixels[:, 20:, :], ((0, 0), (0, 0), (0, 60)))
    shifted = predictor.predict(LGEStack.from_array(moved, stack.spacing_mm), slices=[0])
    window, expected = shifted.window, prediction.window
    assert abs(window[0] - (expected[0] - 20)) * stack.spacing_mm[1] < 8
    assert abs(window[2] - expected[2]) * stack.spacing_mm[2] < 8


def test_a_slice_costs_no_more_than_one_pass_of_the_encoder_as_published(phantom: Phantom) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    from scarnet.network.config import ScarNetConfig
    from scarnet.network.encoder import build_encoder

    encoder = build_encoder(ScarNetConfig(encoder="lite", fast_attention=False))
    assert encoder is not None
    with FlopCounterMode(display=False) as one_pass, torch.no_grad():
        encoder.eval()(torch.rand(1, 3, 256, 256))
    # Looking for the heart in all slices is shared by those that are segmented.
    with FlopCounterMode(display=False) as three_slices:
        Predictor(load_model(), "cpu").predict(phantom.stack, slices=[0, 1, 2])
    assert 0 < three_slices.get_total_flops() <= 3 * one_pass.get_total_flops()

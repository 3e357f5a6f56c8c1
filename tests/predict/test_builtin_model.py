"""The model that ships: what its card says, on a phantom, and on real patients where the data is at hand."""

import json
from pathlib import Path

import numpy as np
import pytest

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


def test_the_cards_figures_are_those_of_the_cross_validation() -> None:
    card = load_model().card
    recipes = Path(__file__).parents[2] / "training" / "recipes"
    figures = json.loads((recipes / "scarnet-lite.figures.json").read_text())["figures"]
    assert card.validation == figures
    assert set(card.validation["patients"]) <= set(card.training_cases)
    assert any("not seen" in line for line in card.data)
    assert card.smallest_scar_ml == figures["summary"]["operating_point"]["smallest_scar_ml"]


def test_patients_it_was_trained_on_come_out_better_than_the_cross_validation_claims(shared_data: Path) -> None:
    # No patient at hand is unseen: this says that what ships is the model its card speaks of, not how good it is.
    from scarnet.io import read_labels, read_study

    model = load_model()
    with_scar = [k for k, v in model.card.validation["patients"].items() if v["dice_scar"] is not None]
    name = sorted(with_scar)[-3]
    stack = read_study(shared_data / "emidec" / "imagesTr" / f"{name}_0000.nii.gz")
    reference = read_labels(shared_data / "emidec" / "labelsTr" / f"{name}.nii.gz", stack)
    figures = compare_labels(reference, Predictor(model, "cpu").predict(stack).labels)
    claimed = model.card.validation["patients"][name]
    for key in ("dice_myocardium", "dice_blood_pool", "dice_scar"):
        assert figures[key] > claimed[key] - 0.02, key


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

"""A whole small training: split, checkpoints, resume, card; and what it refuses."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from scarnet.classes import TissueClass
from scarnet.errors import Cancelled, ScarNetError
from scarnet.models import load_model
from scarnet.network.scarnet import ScarNet
from scarnet.phantom import write_phantom_cohort
from scarnet.stack import LGEStack
from scarnet_training.data import LabelledCase, load_dataset, split_patients
from scarnet_training.recipe import find_recipe, load_recipe
from scarnet_training.trainer import train
from scarnet_training.validation import compare_labels, dice, summarise

RECIPE = """
[data]
datasets = ["{data}"]
validation_fraction = 0.4
[network]
unet_width = 8
grid = 48
spacing_mm = 3.0
localiser_width = 8
localiser_grid = 48
localiser_spacing_mm = 8.0
[training]
unet_epochs = 2
epochs = 2
batch_size = 6
localiser_epochs = 1
refresh_epochs = 1
views = 2
validate_every = 1
[model]
name = "tiny"
licence = "none"
"""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    write_phantom_cohort(folder, 4, 3)
    return folder


@pytest.fixture(scope="module")
def recipe_file(tmp_path_factory: pytest.TempPathFactory, dataset: Path) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    path.write_text(RECIPE.format(data=dataset.as_posix()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, recipe_file: Path) -> Path:
    """The folder of a run that nothing interrupted."""
    out = tmp_path_factory.mktemp("runs") / "through"
    train(load_recipe(recipe_file), out)
    return out


def events(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]


def test_train_writes_a_model_whose_card_tells_the_truth(finished: Path, recipe_file: Path) -> None:
    out = finished
    card = load_model(out / "model.safetensors").card
    split = json.loads((out / "splits.json").read_text())[0]
    assert set(split["val"]) == set(card.validation["patients"])
    assert not set(split["val"]) & set(split["train"])
    assert len(split["val"]) + len(split["train"]) == 4
    assert card.recipe["training"]["epochs"] == 2
    kinds = [event["event"] for event in events(out)]
    assert kinds == ["start", "localiser", "unet_epoch", "unet_epoch", "epoch", "validation", "epoch", "end"]
    assert all(np.isfinite(event["loss"]) for event in events(out) if event["event"].endswith("epoch"))
    with pytest.raises(ScarNetError, match="holds a run already"):
        train(load_recipe(recipe_file), out)


@pytest.mark.parametrize("moment", ["U-Net epoch 2", "Epoch 1", "Epoch 2"])
def test_cancelled_and_resumed_ends_like_one_that_was_not(
    tmp_path: Path, finished: Path, recipe_file: Path, moment: str
) -> None:
    recipe = load_recipe(recipe_file)

    def stop(done: int, total: int, what: str) -> None:
        if what.startswith(moment):
            raise Cancelled

    with pytest.raises(Cancelled):
        train(recipe, tmp_path / "cut", progress=stop)
    assert not (tmp_path / "cut" / "model.safetensors").exists()
    split = tmp_path / "cut" / "splits.json"
    begun = split.read_text()
    split.write_text(begun.replace("phantom_001", "another patient"))
    with pytest.raises(ScarNetError, match="begun with another split;"):
        train(recipe, tmp_path / "cut", resume=True)
    split.write_text(begun)
    with pytest.raises(ScarNetError, match="begun with another recipe"):
        train(replace(recipe, training=replace(recipe.training, epochs=3)), tmp_path / "cut", resume=True)
    train(recipe, tmp_path / "cut", resume=True)
    states = [
        torch.load(run / "checkpoints" / "last.pt", weights_only=True)["averaged"]
        for run in (finished, tmp_path / "cut")
    ]
    for name, tensor in states[0].items():
        torch.testing.assert_close(states[1][name], tensor, atol=1e-6, rtol=1e-5, msg=name)


def test_the_first_part_trains_nothing_but_the_u_net(tmp_path: Path, recipe_file: Path) -> None:
    def stop(done: int, total: int, what: str) -> None:
        if what.startswith("Epoch 1"):
            raise Cancelled

    with pytest.raises(Cancelled):
        train(load_recipe(recipe_file), tmp_path / "run", progress=stop)
    state = torch.load(tmp_path / "run" / "checkpoints" / "last.pt", weights_only=True)["network"]
    torch.manual_seed(0)
    untrained = ScarNet(load_recipe(recipe_file).network).state_dict()
    changed = {name.split(".")[0] for name in state if not torch.equal(state[name], untrained[name])}
    assert changed == {"localiser", "unet_branch", "unet_head"}


def test_resume_needs_a_checkpoint(tmp_path: Path, recipe_file: Path) -> None:
    with pytest.raises(ScarNetError, match="no checkpoint"):
        train(load_recipe(recipe_file), tmp_path / "nothing", resume=True)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[training]\nepochs = 0\n", "at least 1"),
        ("[training]\nbatch_size = 1\n", "at least 2"),
        ("[training]\nunet_epochs = -3\n", "at least 0"),
        ("[training]\nepoch = 3\n", "no setting 'epoch'"),
        ("[training]\nlearning_rate = 'fast'\n", "of type float"),
        ("[training]\nloss = 'best'\n", "not known"),
        ("[extra]\na = 1\n", "no section extra"),
        ("[network]\ngrid = 50\n", "multiple of 16"),
        ("[data\n", "not valid TOML"),
    ],
)
def test_bad_recipes_are_refused_with_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ScarNetError, match=sentence):
        load_recipe(path)


def test_shipped_recipe_is_found_by_name_and_valid() -> None:
    assert load_recipe(find_recipe("scarnet-lite")).model.name == "scarnet-lite"
    with pytest.raises(ScarNetError, match="scarnet-lite"):
        find_recipe("no-such-recipe")


def test_dataset_problems_are_named(tmp_path: Path, dataset: Path) -> None:
    with pytest.raises(ScarNetError, match="nnU-Net"):
        load_dataset(tmp_path)
    import shutil

    broken = tmp_path / "broken"
    shutil.copytree(dataset, broken)
    removed = sorted((broken / "labelsTr").iterdir())[:2]
    for path in removed:
        path.unlink()
    with pytest.raises(ScarNetError, match=f"lacks {removed[0].name}, {removed[1].name}"):
        load_dataset(broken)


def case(name: str, scar: bool) -> LabelledCase:
    labels = np.zeros((1, 4, 4), np.uint8)
    labels[0, 1:3, 1:3] = TissueClass.MYOCARDIUM
    labels[0, 1, 1] = TissueClass.SCAR if scar else TissueClass.MYOCARDIUM
    return LabelledCase(LGEStack.from_array(np.zeros((1, 4, 4)), (8, 1, 1), case=name), labels)


def test_split_is_by_patient_repeatable_and_keeps_the_share_with_scar() -> None:
    cases = [case(f"p{i}", scar=i < 12) for i in range(20)]
    training, validation = split_patients(cases, 0.25, 7)
    names = [c.stack.case for c in validation]
    assert sum(c.has_scar for c in validation) == 3
    assert len(validation) == 5
    assert not set(names) & {c.stack.case for c in training}
    assert names == [c.stack.case for c in split_patients(cases[::-1], 0.25, 7)[1]][::-1]
    with pytest.raises(ScarNetError, match="twice"):
        split_patients([*cases, case("p3", True)], 0.25, 7)
    with pytest.raises(ScarNetError, match="empty"):
        split_patients(cases[:1], 0.25, 7)


def test_dice_counts_empty_pairs_apart() -> None:
    a, b = np.array([True, True, False]), np.array([True, False, True])
    assert dice(a, b) == pytest.approx(0.5)
    assert dice(np.zeros(3, bool), np.zeros(3, bool)) is None
    with_scar, without = case("a", True).labels, case("b", False).labels
    patients = {"a": compare_labels(with_scar, with_scar), "b": compare_labels(without, with_scar)}
    assert patients["a"]["scar_percent_reference"] == pytest.approx(25)
    summary = summarise(patients)
    assert summary["dice_scar"] == {"mean": 1.0, "median": 1.0, "n": 1}
    assert summary["dice_myocardium"]["mean"] == 1.0
    assert (summary["false_alarms"], summary["patients_without_scar"]) == (1, 1)

"""A whole small training: split, events, card, resuming; fine-tuning from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from scarnet.errors import Cancelled, ScarNetError
from scarnet.models import load_model
from scarnet.network.scarnet import ScarNet
from scarnet_training.trainer import train

Recipes = Callable[..., Any]
Events = Callable[..., list[dict[str, Any]]]

TERMS = {"loss", "dice", "focal_tversky", "cross_entropy", "scar", "myocardium"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny_recipe: Recipes) -> Path:
    """The folder of a run that nothing interrupted."""
    out = tmp_path_factory.mktemp("runs") / "through"
    assert train(tiny_recipe(), out) == out / "model.safetensors"
    return out


def weights_of(out: Path) -> dict[str, Tensor]:
    return load_model(out / "model.safetensors").network.state_dict()


def stop_at(moment: str) -> Callable[[int, int, str], None]:
    def stop(done: int, total: int, what: str) -> None:
        if what.startswith(moment):
            raise Cancelled

    return stop


def test_a_trained_models_card_tells_the_truth(finished: Path) -> None:
    card = load_model(finished / "model.safetensors").card
    [split] = json.loads((finished / "splits.json").read_text())
    assert set(split["val"]) == set(card.validation["patients"])
    assert not set(split["val"]) & set(split["train"])
    assert len(split["val"]) + len(split["train"]) == 5
    assert card.recipe["training"]["epochs"] == 2
    assert card.data == ("Trained on 3 patients; validated on 2 other patients.",)
    assert set(card.training_cases) == set(split["train"])
    best, few = card.limitations
    assert "the best of several validations on the very patients of its figures" in best
    assert few == "Its figures rest on 2 patients only and say next to nothing."


def test_events_tell_what_a_viewer_needs(finished: Path, events_of: Events) -> None:
    events = events_of(finished)
    epoch = ["step"] * 3 + ["epoch", "validation"]
    progress = [event for event in events if event["event"] == "progress"]
    assert [event["of"] for event in progress if not event["done"]].count("localiser") == 1
    # Without a model to start from the end measures only its own.
    assert {event["of"]: event["total"] for event in progress} == {"localiser": 1, "validation": 2, "end": 2}
    events = [event for event in events if event["event"] != "progress"]
    assert [event["event"] for event in events] == ["start", "warning", "localiser", *epoch, *epoch, "end"]
    assert events[1]["text"] == "Only 2 of 5 patients are held out: figures on so few say next to nothing."
    start = events[0]
    assert start["recipe"]["training"]["batch_size"] == 4
    shown = ("training", "validation", "replayed", "steps_an_epoch", "device", "processes", "precision", "resumed")
    assert [start[key] for key in shown] == [3, 2, 0, 3, "cpu", 1, "no", False]
    for position, step in enumerate(events_of(finished, "step")):
        assert (step["epoch"], step["step"]) == divmod(position, 3)
        assert set(step) - {"time", "event", "epoch", "step"} == TERMS | {"learning_rate", "gradient_norm"}
        assert step["loss"] > 0
    for number, told in enumerate(events_of(finished, "epoch")):
        assert (told["epoch"], told["epochs"]) == (number, 2)
        assert told["seconds"] > 0
        assert told["memory_gb"] > 0
        own = [step["loss"] for step in events_of(finished, "step") if step["epoch"] == number]
        assert told["loss"] == pytest.approx(sum(own) / 3, abs=2e-5)
    for number, told in enumerate(events_of(finished, "validation")):
        assert told["epoch"] == number
        assert {"dice_myocardium", "dice_blood_pool", "dice_scar", "false_alarms", "scar_percent_bias"} < set(told)
        assert told["dice_scar"]["n"] == 2


def test_a_finished_run_is_left_as_it_is(finished: Path, tiny_recipe: Recipes) -> None:
    before = (finished / "events.jsonl").read_bytes()
    for resume in (False, True):
        with pytest.raises(ScarNetError, match="is finished; there is nothing to resume"):
            train(tiny_recipe(), finished, resume)
    assert (finished / "events.jsonl").read_bytes() == before


@pytest.mark.parametrize("moment", ["Epoch 2", "Training the localiser"])
def test_cancelled_and_resumed_ends_like_one_that_was_not(
    tmp_path: Path, finished: Path, tiny_recipe: Recipes, events_of: Events, moment: str
) -> None:
    out = tmp_path / "cut"
    with pytest.raises(Cancelled):
        train(tiny_recipe(), out, progress=stop_at(moment))
    assert not (out / "model.safetensors").exists()
    assert events_of(out)[-1]["event"] == "cancelled"
    if moment == "Epoch 2":
        refuse_another_split_or_recipe(out, tiny_recipe)
    train(tiny_recipe(), out, resume=True)
    assert {name: torch.equal(tensor, weights_of(out)[name]) for name, tensor in weights_of(finished).items()} == (
        dict.fromkeys(weights_of(finished), True)
    )
    keys = ("event", "epoch", "step", "loss")
    told = [[tuple(event.get(key) for key in keys) for event in events_of(run)] for run in (finished, out)]
    assert [event for event in told[1] if event[0] != "start"] == [event for event in told[0] if event[0] != "start"]


def test_bf16_stays_finite_and_is_taken_up_again(tmp_path: Path, tiny_recipe: Recipes, events_of: Events) -> None:
    recipe = tiny_recipe(training={"precision": "bf16"})
    out = tmp_path / "out"
    with pytest.raises(Cancelled):
        train(recipe, out, progress=stop_at("Epoch 2"))
    train(recipe, out, resume=True)
    assert [event["precision"] for event in events_of(out, "start")] == ["bf16", "bf16"]
    assert [(event["epoch"], event["step"]) for event in events_of(out, "step")] == [
        (epoch, step) for epoch in range(2) for step in range(3)
    ]
    assert all(torch.isfinite(tensor).all() for tensor in weights_of(out).values())
    state = torch.load(out / "checkpoints" / "last.pt", weights_only=True)["network"]
    # Only the arithmetic is in 16 bits.
    assert all(tensor.dtype == torch.float32 for tensor in state.values() if tensor.is_floating_point())
    assert all(torch.isfinite(tensor).all() for tensor in state.values())
    assert events_of(out)[-1]["event"] == "end"
    assert 0 < load_model(out / "model.safetensors").card.validation["summary"]["dice_myocardium"]["mean"] <= 1


def refuse_another_split_or_recipe(out: Path, tiny_recipe: Recipes) -> None:
    split = out / "splits.json"
    begun = split.read_text()
    split.write_text(begun.replace("ann", "another patient"))
    with pytest.raises(ScarNetError, match=r"another split \(new: ann; missing: another patient\); resume it"):
        train(tiny_recipe(), out, resume=True)
    split.write_text(begun)
    with pytest.raises(ScarNetError, match=r"another recipe: training\.epochs was 2 and is now 3; resume"):
        train(tiny_recipe(training={"epochs": 3}), out, resume=True)


def test_resume_notices_other_labels_and_patients_that_were_added(
    tmp_path: Path, tiny_recipe: Recipes, cohort_writer: Callable[..., Path], events_of: Events
) -> None:
    data = cohort_writer(tmp_path / "data", {"a": True, "b": True, "c": True})
    recipe = tiny_recipe(data={"datasets": [str(data)]})
    with pytest.raises(Cancelled):
        train(recipe, tmp_path / "out", progress=stop_at("Epoch 1"))
    with pytest.raises(ScarNetError, match="holds a run already; resume it"):
        train(recipe, tmp_path / "out")
    labels = data / "labelsTr" / "b.nii.gz"
    before = labels.read_bytes()
    labels.write_bytes((data / "labelsTr" / "a.nii.gz").read_bytes())
    with pytest.raises(ScarNetError, match=r"Images or labels have changed since .*: b; put them back"):
        train(recipe, tmp_path / "out", resume=True)
    labels.write_bytes(before)
    cohort_writer(tmp_path / "more", {"d": True})
    for part, name in (("imagesTr", "d_0000.nii.gz"), ("labelsTr", "d.nii.gz")):
        (tmp_path / "more" / part / name).rename(data / part / name)
    with pytest.raises(ScarNetError, match=r"another split \(new: d"):
        train(recipe, tmp_path / "out", resume=True)
    assert events_of(tmp_path / "out")[-1]["event"] == "cancelled"  # refused, the run is what it was


def test_the_first_part_trains_nothing_but_the_u_net_and_kept_views_serve_the_second(
    tmp_path: Path, tiny_recipe: Recipes, events_of: Events
) -> None:
    recipe = tiny_recipe(
        network={"encoder": "lite", "context": 1},
        training={"unet_epochs": 1, "epochs": 2, "views": 2, "refresh_epochs": 1, "validate_every": 0},
    )
    with pytest.raises(Cancelled):
        train(recipe, tmp_path / "run", progress=stop_at("Epoch 2"))
    torch.manual_seed(0)
    untrained = ScarNet(recipe.network).state_dict()
    state = torch.load(tmp_path / "run" / "checkpoints" / "last.pt", weights_only=True)["network"]
    changed = {name.split(".")[0] for name in state if not torch.equal(state[name], untrained[name])}
    assert changed == {"localiser", "unet_branch", "unet_head", "medsam_decoder", "medsam_head", "fusion"}
    assert sorted(path.name for path in (tmp_path / "run" / "views").iterdir()) == ["000.pt", "001.pt"]
    kinds = [event["event"] for event in events_of(tmp_path / "run") if event["event"] != "progress"]
    assert kinds == [
        "start",
        "warning",
        "localiser",
        *["unet_step"] * 3,
        "unet_epoch",
        *["step"] * 3,
        "epoch",
        "cancelled",
    ]

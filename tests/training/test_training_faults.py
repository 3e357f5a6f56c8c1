"""What goes wrong in a training: numbers, memory and the disk give out, validations get no better."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from scarnet.errors import Cancelled, ScarNetError
from scarnet.models import load_model
from scarnet.network.scarnet import ScarNet
from scarnet.stack import LGEStack
from scarnet_training import localiser, loop, trainer
from scarnet_training.feed import Feed
from scarnet_training.labelled_case import LabelledCase
from scarnet_training.objective import Objective
from scarnet_training.run_folder import RunFolder
from scarnet_training.trainer import train
from scarnet_training.updates import Measured, Updates

Recipes = Callable[..., Any]
Events = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny_recipe: Recipes) -> Path:
    """A run in which nothing went wrong."""
    out = tmp_path_factory.mktemp("runs") / "through"
    train(tiny_recipe(), out)
    return out


def weights_of(out: Path) -> dict[str, Tensor]:
    return load_model(out / "model.safetensors").network.state_dict()


def same_weights(first: Path, second: Path) -> bool:
    one, other = weights_of(first), weights_of(second)
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def curve(events: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(event["epoch"], event["step"], event["loss"]) for event in events if event["event"] == "step"]


def test_a_lost_number_in_a_slice_stops_and_names_the_batch(
    tmp_path: Path, tiny_recipe: Recipes, events_of: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, batches, planned = Feed.load, Feed.batches, []

    def poisoned(feed: Feed, *arguments: Any) -> None:
        load(feed, *arguments)
        feed._slices.images[4] = math.nan

    def noted(feed: Feed, seed: int) -> list[Tensor]:
        planned.extend(batches(feed, seed))
        return batches(feed, seed)

    monkeypatch.setattr(Feed, "load", poisoned)
    monkeypatch.setattr(Feed, "batches", noted)
    out = tmp_path / "out"
    with pytest.raises(ScarNetError, match=r"The loss is no longer a number in epoch 1 of 2, step \d") as stopped:
        train(tiny_recipe(), out)
    step = next(number for number, batch in enumerate(planned) if 4 in batch.tolist())
    assert f"step {step + 1}, whose batch held" in str(stopped.value)
    poisoned_case = json.loads((out / "splits.json").read_text())[0]["train"][1]
    assert re.search(rf"{poisoned_case} slice (\d, )*1\b", str(stopped.value))
    assert len(str(stopped.value).splitlines()) == 1
    assert events_of(out)[-1]["event"] == "failed"
    assert events_of(out)[-1]["reason"] == str(stopped.value)
    assert len(events_of(out, "step")) == step
    state = torch.load(out / "checkpoints" / "last.pt", weights_only=True)
    assert all(torch.isfinite(tensor).all() for tensor in state["network"].values())
    assert not (out / "model.safetensors").exists()


def test_a_lost_gradient_is_told_where_it_arises(
    tmp_path: Path, tiny_recipe: Recipes, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward, calls = Objective.forward, []

    def poisoned(objective: Objective, *arguments: Any) -> tuple[Tensor, dict[str, Tensor]]:
        loss, terms = forward(objective, *arguments)
        calls.append(1)
        if len(calls) == 2:
            # The root of 0 has no slope: the loss stays as it is, its gradient does not.
            loss = loss + (0 * objective.network.unet_head.weight).abs().sqrt().sum()
        return loss, terms

    monkeypatch.setattr(Objective, "forward", poisoned)
    with pytest.raises(ScarNetError, match="The gradient is no longer a number in epoch 1 of 2, step 2, whose batch"):
        train(tiny_recipe(), tmp_path / "out")


@pytest.mark.parametrize("lost", ["loss", "gradient"])
def test_a_lost_number_in_the_localiser_stops_and_names_the_batch(
    tmp_path: Path, tiny_recipe: Recipes, events_of: Events, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    train_localiser, views = loop.train_localiser, localiser.view_batch
    trained: list[torch.nn.Module] = []
    calls: list[int] = []

    def noted(network: ScarNet, *rest: Any) -> list[float]:
        trained.append(network.localiser)
        return train_localiser(network, *rest)

    def poisoned(*arguments: Any) -> tuple[Tensor, Tensor]:
        images, labels = views(*arguments)
        calls.append(1)
        if len(calls) == 2 and lost == "loss":
            images[0, 0, 0, 0] = math.nan
        if len(calls) == 2 and lost == "gradient":
            # As where a root is taken of 0: what is passed back is no number, what was passed on is one.
            trained[0].register_full_backward_pre_hook(lambda part, given: (given[0] * math.nan,))
        return images, labels

    monkeypatch.setattr(localiser, "view_batch", poisoned)
    monkeypatch.setattr(loop, "train_localiser", noted)
    out = tmp_path / "out"
    sentence = rf"The {lost} is no longer a number in epoch 2 of 3 of the localiser, step 1, whose batch held .*"
    with pytest.raises(ScarNetError, match=sentence) as stopped:
        train(tiny_recipe(training={"localiser_epochs": 3}), out)
    for case in json.loads((out / "splits.json").read_text())[0]["train"]:
        assert f"{case} slice 0, 1, 2" in str(stopped.value)  # all nine slices are one batch
    assert events_of(out)[-1]["reason"] == str(stopped.value)
    assert not events_of(out, "localiser")
    assert not (out / "checkpoints" / "last.pt").exists()


def test_the_localiser_trains_in_32_bits_where_the_rest_is_in_fp16(
    tiny_recipe: Recipes, hearts: Callable[[int, bool], Any]
) -> None:
    pixels, labels = hearts(0, True)
    cases = [LabelledCase(LGEStack.from_array(pixels, (10.0, 2.4, 2.0), case="heart"), labels)]
    losses = []
    for precision in (torch.float32, torch.float16, torch.bfloat16):
        torch.manual_seed(0)
        network = ScarNet(tiny_recipe().network)
        losses.append(localiser.train_localiser(network, cases, 2, 0, "cpu", precision))
    assert losses[1] == losses[0]
    assert losses[2] != losses[0]


@pytest.mark.parametrize("in_a_row", [19, 20])
def test_steps_that_fp16_leaves_out_stop_the_training_when_there_is_no_end_to_them(
    tmp_path: Path, tiny_recipe: Recipes, events_of: Events, monkeypatch: pytest.MonkeyPatch, in_a_row: int
) -> None:
    step, steps = Updates.step, []

    def overflowing(updates: Updates, *arguments: Any) -> Measured:
        measured = step(updates, *arguments)
        steps.append(1)
        if len(steps) in (1, 2, *range(4, 4 + in_a_row)):
            measured = measured._replace(gradient_norm=torch.tensor(math.inf))
        return measured

    monkeypatch.setattr(Updates, "step", overflowing)
    # A CPU has no fp16; what is tested is how the loop takes it.
    monkeypatch.setattr(loop, "working_precision", lambda accelerator: torch.float16)
    recipe, out = tiny_recipe(training={"epochs": 8, "validate_every": 0, "keep": "last"}), tmp_path / "out"
    if in_a_row < 20:
        train(recipe, out)
        assert [event["gradient_norm"] is None for event in events_of(out, "step")].count(True) == 2 + in_a_row
        return
    sentence = r"no number in 20 steps in a row, which changed nothing, up to epoch 8 of 8, step 2, whose batch held .*"
    with pytest.raises(ScarNetError, match=sentence) as stopped:
        train(recipe, out)
    assert "Set training.precision = 'no'" in str(stopped.value)
    assert len(str(stopped.value).splitlines()) == 1
    assert events_of(out)[-1]["reason"] == str(stopped.value)


def limit_memory(monkeypatch: pytest.MonkeyPatch, most: int) -> list[int]:
    """Let an objective see at most so many slices at a time; give the sizes it was asked for."""
    forward, asked = Objective.forward, []

    def limited(objective: Objective, images: Tensor, *arguments: Any) -> tuple[Tensor, dict[str, Tensor]]:
        asked.append(len(images))
        if len(images) > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return forward(objective, images, *arguments)

    monkeypatch.setattr(Objective, "forward", limited)
    return asked


def test_out_of_memory_lowers_the_micro_batch_and_says_so(
    tmp_path: Path, tiny_recipe: Recipes, events_of: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(tiny_recipe(training={"micro_batch": 2}), tmp_path / "low")
    asked = limit_memory(monkeypatch, 2)
    out = tmp_path / "out"

    def stop(done: int, total: int, what: str) -> None:
        if what.startswith("Epoch 2"):
            raise Cancelled

    with pytest.raises(Cancelled):
        train(tiny_recipe(), out, progress=stop)
    few, warning = events_of(out, "warning")
    assert few["text"].startswith("Only 2 of 5 patients are held out")
    assert (warning["micro_batch"], warning["accumulation"]) == (2, 2)
    assert warning["text"] == "Out of memory: goes on with 2 slices at a time, the rest accumulated."
    assert asked == [4] + [2, 2] * 3
    train(tiny_recipe(), out, resume=True)
    assert asked == [4] + [2, 2] * 6  # what was learned about the memory is not forgotten
    assert curve(events_of(out)) == curve(events_of(tmp_path / "low"))
    assert same_weights(out, tmp_path / "low")


def test_memory_for_not_even_one_slice_is_told(
    tmp_path: Path, tiny_recipe: Recipes, events_of: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = limit_memory(monkeypatch, 0)
    with pytest.raises(ScarNetError, match=r"Out of memory with a single slice at a time; make network\.grid"):
        train(tiny_recipe(), tmp_path / "out")
    assert asked == [4, 2, 1]
    assert [event.get("micro_batch") for event in events_of(tmp_path / "out", "warning")] == [None, 2, 1]


def test_any_other_error_is_let_through_and_its_words_are_not_written(
    tmp_path: Path, tiny_recipe: Recipes, events_of: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any) -> None:
        raise RuntimeError("Anna Example, born 1.1.1950")

    monkeypatch.setattr(Objective, "forward", broken)
    with pytest.raises(RuntimeError, match="Anna"):
        train(tiny_recipe(), tmp_path / "out")
    assert events_of(tmp_path / "out")[-1]["reason"] == "RuntimeError, which is a bug"
    assert "Anna" not in (tmp_path / "out" / "events.jsonl").read_text()


@pytest.mark.parametrize(("batch_size", "micro_batch", "sizes"), [(3, 1, [1] * 9), (16, 4, [4] * 4), (4, 3, [2] * 6)])
def test_batches_are_accumulated(
    tmp_path: Path,
    tiny_recipe: Recipes,
    events_of: Events,
    monkeypatch: pytest.MonkeyPatch,
    batch_size: int,
    micro_batch: int,
    sizes: list[int],
) -> None:
    asked = limit_memory(monkeypatch, 16)
    training = {"batch_size": batch_size, "micro_batch": micro_batch, "epochs": 1, "validate_every": 0}
    train(tiny_recipe(training=training), tmp_path / "out")
    assert asked == sizes
    assert len(events_of(tmp_path / "out", "step")) == math.ceil(9 / batch_size)


def judge_by(monkeypatch: pytest.MonkeyPatch, scores: list[float]) -> list[float]:
    """Let validations give these scar Dices, one after the other; give those that are left."""
    left = list(scores)

    def validate(*arguments: Any) -> dict[str, Any]:
        return {"dice_scar": {"mean": left.pop(0), "median": 0.0, "n": 2}, "dice_myocardium": {"mean": 1.0}}

    monkeypatch.setattr(trainer, "_validate", validate)
    return left


def test_stops_early_and_keeps_the_best(
    tmp_path: Path, tiny_recipe: Recipes, events_of: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = judge_by(monkeypatch, [0.3, 0.5, 0.5, 0.4, 0.9])
    recipe = tiny_recipe(training={"epochs": 6, "patience": 2}, model={"half": False})
    out = tmp_path / "out"

    def stop(done: int, total: int, what: str) -> None:
        if what == "Validating":
            raise Cancelled

    with pytest.raises(Cancelled):  # while the model's own figures are made, after the early stop
        train(recipe, out, progress=stop)
    train(recipe, out, resume=True)
    assert left == [0.9]
    assert [event["best"] for event in events_of(out, "validation")] == [True, True, False, False]
    assert [event["epoch"] for event in events_of(out, "epoch")] == [0, 1, 2, 3]
    assert [(event["epoch"], event["validations"]) for event in events_of(out, "early_stop")] == [(3, 2)]
    best = torch.load(out / "checkpoints" / "best.pt", weights_only=True)
    last = torch.load(out / "checkpoints" / "last.pt", weights_only=True)
    assert (best["epoch"], last["epoch"]) == (2, 4)
    kept = weights_of(out)
    assert all(torch.equal(kept[name], tensor) for name, tensor in best["averaged"].items())
    assert not all(torch.equal(kept[name], last["averaged"][f"module.{name}"]) for name in kept)


def test_the_last_weights_are_kept_where_the_recipe_says_so(
    tmp_path: Path, tiny_recipe: Recipes, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = judge_by(monkeypatch, [0.5, 0.3])
    train(tiny_recipe(training={"keep": "last"}, model={"half": False}), tmp_path / "out")
    assert left == []
    last = torch.load(tmp_path / "out" / "checkpoints" / "last.pt", weights_only=True)["averaged"]
    kept = weights_of(tmp_path / "out")
    assert all(torch.equal(kept[name], last[f"module.{name}"]) for name in kept)


def test_the_averaged_weights_lag_behind_the_trained_ones(finished: Path) -> None:
    state = torch.load(finished / "checkpoints" / "last.pt", weights_only=True)
    assert int(state["averaged"]["n_averaged"]) == 6
    name = "unet_head.weight"
    assert not torch.equal(state["averaged"][f"module.{name}"], state["network"][name])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    if os.name != "posix" or shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
        pytest.skip("needs the right to mount a file system, as root has")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("left", [500_000, 0])
def test_a_full_disk_leaves_the_last_good_checkpoint(
    small_disk: Path, finished: Path, tiny_recipe: Recipes, events_of: Events, left: int
) -> None:
    out, filling = small_disk / "out", small_disk / "filling"

    def fill(done: int, total: int, what: str) -> None:
        if what.startswith("Epoch 2") and not filling.exists():
            with filling.open("wb") as file:
                file.write(bytes(shutil.disk_usage(small_disk).free - left))

    with pytest.raises(ScarNetError, match=r"^Cannot write .*(No space left|disk full)[^\n]*\.?$"):
        train(tiny_recipe(), out, progress=fill)
    assert torch.load(out / "checkpoints" / "last.pt", weights_only=True)["epoch"] == 1
    assert not list(out.rglob(".writing-*"))
    with pytest.raises(ScarNetError, match="Cannot write"):  # still full
        train(tiny_recipe(), out, resume=True)
    filling.unlink()
    train(tiny_recipe(), out, resume=True)
    assert same_weights(out, finished)
    assert curve(events_of(out)) == curve(events_of(finished))


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("PytorchStreamWriter failed writing")]
)
def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    run = RunFolder(tmp_path / "out", False)
    run.save_checkpoint({"epoch": 1})

    def fail(state: Any, path: Path) -> None:
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(ScarNetError, match=r"Cannot write .*last.pt"):
        run.save_checkpoint({"epoch": 2})
    assert run.load_checkpoint()["epoch"] == 1
    assert [path.name for path in run.checkpoint.parent.iterdir()] == ["last.pt"]
    run.release()


def test_a_folder_that_another_process_trains_in_is_refused(tmp_path: Path, tiny_recipe: Recipes) -> None:
    run = RunFolder(tmp_path, False)
    with pytest.raises(ScarNetError, match="Another process trains in"):
        train(tiny_recipe(), tmp_path)
    run.release()
    assert not (tmp_path / "events.jsonl").exists() or not (tmp_path / "events.jsonl").read_text()

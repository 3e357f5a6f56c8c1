"""What goes wrong in a training: memory and the disk give out, validations get no better."""

from __future__ import annotations

import errno
import math
import os
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
from scarnet_training import trainer
from scarnet_training.objective import Objective
from scarnet_training.run_folder import RunFolder
from scarnet_training.trainer import train

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

"""Real processes: one that is killed again and again, and two that train together."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from scarnet_training.recipe import write_recipe

Sections = Callable[..., dict[str, dict[str, Any]]]
InProcess = Callable[..., list[int]]
Events = Callable[..., list[dict[str, Any]]]

TRAIN = """
from scarnet_training.recipe import read_recipe
from scarnet_training.trainer import train
train(read_recipe(arguments["recipe"]), arguments["out"])
"""

# The process ends itself with the signal that cannot be caught, at the n-th time that something happens.
TRAIN_UNTIL_KILLED = """
import os, signal
from pathlib import Path
import torch
from scarnet_training.recipe import read_recipe
from scarnet_training.trainer import train

kind, what, left = arguments["moment"]
save = torch.save

def due(happened, text):
    global left
    left -= happened == kind and text.startswith(what)
    return left == 0

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def progress(done, total, text):
    due("progress", text) and die()

def save_or_die(state, path):
    name = Path(path).name
    save(state, path)
    if due("half saved", name):
        os.truncate(path, Path(path).stat().st_size // 2)
        die()

torch.save = save_or_die
replace = Path.replace

def replace_or_die(path, target):
    replace(path, target)
    due("saved", path.name) and die()

Path.replace = replace_or_die
train(read_recipe(arguments["recipe"]), arguments["out"], arguments["resume"], progress)
"""

MOMENTS = [
    ("progress", "Training the localiser", 1),
    ("half saved", "last.pt", 1),  # the very first checkpoint
    ("progress", "U-Net epoch 1", 2),
    ("half saved", "last.pt", 1),  # after the U-Net's epoch
    ("saved", "last.pt", 1),  # the same, whole
    ("half saved", "000.pt", 1),  # views with embeddings
    ("progress", "Epoch 1", 3),
    ("progress", "Validating", 2),  # an epoch is done, its validation is not
    ("saved", "best.pt", 1),  # the best weights are kept, the checkpoint does not know yet
    ("progress", "Epoch 2", 2),
    ("half saved", "last.pt", 2),  # after the last validation
    ("saved", "model.safetensors", 1),  # without its figures
]


@pytest.fixture(scope="module")
def both_parts(sections: Sections) -> dict[str, dict[str, Any]]:
    """A recipe with the U-Net's own epoch, then two of the whole network on kept views."""
    network = {"encoder": "lite", "context": 1}
    training = {"unet_epochs": 1, "epochs": 2, "views": 2, "refresh_epochs": 1, "localiser_epochs": 2}
    return sections(network=network, training=training)


def every_tensor(value: Any, name: str = "") -> dict[str, torch.Tensor]:
    """Give all tensors in nested dictionaries and lists, by where they are."""
    if isinstance(value, torch.Tensor):
        return {name: value}
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {path: tensor for key, entry in entries for path, tensor in every_tensor(entry, f"{name}/{key}").items()}


def load(path: Path) -> dict[str, torch.Tensor]:
    if path.suffix == ".pt":
        return every_tensor(torch.load(path, weights_only=True))
    from safetensors.torch import load_file

    return load_file(path)


def test_killed_at_any_moment_and_resumed_ends_with_the_same_weights(
    tmp_path: Path, both_parts: dict[str, Any], in_process: InProcess, events_of: Events
) -> None:
    through, cut = tmp_path / "through", tmp_path / "cut"
    assert in_process(TRAIN, {"recipe": both_parts, "out": str(through)}) == [0]
    for attempt, moment in enumerate([*MOMENTS, ("never", "", 1)]):
        task = {"recipe": both_parts, "out": str(cut), "moment": moment, "resume": attempt > 0}
        assert in_process(TRAIN_UNTIL_KILLED, task) == [0 if moment[0] == "never" else -9], moment
    for name in ("checkpoints/last.pt", "checkpoints/best.pt", "model.safetensors"):
        expected, found = load(through / name), load(cut / name)
        assert found.keys() == expected.keys()
        assert [path for path in expected if not torch.equal(found[path], expected[path])] == []
    assert len(load(through / "checkpoints" / "last.pt")) > 500
    # What was told twice on the way stands there once, in order.
    steps = [[(e["event"], e["epoch"], e["step"], e["loss"]) for e in events_of(run, "unet_step", "step")]
             for run in (through, cut)]  # fmt: skip
    assert steps[1] == steps[0]
    assert [step[:3] for step in steps[1]] == [
        *(("unet_step", 0, step) for step in range(3)),
        *(("step", epoch, step) for epoch in range(2) for step in range(3)),
    ]
    assert [event["epoch"] for event in events_of(cut, "validation")] == [0, 1]
    assert events_of(cut)[-1]["event"] == "end"
    left = {path.name for path in cut.iterdir()}
    written = {"cases.json", "events.jsonl", "model.safetensors", "recipe.json", "splits.json"}
    assert left == {".lock", "checkpoints", *written}
    assert {path.name for path in (cut / "checkpoints").iterdir()} == {"last.pt", "best.pt"}


# Every write is noted with the process that made it.
TRAIN_AND_NOTE_WRITES = """
import os, json
from pathlib import Path
from scarnet_training import run_folder
wrote = []
for name in ("_save", "write_json"):
    original = run_folder.RunFolder.__dict__[name]
    plain = getattr(original, "__func__", original)
    def noted(*a, plain=plain, name=name, **k):
        wrote.append(name) if not (name == "write_json" and not a[0].writes) else None
        return plain(*a, **k)
    setattr(run_folder.RunFolder, name, staticmethod(noted) if isinstance(original, staticmethod) else noted)
from scarnet_training.recipe import read_recipe
from scarnet_training.trainer import train
seen = []
train(read_recipe(arguments["recipe"]), arguments["out"], progress=lambda done, total, what: seen.append(what))
place = Path(arguments["notes"]) / (os.environ.get("RANK", "alone") + ".json")
place.write_text(json.dumps({"wrote": len(wrote), "seen": len(seen)}))
"""


def together(number: int) -> list[dict[str, str]]:
    """What torchrun would tell each of so many processes."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    meeting = {"WORLD_SIZE": str(number), "LOCAL_WORLD_SIZE": str(number), "MASTER_ADDR": "127.0.0.1"}
    return [{**meeting, "MASTER_PORT": str(port), "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(number)]


def test_two_processes_give_the_loss_curve_of_one_that_accumulates(
    tmp_path: Path, sections: Sections, in_process: InProcess, events_of: Events
) -> None:
    training = {"unet_epochs": 1, "epochs": 2, "views": 1, "refresh_epochs": 1, "scar_share": 0.25}
    options = {"network": {"encoder": "lite"}, "loss": {"adaptive": "uncertainty"}}
    recipes = {
        "one": sections(training={**training, "micro_batch": 2}, **options),
        "two": sections(training=training, **options),
    }
    for name, recipe in recipes.items():
        task = {"recipe": recipe, "out": str(tmp_path / name), "notes": str(tmp_path)}
        environments = together(2) if name == "two" else None
        assert in_process(TRAIN_AND_NOTE_WRITES, task, environments) == [0] * (2 if name == "two" else 1)
    one, two = (events_of(tmp_path / name, "unet_step", "step") for name in recipes)
    assert [events_of(tmp_path / name, "start")[0]["processes"] for name in recipes] == [1, 2]
    assert len(one) == len(two) == 9
    for alone, shared in zip(one, two, strict=True):
        assert alone.keys() == shared.keys()
        for key in alone.keys() - {"time", "event"}:
            assert shared[key] == pytest.approx(alone[key], rel=5e-3 if key == "gradient_norm" else 0, abs=1e-4), key
    kinds = [
        [event["event"] for event in events_of(tmp_path / name) if event["event"] != "progress"] for name in recipes
    ]
    assert kinds[1] == kinds[0]
    notes = {name: json.loads((tmp_path / f"{name}.json").read_text()) for name in ("alone", "0", "1")}
    assert notes["0"]["wrote"] == notes["alone"]["wrote"] > 5
    assert notes["1"] == {"wrote": 0, "seen": 0}


# Each process has memory for so many slices at a time, and keeps what the command line printed.
TRAIN_IN_LITTLE_MEMORY = """
import os
from contextlib import redirect_stdout
from pathlib import Path
import torch
from scarnet_cli.main import main
from scarnet_training.objective import Objective
forward = Objective.forward
def limited(objective, images, *rest):
    if len(images) > arguments["most"]:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    return forward(objective, images, *rest)
Objective.forward = limited
with (Path(arguments["notes"]) / (os.environ["RANK"] + ".txt")).open("w") as file, redirect_stdout(file):
    status = main(["train", *arguments["words"]])
assert status == arguments["status"], status
"""


def test_several_processes_out_of_memory_say_how_to_resume_and_one_of_them_tells_the_end(
    tmp_path: Path, tiny_recipe: Callable[..., Any], in_process: InProcess, events_of: Events
) -> None:
    write_recipe(tiny_recipe(training={"epochs": 1, "localiser_epochs": 0}), tmp_path / "tiny.toml")
    out = tmp_path / "out"
    words = [str(tmp_path / "tiny.toml"), "-o", str(out), "--device", "cpu"]
    task = {"most": 1, "notes": str(tmp_path), "words": words, "status": 2}
    assert in_process(TRAIN_IN_LITTLE_MEMORY, task, together(2)) == [0, 0]
    told = "Out of memory with 2 slices at a time in each of 2 processes; resume with --micro-batch 1 "
    assert events_of(out)[-1]["event"] == "failed"
    assert events_of(out)[-1]["reason"] == f"{told}(for a job: training.micro_batch in its recipe.toml)."
    assert [(tmp_path / f"{rank}.txt").read_text() for rank in (0, 1)] == ["", ""]
    task |= {"words": [*words, "--resume", "--micro-batch", "1"], "status": 0}
    assert in_process(TRAIN_IN_LITTLE_MEMORY, task, together(2)) == [0, 0]
    assert [(event["processes"], event["resumed"]) for event in events_of(out, "start")] == [(2, False), (2, True)]
    assert len(events_of(out, "step")) == 3
    assert "Trained: " in (tmp_path / "0.txt").read_text()
    assert (tmp_path / "1.txt").read_text() == ""

"""A run's folder: one process at a time, nothing half-written left, nothing lost."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from scarnet.errors import ScarNetError
from scarnet_training.recipe import Recipe
from scarnet_training.run_folder import RunFolder

SPLIT = [{"train": ["a"], "val": ["b"]}]
CASES = {"a": "digest of a", "b": "digest of b"}


def begin(folder: Path, resume: bool = False, recipe: Recipe | None = None) -> RunFolder:
    run = RunFolder(folder, resume)
    run.keep_the_same(recipe or Recipe(), SPLIT, CASES, "")
    return run


def test_a_second_process_is_refused_and_a_later_one_is_not(
    tmp_path: Path, in_process: Callable[..., list[int]]
) -> None:
    run = begin(tmp_path)
    code = """
from scarnet.errors import ScarNetError
from scarnet_training.run_folder import RunFolder
try:
    RunFolder(arguments["folder"], True).release()
except ScarNetError as error:
    assert "Another process trains in" in str(error), error
else:
    assert arguments["free"]
"""
    assert in_process(code, {"folder": str(tmp_path), "free": False}) == [0]
    run.release()
    assert in_process(code, {"folder": str(tmp_path), "free": True}) == [0]


def test_a_process_that_is_killed_leaves_no_lock(tmp_path: Path, in_process: Callable[..., list[int]]) -> None:
    code = """
import os, signal
from scarnet_training.run_folder import RunFolder
run = RunFolder(arguments["folder"], False)
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert in_process(code, {"folder": str(tmp_path)}) == [-9]
    begin(tmp_path).release()


def test_a_refused_run_lets_go_of_the_folder(tmp_path: Path) -> None:
    run = begin(tmp_path)
    run.save_checkpoint({"epoch": 1})
    run.release()
    with pytest.raises(ScarNetError, match="holds a run already") as refusal:
        RunFolder(tmp_path, resume=False)
    begin(tmp_path, resume=True).release()
    assert refusal.traceback  # it holds what was refused, which must not hold the lock


def test_nothing_to_resume_is_told(tmp_path: Path) -> None:
    with pytest.raises(ScarNetError, match="holds no run to resume; leave resume out"):
        RunFolder(tmp_path / "nothing", resume=True)
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_of_other_things_is_left_alone(tmp_path: Path, resume: bool) -> None:
    (tmp_path / "imagesTr").mkdir()
    with pytest.raises(ScarNetError, match="is not empty and holds no run, so nothing is trained into it"):
        RunFolder(tmp_path, resume)
    assert [path.name for path in tmp_path.iterdir()] == ["imagesTr"]


@pytest.mark.parametrize("resume", [False, True])
def test_a_finished_run_gives_one_answer(tmp_path: Path, resume: bool) -> None:
    run = begin(tmp_path)
    run.save_checkpoint({"epoch": 1})
    run.event("end")
    (tmp_path / "model.safetensors").write_bytes(b"")
    run.release()
    with pytest.raises(ScarNetError, match=r"The run in .* is finished; there is nothing to resume"):
        RunFolder(tmp_path, resume)


def test_warnings_are_written_and_shown_notes_are_shown(tmp_path: Path) -> None:
    shown = []
    run = RunFolder(tmp_path, False, remark=lambda kind, text: shown.append((kind, text)))
    run.warn("Beware.", patients=2)
    run.show("note", "By the way.")
    run.release()
    assert shown == [("warning", "Beware."), ("note", "By the way.")]
    [event] = [json.loads(line) for line in run.events.read_text().splitlines()]
    assert (event["event"], event["text"], event["patients"]) == ("warning", "Beware.", 2)


def test_a_run_without_a_checkpoint_begins_anew(tmp_path: Path) -> None:
    run = begin(tmp_path)
    run.event("start")
    run.save_tensors("000", {"images": torch.zeros(1)})
    run.release()
    for resume in (True, False):
        again = begin(tmp_path, resume)
        assert not again.resumed
        assert again.events.read_text() == ""
        assert again.load_tensors("000") is None
        again.event("start")
        again.release()


def test_what_a_killed_process_left_half_written_is_removed(tmp_path: Path) -> None:
    run = begin(tmp_path)
    run.save_checkpoint({"epoch": 1})
    run.save_tensors("000", {"images": torch.ones(1)})
    run.release()
    halves = [folder / ".writing-x1" for folder in (tmp_path, tmp_path / "checkpoints", tmp_path / "views")]
    for half in halves:
        half.mkdir()
        (half / "last.pt").write_bytes(b"half")
    again = begin(tmp_path, resume=True)
    assert again.load_checkpoint()["epoch"] == 1
    stored = again.load_tensors("000")
    assert stored is not None
    assert stored["images"].tolist() == [1]
    assert not any(half.exists() for half in halves)
    again.release()


def test_events_after_the_checkpoint_are_forgotten(tmp_path: Path) -> None:
    run = begin(tmp_path)
    run.event("epoch", epoch=0)
    run.save_checkpoint({"epoch": 1})
    run.event("step", step=0)
    with run.events.open("a") as file:
        file.write('{"half a li')
    run.release()
    again = begin(tmp_path, resume=True)
    again.forget_events_after(again.load_checkpoint()["events_length"])
    again.event("start")
    assert [json.loads(line)["event"] for line in again.events.read_text().splitlines()] == ["epoch", "start"]
    again.release()


def test_a_process_that_does_not_write_writes_nothing(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run", False, writes=False)
    run.keep_the_same(Recipe(), SPLIT, CASES, "")
    run.event("start")
    run.save_checkpoint({"epoch": 1})
    run.save_tensors("000", {})
    run.release()
    assert [path.name for path in (tmp_path / "run").rglob("*") if path.is_file()] == []


def change(section: str, **values: Any) -> Recipe:
    recipe = Recipe()
    return replace(recipe, **{section: replace(getattr(recipe, section), **values)})


def test_only_what_leaves_the_training_alone_may_change(tmp_path: Path) -> None:
    run = begin(tmp_path)
    run.save_checkpoint({"epoch": 1})
    run.release()
    for recipe in (change("training", micro_batch=2, threads=3), change("model", name="other", half=False)):
        begin(tmp_path, True, recipe).release()
    others = {
        "training.seed was 0 and is now 5": change("training", seed=5),
        r"loss.alpha was 0\.3 and is now 0\.5": change("loss", alpha=0.5),
        "augmentation.flips was True and is now False": change("augmentation", flips=False),
    }
    for told, recipe in others.items():
        run = RunFolder(tmp_path, True)
        with pytest.raises(ScarNetError, match=f"begun with another recipe: {told}; resume it with"):
            run.keep_the_same(recipe, SPLIT, CASES, "")
        run.release()
    run = RunFolder(tmp_path, True)
    with pytest.raises(ScarNetError, match=r"begun with another split \(on another side: a, b\)"):
        run.keep_the_same(Recipe(), [{"train": ["b"], "val": ["a"]}], CASES, "")
    with pytest.raises(ScarNetError, match=r"begun with another split \(new: c; missing: b\)"):
        run.keep_the_same(Recipe(), [{"train": ["a"], "val": ["c"]}], CASES, "")
    with pytest.raises(ScarNetError, match="another recipe: the file of the model it starts from has changed"):
        run.keep_the_same(Recipe(), SPLIT, CASES, "another model's digest")
    with pytest.raises(ScarNetError, match=r"Images or labels have changed since .* was begun: b; put them back"):
        run.keep_the_same(Recipe(), SPLIT, {**CASES, "b": "another"}, "")
    (tmp_path / "splits.json").write_text("[")
    with pytest.raises(ScarNetError, match=r"Cannot read .*splits.json"):
        run.keep_the_same(Recipe(), SPLIT, CASES, "")
    run.release()


def test_a_damaged_checkpoint_is_told(tmp_path: Path) -> None:
    run = begin(tmp_path)
    run.checkpoint.write_bytes(b"PK nothing")
    with pytest.raises(ScarNetError, match=r"last.pt cannot be read; begin the run anew"):
        run.load_checkpoint()
    run.release()


@pytest.mark.skipif(sys.platform == "win32", reason="a file in the place of a folder is told otherwise there")
def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ScarNetError, match="Cannot make the folder"):
        RunFolder(tmp_path / "file" / "run", False)

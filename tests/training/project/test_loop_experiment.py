"""The worth of the loop, at a tiny size: every order from the same start, kept, and told in tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scarnet.errors import ScarNetError
from scarnet.project import Project
from scarnet_training.data import load_dataset
from scarnet_training.experiments import queue_order
from scarnet_training.experiments.loop import LoopSettings, arrival, run_loop
from scarnet_training.experiments.loop_report import cases_to_reach, draw_curves, markdown_table


def test_the_loop_is_run_in_each_order_and_not_twice(dataset, model_writer, tiny_recipe, tmp_path, monkeypatch, capsys):
    model = str(model_writer("start", 0))
    recipe = tiny_recipe(start={"model": model, "parts": "all"}, training={"epochs": 1, "validate_every": 0})
    settings = LoopSettings(counts=(0, 2), epochs=1, device="cpu", recipe=recipe, flips=False, learning_rate=2e-3)
    orders = ["random", "most uncertain first"]
    out = tmp_path / "loop"
    # Killed before the project was one, and before a fine-tuning had its recipe.
    (out / "start" / "cases").mkdir(parents=True)
    told: list[str] = []
    points = run_loop(load_dataset(dataset), model, out, orders, settings, told.append)
    assert len(told) == 5
    recipe_file = out / "random" / "jobs" / "after-2" / "recipe.toml"
    assert "learning_rate = 0.002" in recipe_file.read_text()
    assert [(order, point["accepted"]) for order in orders for point in points[order]] == [
        ("random", 0),
        ("random", 2),
        ("most uncertain first", 0),
        ("most uncertain first", 2),
    ]
    assert points["random"][0]["summary"] == points["most uncertain first"][0]["summary"], "one start for all"
    unseen = set(points["random"][0]["patients"])
    with Project.open(out / "random", read_only=True) as project:
        assert not unseen & set(project.cases)
        assert project.progress()["accepted"] == 2
        assert project.state.current_model.name == "after-2"
        assert not set(project.state.current_model.trained_on) & unseen
    first = Project.open(out / "start", read_only=True)
    surest = sorted(first.rows(), key=lambda row: -row.uncertainty)
    with Project.open(out / "most-uncertain-first", read_only=True) as project:
        assert {row.case for row in project.rows() if row.status == "accepted"} == {row.case for row in surest[:2]}

    monkeypatch.setattr("scarnet_training.experiments.loop.train", lambda *a, **k: pytest.fail("done before"))
    monkeypatch.setattr("scarnet_training.experiments.loop.Predictor", lambda *a, **k: pytest.fail("done before"))
    assert run_loop(load_dataset(dataset), model, out, orders, settings) == points
    table = markdown_table(points).splitlines()
    assert len(table) == 6
    assert table[2].startswith("| random | 0 | ")
    draw_curves(points, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")

    arguments = ["--out", str(out), "--dataset", str(dataset), "--wall", "0.0", "--scar", "0.0,1.0"]
    assert queue_order.main(arguments) == 0
    told = capsys.readouterr().out
    assert "| disagreement | " in told
    assert "| accepted cases for a Dice of | myocardium 0.00 | scar 0.00 | scar 1.00 |" in told
    assert "| random | 0 | 0 | not reached |" in told
    with pytest.raises(ScarNetError, match="only"):
        run_loop(load_dataset(dataset), model, out, orders, LoopSettings(counts=(99,)))
    assert json.loads(Path(out / "random-2.json").read_text())["accepted"] == 2


def test_how_many_cases_reach_a_dice_is_read_off_the_line():
    points = [{"accepted": n, "summary": {"dice_scar": {"mean": dice}}} for n, dice in ((0, 0.1), (5, 0.3), (10, 0.5))]
    assert cases_to_reach(points, "dice_scar", 0.05) == 0
    assert cases_to_reach(points, "dice_scar", 0.2) == pytest.approx(2.5)
    assert cases_to_reach(points, "dice_scar", 0.5) == 10
    assert cases_to_reach(points, "dice_scar", 0.6) is None


def test_cases_arrive_by_their_number_not_by_their_letter():
    assert sorted(["emidec_N020", "emidec_P003", "emidec_N001", "other"], key=arrival) == [
        "other",
        "emidec_N001",
        "emidec_P003",
        "emidec_N020",
    ]

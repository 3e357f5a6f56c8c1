"""Losses and gradients that are no longer numbers: the training stops and names the slices."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from scarnet.errors import ScarNetError
from scarnet.network.scarnet import ScarNet
from scarnet.stack import LGEStack
from scarnet_training import localiser, loop
from scarnet_training.feed import Feed
from scarnet_training.labelled_case import LabelledCase
from scarnet_training.objective import Objective
from scarnet_training.trainer import train
from scarnet_training.updates import Measured, Updates

Recipes = Callable[..., Any]
Events = Callable[..., list[dict[str, Any]]]


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

"""How the learning rate goes, and which part of the network goes how fast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from scarnet.network.scarnet import ScarNet
from scarnet_training.finetune import finetune_recipe
from scarnet_training.loss import CompositeLoss
from scarnet_training.schedule import build_optimizer, set_learning_rate, trained_parts
from scarnet_training.settings import TrainingSettings


def rates(settings: TrainingSettings, places: list[int], steps: int, epochs: int = 10) -> list[float]:
    optimizer = torch.optim.SGD([{"params": [torch.nn.Parameter(torch.zeros(1))], "peak": 2.0}], lr=1.0)
    found = []
    for step in places:
        set_learning_rate(optimizer, settings, step, steps, epochs)
        found.append(optimizer.param_groups[0]["lr"])
    return found


def test_cosine_warms_up_and_falls_to_nothing() -> None:
    start, rising, top, middle, end = rates(TrainingSettings(), [0, 15, 30, 515, 1000], steps=1000)
    assert start == pytest.approx(2 / 31)  # never 0
    assert rising == pytest.approx(2 * 16 / 31)
    assert top == pytest.approx(2.0)
    assert middle == pytest.approx(1.0)
    assert end == pytest.approx(0.0)


@pytest.mark.parametrize(("steps", "rising"), [(1000, 30), (600, 20), (100, 20), (30, 9), (1, 0)])
def test_a_short_training_warms_up_for_as_many_steps_as_it_can_spare(steps: int, rising: int) -> None:
    found = rates(TrainingSettings(), list(range(steps)), steps)
    assert found.index(max(found)) == rising
    assert max(found) == pytest.approx(2.0)


def test_exponential_falls_once_an_epoch() -> None:
    # Epochs of three steps: 1/30 of the training each.
    places = list(range(7))
    expected = [2.0] * 3 + [1.9] * 3 + [2 * 0.95**2]
    assert rates(TrainingSettings(schedule="exponential", decay=0.95), places, steps=30) == pytest.approx(expected)


def members(optimizer: torch.optim.Optimizer, network: ScarNet) -> dict[str, float]:
    """Give the peak of each parameter that trains, by its name."""
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    return {names[id(p)]: group["peak"] for group in optimizer.param_groups for p in group["params"] if id(p) in names}


@pytest.fixture(scope="module")
def network(tiny_recipe: Callable[..., Any]) -> ScarNet:
    return ScarNet(tiny_recipe(network={"encoder": "lite"}).network)


def peaks(recipe: Any, network: ScarNet, unet_alone: bool) -> dict[str, set[float]]:
    """Give the peaks within each part of the network."""
    found: dict[str, set[float]] = {}
    for name, peak in members(
        build_optimizer(network, CompositeLoss(recipe.loss), recipe, unet_alone), network
    ).items():
        found.setdefault(name.split(".")[0], set()).add(peak)
    return found


def test_from_scratch_the_u_net_trains_first_and_goes_on_more_slowly(
    network: ScarNet, tiny_recipe: Callable[..., Any]
) -> None:
    training = {"unet_epochs": 1, "learning_rate": 0.01, "pretrained_factor": 0.3}
    recipe = tiny_recipe(network={"encoder": "lite"}, training=training)
    assert trained_parts(recipe) == "decoder"
    assert peaks(recipe, network, True) == {"unet_branch": {0.01}, "unet_head": {0.01}}
    new = {part: {0.01} for part in ("medsam_decoder", "medsam_head", "fusion")}
    assert peaks(recipe, network, False) == {**new, "unet_branch": {0.003}, "unet_head": {0.003}}


def test_a_trained_encoder_goes_more_slowly(network: ScarNet, tiny_recipe: Callable[..., Any]) -> None:
    training = {"train_encoder": True, "learning_rate": 0.01, "pretrained_factor": 0.1}
    found = peaks(tiny_recipe(network={"encoder": "lite"}, training=training), network, False)
    assert found.pop("encoder") == {0.001}
    assert set(found) == {"medsam_decoder", "medsam_head", "fusion", "unet_branch", "unet_head"}
    assert all(peak == {0.01} for peak in found.values())


def test_in_a_fine_tuning_the_heads_go_further_than_the_rest(network: ScarNet, tiny_recipe: Callable[..., Any]) -> None:
    training = {"learning_rate": 0.01, "pretrained_factor": 0.1}
    recipe = tiny_recipe(network={"encoder": "lite"}, training=training, start={"model": "m", "parts": "decoder"})
    heads = {part: {0.01} for part in ("fusion", "medsam_head", "unet_head")}
    assert peaks(recipe, network, False) == {**heads, "unet_branch": {0.001}, "medsam_decoder": {0.001}}


@pytest.mark.parametrize(("parts", "rest"), [("decoder", 1e-4), ("all", 3e-5)])
def test_scarnet_finetune_spares_what_was_trained_where_the_encoder_trains_too(
    network: ScarNet, parts: str, rest: float
) -> None:
    found = peaks(finetune_recipe(["cohort"], parts=parts), network, False)
    assert ("encoder" in found) is (parts == "all")
    for part, rates_of_part in found.items():
        expected = 1e-4 if part in ("fusion", "medsam_head", "unet_head") else rest
        assert sorted(rates_of_part) == pytest.approx([expected]), part


@pytest.mark.parametrize(("name", "kind"), [("adamw", torch.optim.AdamW), ("adam", torch.optim.Adam)])
def test_the_losses_learned_weights_train_without_decay(
    network: ScarNet, tiny_recipe: Callable[..., Any], name: str, kind: type
) -> None:
    recipe = tiny_recipe(network={"encoder": "lite"}, training={"optimizer": name}, loss={"adaptive": "uncertainty"})
    loss = CompositeLoss(recipe.loss)
    optimizer = build_optimizer(network, loss, recipe, True)
    assert type(optimizer) is kind
    assert optimizer.param_groups[-1]["params"] == [loss.log_variance]
    assert optimizer.param_groups[-1]["weight_decay"] == 0

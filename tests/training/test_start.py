"""What a training starts with: a new network, or a model's that learns to see neighbours or gains an encoder."""

from dataclasses import replace

import pytest
import torch

from scarnet.errors import ScarNetError
from scarnet.models import Model, ModelCard
from scarnet.network.config import ScarNetConfig
from scarnet.network.scarnet import ScarNet
from scarnet_training.recipe import Recipe
from scarnet_training.settings import StartSettings
from scarnet_training.start import starting_config, starting_network

CONFIG = ScarNetConfig(encoder="none", unet_width=8, grid=32, spacing_mm=3.0)


def model(config: ScarNetConfig) -> Model:
    torch.manual_seed(0)
    return Model(ScarNet(config).eval(), ModelCard("base", "", config), "", "base")


def test_a_model_that_learns_to_see_neighbours_begins_by_saying_what_it_said() -> None:
    base = model(CONFIG)
    recipe = Recipe(start=StartSettings(model="base", context=2))
    recipe = replace(recipe, network=starting_config(recipe, base))
    assert recipe.network == replace(CONFIG, context=2)
    network = starting_network(recipe, base).eval()
    images = torch.randn(2, 5, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(network(images).logits, base.network(images[:, :1]).logits)
        other = torch.cat([images[:, :1], torch.randn(2, 4, 32, 32)], dim=1)
        torch.testing.assert_close(network(images).logits, network(other).logits)


def test_it_keeps_the_models_network_unless_told_and_never_forgets_neighbours() -> None:
    base = model(replace(CONFIG, context=1))
    assert starting_config(Recipe(start=StartSettings(model="base")), base) == base.card.config
    with pytest.raises(ScarNetError, match=r"start\.context is 0, but base sees 1"):
        starting_config(Recipe(start=StartSettings(model="base", context=0)), base)
    scratch = Recipe(network=CONFIG)
    assert starting_config(scratch, None) == CONFIG
    assert starting_network(scratch, None).encoder is None


def test_an_encoder_put_beside_a_unet_leaves_what_the_unet_says() -> None:
    base = model(CONFIG)
    start = StartSettings(model="base", encoder="lite", fusion="concat", context=1)
    recipe = replace(Recipe(start=start), network=starting_config(Recipe(start=start), base))
    assert recipe.network == replace(CONFIG, encoder="lite", fusion="concat", context=1)
    network = starting_network(recipe, base).eval()
    images = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        outputs = network(images)
        torch.testing.assert_close(outputs.unet_logits, base.network(images[:, :1]).logits)
    assert outputs.medsam_logits is not None
    with pytest.raises(ScarNetError, match=r"start\.encoder is set, but base has an encoder already"):
        starting_config(Recipe(start=start), model(replace(CONFIG, encoder="lite")))

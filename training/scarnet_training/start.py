"""The network a training starts with: new, or a model's, which may gain neighbouring slices or a MedSAM branch."""

from dataclasses import replace
from pathlib import Path

import torch

from scarnet.errors import ScarNetError
from scarnet.models.store import Model
from scarnet.network.config import ScarNetConfig
from scarnet.network.encoder import load_encoder_weights
from scarnet.network.scarnet import ScarNet
from scarnet_training.recipe import Recipe

__all__ = ["check_encoder_weights", "starting_config", "starting_network"]

# The U-Net branch's first convolution, the only layer that sees the neighbouring slices.
FIRST = "unet_branch.unet.encoder.0.0.0.weight"


def check_encoder_weights(recipe: Recipe) -> None:
    """Make sure that the encoder's weights are where the recipe says, before any data are read.

    Parameters
    ----------
    recipe : Recipe
        It may name them.

    Raises
    ------
    ScarNetError
        There is no such file.
    """
    wanted = recipe.training.encoder_weights
    new_encoder = not recipe.start.model or recipe.start.encoder
    if wanted and new_encoder and not Path(wanted).is_file():
        raise ScarNetError(
            f"training.encoder_weights is {wanted!r}, but there is no such file; download MedSAM's or LiteMedSAM's "
            "checkpoint and name its place in the recipe ('scarnet train RECIPE --write FILE' writes one to edit)."
        )


def starting_config(recipe: Recipe, base: Model | None) -> ScarNetConfig:
    """Give the network's settings.

    Parameters
    ----------
    recipe : Recipe
        Its network, for a training from scratch.
    base : Model or None
        The model it starts from, whose settings are taken; `start.context` may add neighbouring slices and
        `start.encoder` a MedSAM branch.

    Returns
    -------
    ScarNetConfig
        The settings.

    Raises
    ------
    ScarNetError
        The model sees more neighbours than `start.context`, or has an encoder already.
    """
    if base is None:
        return recipe.network
    config = base.card.config
    if recipe.start.encoder:
        if config.encoder != "none":
            raise ScarNetError(f"start.encoder is set, but {recipe.start.model} has an encoder already; leave it out.")
        given = {"encoder": recipe.start.encoder, "fusion": recipe.start.fusion}
        config = ScarNetConfig.from_dict({**config.to_dict(), **given})
    if recipe.start.context < 0:
        return config
    if recipe.start.context < config.context:
        raise ScarNetError(
            f"start.context is {recipe.start.context}, but {recipe.start.model} sees {config.context} neighbouring "
            "slices on either side already; set as many, or more, or -1 to keep them."
        )
    return replace(config, context=recipe.start.context)


def starting_network(recipe: Recipe, base: Model | None) -> ScarNet:
    """Make the network with the weights it starts with.

    Parameters
    ----------
    recipe : Recipe
        Its network has the settings of :func:`starting_config`; it names the pretrained encoder of a new one.
    base : Model or None
        The model it starts from.

    Returns
    -------
    ScarNet
        The network. Neighbours that the model did not see have weight 0, so that it begins by saying what the model
        says.
    """
    network = ScarNet(recipe.network)
    if recipe.training.encoder_weights and network.encoder is not None and (base is None or recipe.start.encoder):
        load_encoder_weights(network.encoder, recipe.training.encoder_weights)
    if base is None:
        return network
    weights = dict(base.network.state_dict())
    if recipe.start.encoder:
        # The new branch has the weights it was made with; the U-Net and the localiser have the model's.
        weights = {**network.state_dict(), **weights}
    seen = weights[FIRST]
    wider = torch.zeros_like(network.state_dict()[FIRST])
    wider[:, : seen.shape[1]] = seen
    network.load_state_dict({**weights, FIRST: wider})
    return network

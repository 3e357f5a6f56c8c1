"""The optimizer of each part of a training, and how its learning rate goes."""

import math
from collections.abc import Sequence
from typing import Any

import torch

from scarnet.network.scarnet import ScarNet
from scarnet_training.loss import CompositeLoss
from scarnet_training.parts import choose_parts, parameter_groups
from scarnet_training.recipe import Recipe
from scarnet_training.settings import TrainingSettings

__all__ = ["build_optimizer", "set_learning_rate", "trained_parts"]

WARM_UP = 0.03
# A short training needs as many steps as a long one for Adam's averages to mean something; before, each step is as
# large as its rate, whatever the gradient, and a trained model's scar is lost.
LEAST_WARM_UP = 20
LARGEST_WARM_UP = 0.3


def build_optimizer(network: ScarNet, loss: CompositeLoss, recipe: Recipe, unet_alone: bool) -> torch.optim.Optimizer:
    """Choose what trains in a part of the training, and make its optimizer.

    Parameters
    ----------
    network : ScarNet
        The network; its localiser is trained by itself, before.
    loss : CompositeLoss
        The loss, whose learned weights train too.
    recipe : Recipe
        What trains, and how fast.
    unet_alone : bool
        Whether only the U-Net branch is trained. When it was, it goes on with
        ``learning_rate * pretrained_factor`` beside the new parts.

    Returns
    -------
    Optimizer
        AdamW or Adam; each group holds under ``"peak"`` how high its learning rate goes.
    """
    settings = recipe.training
    scratch = not recipe.start.model
    parts = trained_parts(recipe)
    choose_parts(network, parts)
    pretrained = ("encoder",) if scratch else ("decoder", "encoder")
    groups = parameter_groups(
        network, parts, settings.learning_rate, settings.pretrained_factor, settings.weight_decay, pretrained
    )
    unet = {id(parameter) for part in (network.unet_branch, network.unet_head) for parameter in part.parameters()}
    if unet_alone:
        groups = _members(groups, unet, inside=True)
    elif scratch and settings.unet_epochs:
        slower = [{**group, "peak": group["peak"] * settings.pretrained_factor} for group in groups]
        groups = _members(slower, unet, inside=True) + _members(groups, unet, inside=False)
    learned = [parameter for parameter in loss.parameters() if parameter.requires_grad]
    if learned:
        groups.append({"params": learned, "peak": settings.learning_rate, "weight_decay": 0.0, "name": "loss"})
    kind = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[settings.optimizer]
    return kind(groups, lr=settings.learning_rate, betas=(settings.beta1, settings.beta2), fused=True)


def trained_parts(recipe: Recipe) -> str:
    """Say which parts train, as :mod:`scarnet_training.parts` calls them."""
    if recipe.start.model:
        return recipe.start.parts
    return "all" if recipe.training.train_encoder else "decoder"


def _members(groups: Sequence[dict[str, Any]], members: set[int], inside: bool) -> list[dict[str, Any]]:
    """Keep of each group the parameters that are among the members, or those that are not."""
    kept = [{**g, "params": [p for p in g["params"] if (id(p) in members) == inside]} for g in groups]
    return [group for group in kept if group["params"]]


def warm_up_steps(steps: int) -> int:
    """Give how many steps the learning rate rises for.

    Parameters
    ----------
    steps : int
        Steps of this part of the training.

    Returns
    -------
    int
        3 % of them, but 20 at least, as long as that is no more than 30 % of a short training.
    """
    return round(max(WARM_UP * steps, min(LEAST_WARM_UP, LARGEST_WARM_UP * steps)))


def set_learning_rate(
    optimizer: torch.optim.Optimizer, settings: TrainingSettings, step: int, steps: int, epochs: int
) -> None:
    """Set the learning rate of a step.

    Parameters
    ----------
    optimizer : Optimizer
        From :func:`build_optimizer`.
    settings : TrainingSettings
        The schedule: a linear warm-up, then a cosine to zero; or × `decay` an epoch.
    step, steps : int
        Which step of this part of the training it is, from 0, and how many there are.
    epochs : int
        How many epochs they make.
    """
    rising = warm_up_steps(steps)
    if settings.schedule == "exponential":
        factor = settings.decay ** (step * epochs // steps)
    elif step < rising:
        # Never 0: the first step would be lost.
        factor = (step + 1) / (rising + 1)
    else:
        factor = (1 + math.cos(math.pi * (step - rising) / (steps - rising))) / 2
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor

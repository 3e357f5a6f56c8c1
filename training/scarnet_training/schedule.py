"""The optimizer of each part of a training, and how its learning rate goes."""

import math

import torch
from torch.nn import Parameter

from scarnet.network.scarnet import ScarNet
from scarnet_training.recipe import TrainingSettings

__all__ = ["build_optimizer", "set_learning_rate"]

WARM_UP = 0.03


def build_optimizer(network: ScarNet, settings: TrainingSettings, alone: bool) -> torch.optim.Optimizer:
    """Make the optimizer of a part of the training.

    Parameters
    ----------
    network : ScarNet
        The network; its localiser is trained by itself, before.
    settings : TrainingSettings
        Learning rate and weight decay.
    alone : bool
        Whether only the U-Net branch is trained. When it was, it goes on with
        ``learning_rate * pretrained_factor`` beside the new parts.

    Returns
    -------
    Optimizer
        AdamW; each group holds under ``"peak"`` how high its learning rate goes.
    """
    pretrained: list[Parameter] = []
    new: list[Parameter] = []
    for name, parameter in network.named_parameters():
        if parameter.requires_grad and not name.startswith("localiser"):
            (pretrained if name.startswith("unet") else new).append(parameter)
    peak = settings.learning_rate
    factor = settings.pretrained_factor if settings.unet_epochs and not alone else 1.0
    groups = [{"params": pretrained, "peak": peak * factor}]
    if not alone:
        groups.append({"params": new, "peak": peak})
    return torch.optim.AdamW(groups, lr=peak, weight_decay=settings.weight_decay)


def set_learning_rate(optimizer: torch.optim.Optimizer, part: float) -> None:
    """Set the learning rate: a linear warm-up, then a cosine to zero.

    Parameters
    ----------
    optimizer : Optimizer
        From :func:`build_optimizer`.
    part : float
        How much of this part of the training is done, 0 to 1.
    """
    cosine = (1 + math.cos(math.pi * (part - WARM_UP) / (1 - WARM_UP))) / 2
    factor = part / WARM_UP if part < WARM_UP else cosine
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor

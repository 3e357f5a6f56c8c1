"""Averaged weights: what is validated, and what becomes the model."""

from copy import deepcopy
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from scarnet.network.adapters import merge_adapters
from scarnet.network.scarnet import ScarNet
from scarnet_training.correction import Correction

__all__ = ["AveragedNetwork"]


class _Moving(NamedTuple):
    """What a step changes: averages and what they follow, and counters that are copied."""

    averaged: list[Tensor]
    current: list[Tensor]
    counts: list[Tensor]
    counted: list[Tensor]


class AveragedNetwork(AveragedModel):
    """An exponential moving average of a network's weights and normalisation statistics.

    Parameters
    ----------
    network : ScarNet
        The network that trains; it is copied.
    decay : float
        Share of the average that a step keeps, 0 to follow the network; less while few steps were averaged.
    correction : Correction
        Built into what :meth:`plain` gives, and into nothing that trains.
    """

    def __init__(self, network: ScarNet, decay: float, correction: Correction | None = None) -> None:
        super().__init__(network, use_buffers=True)
        self.decay, self.correction = decay, correction or Correction()
        self._moving: _Moving | None = None

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """Move the average towards the network; what does not train is alike in both and left out.

        Parameters
        ----------
        model : nn.Module
            The network that trains, in training mode.
        """
        if self._moving is None:
            self._moving = self._what_moves(model)
        averaged, current, counts, counted = self._moving
        done = int(self.n_averaged)
        if done:
            torch._foreach_lerp_(averaged, current, 1 - min(self.decay, (1 + done) / (10 + done)))
        else:
            torch._foreach_copy_(averaged, current)
        if counts:
            torch._foreach_copy_(counts, counted)
        self.n_averaged += 1

    def _what_moves(self, model: nn.Module) -> "_Moving":
        """Pair the weights that train, and the statistics of layers in training mode, with their averages."""
        names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
        for prefix, module in model.named_modules():
            if module.training:
                names += [f"{prefix}.{name}".lstrip(".") for name, _ in module.named_buffers(recurse=False)]
        own, averages = (dict([*each.named_parameters(), *each.named_buffers()]) for each in (model, self.module))
        counters = [name for name in names if not own[name].is_floating_point()]
        weights = [name for name in names if own[name].is_floating_point()]
        return _Moving(
            *([side[name].detach() for name in some] for some in (weights, counters) for side in (averages, own))
        )

    def begin_anew(self) -> None:
        """Take the next step's weights as they are, and average from there."""
        self.n_averaged.zero_()
        self._moving = None

    def plain(self, weights: dict[str, Tensor] | None = None) -> ScarNet:
        """Give a copy on the CPU, adapters merged, in evaluation mode.

        Parameters
        ----------
        weights : dict of str to Tensor, optional
            Earlier averaged weights to give instead.

        Returns
        -------
        ScarNet
            The network as it would be read from a model's file.
        """
        copy = deepcopy(self.module).cpu()
        assert isinstance(copy, ScarNet)
        if weights is not None:
            copy.load_state_dict(weights)
        merge_adapters(copy)
        # A new one has its weights in the usual memory format, which files want.
        plain = ScarNet(copy.config)
        plain.load_state_dict(copy.state_dict())
        self.correction.apply(plain)
        return plain.eval()

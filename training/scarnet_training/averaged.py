"""Averaged weights: what is validated, and what becomes the model."""

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from scarnet.network.adapters import merge_adapters
from scarnet.network.scarnet import ScarNet

__all__ = ["AveragedNetwork"]


class AveragedNetwork(AveragedModel):
    """An exponential moving average of a network's weights and normalisation statistics.

    Parameters
    ----------
    network : ScarNet
        The network that trains; it is copied.
    decay : float
        Share of the average that a step keeps, 0 to follow the network; less while few steps were averaged.
    """

    def __init__(self, network: ScarNet, decay: float) -> None:
        super().__init__(network, multi_avg_fn=self._move, use_buffers=True)
        self.decay = decay

    def _move(self, averaged: Sequence[Tensor], current: Sequence[Tensor], steps: Tensor | int) -> None:
        # Not the steps handed over: those lie on the device, and reading them would wait for it in every step.
        done = int(self.n_averaged)
        weight = 1 - min(self.decay, (1 + done) / (10 + done))
        if averaged[0].is_floating_point():
            torch._foreach_lerp_(list(averaged), list(current), weight)
        else:
            torch._foreach_copy_(list(averaged), list(current))

    def begin_anew(self) -> None:
        """Take the next step's weights as they are, and average from there."""
        self.n_averaged.zero_()

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
        return plain.eval()

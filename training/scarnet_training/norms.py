"""Normalisation statistics that survive small batches."""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

__all__ = ["hold_norm_statistics"]


def hold_norm_statistics(network: nn.Module) -> None:
    """Let every batch normalisation use the statistics it came with; call it after each ``network.train()``.

    The statistics of two slices say little about a cohort, and a running average of them would replace what was
    learned from many. Scale and shift still train where they have `requires_grad`, and a batch may be a single image.
    This holds for a frozen encoder too: batch normalisation is all that differs between its training and evaluation.

    Parameters
    ----------
    network : nn.Module
        A pretrained network, or a pretrained part of one; its normalisations are put into evaluation mode.
    """
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.eval()

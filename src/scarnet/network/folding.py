"""Folding batch normalisation into the convolutions before it, for prediction."""

from copy import deepcopy
from itertools import pairwise
from typing import TypeVar

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

__all__ = ["fold_batch_norms"]

Network = TypeVar("Network", bound=nn.Module)


def fold_batch_norms(network: Network) -> Network:
    """Give a copy for prediction whose convolutions do their batch normalisation's work.

    Parameters
    ----------
    network : nn.Module
        A network in which each batch normalisation directly follows the convolution registered before it, as in
        all of ours.

    Returns
    -------
    nn.Module
        The copy, in evaluation mode: the same output up to rounding, in less time. It cannot be trained.
    """
    folded = deepcopy(network).eval()
    for module in list(folded.modules()):
        children = list(module.named_children())
        for (before, convolution), (after, norm) in pairwise(children):
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, before, fuse_conv_bn_eval(convolution, norm))
                setattr(module, after, nn.Identity())
    return folded

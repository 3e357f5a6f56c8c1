"""Low-rank adapters in the image encoder's attention, which train in place of the encoder's own weights.

Source: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022, Eq. 3. They lie in the projections
to queries, keys and values (``qkv``) and of the heads' outputs (``proj``) of every attention of either encoder.

While they are in, each such layer's entries in the state dict are called ``….qkv.original.weight``,
``….qkv.original.bias``, ``….qkv.down`` and ``….qkv.up``; merged, they are ``….qkv.weight`` and ``….qkv.bias`` again, so
that a fine-tuned model's file is like any other's.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scarnet.errors import ScarNetError
from scarnet.network.scarnet import ScarNet

__all__ = ["LowRankLinear", "adapter_parameters", "add_adapters", "merge_adapters"]

ADAPTED_LAYERS = ("qkv", "proj")


class LowRankLinear(nn.Module):
    """A linear layer with a trainable low-rank update: W + (alpha / rank) · up · down (Hu et al. 2022, Eq. 3).

    torch's own ``parametrize`` could say the same in fewer lines, but taking its parametrization off a deep copy, as a
    validation in the middle of a training does, breaks the module that was copied (seen in torch 2.13).

    Parameters
    ----------
    original : nn.Linear
        The layer; it is kept as it is and frozen.
    rank : int
        Rank of the update.
    alpha : float
        Scale of the update, which is `alpha / rank`.
    """

    def __init__(self, original: nn.Linear, rank: int, alpha: float) -> None:
        super().__init__()
        self.original = original.requires_grad_(False)
        self.scale = alpha / rank
        like = original.weight
        self.down = nn.Parameter(like.new_empty(rank, original.in_features))
        # Zero, so that the layer begins as the one it stands for.
        self.up = nn.Parameter(like.new_zeros(original.out_features, rank))
        nn.init.normal_(self.down, std=original.in_features**-0.5)

    @property
    def weight(self) -> Tensor:
        """The whole weight (outputs, inputs); the fast window attention reads it to project padding."""
        return self.original.weight + self.scale * (self.up @ self.down)

    @property
    def bias(self) -> Tensor | None:
        """The original bias (outputs,), which stays as it is."""
        return self.original.bias

    def forward(self, x: Tensor) -> Tensor:
        """Give (…, outputs) of (…, inputs)."""
        # Two thin products beside the frozen one: the full weight's gradient is never made.
        original: Tensor = self.original(x)
        return original + self.scale * F.linear(F.linear(x, self.down), self.up)

    def merged(self) -> nn.Linear:
        """Fold the update into the original layer.

        Returns
        -------
        nn.Linear
            The original layer, changed in place.
        """
        with torch.no_grad():
            self.original.weight.copy_(self.weight)
        return self.original


def add_adapters(network: ScarNet, rank: int = 8, alpha: float = 8.0) -> None:
    """Put low-rank adapters into the attention of a network's encoder; what the network gives stays the same.

    Parameters
    ----------
    network : ScarNet
        Changed in place; of the encoder only the adapters have `requires_grad` afterwards.
    rank : int
        Rank of each update: an adapter has rank · (inputs + outputs) parameters.
    alpha : float
        The updates are scaled by `alpha / rank`.

    Raises
    ------
    ScarNetError
        The network has no encoder or has adapters already, or the rank or the scale is not possible.
    """
    if network.encoder is None:
        raise ScarNetError("The model has no image encoder to put adapters into; train its decoder instead.")
    if adapter_parameters(network):
        raise ScarNetError("The model has adapters already; merge them before adding new ones.")
    found = [
        (parent, name, layer)
        for parent in network.encoder.modules()
        for name, layer in parent.named_children()
        if name in ADAPTED_LAYERS and isinstance(layer, nn.Linear)
    ]
    widest = min(min(layer.weight.shape) for _, _, layer in found)
    if not 1 <= rank < widest:
        raise ScarNetError(f"The rank {rank} of the adapters is not between 1 and {widest - 1}.")
    if not alpha > 0:
        raise ScarNetError(f"The scale {alpha} of the adapters is not above 0.")
    network.encoder.requires_grad_(False)
    for parent, name, layer in found:
        setattr(parent, name, LowRankLinear(layer, rank, alpha))


def merge_adapters(network: ScarNet) -> None:
    """Fold a network's adapters into the encoder's own weights, up to rounding without changing what it gives.

    Parameters
    ----------
    network : ScarNet
        Changed in place; one without adapters stays as it is. To keep on training, merge a deep copy.
    """
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, LowRankLinear):
                setattr(parent, name, layer.merged())


def adapter_parameters(network: ScarNet) -> dict[str, nn.Parameter]:
    """Find the parameters of a network's adapters.

    Parameters
    ----------
    network : ScarNet
        The network.

    Returns
    -------
    dict of str to Parameter
        ``down`` (rank, inputs) and ``up`` (outputs, rank) of each adapter by their names in the network; empty where
        it has none.
    """
    return {
        f"{name}.{part}": getattr(layer, part)
        for name, layer in network.named_modules()
        if isinstance(layer, LowRankLinear)
        for part in ("down", "up")
    }

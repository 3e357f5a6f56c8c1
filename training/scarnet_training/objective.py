"""The network and its loss as one module, so that one call gives what a step minimises, also over several processes."""

import torch
from torch import Tensor, nn

from scarnet.network.scarnet import ScarNet
from scarnet_training.loss import CompositeLoss

__all__ = ["Objective"]


class Objective(nn.Module):
    """What a training step minimises.

    Parameters
    ----------
    network : ScarNet
        The network.
    loss : CompositeLoss
        The loss of one set of logits.
    branch_weight : float
        Weight of each branch's own loss (deep supervision).
    """

    def __init__(self, network: ScarNet, loss: CompositeLoss, branch_weight: float) -> None:
        super().__init__()
        self.network, self.loss, self.branch_weight = network, loss, branch_weight

    def forward(
        self, images: Tensor, labels: Tensor, embeddings: Tensor | None, unet_alone: bool
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Measure a micro-batch.

        Parameters
        ----------
        images : Tensor, shape (n, 1 + 2 · context, g, g)
            Views of slices with their neighbours.
        labels : Tensor of int64, shape (n, g, g)
            Class of each pixel.
        embeddings : Tensor, shape (n, 256, h, w), or None
            The frozen encoder's output, where it was kept.
        unet_alone : bool
            Whether only the U-Net branch is asked.

        Returns
        -------
        total : Tensor
            The loss, a scalar.
        terms : dict of str to Tensor
            ``loss`` and the terms of the fused logits (the U-Net branch's where it is alone), detached.
        """
        if unet_alone:
            scored = [(1.0, self.network.unet_head(self.network.unet_features(images)))]
        else:
            outputs = self.network(images) if embeddings is None else self.network.decode(images, embeddings)
            scored = [(1.0, outputs.logits)]
            if outputs.medsam_logits is not None and self.branch_weight:
                scored += [(self.branch_weight, outputs.medsam_logits), (self.branch_weight, outputs.unet_logits)]
        measured = [(weight, *self.loss(logits, labels)) for weight, logits in scored]
        total = torch.stack([weight * value for weight, value, _ in measured]).sum()
        return total, {"loss": total.detach(), **measured[0][2]}

"""Fusing the branches: Eqs. 1-2 (`concat`) or Algorithm 4 (`attentive`)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from scarnet.network.blocks import resize_to

__all__ = ["AttentiveFusion", "ConcatFusion", "build_fusion"]


class ConcatFusion(nn.Module):
    """Concatenate both branches' features and convolve 1×1 (Eqs. 1-2).

    Parameters
    ----------
    channels : int
        Channels of each branch's features.
    classes : int
        Number of classes.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.classify = nn.Conv2d(2 * channels, classes, 1)

    def forward(self, sam: Tensor, unet: Tensor) -> Tensor:
        """Give logits (B, classes, H, W) of F_sam and F_unet, both (B, channels, H, W)."""
        logits: Tensor = self.classify(torch.cat([sam, unet], dim=1))
        return logits


class CrossAttention(nn.Module):
    """Attention of F_sam's places to F_unet's, on a grid 16 times coarser.

    Parameters
    ----------
    channels : int
        Channels of each branch's features.
    heads : int
        Number of heads.
    scale : int
        How much coarser the grid is; keeps the attention small.
    """

    def __init__(self, channels: int, heads: int = 4, scale: int = 16) -> None:
        super().__init__()
        self.heads, self.scale = heads, scale
        self.query = nn.Conv2d(channels, channels, 1)
        self.key_value = nn.Conv2d(channels, 2 * channels, 1)
        self.project = nn.Conv2d(channels, channels, 1)

    def _tokens(self, features: Tensor) -> Tensor:
        batch, channels, h, w = features.shape
        return features.reshape(batch, self.heads, channels // self.heads, h * w).transpose(-1, -2)

    def forward(self, sam: Tensor, unet: Tensor) -> Tensor:
        """Give what F_sam's places gather from F_unet, (B, channels, H, W)."""
        coarse_sam = functional.avg_pool2d(sam, self.scale)
        coarse_unet = functional.avg_pool2d(unet, self.scale)
        key, value = self.key_value(coarse_unet).chunk(2, dim=1)
        gathered = functional.scaled_dot_product_attention(
            self._tokens(self.query(coarse_sam)), self._tokens(key), self._tokens(value)
        )
        batch, channels, h, w = coarse_sam.shape
        # Channels last in memory, as everything it is added to.
        merged = gathered.transpose(1, 2).reshape(batch, h, w, channels).permute(0, 3, 1, 2)
        return resize_to(self.project(merged), sam.shape[-2:])


class AttentiveFusion(nn.Module):
    """Cross-attention, a channel gate from both branches, residual refinement (Algorithm 4).

    Parameters
    ----------
    channels : int
        Channels of each branch's features.
    classes : int
        Number of classes.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.cross_attention = CrossAttention(channels)
        self.gate = nn.Sequential(
            nn.Linear(2 * channels, channels), nn.ReLU(inplace=True), nn.Linear(channels, channels), nn.Sigmoid()
        )
        self.refine = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.classify = nn.Conv2d(channels, classes, 1)

    def forward(self, sam: Tensor, unet: Tensor) -> Tensor:
        """Give logits (B, classes, H, W) of F_sam and F_unet, both (B, channels, H, W)."""
        averages = torch.cat([sam.mean(dim=(-2, -1)), unet.mean(dim=(-2, -1))], dim=1)
        gate = self.gate(averages)[:, :, None, None]
        # Algorithm 4 computes the cross-attention but names no use; the text lets it guide the refinement.
        fused = gate * sam + (1 - gate) * unet + self.cross_attention(sam, unet)
        logits: Tensor = self.classify(functional.relu(fused + self.refine(fused)))
        return logits


def build_fusion(name: str, channels: int, classes: int) -> nn.Module:
    """Build a fusion by its name.

    Parameters
    ----------
    name : {"concat", "attentive"}
        Which.
    channels : int
        Channels of each branch's features.
    classes : int
        Number of classes.

    Returns
    -------
    nn.Module
        From F_sam and F_unet to logits.
    """
    return ConcatFusion(channels, classes) if name == "concat" else AttentiveFusion(channels, classes)

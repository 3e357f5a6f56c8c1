"""The building blocks of both branches: convolutions, SE, ScarAttention, multi-scale attention."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["ConvNormReLU", "DoubleConv", "MultiScaleAttention", "ScarAttention", "SqueezeExcitation", "resize_to"]


def resize_to(features: Tensor, size: Sequence[int]) -> Tensor:
    """Bring feature maps to a size by bilinear interpolation.

    Parameters
    ----------
    features : Tensor, shape (B, C, h, w)
        Feature maps.
    size : sequence of int
        Height and width wanted.

    Returns
    -------
    Tensor, shape (B, C, H, W)
        The maps; the same object where the size is right already.
    """
    if tuple(features.shape[-2:]) == tuple(size):
        return features
    return functional.interpolate(features, size=tuple(size), mode="bilinear", align_corners=False)


class ConvNormReLU(nn.Sequential):
    """Conv3×3, BatchNorm, ReLU.

    Parameters
    ----------
    channels_in, channels_out : int
        Number of channels.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
        )


class DoubleConv(nn.Sequential):
    """Two times Conv3×3, BatchNorm, ReLU (Algorithm 3).

    Parameters
    ----------
    channels_in, channels_out : int
        Number of channels.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(ConvNormReLU(channels_in, channels_out), ConvNormReLU(channels_out, channels_out))


class SqueezeExcitation(nn.Module):
    """Channel recalibration: pool, FC, ReLU, FC, sigmoid (Hu et al., CVPR 2018; the paper's Fig. 2).

    Parameters
    ----------
    channels : int
        Number of channels.
    reduction : int
        Factor r of the squeeze.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        squeezed = max(channels // reduction, 2)
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(squeezed, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Scale each channel; (B, C, H, W) in and out."""
        return features * self.gate(features)


class ScarAttention(nn.Module):
    """A channel gate and a spatial gate, each Conv, norm, ReLU, Conv, sigmoid (the paper's Fig. 2).

    Parameters
    ----------
    channels : int
        Number of channels.
    reduction : int
        Factor of the squeeze inside both gates.
    """

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        squeezed = max(channels // reduction, 2)
        self.channel_gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            # One value a channel and image is left here, on which BatchNorm fails for a batch of one.
            nn.GroupNorm(1, squeezed),
            nn.ReLU(inplace=True),
            nn.Conv2d(squeezed, channels, 1),
            nn.Sigmoid(),
        )
        self.spatial_gate = nn.Sequential(
            nn.Conv2d(channels, squeezed, 7, padding=3, bias=False),
            nn.BatchNorm2d(squeezed),
            nn.ReLU(inplace=True),
            nn.Conv2d(squeezed, 1, 7, padding=3),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Scale channels, then places; (B, C, H, W) in and out."""
        features = features * self.channel_gate(features)
        return features * self.spatial_gate(features)


class MultiScaleAttention(nn.Module):
    """Weigh the decoder's levels at each place and sum them (Algorithm 1, step 3).

    Parameters
    ----------
    level_channels : sequence of int
        Channels of each level, finest first.
    channels : int
        Channels of the result.
    """

    def __init__(self, level_channels: Sequence[int], channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.project = nn.ModuleList(nn.Conv2d(c, channels, 1) for c in level_channels)
        self.weigh = nn.Conv2d(channels * len(level_channels), len(level_channels), 1)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Fuse levels (B, C_i, H_i, W_i), finest first, to (B, channels, H_0, W_0)."""
        size = levels[0].shape[-2:]
        projected = [project(level) for project, level in zip(self.project, levels, strict=True)]
        # Resizing and 1×1 convolution commute; on each level's own grid the latter costs a fraction.
        shares = self.weigh.weight.split(self.channels, dim=1)
        scores = functional.conv2d(projected[0], shares[0], self.weigh.bias)
        for p, share in zip(projected[1:], shares[1:], strict=True):
            scores = scores + resize_to(functional.conv2d(p, share), size)
        # CUDA's autocast takes the softmax in 32 bits, and everything after it would follow.
        weights = torch.softmax(scores, dim=1).to(projected[0].dtype)
        fused = weights[:, :1] * projected[0]
        for level, p in enumerate(projected[1:], start=1):
            fused = torch.addcmul(fused, weights[:, level : level + 1], resize_to(p, size))
        return fused

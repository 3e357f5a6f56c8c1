"""The U-Net branch (Algorithm 3, Fig. 1B), and the plain form of it that finds the heart."""

from torch import Tensor, cat, nn

from scarnet.network.blocks import DoubleConv, MultiScaleAttention, ScarAttention

__all__ = ["UNet", "UNetBranch"]

LEVELS = 5


class UNet(nn.Module):
    """Encoder and decoder of five levels, giving the decoder's features at each level.

    Parameters
    ----------
    channels_in : int
        Channels of the image.
    width : int
        Channels of the finest level; each level below has twice as many (paper: 64 … 1024).
    skip_attention : bool
        Pass the skips through :class:`ScarAttention` (Algorithm 3, step 3).
    """

    def __init__(self, channels_in: int, width: int, skip_attention: bool = True) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(LEVELS)]
        self.pool = nn.MaxPool2d(2)
        self.encoder = nn.ModuleList(
            DoubleConv(before, after) for before, after in zip([channels_in, *widths[:-1]], widths, strict=True)
        )
        self.skips = nn.ModuleList(ScarAttention(w) if skip_attention else nn.Identity() for w in widths[:-1])
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, stride=2) for w in widths[:-1])
        self.decoder = nn.ModuleList(DoubleConv(2 * w, w) for w in widths[:-1])
        self.level_channels = widths[:-1]

    def forward(self, image: Tensor) -> list[Tensor]:
        """Give the decoder's features, finest first.

        Parameters
        ----------
        image : Tensor, shape (B, channels_in, H, W)
            H and W multiples of 16.

        Returns
        -------
        list of Tensor
            Level i has shape (B, width · 2^i, H / 2^i, W / 2^i), i = 0 … 3.
        """
        encoded = [self.encoder[0](image)]
        for block in self.encoder[1:]:
            encoded.append(block(self.pool(encoded[-1])))
        features = encoded[-1]
        decoded: list[Tensor] = []
        for level in reversed(range(LEVELS - 1)):
            skip = self.skips[level](encoded[level])
            features = self.decoder[level](cat([self.up[level](features), skip], dim=1))
            decoded.insert(0, features)
        return decoded


class UNetBranch(nn.Module):
    """U-Net whose decoder levels are fused by multi-scale attention into F_unet.

    Parameters
    ----------
    width : int
        Channels of the finest level.
    channels_out : int
        Channels of F_unet.
    channels_in : int
        Channels of the image: one, or one a slice where neighbouring slices are seen too.
    """

    def __init__(self, width: int, channels_out: int, channels_in: int = 1) -> None:
        super().__init__()
        self.unet = UNet(channels_in, width)
        self.fuse_levels = MultiScaleAttention(self.unet.level_channels, channels_out)

    def forward(self, image: Tensor) -> Tensor:
        """Give F_unet, (B, channels_out, H, W), of images (B, channels_in, H, W)."""
        features: Tensor = self.fuse_levels(self.unet(image))
        return features

"""A small U-Net that finds the left ventricle in a coarse image of the whole slice."""

from torch import Tensor, nn

from scarnet.network.unet import UNet

__all__ = ["Localiser"]


class Localiser(nn.Module):
    """Heart or not, at each place of a coarse slice.

    Parameters
    ----------
    width : int
        Channels of the finest level.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.unet = UNet(1, width, skip_attention=False)
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Give the logit of wall or blood pool, (B, 1, H, W), of z-scored images (B, 1, H, W)."""
        logits: Tensor = self.head(self.unet(image)[0])
        return logits

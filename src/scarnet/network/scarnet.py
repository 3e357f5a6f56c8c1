"""ScarNet: MedSAM's encoder and a U-Net side by side, fused into four logits (Fig. 1)."""

from typing import NamedTuple

from torch import Tensor, nn

from scarnet.classes import N_CLASSES
from scarnet.network.blocks import resize_to
from scarnet.network.config import ScarNetConfig
from scarnet.network.encoder import build_encoder
from scarnet.network.fusion import build_fusion
from scarnet.network.localiser import Localiser
from scarnet.network.medsam import MedSAMDecoder, encoder_input
from scarnet.network.unet import UNetBranch

__all__ = ["ScarNet", "ScarNetOutput"]

# Both encoders end in as many channels.
EMBEDDING = 256
FEATURES = 32


class ScarNetOutput(NamedTuple):
    """Logits before softmax, each (B, 4, H, W): the fused ones and each branch's own."""

    logits: Tensor
    medsam_logits: Tensor
    unet_logits: Tensor


class ScarNet(nn.Module):
    """The network, with its localiser where the configuration has one.

    Parameters
    ----------
    config : ScarNetConfig
        Settings.

    Attributes
    ----------
    localiser : Localiser or None
        Finds the heart in a coarse image; not part of :meth:`forward`.
    """

    def __init__(self, config: ScarNetConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = build_encoder(config)
        self.medsam_decoder = MedSAMDecoder(EMBEDDING, FEATURES)
        self.unet_branch = UNetBranch(config.unet_width, FEATURES)
        self.medsam_head = nn.Conv2d(FEATURES, N_CLASSES, 1)
        self.unet_head = nn.Conv2d(FEATURES, N_CLASSES, 1)
        self.fusion = build_fusion(config.fusion, FEATURES, N_CLASSES)
        self.localiser = Localiser(config.localiser_width) if config.localiser_width else None

    def forward(self, image: Tensor) -> ScarNetOutput:
        """Segment images.

        Parameters
        ----------
        image : Tensor, shape (B, 1, H, W)
            Z-scored images at the configuration's spacing; H and W multiples of 16.

        Returns
        -------
        ScarNetOutput
            Logits on the same grid.
        """
        return self.decode(image, self.encoder(encoder_input(image)))

    def decode(self, image: Tensor, embedding: Tensor) -> ScarNetOutput:
        """Segment images whose embedding is at hand, as when the encoder is frozen.

        Parameters
        ----------
        image : Tensor, shape (B, 1, H, W)
            Z-scored images.
        embedding : Tensor, shape (B, 256, h, w)
            What the encoder gives for them.

        Returns
        -------
        ScarNetOutput
            Logits on the images' grid.
        """
        size = image.shape[-2:]
        sam = resize_to(self.medsam_decoder(embedding), size)
        unet = self.unet_branch(image)
        return ScarNetOutput(self.fusion(sam, unet), self.medsam_head(sam), self.unet_head(unet))

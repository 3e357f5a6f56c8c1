"""ScarNet: MedSAM's encoder and a U-Net side by side, fused into four logits (Fig. 1)."""

from typing import NamedTuple

from torch import Tensor, nn

from scarnet.classes import N_CLASSES
from scarnet.network.blocks import resize_to
from scarnet.network.config import ScarNetConfig
from scarnet.network.encoder import build_encoder
from scarnet.network.fusion import build_fusion
from scarnet.network.localiser import Localiser
from scarnet.network.medsam import MedSAMDecoder, encoder_input, unit_range
from scarnet.network.unet import UNetBranch

__all__ = ["ScarNet", "ScarNetOutput"]

# Both encoders end in as many channels.
EMBEDDING = 256
FEATURES = 32


class ScarNetOutput(NamedTuple):
    """Logits before softmax, each (B, 4, H, W): the fused ones and each branch's own.

    Without an encoder there is no MedSAM branch (None), and the U-Net branch's logits are the network's.
    """

    logits: Tensor
    medsam_logits: Tensor | None
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
        whole = self.encoder is not None
        self.medsam_decoder = MedSAMDecoder(EMBEDDING, FEATURES) if whole else None
        self.unet_branch = UNetBranch(config.unet_width, FEATURES, 1 + 2 * config.context)
        self.medsam_head = nn.Conv2d(FEATURES, N_CLASSES, 1) if whole else None
        self.unet_head = nn.Conv2d(FEATURES, N_CLASSES, 1)
        self.fusion = build_fusion(config.fusion, FEATURES, N_CLASSES) if whole else None
        self.localiser = Localiser(config.localiser_width) if config.localiser_width else None

    def forward(self, image: Tensor) -> ScarNetOutput:
        """Segment images.

        Parameters
        ----------
        image : Tensor, shape (B, 1 + 2 · context, H, W)
            Z-scored images at the configuration's spacing; H and W multiples of 16. The slice to segment comes
            first, then its neighbours (:func:`scarnet.predict.sampling.with_neighbours`).

        Returns
        -------
        ScarNetOutput
            Logits on the same grid.
        """
        return self.decode(image, self.embed(image))

    def embed(self, image: Tensor) -> Tensor | None:
        """Run the encoder on the slices to segment: (B, 256, h, w), or None for a network without one."""
        if self.encoder is None:
            return None
        embedding: Tensor = self.encoder(encoder_input(image[:, :1]))
        return embedding

    def decode(self, image: Tensor, embedding: Tensor | None) -> ScarNetOutput:
        """Segment images whose embedding is at hand, as when the encoder is frozen.

        Parameters
        ----------
        image : Tensor, shape (B, 1 + 2 · context, H, W)
            Z-scored images.
        embedding : Tensor, shape (B, 256, h, w), or None
            What :meth:`embed` gives for them.

        Returns
        -------
        ScarNetOutput
            Logits on the images' grid.
        """
        unet = self.unet_features(image)
        unet_logits = self.unet_head(unet)
        if embedding is None or self.medsam_decoder is None or self.medsam_head is None or self.fusion is None:
            return ScarNetOutput(unet_logits, None, unet_logits)
        sam = resize_to(self.medsam_decoder(embedding), image.shape[-2:])
        return ScarNetOutput(self.fusion(sam, unet), self.medsam_head(sam), unet_logits)

    def unet_features(self, image: Tensor) -> Tensor:
        """Give F_unet, (B, 32, H, W), of z-scored images as :meth:`forward` takes them."""
        features: Tensor = self.unet_branch(unit_range(image) if self.config.intensity == "unit" else image)
        return features

    @property
    def classifier(self) -> nn.Conv2d:
        """The last convolution, which gives the network's logits."""
        last = self.unet_head if self.fusion is None else self.fusion.classify
        assert isinstance(last, nn.Conv2d)
        return last

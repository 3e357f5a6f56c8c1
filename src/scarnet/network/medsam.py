"""The MedSAM branch (Algorithm 2, Fig. 1A): a pretrained encoder and a decoder that attends to scar."""

from torch import Tensor, nn
from torch.nn import functional

from scarnet.network.blocks import ConvNormReLU, ScarAttention, SqueezeExcitation, resize_to

__all__ = ["MedSAMDecoder", "encoder_input", "unit_range"]

DECODER_CHANNELS = (128, 64, 32)


def encoder_input(image: Tensor) -> Tensor:
    """Turn z-scored images into what the pretrained encoders expect.

    Parameters
    ----------
    image : Tensor, shape (B, 1, H, W)
        Z-scored images.

    Returns
    -------
    Tensor, shape (B, 3, H, W)
        Each image rescaled to [0, 1] and repeated over three channels; a constant image is all 0.
    """
    return unit_range(image).expand(-1, 3, -1, -1)


def unit_range(image: Tensor) -> Tensor:
    """Rescale each channel of each image (B, C, H, W) to [0, 1]; a constant one is all 0."""
    low = image.amin(dim=(2, 3), keepdim=True)
    high = image.amax(dim=(2, 3), keepdim=True)
    return (image - low) / (high - low).clamp_min(1e-6)


class DecoderBlock(nn.Sequential):
    """Conv3×3, BatchNorm, ReLU, SE (r = 16), ScarAttention.

    Parameters
    ----------
    channels_in, channels_out : int
        Number of channels.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(
            ConvNormReLU(channels_in, channels_out), SqueezeExcitation(channels_out), ScarAttention(channels_out)
        )


class MedSAMDecoder(nn.Module):
    """Three decoder blocks, 256→128→64→32, whose outputs are reduced together to F_sam.

    Parameters
    ----------
    channels_in : int
        Channels of the encoder's embedding.
    channels_out : int
        Channels of F_sam.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        befores = (channels_in, *DECODER_CHANNELS[:-1])
        self.blocks = nn.ModuleList(DecoderBlock(b, a) for b, a in zip(befores, DECODER_CHANNELS, strict=True))
        self.reduce = nn.Conv2d(sum(DECODER_CHANNELS), channels_out, 1)
        self.attend = ScarAttention(channels_out)

    def forward(self, embedding: Tensor) -> Tensor:
        """Give F_sam, (B, channels_out, 4h, 4w), of an embedding (B, channels_in, h, w)."""
        outputs: list[Tensor] = []
        features = embedding
        for block in self.blocks:
            if outputs:
                features = resize_to(features, [2 * s for s in features.shape[-2:]])
            features = block(features)
            outputs.append(features)
        # A 1×1 convolution and interpolation commute: reducing each output first gives the same as reducing the
        # concatenated 224 channels, without ever making them at full size.
        weights = self.reduce.weight.split(DECODER_CHANNELS, dim=1)
        size = features.shape[-2:]
        # The bias goes into one of the convolutions: added by itself, it would turn bf16 into 32 bits from here on.
        biases = (*[None] * (len(outputs) - 1), self.reduce.bias)
        reduced = [
            resize_to(functional.conv2d(output, weight, bias), size)
            for output, weight, bias in zip(outputs, weights, biases, strict=True)
        ]
        attended: Tensor = self.attend(sum(reduced[1:], reduced[0]))
        return attended

"""The image encoders behind one interface."""

from pathlib import Path
from typing import Protocol

from torch import Tensor, nn

from scarnet.errors import ScarNetError
from scarnet.network.config import ScarNetConfig

__all__ = ["Encoder", "build_encoder", "load_encoder_weights"]


class Encoder(Protocol):
    """What every image encoder offers.

    Attributes
    ----------
    stride : int
        Pixels of the image that one pixel of the features stands for, along each axis.
    out_channels : int
        Channels of the features: 256.
    """

    stride: int
    out_channels: int

    def __call__(self, x: Tensor) -> Tensor:
        """Encode images.

        Parameters
        ----------
        x : Tensor
            Images (B, 3, H, W) in [0, 1], a grey image three times; H and W are multiples of 16.

        Returns
        -------
        Tensor
            Features (B, out_channels, H / stride, W / stride).
        """
        ...


def build_encoder(config: ScarNetConfig) -> nn.Module | None:
    """Make the encoder a configuration names, with random weights.

    Parameters
    ----------
    config : ScarNetConfig
        Its `encoder` and `fast_attention` are used.

    Returns
    -------
    nn.Module or None
        The module, which is an :class:`Encoder`; None for a network without one.
    """
    if config.encoder == "none":
        return None
    if config.encoder == "vit_b":
        from scarnet.network.vit_b import VitB

        return VitB(fast=config.fast_attention)
    from scarnet.network.tiny_vit import TinyViT

    return TinyViT(fast=config.fast_attention)


def load_encoder_weights(encoder: nn.Module, path: Path | str) -> None:
    """Load the image encoder's weights of a MedSAM or LiteMedSAM checkpoint, strictly.

    Parameters
    ----------
    encoder : nn.Module
        What :func:`build_encoder` gave; changed in place.
    path : Path or str
        Checkpoint with keys `image_encoder.*`; entries of other modules are left out.

    Raises
    ------
    ScarNetError
        The file is missing, unreadable or holds another encoder.
    """
    import torch

    name = Path(path).name
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ScarNetError(f"The encoder's weights {name} were not found; download them first.") from error
    except Exception as error:
        raise ScarNetError(f"The encoder's weights {name} cannot be read; download the file again.") from error
    prefix = "image_encoder."
    weights = {key.removeprefix(prefix): value for key, value in dict(weights).items() if key.startswith(prefix)}
    try:
        encoder.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        raise ScarNetError(
            f"The weights {name} do not fit the encoder {type(encoder).__name__}; "
            "choose the checkpoint of the encoder that the settings name."
        ) from error

"""What a network is made of, as a validated dataclass that travels in the weights' card."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from scarnet.errors import ScarNetError

__all__ = ["ScarNetConfig"]

EncoderName = Literal["lite", "vit_b", "none"]
FusionName = Literal["concat", "attentive"]
IntensityName = Literal["zscore", "unit"]


@dataclass(frozen=True)
class ScarNetConfig:
    """Settings of the network and of the image it sees.

    Attributes
    ----------
    encoder : {"lite", "vit_b", "none"}
        LiteMedSAM's TinyViT, MedSAM's ViT-B, or no MedSAM branch at all: the U-Net branch alone.
    fusion : {"concat", "attentive"}
        Eqs. 1-2 or Algorithm 4 of the paper.
    unet_width : int
        Channels of the U-Net's first level; doubled at each of the four levels below (paper: 64).
    intensity : {"zscore", "unit"}
        How the U-Net branch sees the image: z-scored (Algorithm 1), or rescaled to [0, 1] as MedSAM's encoders do.
    context : int
        Neighbouring slices on either side that the U-Net branch sees as further channels (paper: 0).
    grid : int
        Height and width in pixels of the image the network sees; a multiple of 16 (paper: 256).
    spacing_mm : float
        In-plane pixel size of that image in mm.
    localiser_width : int
        Channels of the localiser's first level; 0 for a model without one, which looks at the image's centre.
    localiser_grid : int
        Height and width in pixels of the image the localiser sees; a multiple of 16.
    localiser_spacing_mm : float
        In-plane pixel size of the localiser's image in mm.
    fast_attention : bool
        Skip the arithmetic on window padding that cannot change the result.
    """

    encoder: EncoderName = "lite"
    fusion: FusionName = "attentive"
    unet_width: int = 24
    intensity: IntensityName = "zscore"
    context: int = 0
    grid: int = 112
    spacing_mm: float = 1.25
    localiser_width: int = 0
    localiser_grid: int = 128
    localiser_spacing_mm: float = 3.0
    fast_attention: bool = True

    def __post_init__(self) -> None:
        """Refuse settings that make no network."""
        for name, kind in (("encoder", EncoderName), ("fusion", FusionName), ("intensity", IntensityName)):
            if getattr(self, name) not in get_args(kind):
                choices = ", ".join(repr(choice) for choice in get_args(kind))
                raise ScarNetError(f"The {name} {getattr(self, name)!r} is not known; use one of: {choices}.")
        if not 0 <= self.context <= 3:
            raise ScarNetError(f"The context {self.context} is not between 0 and 3 slices on either side.")
        if self.unet_width < 8:
            raise ScarNetError(f"The U-Net width {self.unet_width} is below 8.")
        if self.localiser_width < 0:
            raise ScarNetError(f"The localiser width {self.localiser_width} is negative.")
        for name in ("grid", "localiser_grid"):
            value = getattr(self, name)
            if value < 32 or value % 16:
                raise ScarNetError(f"The {name} {value} is not a multiple of 16 of at least 32.")
        for name in ("spacing_mm", "localiser_spacing_mm"):
            if not 0.1 <= getattr(self, name) <= 20:
                raise ScarNetError(f"The {name} {getattr(self, name)} is not between 0.1 and 20 mm.")

    def to_dict(self) -> dict[str, Any]:
        """Give the settings as plain JSON values.

        Returns
        -------
        dict
            One entry an attribute.
        """
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> "ScarNetConfig":
        """Read settings back, checking every one.

        Parameters
        ----------
        settings : dict
            What :meth:`to_dict` gave; missing entries take their defaults.

        Returns
        -------
        ScarNetConfig
            The configuration.

        Raises
        ------
        ScarNetError
            An entry is unknown or has the wrong type or value.
        """
        known = {f.name: f for f in fields(cls)}
        unknown = sorted(set(settings) - set(known))
        if unknown:
            raise ScarNetError(f"Unknown network setting: {', '.join(unknown)}; known: {', '.join(known)}.")
        defaults = cls()
        values: dict[str, Any] = {}
        for name, value in settings.items():
            kind = type(getattr(defaults, name))
            if kind is float and type(value) is int:
                value = float(value)
            if type(value) is not kind:
                raise ScarNetError(f"The network setting {name} is {value!r}, but should be of type {kind.__name__}.")
            values[name] = value
        return cls(**values)

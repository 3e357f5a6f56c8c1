"""What the ablation changes about its recipe, one thing at a time."""

from collections.abc import Mapping
from typing import Any

from scarnet.errors import ScarNetError
from scarnet_training.recipe import Recipe, find_recipe, load_recipe, read_recipe

__all__ = ["VARIANTS", "variant_recipe"]

Overrides = Mapping[str, Mapping[str, Any]]

# A start from the phantom model fixes the network, so variants of the network compare with `scratch`, not with `full`.
_SCRATCH: Overrides = {"start": {"model": ""}}
_NETWORK: Mapping[str, Any] = {
    "encoder": "lite",
    "fusion": "attentive",
    "unet_width": 24,
    "context": 1,
    "grid": 96,
    "spacing_mm": 1.25,
    "localiser_width": 8,
    "localiser_grid": 96,
    "localiser_spacing_mm": 4.0,
}
_ENCODER = "../shared/data/weights/lite_medsam.pth"


def _scratch(training: Mapping[str, Any] | None = None, loss: Any = None, **network: Any) -> Overrides:
    changed: dict[str, Any] = {
        **_SCRATCH,
        "network": {**_NETWORK, **network},
        "training": {"encoder_weights": _ENCODER, **(training or {})},
    }
    return {**changed, "loss": loss} if loss else changed


VARIANTS: dict[str, tuple[str, Overrides]] = {
    "full": ("the recipe as it is: from the phantom model", {}),
    "scratch": ("no phantom pretraining", _scratch()),
    "random-encoder": ("scratch, encoder with random weights, frozen", _scratch({"encoder_weights": ""})),
    "no-encoder": (
        "scratch, no encoder: the U-Net branch alone",
        _scratch({"encoder_weights": "", "unet_epochs": 0, "epochs": 28}, encoder="none"),
    ),
    "concat": ("scratch, fusion by concatenation", _scratch(fusion="concat")),
    "repository-loss": ("scratch, the authors' published loss", _scratch(loss={"preset": "repository"})),
    "unit-input": ("scratch, U-Net sees [0, 1] instead of z-scores", _scratch(intensity="unit")),
    "no-context": ("scratch, no neighbouring slices", _scratch(context=0)),
    "full-field": (
        "scratch, the whole field of view at 256 × 256, no localiser",
        _scratch({"localiser_epochs": 0}, grid=256, spacing_mm=1.4, localiser_width=0),
    ),
}
"""Name to what it is and what it changes."""


def variant_recipe(name: str, fold: int, epochs_factor: float = 1.0) -> Recipe:
    """Give the recipe of one fold of a variant.

    Parameters
    ----------
    name : str
        Among :data:`VARIANTS`.
    fold : int
        The fold that is held out.
    epochs_factor : float
        Factor on the number of epochs; the table says so where it is not 1.

    Returns
    -------
    Recipe
        The recipe.

    Raises
    ------
    ScarNetError
        There is no such variant.
    """
    if name not in VARIANTS:
        raise ScarNetError(f"There is no variant {name!r}; known: {', '.join(VARIANTS)}.")
    values = load_recipe(find_recipe("ablation")).to_dict()
    # A preset of the loss is named in place of its numbers.
    values["loss"] = {}
    for section, changes in VARIANTS[name][1].items():
        values[section] = {**values[section], **changes}
    values["data"]["fold"] = fold
    for key in ("unet_epochs", "epochs", "localiser_epochs"):
        if values["training"][key]:
            values["training"][key] = max(1, round(epochs_factor * values["training"][key]))
    return read_recipe({name: _plain(section) for name, section in values.items()})


def _plain(section: Mapping[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in section.items()}

"""What the ablation changes about its recipe, one thing at a time."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scarnet.errors import ScarNetError
from scarnet_training.experiments.crossval import fold_folder
from scarnet_training.recipe import Recipe, find_recipe, load_recipe, read_recipe

__all__ = ["BASE", "FLIPPED", "IN_TABLE", "VARIANTS", "pretraining_folder", "pretraining_recipe", "variant_recipe"]

BASE = "unet"
"""The variant that the others are compared with, and that those with an encoder go on from."""

Overrides = Mapping[str, Mapping[str, Any]]

_ENCODER = "../shared/data/weights/lite_medsam.pth"
# Enough to train what stands beside the U-Net, which has converged by then.
_ON = {"epochs": 4, "localiser_epochs": 0, "views": 2, "refresh_epochs": 2}


def _beside(encoder: str, weights: str = "", fusion: str = "attentive") -> Overrides:
    start = {"encoder": encoder, "fusion": fusion, "parts": "decoder"}
    return {"start": start, "training": {**_ON, "encoder_weights": weights}}


VARIANTS: dict[str, tuple[str, Overrides]] = {
    BASE: ("the U-Net branch alone, from scratch", {}),
    "unet-longer": ("`unet` trained on, as long as those with an encoder", {"training": _ON}),
    "encoder": ("`unet` with LiteMedSAM's encoder beside it, frozen; attentive fusion", _beside("lite", _ENCODER)),
    "concat": ("the same, fusion by concatenation", _beside("lite", _ENCODER, "concat")),
    "random-encoder": ("the same, encoder with random weights", _beside("lite")),
    "repository-loss": ("`unet` with the authors' published loss", {"loss": {"preset": "repository"}}),
    "unit-input": ("`unet` that sees [0, 1] instead of z-scores", {"network": {"intensity": "unit"}}),
    "context": ("`unet` that sees the neighbouring slices", {"network": {"context": 1}}),
    "phantoms": (
        "`unet` from a model of phantoms",
        {"start": {"parts": "decoder"}, "training": {"localiser_epochs": 0}},
    ),
    "full-field": (
        "`unet` on the whole field of view, 128 × 128 at 2.8 mm, no localiser",
        {"network": {"grid": 128, "spacing_mm": 2.8, "localiser_width": 0}, "training": {"localiser_epochs": 0}},
    ),
}
"""Name to what it is and what it changes."""

IN_TABLE = tuple(name for name in VARIANTS if name != "context")
"""Those of the table in docs/ablation.md; neighbouring slices changed nothing, and are run where they are asked for."""

FLIPPED = (BASE, "encoder")
"""Those that are predicted with test-time flips too."""

_GO_ON_FROM_BASE = ("unet-longer", "encoder", "concat", "random-encoder")


def variant_recipe(name: str, fold: int, out: Path, epochs_factor: float = 1.0) -> Recipe:
    """Give the recipe of one fold of a variant.

    Parameters
    ----------
    name : str
        Among :data:`VARIANTS`.
    fold : int
        The fold that is held out.
    out : Path
        The ablation's folder, with the models that some variants start from.
    epochs_factor : float
        Factor on the number of epochs, the localiser's left out; the table says so where it is not 1.

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
    values = _ablation_with(VARIANTS[name][1], epochs_factor)
    values["data"]["fold"] = fold
    if name in _GO_ON_FROM_BASE:
        # The same fold's, which has not seen the held-out patients either.
        values["start"]["model"] = str(fold_folder(out, BASE, fold) / "model.safetensors")
    if name == "phantoms":
        values["start"]["model"] = str(pretraining_folder(out) / "model.safetensors")
    return read_recipe(values)


def pretraining_recipe(epochs_factor: float = 1.0) -> Recipe:
    """Give the recipe of the model of phantoms, which has the ablation's network and has seen no patient."""
    phantoms = {"datasets": [], "phantoms": 60, "phantom_validation": 8, "folds": 0}
    return read_recipe(_ablation_with({"data": phantoms}, epochs_factor))


def pretraining_folder(out: Path) -> Path:
    """Say where the model of phantoms is kept."""
    return out / "pretraining"


def _ablation_with(changes: Overrides, epochs_factor: float) -> dict[str, dict[str, Any]]:
    values = load_recipe(find_recipe("ablation")).to_dict()
    # A preset of the loss is named in place of its numbers.
    values["loss"] = {}
    for section, changed in changes.items():
        values[section] = {**values[section], **changed}
    # Not the localiser's, whose few passes it needs to find every heart at all.
    values["training"]["epochs"] = max(1, round(epochs_factor * values["training"]["epochs"]))
    return {name: _plain(section) for name, section in values.items()}


def _plain(section: Mapping[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in section.items()}

"""The end of a training: the model's file with its card and its figures."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from scarnet.files import atomic_path
from scarnet.models.card import ModelCard
from scarnet.models.store import read_model, save_model
from scarnet.network.scarnet import ScarNet
from scarnet.progress import Progress, silent
from scarnet_training.labelled_case import LabelledCase
from scarnet_training.operating_point import choose_point, measure_model, shift_scar
from scarnet_training.recipe import Recipe
from scarnet_training.run_folder import code_commit
from scarnet_training.validation import validate_model

__all__ = ["make_card", "write_model"]


def make_card(
    recipe: Recipe,
    training: Sequence[LabelledCase],
    validation: Sequence[LabelledCase],
    replayed: Sequence[LabelledCase] = (),
    base: ModelCard | None = None,
) -> ModelCard:
    """Make a model's card, without figures yet.

    Parameters
    ----------
    recipe : Recipe
        What was trained and how.
    training, validation : sequence of LabelledCase
        The two sides of the split.
    replayed : sequence of LabelledCase
        Earlier cases that were shown again.
    base : ModelCard, optional
        The card of the model it started from, whose smallest scar it keeps.

    Returns
    -------
    ModelCard
        The card.
    """
    settings = recipe.model
    real = [case for case in training if not case.synthetic]
    return ModelCard(
        name=settings.name,
        description=settings.description,
        config=recipe.network,
        licence=settings.licence,
        data=(
            *settings.data,
            f"Trained on {len(real)} patients and {len(training) - len(real)} synthetic phantoms"
            + (f" from the model {base.name}" if base else "")
            + (f", with {len(replayed)} earlier cases shown again" if replayed else "")
            + f"; validated on {len(validation)} other patients.",
        ),
        # Card readers look for test_time_flips at the top of the recipe.
        recipe={**_without_folders(recipe.to_dict()), "test_time_flips": settings.test_time_flips},
        commit=code_commit(),
        limitations=settings.limitations,
        smallest_scar_ml=base.smallest_scar_ml if base else 0.0,
        training_cases=_names([*training, *replayed], base),
    )


def _names(cases: Sequence[LabelledCase], base: ModelCard | None) -> tuple[str, ...]:
    """Name the real cases that a model has seen, for evaluations to tell which figures say nothing."""
    seen = {case.stack.case for case in cases if not case.synthetic}
    return tuple(sorted(seen.union(base.training_cases if base else ())))


def _without_folders(recipe: dict[str, Any]) -> dict[str, Any]:
    """Keep of each path its last part: a card travels, and a folder may be named after a person."""
    named = {"data": ("datasets", "splits"), "start": ("model", "replay"), "training": ("encoder_weights",)}
    for section, keys in named.items():
        for key in keys:
            value = recipe[section][key]
            recipe[section][key] = (
                [Path(path).name for path in value] if isinstance(value, (list, tuple)) else Path(value).name
            )
    return recipe


def write_model(
    path: Path,
    network: ScarNet,
    card: ModelCard,
    validation: Sequence[LabelledCase],
    choose_scar_shift: bool = False,
    half: bool = True,
    device: str = "auto",
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write a trained network with its card and its figures; nothing half-made takes the file's name.

    Parameters
    ----------
    path : Path
        The model's file.
    network : ScarNet
        The trained network.
    card : ModelCard
        Its card; figures in it are replaced.
    validation : sequence of LabelledCase
        Patients the training never saw.
    choose_scar_shift : bool
        Choose on them how readily scar is called; the network's last bias is changed.
    half : bool
        Store the weights in 16 bits.
    device : str
        Where to predict them.
    progress : Progress
        Called before each patient.

    Returns
    -------
    dict
        The figures' summary, as it stands in the card; empty where there was nobody to validate on.

    Raises
    ------
    ScarNetError
        The file cannot be written, or the scar shift cannot be chosen.
    """
    chosen: dict[str, Any] = {}
    figures: dict[str, Any] = {}
    with atomic_path(path) as unfinished:
        save_model(unfinished, network, card, half=half)
        if choose_scar_shift:
            model = read_model(unfinished)
            point = choose_point(measure_model(model, validation, device, progress))
            shift_scar(model.network, point.shift)
            network, card = model.network, replace(card, smallest_scar_ml=point.smallest_scar_ml)
            save_model(unfinished, network, card, half=half)
            chosen = {"operating_point": point.to_dict()}
        if validation:
            # The figures are those of the file as it was written, rounding of the weights included.
            figures = validate_model(read_model(unfinished), validation, device, progress)
            figures["summary"] |= chosen
            save_model(unfinished, network, replace(card, validation=figures), half=half)
    return figures.get("summary", {})

"""The end of a training: the model's file with its figures, beside those of the model it started from."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from scarnet.classes import MEASURED_CLASSES
from scarnet.files import atomic_path
from scarnet.models.card import ModelCard
from scarnet.models.store import Model, read_model, save_model
from scarnet.network.scarnet import ScarNet
from scarnet.progress import Progress, silent
from scarnet_training.as_drawn import NOTHING_LEFT, drawn_sentence
from scarnet_training.labelled_case import LabelledCase
from scarnet_training.operating_point import choose_on_patients
from scarnet_training.recipe import Recipe
from scarnet_training.validation import summarise, validate_model

__all__ = ["CLASSES", "CLEARLY", "against_base", "end_passes", "write_model"]

CLEARLY = 0.03
"""A mean Dice lower by more than this than that of the model it started from is warned of."""

CLASSES = {f"dice_{name}": words for name, words in MEASURED_CLASSES.items()}
"""What figures call each class, and what a reader does."""


def write_model(
    path: Path,
    network: ScarNet,
    card: ModelCard,
    validation: Sequence[LabelledCase],
    choose_scar_shift: bool = False,
    half: bool = True,
    device: str = "auto",
    progress: Progress = silent,
    base: Model | None = None,
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
    base : Model, optional
        The model it started from, which is measured on the same patients in the same way.

    Returns
    -------
    dict
        The figures as they stand in the card: ``summary``, ``patients`` and, with `base`, ``base`` with its ``name``
        and ``summary``. Where some cases are labelled just as `base` draws them, ``base`` has their names as well
        (``as_drawn``), and what both models reach on the others (``compared``: ``base`` and ``new``). Empty where there
        was nobody to validate on.

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
            point = choose_on_patients(model, validation, device, progress)
            point.correction.apply(model.network)
            network, card = model.network, replace(card, smallest_scar_ml=point.smallest_scar_ml)
            save_model(unfinished, network, card, half=half)
            chosen = {"operating_point": point.to_dict()}
        if validation:
            # The figures are those of the file as it was written, rounding of the weights included.
            figures = validate_model(read_model(unfinished), validation, device, progress)
            figures["summary"] |= chosen
            if base is not None:
                before = validate_model(base, validation, device, progress)
                figures["base"] = {"name": base.card.name, "summary": before["summary"], **_compared(before, figures)}
            card = replace(card, limitations=(*card.limitations, *against_base(figures)))
            save_model(unfinished, network, replace(card, validation=figures), half=half)
    return figures


def end_passes(recipe: Recipe, base: ModelCard | None) -> int:
    """Count how many validations of a training's epochs its end takes: test-time flips are four times the work.

    Parameters
    ----------
    recipe : Recipe
        How to train.
    base : ModelCard, optional
        The card of the model it starts from, which is measured too.

    Returns
    -------
    int
        How many.
    """
    before = base is not None and bool(base.recipe.get("test_time_flips", False))
    new = 4 if recipe.model.test_time_flips or before else 1
    return new * (1 + recipe.training.choose_scar_shift) + (0 if base is None else 4 if before else 1)


def against_base(figures: dict[str, Any]) -> list[str]:
    """Say in which classes a model is clearly worse than the one it started from, and whom that rests on.

    Parameters
    ----------
    figures : dict
        From :func:`write_model`.

    Returns
    -------
    list of str
        A sentence on cases that are labelled as the other model draws them, where there are any; one with each class's
        mean Dice that is clearly lower, where there is any.
    """
    if "base" not in figures:
        return []
    base = figures["base"]
    name, told = base["name"], []
    both = base.get("compared", {"base": base["summary"], "new": figures["summary"]})
    if drawn := base.get("as_drawn"):
        told.append(drawn_sentence(len(drawn), len(figures["patients"]), "labelled", name))
        if len(drawn) == len(figures["patients"]):
            return [f"{told[0]} {NOTHING_LEFT}"]
    before, after = both["base"], both["new"]
    lower = [
        f"{words} {after[key]['mean']:.2f} instead of {before[key]['mean']:.2f}"
        for key, words in CLASSES.items()
        if key in before and key in after and after[key]["mean"] < before[key]["mean"] - CLEARLY
    ]
    if lower:
        whom = "others" if told else "patients"
        told.append(
            f"The new model is worse than {name}, which it started from, on the {whom} held out: Dice of "
            f"{', '.join(lower)}. Stay with {name}, or train longer, with a lower learning rate, or fewer parts."
        )
    return told


def _compared(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Leave out the cases that are labelled just as the model a training started from draws them."""
    drawn = [case for case, found in before["patients"].items() if _is_the_reference(found)]
    if not drawn:
        return {}
    kept = [
        summarise({case: found for case, found in figures["patients"].items() if case not in drawn})
        for figures in (before, after)
    ]
    return {"as_drawn": drawn, "compared": dict(zip(("base", "new"), kept, strict=True))}


def _is_the_reference(found: dict[str, Any]) -> bool:
    """Whether labels are the reference's in every voxel, as far as Dice tells: 1 of each class that is labelled."""
    dices = [found[key] for key in CLASSES]
    # Without reference scar there is no Dice of scar, though scar may be claimed.
    alarm = found["scar_percent_reference"] != found["scar_percent_predicted"]
    return not alarm and 1.0 in dices and all(dice in (None, 1.0) for dice in dices)

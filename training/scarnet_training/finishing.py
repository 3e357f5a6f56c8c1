"""The end of a training: the model's file with its figures, beside those of the model it started from."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from scarnet.files import atomic_path
from scarnet.models.card import ModelCard
from scarnet.models.store import Model, read_model, save_model
from scarnet.network.scarnet import ScarNet
from scarnet.progress import Progress, silent
from scarnet_training.labelled_case import LabelledCase
from scarnet_training.operating_point import choose_point, measure_model, shift_scar
from scarnet_training.validation import validate_model

__all__ = ["CLASSES", "CLEARLY", "worse_than_before", "write_model"]

CLEARLY = 0.03
"""A mean Dice lower by more than this than that of the model it started from is warned of."""

CLASSES = {"dice_myocardium": "myocardium", "dice_blood_pool": "blood pool", "dice_scar": "scar"}
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
        and ``summary``. Empty where there was nobody to validate on.

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
            if base is not None:
                before = validate_model(base, validation, device, progress)["summary"]
                figures["base"] = {"name": base.card.name, "summary": before}
            if (worse := worse_than_before(figures)) is not None:
                card = replace(card, limitations=(*card.limitations, worse))
            save_model(unfinished, network, replace(card, validation=figures), half=half)
    return figures


def worse_than_before(figures: dict[str, Any]) -> str | None:
    """Say in which classes a model is clearly worse than the one it started from.

    Parameters
    ----------
    figures : dict
        From :func:`write_model`.

    Returns
    -------
    str or None
        A sentence with each such class's mean Dice; None where there is none.
    """
    if "base" not in figures:
        return None
    name, before, after = figures["base"]["name"], figures["base"]["summary"], figures["summary"]
    told = [
        f"{words} {after[key]['mean']:.2f} instead of {before[key]['mean']:.2f}"
        for key, words in CLASSES.items()
        if key in before and after[key]["mean"] < before[key]["mean"] - CLEARLY
    ]
    if not told:
        return None
    return (
        f"The new model is worse than {name}, which it started from, on the patients held out: Dice of "
        f"{', '.join(told)}. Stay with {name}, or train longer, with a lower learning rate, or fewer parts."
    )

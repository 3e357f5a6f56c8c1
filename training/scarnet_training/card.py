"""What a trained model's card says of it, but for its figures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scarnet.models.card import ModelCard
from scarnet.wording import counted
from scarnet_training.as_drawn import HELD_OUT
from scarnet_training.cohort import FEWEST_HELD_OUT
from scarnet_training.correction import Correction, carried_correction
from scarnet_training.labelled_case import LabelledCase
from scarnet_training.recipe import Recipe
from scarnet_training.run_folder import code_commit
from scarnet_training.settings import ModelSettings

__all__ = ["make_card"]

_SAID_OF = "Said of"
# How sentences about a model's own figures begin, here and in scarnet_training.finishing.
_OF_FIGURES = ("Its weights are", "Its figures", "The new model is worse", "How readily it calls scar")
_CARRIED = "How readily it calls scar, by {shift:g} on its logit, was chosen for {name}, not for these patients."
_WHAT_TRAINED = {
    "heads": "the last layers",
    "decoder": "all but the image encoder",
    "all": "all of it, the image encoder too,",
    "adapters": "all but the image encoder, and low-rank changes of that,",
}


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
        The card of the model it started from, which hands its licence, limits, flips at test time and smallest scar
        down.

    Returns
    -------
    ModelCard
        The card.
    """
    settings = recipe.model
    carried = carried_correction(base) if base and not recipe.training.choose_scar_shift else Correction()
    return ModelCard(
        name=settings.name,
        description=settings.description,
        config=recipe.network,
        # What holds for the model it started from holds for it as well.
        licence=base.licence if base and settings.licence == ModelSettings.licence else settings.licence,
        data=(
            *settings.data,
            *(_said_of(base, base.data) if base else ()),
            (f"Fine-tuned from {base.name}: {_what_trained(recipe)} trained" if base else "Trained")
            + f" on {_counted(training, 'patient')}"
            + (f", with {_counted(replayed, 'earlier patient')} shown again" if replayed else "")
            + f"; validated on {_counted(validation, 'other patient')}.",
        ),
        # Card readers look for these at the top of the recipe.
        recipe={
            **_without_folders(recipe.to_dict()),
            "test_time_flips": _flips(recipe, base),
            "scar_shift": carried.shift,
        },
        commit=code_commit(),
        limitations=(
            *settings.limitations,
            *(_said_of(base, base.limitations) if base else ()),
            *((_CARRIED.format(shift=carried.shift, name=base.name),) if base and carried.shift else ()),
            *_limits_of_figures(recipe, validation),
        ),
        smallest_scar_ml=base.smallest_scar_ml if base else 0.0,
        training_cases=_seen(training, replayed, base),
    )


def _seen(
    training: Sequence[LabelledCase], replayed: Sequence[LabelledCase], base: ModelCard | None
) -> tuple[str, ...]:
    """Name the real cases that the model or the one it started from was trained on."""
    own = [case.stack.case for case in (*training, *replayed) if not case.synthetic]
    return tuple(dict.fromkeys([*own, *(base.training_cases if base else ())]))


def _what_trained(recipe: Recipe) -> str:
    parts, localiser = recipe.start.parts, recipe.network.localiser_width and recipe.training.localiser_epochs
    if recipe.network.encoder == "none" and parts != "heads":
        return "all of it"
    return "the localiser and the last layers" if localiser and parts == "heads" else _WHAT_TRAINED[parts]


def _flips(recipe: Recipe, base: ModelCard | None) -> bool:
    return recipe.model.test_time_flips or bool(base and base.recipe.get("test_time_flips", False))


def _said_of(base: ModelCard, lines: Sequence[str]) -> tuple[str, ...]:
    """Say of whom a line was said, for a fine-tuning may have changed what it tells; of figures nothing is repeated."""
    handed_down = [line for line in lines if not line.startswith(_OF_FIGURES) and HELD_OUT not in line]
    return tuple(line if line.startswith(_SAID_OF) else f"{_SAID_OF} {base.name}: {line}" for line in handed_down)


def _counted(cases: Sequence[LabelledCase], what: str) -> str:
    """Count patients, and their cases where those are more."""
    real = [case for case in cases if not case.synthetic]
    patients, phantoms = len({case.patient for case in real}), len(cases) - len(real)
    told = []
    if real:
        told.append((f"{len(real)} cases of " if len(real) > patients else "") + counted(patients, what))
    if phantoms:
        told.append(counted(phantoms, "synthetic phantom"))
    return " and ".join(told) or f"no {what}"


def _limits_of_figures(recipe: Recipe, validation: Sequence[LabelledCase]) -> list[str]:
    """Say what the figures in the card cannot be trusted with."""
    settings, patients = recipe.training, len({case.patient for case in validation})
    told = []
    if validation and settings.keep == "best" and 0 < settings.validate_every < settings.epochs:
        told.append(
            "Its weights are those of the best of several validations on the very patients of its figures, which "
            "flatters these a little."
        )
    if 0 < patients < FEWEST_HELD_OUT:
        told.append(f"Its figures rest on {counted(patients, 'patient')} only and say next to nothing.")
    return told


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

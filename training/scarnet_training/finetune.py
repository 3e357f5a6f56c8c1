"""A fine-tuning's recipe: what ``scarnet finetune`` and the viewer start from, with what the user chose."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from scarnet.models import load_model
from scarnet_training.recipe import Recipe, find_recipe, load_recipe

__all__ = ["finetune_recipe"]

# Where the encoder trains as well: it has seen far more images than any cohort has, and is not to forget them.
PRETRAINED_FACTOR = 0.3


def finetune_recipe(
    datasets: Sequence[Path | str],
    model: str | None = None,
    *,
    name: str = "finetuned",
    parts: str | None = None,
    epochs: int | None = None,
    learning_rate: float | None = None,
    replay: Sequence[Path | str] = (),
    replay_phantoms: int | None = None,
    validation_fraction: float | None = None,
    splits: Path | str | None = None,
    seed: int | None = None,
    base: Recipe | None = None,
) -> Recipe:
    """Make the recipe of a fine-tuning.

    Parameters
    ----------
    datasets : sequence of Path or str
        The cohort, in nnU-Net's raw layout.
    model : str, optional
        What to start from: a model's name or file. Without it the recipe's own, the built-in model.
    name : str
        Name of the new model.
    parts, epochs, learning_rate, replay, replay_phantoms, validation_fraction, splits, seed : optional
        As in :class:`scarnet_training.settings.StartSettings`, ``TrainingSettings`` and ``DataSettings``; what is not
        given is as in the shipped recipe ``finetune``; with ``parts="all"`` all except the heads goes more slowly.
    base : Recipe, optional
        A recipe to take in its place.

    Returns
    -------
    Recipe
        The recipe.

    Raises
    ------
    ScarNetError
        There is no such model, or a value is impossible.
    """
    recipe = base or load_recipe(find_recipe("finetune"))

    def given(**values: Any) -> dict[str, Any]:
        return {key: value for key, value in values.items() if value is not None}

    start = replace(
        recipe.start,
        **given(model=str(model) if model else None, parts=parts, replay_phantoms=replay_phantoms),
        **given(replay=tuple(str(folder) for folder in replay) or None),
    )
    card = load_model(start.model).card
    slower = PRETRAINED_FACTOR if base is None and start.parts == "all" else None
    return replace(
        recipe,
        data=replace(
            recipe.data,
            datasets=tuple(str(folder) for folder in datasets),
            **given(validation_fraction=validation_fraction, splits=str(splits) if splits else None),
        ),
        start=start,
        training=replace(
            recipe.training,
            train_encoder=False,  # of a training from scratch; here `parts` says it
            **given(epochs=epochs, learning_rate=learning_rate, seed=seed, pretrained_factor=slower),
        ),
        model=replace(
            recipe.model,
            name=name,
            description=f"{card.name} fine-tuned on a local cohort.",
        ),
    )

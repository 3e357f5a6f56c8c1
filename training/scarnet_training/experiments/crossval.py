"""Cross-validation that can be stopped and gone on with: one run folder a fold."""

from dataclasses import replace
from pathlib import Path

from scarnet.errors import ScarNetError
from scarnet.models import load_model
from scarnet.models.store import read_card
from scarnet.progress import Progress, silent
from scarnet.project.stored import read_json
from scarnet_training.differences import changed_settings
from scarnet_training.folder_check import RECIPE
from scarnet_training.jobs.truth import CHECKPOINT, MODEL
from scarnet_training.recipe import Recipe
from scarnet_training.run_folder import recipe_kept
from scarnet_training.start import starting_config
from scarnet_training.trainer import train

__all__ = ["FOLDS", "check_fold", "fold_folder", "train_fold"]

FOLDS = 5
"""By patient, the same for every variant and recipe."""

CHOICE = "choose_scar_shift"


def fold_folder(out: Path, variant: str, fold: int) -> Path:
    """Say where a fold of a variant is kept."""
    return out / variant / f"fold{fold}"


def check_fold(recipe: Recipe, folder: Path) -> None:
    """Make sure that a fold that is kept, finished or not, was begun with the recipe that is asked for.

    Parameters
    ----------
    recipe : Recipe
        The fold's recipe.
    folder : Path
        The fold's run folder, which may be empty or not there.

    Raises
    ------
    ScarNetError
        It was begun with another recipe, of which the settings that differ are named.
    """
    finished = (folder / MODEL).is_file()
    if not finished and not (folder / CHECKPOINT).is_file():
        return
    base = load_model(recipe.start.model) if recipe.start.model else None
    trained = replace(recipe, network=starting_config(recipe, base))
    begun, now = read_json(folder / RECIPE), recipe_kept(trained, base.sha256 if base else "")
    for kept in (begun, now):
        # The same from another folder is no other recipe.
        kept["data"]["datasets"] = [str(Path(dataset).resolve()) for dataset in kept["data"]["datasets"]]
        if kept["start"]["sha256"]:
            del kept["start"]["model"]
    told = changed_settings(begun, now)
    if finished:
        # A run that goes on may still change its mind about this; one that is finished has it in its weights.
        chosen = read_card(folder / MODEL).recipe.get("training", {}).get(CHOICE)
        told += changed_settings({CHOICE: chosen}, {CHOICE: recipe.training.choose_scar_shift}, "training.")
    if told:
        raise ScarNetError(f"{folder} was begun with another recipe: {'; '.join(told)}; give another --out.")


def train_fold(recipe: Recipe, folder: Path, progress: Progress = silent) -> Path:
    """Train a fold, go on with it, or leave it as it is where it is finished.

    Parameters
    ----------
    recipe : Recipe
        The fold's recipe.
    folder : Path
        The fold's run folder.
    progress : Progress
        Called between steps.

    Returns
    -------
    Path
        The model's file.

    Raises
    ------
    ScarNetError
        What is kept of the fold was begun with another recipe, or the training fails.
    """
    check_fold(recipe, folder)
    model = folder / MODEL
    if model.is_file():
        return model
    return train(recipe, folder, resume=(folder / CHECKPOINT).is_file(), progress=progress)

"""Cross-validation that can be stopped and gone on with: one run folder a fold."""

from pathlib import Path

from scarnet.progress import Progress, silent
from scarnet_training.recipe import Recipe
from scarnet_training.trainer import train

__all__ = ["FOLDS", "fold_folder", "train_fold"]

FOLDS = 5
"""By patient, the same for every variant and recipe."""


def fold_folder(out: Path, variant: str, fold: int) -> Path:
    """Say where a fold of a variant is kept."""
    return out / variant / f"fold{fold}"


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
    """
    model = folder / "model.safetensors"
    if model.is_file():
        return model
    return train(recipe, folder, resume=(folder / "checkpoints" / "last.pt").is_file(), progress=progress)

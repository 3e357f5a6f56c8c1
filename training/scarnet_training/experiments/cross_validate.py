"""``python -m scarnet_training.experiments.cross_validate``: what a recipe is worth, and its model of all patients.

Trains the recipe once a fold, at its full length, and predicts each patient by the model that has not seen it; with
``--all-patients`` once on everybody. What is finished is kept: the command can be stopped and given again.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from scarnet.progress import Progress, silent
from scarnet_training.data import load_dataset
from scarnet_training.experiments.ablation_table import table_row, table_text
from scarnet_training.experiments.command_line import with_status
from scarnet_training.experiments.crossval import FOLDS, check_fold, fold_folder, train_fold
from scarnet_training.experiments.out_of_fold import predict_fold
from scarnet_training.experiments.scoring import pooled_logits, predicted_folds, score
from scarnet_training.recipe import Recipe, find_recipe, load_recipe

__all__ = ["cross_validate", "fold_recipe", "main"]


def fold_recipe(recipe: Recipe, fold: int | None) -> Recipe:
    """Give the recipe of one fold, or of all patients.

    Parameters
    ----------
    recipe : Recipe
        The recipe; how it parts the patients is replaced.
    fold : int or None
        The fold that is held out; None holds nobody out.

    Returns
    -------
    Recipe
        The same training. How readily scar is called is left to a choice on all folds together.
    """
    parted = {"folds": 0, "validation_fraction": 0.0} if fold is None else {"folds": FOLDS, "fold": fold}
    return replace(
        recipe,
        data=replace(recipe.data, splits="", **parted),
        training=replace(recipe.training, choose_scar_shift=False),
    )


def _print_table(out: Path, name: str, folds: Sequence[int], datasets: Sequence[str]) -> None:
    cases = {case.stack.case: case for folder in datasets for case in load_dataset(Path(folder))}
    rows = []
    for output, what in (("plain", ""), ("flips", ", with test-time flips")):
        found = score(pooled_logits(out, [name], output, folds, cases))
        rows.append(table_row(f"`{name}`{what}", found, {}))
    print(table_text(rows), end="")


def cross_validate(recipe: Recipe, out: Path, folds: Sequence[int], progress: Progress = silent) -> None:
    """Train folds of a recipe and predict the patients each has not seen.

    Parameters
    ----------
    recipe : Recipe
        The recipe.
    out : Path
        Folder with a folder a recipe.
    folds : sequence of int
        Which folds.
    progress : Progress
        Called between steps.

    Raises
    ------
    ScarNetError
        Whatever fold was begun with another recipe: it would stand in one table with these.
    """
    for fold in range(FOLDS):
        check_fold(fold_recipe(recipe, fold), fold_folder(out, recipe.model.name, fold))
    for fold in folds:
        folder, held_out = fold_folder(out, recipe.model.name, fold), fold_recipe(recipe, fold)
        train_fold(held_out, folder, progress)
        predict_fold(held_out, folder, with_flips=True, progress=progress)


@with_status
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m scarnet_training.experiments.cross_validate", description=__doc__)
    parser.add_argument("recipe", help="a recipe's file, or the name of one that comes with the package")
    parser.add_argument("--out", type=Path, default=Path("runs/cross-validation"), help="folder for all runs")
    words = "the patients, in place of those that the recipe names"
    parser.add_argument("--dataset", type=Path, help=words)
    parser.add_argument("--fold", type=int, action="append", choices=range(FOLDS), help="one fold, may be repeated")
    words = "train on everybody, and on no fold but those asked for"
    parser.add_argument("--all-patients", action="store_true", help=words)
    args = parser.parse_args(argv)
    recipe = load_recipe(find_recipe(args.recipe))
    if args.dataset is not None:
        recipe = replace(recipe, data=replace(recipe.data, datasets=(str(args.dataset),)))
    cross_validate(recipe, args.out, args.fold or (() if args.all_patients else range(FOLDS)))
    if args.all_patients:
        print(train_fold(fold_recipe(recipe, None), args.out / recipe.model.name / "all"))
    if folds := predicted_folds(args.out, recipe.model.name, FOLDS):
        _print_table(args.out, recipe.model.name, folds, recipe.data.datasets)


if __name__ == "__main__":
    raise SystemExit(main())

"""``python -m scarnet_training.experiments.ablation``: cross-validate variants of a small recipe.

Every variant has the same folds by patient. What is finished is kept, so that the command can be stopped and given
again; ``--fold`` runs some folds only, for several machines.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from scarnet.progress import Progress, silent
from scarnet_training.experiments.command_line import with_status
from scarnet_training.experiments.crossval import FOLDS, check_fold, fold_folder, train_fold
from scarnet_training.experiments.out_of_fold import predict_fold
from scarnet_training.experiments.variants import (
    FLIPPED,
    IN_TABLE,
    VARIANTS,
    pretraining_folder,
    pretraining_recipe,
    variant_recipe,
)

__all__ = ["main", "run_variants"]


def run_variants(
    out: Path, variants: Sequence[str], folds: Sequence[int], epochs_factor: float, progress: Progress = silent
) -> None:
    """Train folds of variants and predict the patients each has not seen.

    Variants that go on from :data:`~scarnet_training.experiments.variants.BASE` need its folds first.

    Parameters
    ----------
    out : Path
        Folder with a folder a variant.
    variants : sequence of str
        Among :data:`scarnet_training.experiments.variants.VARIANTS`.
    folds : sequence of int
        Which folds.
    epochs_factor : float
        Factor on the number of epochs, the localiser's left out.
    progress : Progress
        Called between steps.

    Raises
    ------
    ScarNetError
        A fold of whatever variant was begun with another recipe: it would stand in one table with these.
    """
    _check_kept(out, epochs_factor)
    for variant in variants:
        if variant == "phantoms":
            train_fold(pretraining_recipe(epochs_factor), pretraining_folder(out), progress)
        for fold in folds:
            recipe = variant_recipe(variant, fold, out, epochs_factor)
            folder = fold_folder(out, variant, fold)
            train_fold(recipe, folder, progress)
            predict_fold(recipe, folder, variant in FLIPPED, progress)


def _check_kept(out: Path, epochs_factor: float) -> None:
    """Check all that is kept, which one table is made of, before hours are spent on more."""
    for variant in VARIANTS:
        for fold in range(FOLDS):
            recipe = variant_recipe(variant, fold, out, epochs_factor)
            # Where the model it starts from is to be trained again, it is looked at when its turn comes.
            if not recipe.start.model or Path(recipe.start.model).is_file():
                check_fold(recipe, fold_folder(out, variant, fold))


@with_status
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m scarnet_training.experiments.ablation", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"), help="folder for all runs")
    words = f"comma-separated, of {', '.join(VARIANTS)} (default: those in docs/ablation.md, all but context)"
    parser.add_argument("--variants", default=",".join(IN_TABLE), help=words)
    parser.add_argument("--fold", type=int, action="append", help="one fold, may be repeated (default: all five)")
    words = "factor on the number of epochs, the localiser's left out"
    parser.add_argument("--epochs-factor", type=float, default=1.0, help=words)
    args = parser.parse_args(argv)
    folds = args.fold if args.fold is not None else range(5)
    run_variants(args.out, args.variants.split(","), list(folds), args.epochs_factor)


if __name__ == "__main__":
    raise SystemExit(main())

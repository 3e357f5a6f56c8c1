"""``python -m scarnet_training.experiments.learning_curve``: how many local patients a fine-tuning needs.

A model that has seen no patient (phantoms only) is fine-tuned on 0, 5, 10, 20 and 40 patients, and a network is trained
from scratch on the same patients for as many steps; both are measured on the patients of a held-out fold. What is
finished is kept, so that the command can be stopped and given again.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from scarnet.models import load_model
from scarnet_training.cohort import load_cohort
from scarnet_training.experiments.command_line import add_output, with_status, write_or_print
from scarnet_training.experiments.crossval import train_fold
from scarnet_training.finetune import finetune_recipe
from scarnet_training.parts import PARTS
from scarnet_training.recipe import Recipe
from scarnet_training.validation import validate_model

__all__ = ["SIZES", "curve_recipe", "main"]

SIZES = (0, 5, 10, 20, 40)
STARTS = ("phantoms", "scratch")
ENCODER = "../shared/data/weights/lite_medsam.pth"


def curve_recipe(dataset: str, model: str, start: str, patients: int, epochs_factor: float) -> Recipe:
    """Give the recipe of one point of the curve.

    Parameters
    ----------
    dataset : str
        The patients; fold 0 of five is measured on.
    model : str
        The model that has seen no patient.
    start : {"phantoms", "scratch"}
        Fine-tune it, or train its network from scratch.
    patients : int
        How many to train on; a larger number includes the patients of every smaller one.
    epochs_factor : float
        Factor on the number of epochs of the shipped recipe ``finetune``.

    Returns
    -------
    Recipe
        The recipe.
    """
    # A model that has seen no patient has further to go than one that a fine-tuning usually starts from.
    recipe = finetune_recipe([dataset], model, name=f"{start}-{patients}", learning_rate=5e-4)
    training = recipe.training
    epochs = max(1, round(epochs_factor * training.epochs))
    recipe = replace(
        recipe,
        data=replace(recipe.data, folds=5, fold=0, patients=patients),
        training=replace(training, epochs=epochs, validate_every=0, keep="last"),
    )
    if start == "phantoms":
        return recipe
    # A new network needs the larger steps that it is usually given, and its own statistics.
    return replace(
        recipe,
        start=replace(recipe.start, model="", hold_norms=False),
        network=load_model(model).card.config,
        training=replace(recipe.training, encoder_weights=ENCODER, learning_rate=1e-3),
    )


@with_status
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m scarnet_training.experiments.learning_curve", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/learning-curve"), help="folder for all runs")
    parser.add_argument("--dataset", default="../shared/data/emidec", help="the patients")
    parser.add_argument("--model", default="runs/phantom/model.safetensors", help="the model that has seen no patient")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="numbers of patients")
    parser.add_argument("--starts", default=",".join(STARTS), help="which of phantoms and scratch")
    parser.add_argument("--parts", choices=PARTS, help="what trains in a fine-tuning (default: as the recipe says)")
    parser.add_argument("--free-norms", action="store_true", help="let a fine-tuning change normalisation statistics")
    parser.add_argument("--epochs-factor", type=float, default=1.0, help="factor on the number of epochs")
    add_output(parser)
    args = parser.parse_args(argv)
    header = "| patients | start | whole myocardium | blood pool | scar | bias (points) |\n" + "| --- " * 6 + "|\n"
    write_or_print(header + "".join(_run(args)), args.output)


def _run(args: argparse.Namespace) -> list[str]:
    rows = []
    for patients in (int(size) for size in args.sizes.split(",")):
        for start in args.starts.split(",") if patients else STARTS[:1]:
            recipe = curve_recipe(args.dataset, args.model, start, max(patients, 1), args.epochs_factor)
            if start == "phantoms":
                parts = args.parts or recipe.start.parts
                held = recipe.start.hold_norms and not args.free_norms
                recipe = replace(recipe, start=replace(recipe.start, parts=parts, hold_norms=held))
            if patients:
                card = load_model(train_fold(recipe, args.out / f"{start}-{patients}")).card
                summary = card.validation["summary"]
            else:
                validation = load_cohort(recipe).validation
                summary = validate_model(load_model(args.model), validation)["summary"]
            keys = [f"dice_{name}" for name in ("myocardium", "blood_pool", "scar")]
            dice = [f"{summary[key]['mean']:.3f}" if key in summary else "–" for key in keys]
            cells = [str(patients), start, *dice, f"{summary['scar_percent_bias']:+.1f}"]
            rows.append(f"| {' | '.join(cells)} |\n")
    return rows


if __name__ == "__main__":
    raise SystemExit(main())

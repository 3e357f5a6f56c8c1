"""``python -m scarnet_training.experiments.ship``: make the built-in model of one trained on all patients.

Its figures are those of the cross-validation by the same recipe: every patient by a model that had not seen it. How
readily scar is called is chosen on these, too.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from scarnet.errors import ScarNetError
from scarnet.models.card import ModelCard
from scarnet.models.store import read_card, read_model, save_model
from scarnet.project.stored import read_json, write_json
from scarnet_training.data import load_dataset
from scarnet_training.differences import changed_settings
from scarnet_training.experiments.command_line import with_status
from scarnet_training.experiments.crossval import FOLDS, fold_folder
from scarnet_training.experiments.out_of_fold import output_used
from scarnet_training.experiments.scoring import Pooled, pooled_logits, predicted_folds
from scarnet_training.jobs.truth import MODEL
from scarnet_training.operating_point import OperatingPoint, choose_point, measure_choices
from scarnet_training.run_folder import LAYOUT
from scarnet_training.validation import compare_labels, summarise

__all__ = ["cross_validated_figures", "main"]

_SECTIONS = ("network", "training", "loss", "augmentation")


def cross_validated_figures(pooled: Pooled, point: OperatingPoint) -> dict[str, Any]:
    """Measure every patient by the model that had not seen it, at the chosen operating point.

    Parameters
    ----------
    pooled : list of (fold, LabelledCase, ndarray of shape (C, Z, Y, X))
        All folds' patients.
    point : OperatingPoint
        The choice.

    Returns
    -------
    dict
        ``summary`` and ``patients``, as they stand in a card.
    """
    patients = {}
    for _, case, logits in pooled:
        figures = compare_labels(case.labels, point.labels(logits, case.stack.voxel_ml))
        patients[case.stack.case] = {k: None if v is None else round(v, 4) for k, v in figures.items()}
    summary = {**summarise(patients), "folds": len({fold for fold, _, _ in pooled}), "operating_point": point.to_dict()}
    return {"summary": summary, "patients": patients}


def _measure(card: ModelCard, runs: Path, dataset: Path) -> dict[str, Any]:
    """Choose the operating point on all folds, and measure with it."""
    folds = predicted_folds(runs, card.name, FOLDS)
    if len(folds) < FOLDS:
        raise ScarNetError(f"{runs / card.name} has {len(folds)} of {FOLDS} folds; run the others first.")
    for fold in folds:
        _check_recipe(card, fold_folder(runs, card.name, fold))
    cases = {case.stack.case: case for case in load_dataset(dataset)}
    pooled = pooled_logits(runs, [card.name], output_used(card), folds, cases)
    if not pooled:
        raise ScarNetError(f"{runs / card.name} was not predicted with test-time flips; let cross_validate do it.")
    point = choose_point(measure_choices((case, logits) for _, case, logits in pooled))
    return cross_validated_figures(pooled, point)


def _of_recipe(card: ModelCard) -> dict[str, Any]:
    """Give what of a recipe makes the model, but for the patients; as JSON has it."""
    kept: dict[str, Any] = json.loads(json.dumps({section: card.recipe[section] for section in _SECTIONS}))
    return kept


def _check_recipe(card: ModelCard, folder: Path) -> None:
    """Refuse a fold that was trained by another recipe than the model."""
    own, trained = _of_recipe(card), _of_recipe(read_card(folder / MODEL))
    # How the work was laid out makes no other model.
    for name in LAYOUT:
        trained["training"][name] = own["training"][name]
    if told := changed_settings(trained, own):
        raise ScarNetError(
            f"{folder} was trained by another recipe than {card.name}: {'; '.join(told)}; cross-validate the model's "
            "recipe with another --out and name that as --runs."
        )


def _read_figures(path: Path, card: ModelCard) -> dict[str, Any]:
    """Read figures that were written before, which must be of the model's own recipe."""
    stored = read_json(path)
    try:
        recipe, figures = stored["recipe"], stored["figures"]
        OperatingPoint(**figures["summary"]["operating_point"])
    except (KeyError, TypeError) as error:
        raise ScarNetError(f"{path} holds no figures of a cross-validation.") from error
    own = _of_recipe(card)
    if others := [section for section in _SECTIONS if recipe.get(section) != own[section]]:
        raise ScarNetError(
            f"The figures in {path} are of another recipe than {card.name}'s: {', '.join(others)} differ."
        )
    kept: dict[str, Any] = figures
    return kept


@with_status
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m scarnet_training.experiments.ship", description=__doc__)
    parser.add_argument("model", type=Path, help="the model trained on all patients")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the file to ship")
    runs = Path("runs/cross-validation")
    parser.add_argument("--runs", type=Path, default=runs, help="the cross-validation's folder")
    parser.add_argument("--figures", type=Path, help="figures that this command wrote beside the folds, in their place")
    parser.add_argument("--dataset", type=Path, default=Path("../shared/data/emidec"), help="the patients")
    args = parser.parse_args(argv)
    model = read_model(args.model)
    card = model.card
    if args.figures is not None:
        figures = _read_figures(args.figures, card)
    else:
        figures = _measure(card, args.runs, args.dataset)
        write_json(args.runs / card.name / "figures.json", {"recipe": _of_recipe(card), "figures": figures})
    point = OperatingPoint(**figures["summary"]["operating_point"])
    point.correction.apply(model.network)
    told = (
        f"Its figures are those of {FOLDS} models of the same recipe, cross-validated over {len(figures['patients'])} "
        f"patients, each measured on patients it had not seen; this one was trained on {len(card.training_cases)}."
    )
    card = replace(card, data=(*card.data, told), validation=figures, smallest_scar_ml=point.smallest_scar_ml)
    save_model(args.output, model.network, card, half=True)


if __name__ == "__main__":
    raise SystemExit(main())

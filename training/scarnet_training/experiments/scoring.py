"""Scoring out-of-fold predictions: one row of the ablation's table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.evaluate import evaluate_case, summarise
from scarnet.evaluate.case import CaseResult
from scarnet.predict.labels import postprocess_labels
from scarnet_training.experiments.crossval import fold_folder
from scarnet_training.experiments.out_of_fold import FILE, read_predictions
from scarnet_training.labelled_case import LabelledCase
from scarnet_training.operating_point import OperatingPoint, choose_point, measure_choices

__all__ = ["Score", "pooled_logits", "predicted_folds", "score"]

Pooled = list[tuple[int, LabelledCase, npt.NDArray[np.float32]]]


@dataclass(frozen=True, eq=False)
class Score:
    """What a row says.

    Attributes
    ----------
    folds : int
        Folds it rests on.
    by_fold : dict of str to dict of int to float
        Fold to the mean over its patients of ``myocardium``, ``blood_pool`` and ``scar`` Dice.
    summary : dict
        Of all patients together, as :func:`scarnet.evaluate.summarise` gives it.
    point : OperatingPoint or None
        How readily scar would be called, chosen on all of these patients; None where two with scar are lacking.
    """

    folds: int
    by_fold: dict[str, dict[int, float]]
    summary: dict[str, Any]
    point: OperatingPoint | None


def predicted_folds(out: Path, variant: str, folds: int) -> list[int]:
    """List the folds of a variant whose held-out patients were predicted."""
    return [fold for fold in range(folds) if (fold_folder(out, variant, fold) / FILE).is_file()]


def pooled_logits(
    out: Path, variants: Sequence[str], output: str, folds: Sequence[int], cases: Mapping[str, LabelledCase]
) -> Pooled:
    """Give the logits of all held-out patients; several variants are an ensemble, whose logits are averaged.

    Parameters
    ----------
    out : Path
        The ablation's folder.
    variants : sequence of str
        One, or several to average: each patient by the models that have not seen it.
    output : str
        Among :data:`scarnet_training.experiments.out_of_fold.OUTPUTS`.
    folds : sequence of int
        Which folds.
    cases : Mapping of str to LabelledCase
        The patients by name.

    Returns
    -------
    list of (fold, LabelledCase, ndarray of shape (C, Z, Y, X))
        One a patient; none where a variant's network has no such output.
    """
    pooled: Pooled = []
    for fold in folds:
        members = [list(read_predictions(fold_folder(out, name, fold), dict(cases))) for name in variants]
        for patient in zip(*members, strict=True):
            if any(output not in member.inside for member in patient):
                return []
            logits = np.mean([member.logits(output) for member in patient], axis=0)
            pooled.append((fold, patient[0].case, logits))
    return pooled


def score(pooled: Pooled, with_point: bool = True) -> Score:
    """Score pooled predictions.

    Parameters
    ----------
    pooled : list of (fold, LabelledCase, ndarray)
        From :func:`pooled_logits`; at least one patient.
    with_point : bool
        Choose the operating point too, which takes most of the time.

    Returns
    -------
    Score
        The likeliest class of each voxel, cleaned, against the reference.
    """
    results: list[tuple[int, CaseResult]] = []
    for fold, case, logits in pooled:
        labels = postprocess_labels(logits.argmax(axis=0).astype(np.uint8))
        spacing = case.stack.spacing_mm
        results.append((fold, evaluate_case(case.labels, labels, spacing, case.stack.case, distances=False)))
    folds = sorted({fold for fold, _ in results})
    by_fold = {
        name: {
            fold: float(
                np.mean([r.classes[name].dice for f, r in results if f == fold and r.classes[name].dice is not None])
            )
            for fold in folds
        }
        for name in ("myocardium", "blood_pool", "scar")
    }
    enough = sum(result.has_scar for _, result in results) >= 2
    point = (
        choose_point(measure_choices((case, logits) for _, case, logits in pooled)) if with_point and enough else None
    )
    return Score(len(folds), by_fold, summarise([result for _, result in results]), point)

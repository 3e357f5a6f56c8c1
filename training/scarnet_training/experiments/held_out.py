"""``python -m scarnet_training.experiments.held_out``: how a model fails, patient by patient, and how far to trust it.

Prints the patients from worst to best and the calibration of the scar probability, as Markdown for the model card, and
draws the worst patients, the network's contours beside the reference's. The pictures show patients: they stay with the
data and do not belong into a repository. A model of all patients has figures of its cross-validation, which ``--runs``
names.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from scarnet.classes import CLASS_COLOURS, TissueClass
from scarnet.errors import ScarNetError
from scarnet.files import make_folder
from scarnet.models import ModelCard, load_model
from scarnet.models.store import Model
from scarnet.predict.predictor import Predictor
from scarnet_training.data import load_dataset
from scarnet_training.experiments.command_line import with_status
from scarnet_training.experiments.crossval import FOLDS, fold_folder
from scarnet_training.experiments.out_of_fold import output_used, read_predictions
from scarnet_training.labelled_case import LabelledCase
from scarnet_training.operating_point import OperatingPoint
from scarnet_training.validation import compare_labels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Reliability", "draw_case", "held_out_patients", "main", "reliability"]

BINS = 10


@dataclass(frozen=True, eq=False)
class Reliability:
    """How often what was called scar with a probability is scar.

    Attributes
    ----------
    count : ndarray of int, shape (BINS,)
        Voxels by their scar probability, in bins of equal width.
    probability, frequency : ndarray, shape (BINS,)
        Mean probability, and share that is scar in the reference; NaN in an empty bin.
    """

    count: npt.NDArray[np.int64]
    probability: npt.NDArray[np.float64]
    frequency: npt.NDArray[np.float64]

    @property
    def expected_error(self) -> float:
        """Expected calibration error: |frequency − probability|, averaged over voxels (Naeini et al., AAAI 2015)."""
        gaps = np.abs(self.frequency - self.probability)
        return float(np.nansum(gaps * self.count) / max(int(self.count.sum()), 1))


def reliability(probabilities: Sequence[npt.NDArray[Any]], truths: Sequence[npt.NDArray[Any]]) -> Reliability:
    """Measure the calibration of the scar probability within the reference wall.

    Parameters
    ----------
    probabilities : sequence of ndarray
        Scar probability of each patient's voxels of the wall, any shape.
    truths : sequence of ndarray of bool
        Whether each is scar, in the same shapes.

    Returns
    -------
    Reliability
        Over all voxels.
    """
    p = np.concatenate([values.ravel() for values in probabilities]).astype(np.float64)
    scar = np.concatenate([values.ravel() for values in truths]).astype(np.float64)
    index = np.minimum((p * BINS).astype(int), BINS - 1)
    count = np.bincount(index, minlength=BINS)
    with np.errstate(invalid="ignore"):
        return Reliability(
            count, np.bincount(index, p, minlength=BINS) / count, np.bincount(index, scar, minlength=BINS) / count
        )


def draw_case(case: LabelledCase, labels: npt.NDArray[np.uint8], window: tuple[int, int, int, int]) -> "Figure":
    """Draw all slices of a patient with the reference's contours above the network's.

    Parameters
    ----------
    case : LabelledCase
        The patient.
    labels : ndarray of uint8, shape (Z, Y, X)
        What the network says.
    window : tuple of int
        The part of each slice to show, (y0, y1, x0, x1).

    Returns
    -------
    Figure
        Two rows, a column a slice.
    """
    from matplotlib.figure import Figure

    y0, y1, x0, x1 = window
    depth = case.stack.shape[0]
    figure = Figure(figsize=(1.6 * depth, 3.6), layout="compressed")
    axes = figure.subplots(2, depth, squeeze=False)
    aspect = case.stack.spacing_mm[1] / case.stack.spacing_mm[2]
    for row, (whose, drawn) in enumerate((("reference", case.labels), ("network", labels))):
        for z in range(depth):
            panel = axes[row, z]
            panel.imshow(case.stack.pixels[z, y0:y1, x0:x1], cmap="gray", aspect=aspect)
            for tissue, colour in CLASS_COLOURS.items():
                mask = drawn[z, y0:y1, x0:x1] == tissue
                if tissue != TissueClass.BACKGROUND and mask.any():
                    panel.contour(mask, levels=[0.5], colors=[colour], linewidths=0.9)
            panel.set_xticks([])
            panel.set_yticks([])
            if not row:
                panel.set_title(f"slice {z}", fontsize=8)
        axes[row, 0].set_ylabel(whose, fontsize=8)
    return figure


def held_out_patients(card: ModelCard) -> list[str]:
    """List the patients that the model itself has not seen.

    Parameters
    ----------
    card : ModelCard
        Its card.

    Returns
    -------
    list of str
        Names of cases.

    Raises
    ------
    ScarNetError
        Its figures are cross-validated: it was then trained on all patients.
    """
    if "folds" in card.validation.get("summary", {}):
        raise ScarNetError(f"{card.name} was trained on all patients; give --runs, with its cross-validation.")
    return sorted(card.validation.get("patients", {}))


@dataclass(frozen=True, eq=False)
class _Found:
    """What a model that has not seen a patient says of them: labels, scar probability (Z, Y, X), figures."""

    case: LabelledCase
    labels: npt.NDArray[np.uint8]
    scar_probability: npt.NDArray[np.float32]
    window: tuple[int, int, int, int]
    figures: dict[str, Any]


def _predicted(model: Model, cases: Sequence[LabelledCase]) -> Iterator[_Found]:
    """Predict the patients that the model itself has not seen."""
    names = set(held_out_patients(model.card))
    predictor = Predictor(model)
    for case in cases:
        if case.stack.case in names:
            said = predictor.predict(case.stack)
            figures = compare_labels(case.labels, said.labels)
            yield _Found(case, said.labels, said.probabilities[TissueClass.SCAR], said.window, figures)


def _out_of_fold(card: ModelCard, runs: Path, cases: Sequence[LabelledCase]) -> Iterator[_Found]:
    """Read what the folds' models say, at the operating point that was chosen on all of them."""
    summary = card.validation.get("summary", {})
    if "folds" not in summary:
        raise ScarNetError(f"The figures of {card.name} are not cross-validated; leave --runs out.")
    point, named = OperatingPoint(**summary["operating_point"]), {case.stack.case: case for case in cases}
    for fold in range(FOLDS):
        for patient in read_predictions(fold_folder(runs, card.name, fold), named):
            logits = patient.logits(output_used(card))
            labels = point.labels(logits, patient.case.stack.voxel_ml)
            probability = softmax(point.logits(logits), axis=0)[TissueClass.SCAR]
            figures = compare_labels(patient.case.labels, labels)
            yield _Found(patient.case, labels, probability, patient.window, figures)


def _badness(figures: dict[str, Any]) -> float:
    """Sort by scar Dice; without reference scar by how little is claimed."""
    if figures["dice_scar"] is not None:
        return float(figures["dice_scar"])
    return 1.0 - figures["scar_percent_predicted"] / 100


def _markdown(found: Sequence[_Found], calibration: Reliability) -> str:
    lines = ["| patient | whole myocardium | blood pool | scar | reference % | network % |", "| --- " * 6 + "|"]
    for one in found:
        f = one.figures
        dices = (f["dice_myocardium"], f["dice_blood_pool"], f["dice_scar"])
        shown = " | ".join("none" if dice is None else f"{dice:.2f}" for dice in dices)
        amounts = f"{f['scar_percent_reference']:.1f} | {f['scar_percent_predicted']:.1f}"
        lines.append(f"| {one.case.stack.case} | {shown} | {amounts} |")
    lines += ["", "| scar probability | voxels of the wall | of which scar |", "| --- " * 3 + "|"]
    for index, (count, frequency) in enumerate(zip(calibration.count, calibration.frequency, strict=True)):
        share = "–" if count == 0 else f"{100 * frequency:.0f} %"
        lines.append(f"| {index / BINS:.1f}–{(index + 1) / BINS:.1f} | {count} | {share} |")
    lines += ["", f"Expected calibration error within the wall: {calibration.expected_error:.3f}."]
    return "\n".join(lines) + "\n"


@with_status
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m scarnet_training.experiments.held_out", description=__doc__)
    parser.add_argument("--model", default="scarnet-lite", help="the model")
    parser.add_argument("--runs", type=Path, help="the folder of its cross-validation, for a model of all patients")
    parser.add_argument("--dataset", type=Path, default=Path("../shared/data/emidec"), help="the patients")
    parser.add_argument("--pictures", type=Path, help="a folder outside the repository for pictures of the worst")
    parser.add_argument("--worst", type=int, default=4, help="how many patients to draw")
    args = parser.parse_args(argv)
    model, cases = load_model(args.model), load_dataset(args.dataset)
    said = _predicted(model, cases) if args.runs is None else _out_of_fold(model.card, args.runs, cases)
    found = sorted(said, key=lambda one: _badness(one.figures))
    if not found:
        raise ScarNetError(f"None of the patients that {args.model} was validated on is in {args.dataset}.")
    walls = [np.isin(one.case.labels, (TissueClass.MYOCARDIUM, TissueClass.SCAR)) for one in found]
    calibration = reliability(
        [one.scar_probability[wall] for one, wall in zip(found, walls, strict=True)],
        [(one.case.labels == TissueClass.SCAR)[wall] for one, wall in zip(found, walls, strict=True)],
    )
    print(_markdown(found, calibration), end="")
    if args.pictures is not None:
        folder = make_folder(args.pictures)
        for one in found[: args.worst]:
            picture = draw_case(one.case, one.labels, one.window)
            picture.savefig(folder / f"{one.case.stack.case}.png", dpi=150)


if __name__ == "__main__":
    raise SystemExit(main())

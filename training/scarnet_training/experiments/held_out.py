"""``python -m scarnet_training.experiments.held_out``: how a model fails, patient by patient, and how far to trust it.

Prints the patients from worst to best and the calibration of the scar probability, as Markdown for the model card, and
draws the worst patients, the network's contours beside the reference's. The pictures show patients: they stay with the
data and do not belong into a repository.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from scarnet.classes import CLASS_COLOURS, TissueClass
from scarnet.errors import ScarNetError
from scarnet.files import make_folder
from scarnet.models import ModelCard, load_model
from scarnet.predict import Prediction
from scarnet.predict.predictor import Predictor
from scarnet_training.data import load_dataset
from scarnet_training.experiments.command_line import with_status
from scarnet_training.labelled_case import LabelledCase
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
        raise ScarNetError(f"{card.name} was trained on all patients; look at the folds' models instead.")
    return sorted(card.validation.get("patients", {}))


def _predicted(args: argparse.Namespace) -> list[tuple[LabelledCase, Prediction, dict[str, Any]]]:
    model = load_model(args.model)
    names = set(held_out_patients(model.card))
    cases = [case for case in load_dataset(args.dataset) if case.stack.case in names]
    if not cases:
        raise ScarNetError(f"None of the patients that {args.model} was validated on is in {args.dataset}.")
    predictor = Predictor(model)
    found = []
    for case in cases:
        prediction = predictor.predict(case.stack)
        found.append((case, prediction, compare_labels(case.labels, prediction.labels)))
    return sorted(found, key=lambda one: _badness(one[2]))


def _badness(figures: dict[str, Any]) -> float:
    """Sort by scar Dice; without reference scar by how little is claimed."""
    if figures["dice_scar"] is not None:
        return float(figures["dice_scar"])
    return 1.0 - figures["scar_percent_predicted"] / 100


def _markdown(found: list[tuple[LabelledCase, Prediction, dict[str, Any]]], calibration: Reliability) -> str:
    lines = ["| patient | whole myocardium | blood pool | scar | reference % | network % |", "| --- " * 6 + "|"]
    for case, _, f in found:
        scar = "none" if f["dice_scar"] is None else f"{f['dice_scar']:.2f}"
        amounts = f"{f['scar_percent_reference']:.1f} | {f['scar_percent_predicted']:.1f}"
        lines.append(
            f"| {case.stack.case} | {f['dice_myocardium']:.2f} | {f['dice_blood_pool']:.2f} | {scar} | {amounts} |"
        )
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
    parser.add_argument("--dataset", type=Path, default=Path("../shared/data/emidec"), help="the patients")
    parser.add_argument("--pictures", type=Path, help="a folder outside the repository for pictures of the worst")
    parser.add_argument("--worst", type=int, default=4, help="how many patients to draw")
    args = parser.parse_args(argv)
    found = _predicted(args)
    wall = [np.isin(case.labels, (TissueClass.MYOCARDIUM, TissueClass.SCAR)) for case, _, _ in found]
    calibration = reliability(
        [p.probabilities[TissueClass.SCAR][mask] for (_, p, _), mask in zip(found, wall, strict=True)],
        [(case.labels == TissueClass.SCAR)[mask] for (case, _, _), mask in zip(found, wall, strict=True)],
    )
    print(_markdown(found, calibration), end="")
    if args.pictures is not None:
        folder = make_folder(args.pictures)
        for case, prediction, _ in found[: args.worst]:
            draw_case(case, prediction.labels, prediction.window).savefig(folder / f"{case.stack.case}.png", dpi=150)


if __name__ == "__main__":
    raise SystemExit(main())

"""``python -m scarnet_training.experiments.thresholds``: threshold methods in the reference wall against its infarct.

Prints a Markdown table for ``docs/measures.md`` and draws the patients in which FWHM agrees best and worst with the
reference. The pictures show patients: they stay with the data and do not belong into a repository.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from scarnet.classes import CLASS_COLOURS, TissueClass
from scarnet.evaluate.agreement import agreement
from scarnet.evaluate.overlap import dice
from scarnet.files import make_folder
from scarnet.measure import MeasureSettings, measure_study, wall_mask
from scarnet_training.data import load_dataset
from scarnet_training.experiments.command_line import with_status
from scarnet_training.labelled_case import LabelledCase

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["METHODS", "Marked", "draw_methods", "mark_scar", "table"]

METHODS = {
    "fwhm": "FWHM, from the remote mean",
    "fwhm_zero": "FWHM, from zero",
    **{f"sd{n}": f"{n} SD" for n in (2, 3, 4, 5, 6)},
    "otsu": "Otsu",
    "gmm": "two Gaussians",
}
"""The methods in the table's order."""

_DRAWN = ("fwhm", "sd2", "sd5", "otsu")
_MARGIN = 6


@dataclass(frozen=True, eq=False)
class Marked:
    """A patient and what each method calls scar in the reference wall.

    Attributes
    ----------
    case : LabelledCase
        The patient.
    masks : dict of str to ndarray of bool, shape (Z, Y, X)
        By method, :data:`METHODS`.
    percents : dict of str to float
        Scar in percent of the reference wall, by method; the reference's own is ``reference``.
    dices : dict of str to (float or None)
        3D Dice with the reference infarct; None in a patient without.
    """

    case: LabelledCase
    masks: dict[str, npt.NDArray[np.bool_]]
    percents: dict[str, float]
    dices: dict[str, float | None]


def mark_scar(case: LabelledCase) -> Marked:
    """Apply every method to a patient, as ``scarnet measure`` does without options.

    Parameters
    ----------
    case : LabelledCase
        The patient; must have a wall.

    Returns
    -------
    Marked
        Masks, percentages and Dice.
    """
    masks = {name: one.mask for name, one in measure_study(case.labels, case.stack).thresholds.items()}
    from_zero = measure_study(case.labels, case.stack, MeasureSettings(fwhm_baseline="zero"))
    masks["fwhm_zero"] = from_zero.thresholds["fwhm"].mask
    scar, wall = case.labels == TissueClass.SCAR, int(np.count_nonzero(wall_mask(case.labels)))
    percents = {name: 100.0 * int(np.count_nonzero(mask)) / wall for name, mask in {**masks, "reference": scar}.items()}
    dices = {name: dice(scar, mask) if case.has_scar else None for name, mask in masks.items()}
    return Marked(case, masks, percents, dices)


def table(marked: Sequence[Marked]) -> str:
    """Compare the methods with the reference.

    Parameters
    ----------
    marked : sequence of Marked
        The patients.

    Returns
    -------
    str
        A Markdown table: over patients with infarct the mean Dice, bias and limits of agreement of the scar percentage,
        and R²; over the others the mean percentage that is marked all the same.
    """
    with_scar = [one for one in marked if one.case.has_scar]
    without = [one for one in marked if not one.case.has_scar]
    reference = [one.percents["reference"] for one in with_scar]
    lines = [
        f"| method | Dice (n {len(with_scar)}) | bias, points of the wall | limits | R² | marked without infarct, % "
        f"(n {len(without)}) |",
        "| --- " * 6 + "|",
    ]
    for name, title in METHODS.items():
        found = agreement(reference, [one.percents[name] for one in with_scar])
        overlaps = [value for one in with_scar if (value := one.dices[name]) is not None]
        mean = f"{np.mean(overlaps):.2f}" if overlaps else "–"
        limits = "–" if found["loa"] is None else f"{found['loa'][0]:+.1f} to {found['loa'][1]:+.1f}"
        marked_none = f"{np.mean([one.percents[name] for one in without]):.1f}" if without else "–"
        cells = (title, mean, _number(found["bias"], "+.1f"), limits, _number(found["r2"], ".2f"), marked_none)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def draw_methods(one: Marked) -> "Figure":
    """Draw a patient's slices with the reference and with some methods' scar.

    Parameters
    ----------
    one : Marked
        The patient.

    Returns
    -------
    Figure
        A row for the reference and for FWHM, 2 SD, 5 SD and Otsu, a column a slice with wall; the wall's borders in
        blue and pink, scar in yellow.
    """
    from matplotlib.figure import Figure

    labels, pixels = one.case.labels, one.case.stack.pixels
    slices = np.flatnonzero((labels > 0).any(axis=(1, 2)))
    rows, columns = np.flatnonzero((labels > 0).any(axis=(0, 2))), np.flatnonzero((labels > 0).any(axis=(0, 1)))
    cut = np.s_[
        max(rows[0] - _MARGIN, 0) : rows[-1] + _MARGIN + 1, max(columns[0] - _MARGIN, 0) : columns[-1] + _MARGIN + 1
    ]
    drawn = {"reference": labels == TissueClass.SCAR} | {
        METHODS[name].split(",")[0]: one.masks[name] for name in _DRAWN
    }
    figure = Figure(figsize=(1.5 * len(slices) + 0.3, 1.5 * len(drawn) + 0.2), layout="compressed")
    panels = figure.subplots(len(drawn), len(slices), squeeze=False)
    aspect = one.case.stack.spacing_mm[1] / one.case.stack.spacing_mm[2]
    for row, (title, mask) in enumerate(drawn.items()):
        for column, z in enumerate(slices):
            panel = panels[row, column]
            panel.imshow(pixels[z][cut], cmap="gray", aspect=aspect)
            for shape, colour in (
                (labels[z] > 0, CLASS_COLOURS[TissueClass.MYOCARDIUM]),
                (labels[z] == TissueClass.BLOOD_POOL, CLASS_COLOURS[TissueClass.BLOOD_POOL]),
                (mask[z], CLASS_COLOURS[TissueClass.SCAR]),
            ):
                if shape[cut].any() and not shape[cut].all():
                    panel.contour(shape[cut], levels=[0.5], colors=[colour], linewidths=0.9)
            panel.set_xticks([])
            panel.set_yticks([])
        panels[row, 0].set_ylabel(title, fontsize=8)
    return figure


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


@with_status
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m scarnet_training.experiments.thresholds", description=__doc__)
    parser.add_argument("--dataset", type=Path, default=Path("../shared/data/emidec"), help="the patients")
    parser.add_argument("--pictures", type=Path, help="a folder outside the repository for pictures of patients")
    parser.add_argument("--each", type=int, default=3, help="how many to draw of the best, and of the worst")
    args = parser.parse_args(argv)
    marked = [mark_scar(case) for case in load_dataset(args.dataset) if wall_mask(case.labels).any()]
    print(table(marked), end="")
    if args.pictures is not None:
        folder = make_folder(args.pictures)
        ranked = sorted((m for m in marked if m.case.has_scar), key=lambda m: m.dices["fwhm"] or 0.0)
        for what, chosen in (("disagreement", ranked[: args.each]), ("agreement", ranked[-args.each :])):
            for one in chosen:
                draw_methods(one).savefig(folder / f"{what}_{one.case.stack.case}.png", dpi=150)


if __name__ == "__main__":
    raise SystemExit(main())

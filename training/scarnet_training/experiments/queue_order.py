"""``python -m scarnet_training.experiments.queue_order``: whether the queue puts first what the network gets wrong.

Reads what ``scarnet_training.experiments.loop`` left: the first predictions of its project, whose uncertainties are
held against how wrong they are, and how many accepted cases each order of the queue needs to reach a Dice. Trains
nothing.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scarnet.errors import ScarNetError
from scarnet.project import ORDERS, Project
from scarnet_training.data import load_dataset
from scarnet_training.experiments.command_line import add_output, with_status, write_or_print
from scarnet_training.experiments.loop_report import cases_to_reach
from scarnet_training.labelled_case import LabelledCase
from scarnet_training.project.simulated import voxels_to_change
from scarnet_training.validation import compare_labels

__all__ = ["main", "rank_correlations", "reached_table"]

_MEASURES = ("uncertainty", "entropy", "disagreement")
_ERRORS = ("1 − Dice of the whole myocardium", "1 − Dice of scar", "voxels to change")


def rank_correlations(project: Project, cases: Sequence[LabelledCase]) -> str:
    """Hold each measure of uncertainty against the errors of the predictions.

    Parameters
    ----------
    project : Project
        Its cases are predicted.
    cases : sequence of LabelledCase
        The same cases with their reference labels, and maybe others.

    Returns
    -------
    str
        A Markdown table of Spearman's rank correlations, with the number of cases; scar Dice over patients with scar.

    Raises
    ------
    ScarNetError
        Fewer than three of the cases are predicted.
    """
    rows = {row.case: row for row in project.rows() if row.uncertainty is not None}
    errors: dict[str, list[float]] = {}
    for case in cases:
        predicted = project.predicted_labels(case.stack.case) if case.stack.case in rows else None
        if predicted is not None:
            found = compare_labels(case.labels, predicted)
            dice = (found["dice_myocardium"], found["dice_scar"])
            wrong = [np.nan if value is None else 1 - value for value in dice]
            errors[case.stack.case] = [*wrong, voxels_to_change(predicted, case.labels)]
    if len(errors) < 3:
        raise ScarNetError("Fewer than 3 cases are predicted; run the experiment 'loop' first.")
    table = np.array(list(errors.values()), dtype=float)
    lines = [f"| Spearman's ρ with | {' | '.join(_ERRORS)} |", "| --- " * (1 + len(_ERRORS)) + "|"]
    for measure in _MEASURES:
        values = np.array([getattr(rows[case], measure) for case in errors], dtype=float)
        cells = [_spearman(values, table[:, column]) for column in range(len(_ERRORS))]
        lines.append(f"| {measure} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _spearman(first: Any, second: Any) -> str:
    from scipy import stats

    known = np.isfinite(first) & np.isfinite(second)
    if known.sum() < 3 or np.ptp(first[known]) == 0 or np.ptp(second[known]) == 0:
        return f"– (n {int(known.sum())})"
    return f"{float(stats.spearmanr(first[known], second[known]).statistic):+.2f} (n {int(known.sum())})"


def reached_table(out: Path, targets: Mapping[str, Sequence[float]]) -> str:
    """Tell how many accepted cases each order needs to reach a mean Dice on the unseen patients.

    Parameters
    ----------
    out : Path
        The folder of the experiment ``loop``.
    targets : Mapping of str to sequence of float
        The Dice to reach, by what it is of: ``"myocardium"``, ``"blood_pool"`` or ``"scar"``.

    Returns
    -------
    str
        A Markdown table.

    Raises
    ------
    ScarNetError
        Nothing was measured there.
    """
    columns = [(tissue, target) for tissue, wanted in targets.items() for target in wanted]
    heads = (f"{tissue.replace('_', ' ')} {target:.2f}" for tissue, target in columns)
    lines = [f"| accepted cases for a Dice of | {' | '.join(heads)} |", "| --- " * (1 + len(columns)) + "|"]
    for order in ORDERS:
        files = sorted(out.glob(f"{order.replace(' ', '-')}-*.json"))
        points = [json.loads(file.read_text(encoding="utf-8")) for file in files]
        if points:
            needed = [cases_to_reach(points, f"dice_{tissue}", target) for tissue, target in columns]
            cells = ["not reached" if value is None else f"{value:.0f}" for value in needed]
            lines.append(f"| {order} | {' | '.join(cells)} |")
    if len(lines) == 2:
        raise ScarNetError(f"Nothing was measured in {out} yet; run the experiment 'loop' first.")
    return "\n".join(lines) + "\n"


def _numbers(text: str) -> list[float]:
    return [float(word) for word in text.split(",") if word]


@with_status
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m scarnet_training.experiments.queue_order", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/loop"), help="the folder of the experiment 'loop'")
    parser.add_argument("--dataset", default="../shared/data/emidec", help="the patients")
    parser.add_argument("--wall", type=_numbers, default="0.76,0.79", help="Dice of the whole myocardium to reach")
    parser.add_argument("--scar", type=_numbers, default="0.35,0.4", help="Dice of scar to reach, separated by commas")
    add_output(parser)
    args = parser.parse_args(argv)
    reached = reached_table(args.out, {"myocardium": args.wall, "scar": args.scar})
    with Project.open(args.out / "start", read_only=True) as project:
        text = f"{rank_correlations(project, load_dataset(args.dataset))}\n{reached}"
    write_or_print(text, args.output)


if __name__ == "__main__":
    raise SystemExit(main())

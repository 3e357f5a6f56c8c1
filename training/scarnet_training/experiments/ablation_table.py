"""``python -m scarnet_training.experiments.ablation_table``: the ablation's table, from what was predicted so far."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from scarnet.errors import ScarNetError
from scarnet_training.data import load_dataset
from scarnet_training.experiments.command_line import add_output, with_status, write_or_print
from scarnet_training.experiments.crossval import FOLDS
from scarnet_training.experiments.scoring import Score, pooled_logits, predicted_folds, score
from scarnet_training.experiments.variants import BASE, VARIANTS

__all__ = ["main", "make_table", "table_row", "table_text"]

COLUMNS = (
    "variant",
    "folds",
    "whole myocardium",
    "blood pool",
    "scar",
    "scar, median",
    f"scar minus `{BASE}`'s",
    "bias (points)",
    "none claimed without scar",
    "scar, chosen point",
    "none claimed, chosen point",
)
# What is read off models without training anything.
READ_OFF = (
    ((BASE,), "flips", "with test-time flips"),
    (("encoder",), "flips", "with test-time flips"),
    (("encoder",), "medsam", "the MedSAM branch's own logits"),
    ((BASE, "encoder"), "plain", f"ensemble of `{BASE}` and `encoder`"),
    (("encoder", "concat", "unit-input"), "plain", "ensemble of `encoder`, `concat` and `unit-input`"),
)


def make_table(out: Path, dataset: Path) -> str:
    """Make the table of everything that was run.

    Parameters
    ----------
    out : Path
        The ablation's folder.
    dataset : Path
        The patients, with their references.

    Returns
    -------
    str
        Markdown.

    Raises
    ------
    ScarNetError
        Nothing was run, or the dataset is not that of the runs.
    """
    cases = {case.stack.case: case for case in load_dataset(dataset)}
    rows: list[tuple[str, Score]] = []
    for variant, (what, _) in VARIANTS.items():
        folds = predicted_folds(out, variant, FOLDS)
        if folds:
            rows.append((f"`{variant}`: {what}", score(pooled_logits(out, [variant], "plain", folds, cases))))
    for variants, output, what in READ_OFF:
        folds = sorted(set.intersection(*(set(predicted_folds(out, name, FOLDS)) for name in variants)))
        pooled = pooled_logits(out, variants, output, folds, cases) if folds else []
        if pooled:
            rows.append((f"`{variants[0]}`, {what}" if len(variants) == 1 else what, score(pooled)))
    if not rows:
        raise ScarNetError(f"{out} holds no predictions; run python -m scarnet_training.experiments.ablation first.")
    base = rows[0][1].by_fold["scar"] if predicted_folds(out, BASE, FOLDS) else {}
    return table_text([table_row(name, found, base) for name, found in rows])


def table_text(rows: Sequence[Sequence[str]]) -> str:
    """Put rows of :func:`table_row` under their heads, as Markdown."""
    return "".join(f"| {' | '.join(line)} |\n" for line in (COLUMNS, ("---",) * len(COLUMNS), *rows))


def _over_folds(values: Sequence[float], sign: str = "") -> str:
    spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):{sign}.3f}{spread}" if values else "–"


def table_row(name: str, found: Score, base_scar: Mapping[int, float]) -> tuple[str, ...]:
    """Give a row of the table.

    Parameters
    ----------
    name : str
        What was predicted, and how.
    found : Score
        How good it is.
    base_scar : Mapping of int to float
        Fold to the mean scar Dice of the variant to compare with; empty for none.

    Returns
    -------
    tuple of str
        A cell a column.
    """
    scar = found.by_fold["scar"]
    # Fold by fold, since folds differ more than variants do.
    more = [value - base_scar[fold] for fold, value in scar.items() if fold in base_scar]
    alarms, point = found.summary["false_alarms"], found.point
    without = alarms["patients_without_scar"]
    median = found.summary["classes"]["scar"]["dice"]["median"]
    specificity = point.specificity_left_out if point else None
    return (
        name,
        str(found.folds),
        _over_folds([*found.by_fold["myocardium"].values()]),
        _over_folds([*found.by_fold["blood_pool"].values()]),
        _over_folds([*scar.values()]),
        "–" if median is None else f"{median:.3f}",
        _over_folds(more, "+"),
        f"{found.summary['scar_percent']['bias']:+.1f}",
        f"{without - alarms['patients']} of {without}",
        f"{point.dice_scar_left_out:.3f}" if point else "–",
        f"{round(specificity * without)} of {without}" if specificity is not None else "–",
    )


@with_status
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m scarnet_training.experiments.ablation_table", description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/ablation"), help="the ablation's folder")
    parser.add_argument("--dataset", type=Path, default=Path("../shared/data/emidec"), help="the patients")
    add_output(parser)
    args = parser.parse_args(argv)
    write_or_print(make_table(args.runs, args.dataset), args.output)


if __name__ == "__main__":
    raise SystemExit(main())

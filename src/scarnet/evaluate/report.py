"""An evaluation's files: tables, summary and figures."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import scarnet
from scarnet.evaluate.case import CaseResult
from scarnet.evaluate.comparison import REFERENCE, compare_methods
from scarnet.evaluate.summary import summarise
from scarnet.evaluate.tables import case_rows, slice_rows, write_table
from scarnet.files import atomic_path
from scarnet.progress import Progress, silent

__all__ = ["REPORT_FILES", "write_report"]

_FIGURES = ("dice", "bland_altman", "regression")

REPORT_FILES = (
    "cases.csv",
    "slices.csv",
    "summary.json",
    *(f"{name}.{kind}" for name in _FIGURES for kind in ("png", "pdf")),
)
"""What an evaluation's folder holds."""


def write_report(
    folder: Path,
    methods: Mapping[str, Sequence[CaseResult]],
    *,
    reference: str = REFERENCE,
    left_out: Sequence[str] = (),
    notes: Sequence[str] = (),
    seen: Mapping[str, Sequence[str]] | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write everything there is to tell about an evaluation.

    Parameters
    ----------
    folder : Path
        An existing folder.
    methods : Mapping of str to sequence of CaseResult
        By the method's name, all with the same cases; for two readers, the second reader's name.
    reference : str
        What the reference, or the first reader, is called.
    left_out : sequence of str
        Cases that were not evaluated, as not everyone had them.
    notes : sequence of str
        What a reader of the numbers should know besides what the summaries note.
    seen : Mapping of str to sequence of str, optional
        By the method's name, the cases that its model was trained on.
    progress : Progress
        Called before each step; may raise :class:`scarnet.errors.Cancelled`.

    Returns
    -------
    dict
        What ``summary.json`` holds: the keys of :func:`scarnet.evaluate.summary.summarise` for the first method;
        ``reference``; ``methods``, the same keys for each method by its name; ``comparison`` as
        :func:`scarnet.evaluate.comparison.compare_methods` gives it; ``left_out``,
        ``seen_in_training`` by method, and ``scarnet_version``.

    Raises
    ------
    ScarNetError
        A file cannot be written, or the methods do not fit together.
    """
    steps = 3 + 2 * len(_FIGURES)
    progress(0, steps, "Testing differences")
    by_method = {name: summarise(cases) for name, cases in methods.items()}
    first = next(iter(by_method.values()))
    summary: dict[str, Any] = {
        **first,
        "notes": [*notes, *_notes(by_method)],
        "reference": reference,
        "methods": by_method,
        "comparison": compare_methods(methods, reference),
        "left_out": list(left_out),
        "seen_in_training": {name: list(cases) for name, cases in (seen or {}).items()},
        "scarnet_version": scarnet.__version__,
    }
    progress(1, steps, "Writing tables")
    write_table(folder / "cases.csv", case_rows(methods))
    write_table(folder / "slices.csv", slice_rows(methods))
    with atomic_path(folder / "summary.json") as path:
        path.write_text(json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    _write_figures(folder, methods, reference, steps, progress)
    progress(steps, steps, "Done")
    return summary


def _notes(by_method: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Give every method's notes, each once, with the names of those it is true of unless it is of all."""
    methods: dict[str, list[str]] = {}
    for method, summary in by_method.items():
        for note in summary["notes"]:
            methods.setdefault(note, []).append(method)
    return [note if len(names) == len(by_method) else f"{', '.join(names)}: {note}" for note, names in methods.items()]


def _write_figures(
    folder: Path, methods: Mapping[str, Sequence[CaseResult]], reference: str, steps: int, progress: Progress
) -> None:
    from scarnet.evaluate.agreement_figures import bland_altman_figure, regression_figure
    from scarnet.evaluate.dice_figure import dice_figure
    from scarnet.evaluate.figure_style import save_figure

    readers = any(case.readers for cases in methods.values() for case in cases)
    second = next(iter(methods)) if readers else "predicted"
    shown = {f"{reference} and {name}": cases for name, cases in methods.items()} if readers else methods
    done = 3
    for name in _FIGURES:
        progress(done, steps, "Drawing")
        if name == "dice":
            figure = dice_figure(shown)
        else:
            draw = bland_altman_figure if name == "bland_altman" else regression_figure
            figure = draw(shown, reference, second)
        for kind in ("png", "pdf"):
            progress(done, steps, "Drawing")
            save_figure(folder / f"{name}.{kind}", figure)
            done += 1

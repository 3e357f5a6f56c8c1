"""A comparison of two models as text: the summary by class, and a row a case."""

from html import escape
from typing import TYPE_CHECKING

from scarnet.classes import MEASURED_CLASSES

if TYPE_CHECKING:
    from scarnet_training.project import ComparedCase, ModelComparison

__all__ = ["case_cells", "summary_html"]

# Changes in Dice that are smaller are nothing to colour.
_TOLD = 0.005


def summary_html(comparison: "ModelComparison") -> str:
    """Write the means by class, with the difference and its interval.

    Parameters
    ----------
    comparison : ModelComparison
        What was compared.

    Returns
    -------
    str
        Rich text.
    """
    cell = "<td style='padding-right:12px' align='right'>"
    first = "<tr><td style='padding-right:12px; white-space:nowrap'>"
    rows = []
    for name, words in MEASURED_CLASSES.items():
        found = comparison.summary[name]
        if found["old"] is None:
            why = "no patient has any" if comparison.comparable else "nothing to compare"
            rows.append(f"{first}{words}</td><td colspan='5'>{why}</td></tr>")
            continue
        ci = f"{found['ci'][0]:+.3f} to {found['ci'][1]:+.3f}" if found["ci"] else "too few"
        rows.append(
            f"{first}{words}</td>{cell}{found['old']:.3f}</td>"
            f"{cell}<b>{found['new']:.3f}</b></td>{cell}{found['difference']:+.3f}</td>{cell}{ci}</td>"
            f"<td align='right'>{found['n']}</td></tr>"
        )
    heads = "".join(f"{cell}<i>{head}</i></td>" for head in ("old", "new", "difference", "95 % interval", "patients"))
    notes = "".join(f"<p style='margin:3px 0'>{escape(note)}</p>" for note in comparison.notes)
    return (
        f"Dice on held-out patients: <b>{escape(comparison.old)}</b> (old) and <b>{escape(comparison.new)}</b> (new)"
        f"<table><tr><td></td>{heads}</tr>{''.join(rows)}</table>{notes}"
    )


def case_cells(case: "ComparedCase") -> list[tuple[str, int]]:
    """Write a case's row.

    Parameters
    ----------
    case : ComparedCase
        The case.

    Returns
    -------
    list of tuple
        Each cell's text, and whether the new model is better (1), worse (-1) or neither (0) in it; neither in a
        case that is left out.
    """
    told = case.case if case.case == case.patient else f"{case.case} ({case.patient})"
    cells = [(f"{told}, left out" if case.drawn_by else told, 0)]
    for name in MEASURED_CLASSES:
        old, new = case.old.classes[name].dice, case.new.classes[name].dice
        change = 0 if case.drawn_by or old is None or new is None or abs(new - old) < _TOLD else 1 if new > old else -1
        cells.append((f"{_two(old)} → {_two(new)}", change))
    old_percent, new_percent = case.old.scar_percent_predicted, case.new.scar_percent_predicted
    accepted = case.new.scar_percent_reference
    cells.append((f"{_one(old_percent)} → {_one(new_percent)} ({_one(accepted)})", 0))
    return cells


def _two(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _one(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"

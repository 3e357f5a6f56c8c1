"""A comparison of two models as text: the summary by class, and a row a case."""

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scarnet_training.project import ComparedCase, ModelComparison

__all__ = ["case_cells", "summary_html"]

_CLASSES = ("myocardium", "blood_pool", "scar")
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
    rows = []
    for name in _CLASSES:
        found = comparison.summary[name]
        if found["old"] is None:
            rows.append(f"<tr><td>{name.replace('_', ' ')}</td><td colspan='5'>no patient has any</td></tr>")
            continue
        ci = f"{found['ci'][0]:+.3f} to {found['ci'][1]:+.3f}" if found["ci"] else "too few"
        rows.append(
            f"<tr><td style='padding-right:12px'>{name.replace('_', ' ')}</td>{cell}{found['old']:.3f}</td>"
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
        Each cell's text, and whether the new model is better (1), worse (-1) or neither (0) in it.
    """
    cells = [(case.case if case.case == case.patient else f"{case.case} ({case.patient})", 0)]
    for name in _CLASSES:
        old, new = case.old.classes[name].dice, case.new.classes[name].dice
        change = 0 if old is None or new is None or abs(new - old) < _TOLD else 1 if new > old else -1
        cells.append((f"{_two(old)} → {_two(new)}", change))
    old_percent, new_percent = case.old.scar_percent_predicted, case.new.scar_percent_predicted
    accepted = case.new.scar_percent_reference
    cells.append((f"{_one(old_percent)} → {_one(new_percent)} ({_one(accepted)})", 0))
    return cells


def _two(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _one(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"

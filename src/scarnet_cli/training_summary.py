"""What the terminal is told at the end of a training: figures before and after, and what to do with the model."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scarnet.wording import counted

__all__ = ["summary_lines"]


def summary_lines(model: Path) -> Iterator[str]:
    """Lay out the end of a training.

    Parameters
    ----------
    model : Path
        The model's file; its card holds the figures.

    Yields
    ------
    str
        A line each.

    Raises
    ------
    ScarNetError
        The file is no model.
    """
    from scarnet.models.store import read_card

    card = read_card(model)
    yield from _table(card.name, card.validation)
    yield f"Trained: {model}"
    yield f"To use it:  scarnet segment STUDY -o OUT --model {model}"
    yield f"To keep it: scarnet models import {model} --name NAME"


def _table(name: str, figures: Mapping[str, Any]) -> Iterator[str]:
    """Lay out the mean Dice by class, beside that of the model it started from."""
    from scarnet_training.finishing import CLASSES

    if not figures:
        yield "No patient was held out, so that it is not known how good the model is."
        return
    columns, held_out = {name: figures["summary"]}, len(figures["patients"])
    count = held_out
    if "base" in figures:
        base = figures["base"]
        both = base.get("compared", {"base": base["summary"], "new": figures["summary"]})
        # Cases that are labelled as the first model draws them are left out, unless all are.
        if left := held_out - len(base.get("as_drawn", ())):
            count = left
            # Two models may have one name.
            columns = {f"{base['name']} (before)": both["base"], f"{name} (after)": both["new"]}
    of = f"{count} of the " if count < held_out else "the "
    yield f"Mean 3D Dice on {of}{counted(held_out, 'case')} held out:"
    yield "  ".join([f"{'':<12}", *columns])
    for key, words in CLASSES.items():
        if not all(key in summary for summary in columns.values()):
            continue
        cells = [f"{summary[key]['mean']:.2f}".rjust(len(title)) for title, summary in columns.items()]
        few = next(iter(columns.values()))[key]["n"]
        told = f"  (of {few} with {words})" if few < count else ""
        yield "  ".join([f"{words:<12}", *cells]) + told
    without = next(iter(columns.values())).get("patients_without_scar")
    if without:
        cells = [str(summary["false_alarms"]).rjust(len(title)) for title, summary in columns.items()]
        yield "  ".join([f"{'false alarms':<12}", *cells]) + f"  (of {without} without scar)"
    yield ""

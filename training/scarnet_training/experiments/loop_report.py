"""How the worth of the annotation loop is told: a table, and curves over the accepted cases."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scarnet.files import atomic_path

__all__ = ["cases_to_reach", "draw_curves", "markdown_table"]

Points = Mapping[str, Sequence[Mapping[str, Any]]]

_CLASSES = {"dice_myocardium": "whole myocardium", "dice_blood_pool": "blood pool", "dice_scar": "scar"}


def markdown_table(points: Points) -> str:
    """Lay the points out as a Markdown table.

    Parameters
    ----------
    points : Mapping
        As :func:`scarnet_training.experiments.loop.run_loop` gives them.

    Returns
    -------
    str
        A row a point: order, accepted cases, mean Dice of the unseen patients by class, bias of the scar percentage,
        and voxels that an annotator must change a case.
    """
    header = ("order of the queue", "accepted cases", *_CLASSES.values(), "bias (points)", "voxels to change a case")
    lines = [f"| {' | '.join(header)} |", "| --- " * len(header) + "|"]
    for order, reached in points.items():
        for point in reached:
            summary = point["summary"]
            dice = [f"{summary[key]['mean']:.3f}" if key in summary else "–" for key in _CLASSES]
            cells = [
                order,
                str(point["accepted"]),
                *dice,
                f"{summary['scar_percent_bias']:+.1f}",
                f"{point['voxels']:.0f}",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def cases_to_reach(points: Sequence[Mapping[str, Any]], key: str, target: float) -> float | None:
    """Give after how many accepted cases a mean Dice is reached.

    Parameters
    ----------
    points : sequence of Mapping
        Of one order.
    key : str
        Which Dice, such as ``"dice_scar"``.
    target : float
        The Dice.

    Returns
    -------
    float or None
        Between two points on the straight line that joins them; None where it is not reached.
    """
    before: tuple[float, float] | None = None
    for point in sorted(points, key=lambda point: point["accepted"]):
        here = float(point["accepted"]), float(point["summary"].get(key, {}).get("mean", 0.0))
        if here[1] >= target:
            if before is None:
                return here[0]
            return before[0] + (here[0] - before[0]) * (target - before[1]) / (here[1] - before[1])
        before = here
    return None


def draw_curves(points: Points, path: Path) -> None:
    """Draw the Dice of wall and scar, and the voxels to change, over the accepted cases.

    Parameters
    ----------
    points : Mapping
        As for :func:`markdown_table`.
    path : Path
        ``.png`` or ``.pdf``.

    Raises
    ------
    ScarNetError
        The file cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.4), layout="constrained")
    panels = figure.subplots(1, 3)
    for order, reached in points.items():
        counts = [point["accepted"] for point in reached]
        for panel, key in zip(panels[:2], ("dice_myocardium", "dice_scar"), strict=True):
            panel.plot(
                counts, [point["summary"].get(key, {}).get("mean") for point in reached], marker="o", label=order
            )
        panels[2].plot(counts, [point["voxels"] for point in reached], marker="o", label=order)
    titles = ("Dice of the whole myocardium", "Dice of scar", "voxels to change a case")
    for panel, title in zip(panels, titles, strict=True):
        panel.set_title(title, fontsize=10)
        panel.set_xlabel("accepted cases")
        panel.spines[["top", "right"]].set_visible(False)
    panels[2].set_ylim(bottom=0)
    panels[0].legend(fontsize=8, frameon=False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150)

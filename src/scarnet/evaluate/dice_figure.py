"""Box plots of Dice by class."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from scarnet.evaluate.case import CLASSES
from scarnet.evaluate.figure_style import COLOURS, GREY, Methods, frame, plain, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["dice_figure"]


def dice_figure(methods: Methods) -> "Figure":
    """Draw box plots of the patients' 3D Dice by class, the methods side by side.

    Parameters
    ----------
    methods : Mapping of str to sequence of CaseResult
        By the method's name.

    Returns
    -------
    matplotlib.figure.Figure
        Boxes from the 25th to the 75th percentile with the median, whiskers to 1.5 times that range, every patient as
        a point. Without a canvas of a window system, as all figures here.
    """
    from matplotlib.figure import Figure

    count = len(methods)
    figure = Figure(figsize=(max(4.6, 1.4 + 3 * (0.5 + 0.55 * count)), 3.8), facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    frame(axes)
    width = 0.8 / max(count, 1.6)
    labels = []
    for place, name in enumerate(CLASSES):
        sizes = []
        for number, (method, cases) in enumerate(methods.items()):
            values = np.array([d for case in cases if (d := case.classes[name].dice) is not None], dtype=np.float64)
            sizes.append(len(values))
            at = place + (number - (count - 1) / 2) * width
            _box(axes, values, at, width, COLOURS[number % len(COLOURS)], method if place == 0 else None)
        told = str(sizes[0]) if len(set(sizes)) == 1 else " / ".join(str(size) for size in sizes)
        labels.append(f"{name.replace('_', ' ')}\nn = {told}")
    axes.set_xticks(range(len(CLASSES)), labels)
    axes.set_xlim(-0.6, len(CLASSES) - 0.4)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.set_ylim(-0.02, 1.02)
    axes.set_ylabel("Dice (3D, per patient)", fontsize=9)
    if count > 1:
        handles, names = axes.get_legend_handles_labels()
        names = [short(name) for name in names]
        legend = figure.legend(
            handles, names, fontsize=8, loc="outside upper center", ncols=min(count, 3), frameon=False
        )
        plain(legend.get_texts())
    return figure


def _box(
    axes: "Axes", values: npt.NDArray[np.float64], at: float, width: float, colour: str, label: str | None
) -> None:
    """Draw a box and its patients; the points are spread sideways by rank, the same every time."""
    drawn = axes.boxplot(
        [values],
        positions=[at],
        widths=0.62 * width,
        patch_artist=True,
        showfliers=False,
        manage_ticks=False,
        medianprops={"color": "black", "linewidth": 1.4},
        boxprops={"facecolor": colour, "alpha": 0.45, "edgecolor": GREY},
        whiskerprops={"color": GREY},
        capprops={"color": GREY},
    )
    if label is not None:
        drawn["boxes"][0].set_label(label)
    aside = 0.22 * width * np.resize([-1.0, 0.4, 1.0, -0.4, 0.0], len(values))
    axes.scatter(at + aside, np.sort(values), s=7, color=colour, edgecolor="black", linewidth=0.25, zorder=3)

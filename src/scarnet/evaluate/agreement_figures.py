"""Bland–Altman and regression figures of the scar percentage."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from scarnet.evaluate.agreement import agreement, finite_pairs
from scarnet.evaluate.figure_style import COLOURS, GREY, Methods, frame, plain, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["bland_altman_figure", "regression_figure"]

_COLUMNS = 3
_LABEL_GAP = 0.1
_DASHED = (0, (4, 3))


@dataclass(frozen=True)
class _Panel:
    """A method's axes and what is drawn in them: both percentages of each patient, and how they agree."""

    axes: "Axes"
    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    found: dict[str, Any]
    colour: str


def bland_altman_figure(methods: Methods, first: str = "reference", second: str = "predicted") -> "Figure":
    """Draw difference against average of the scar percentage, a panel a method.

    Parameters
    ----------
    methods : Mapping of str to sequence of CaseResult
        By the method's name.
    first, second : str
        What the two measurements are called on the axes.

    Returns
    -------
    matplotlib.figure.Figure
        Bias and limits of agreement as lines, their 95 % confidence intervals as bars at the right edge; open circles
        are patients without scar in the first measurement.
    """
    figure, panels = _panels(methods)
    heights, widths = [0.0], [0.0]
    for panel in panels:
        widths += ((panel.x + panel.y) / 2).tolist()
        heights += (panel.y - panel.x).tolist()
        for value, interval, _, _ in _lines(panel.found):
            heights += [value, *(interval or ())]
    for panel in panels:
        left, right = _limits(widths)
        panel.axes.set_xlim(left, right + 0.08 * (right - left))  # room for the intervals
        panel.axes.set_ylim(*_limits(heights))
        panel.axes.axhline(0, color=GREY, linewidth=0.8, linestyle=":")
        _points(panel, (panel.x + panel.y) / 2, panel.y - panel.x)
        _draw_lines(panel)
        _add_to_title(panel, cov=True)
    _name_axes(
        figure,
        panels,
        f"average of {first} and {second} scar (% of myocardium)",
        f"{second} − {first} scar\n(percentage points)",
    )
    _legend(figure, panels, first, [_handle("95 % confidence interval", color=GREY, linewidth=2.5)])
    return figure


def regression_figure(methods: Methods, first: str = "reference", second: str = "predicted") -> "Figure":
    """Draw one scar percentage against the other with the least-squares line, a panel a method.

    Parameters
    ----------
    methods : Mapping of str to sequence of CaseResult
        By the method's name.
    first, second : str
        What the two measurements are called on the axes.

    Returns
    -------
    matplotlib.figure.Figure
        The fit solid, identity dashed; open circles are patients without scar in the first measurement.
    """
    figure, panels = _panels(methods)
    everything = [0.0, *(value for panel in panels for value in (*panel.x, *panel.y))]
    for panel in panels:
        axes, found = panel.axes, panel.found
        axes.set_xlim(*_limits(everything))
        axes.set_ylim(*_limits(everything))
        axes.set_aspect("equal")
        axes.axline((0, 0), slope=1, color=GREY, linewidth=0.9, linestyle=_DASHED)
        _points(panel, panel.x, panel.y)
        if found["slope"] is not None:
            ends = np.array([0.0, panel.x.max()])
            axes.plot(ends, found["slope"] * ends + found["intercept"], color="black", linewidth=1.2)
            sign = "−" if found["intercept"] < 0 else "+"
            text = f"y = {_signed(found['slope'], '.2f')} x {sign} {abs(found['intercept']):.2f}"
            text += "" if found["r2"] is None else f"\nR² = {found['r2']:.2f}"
            axes.text(0.04, 0.97, text, transform=axes.transAxes, fontsize=8, va="top")
        _add_to_title(panel, cov=False)
    _name_axes(figure, panels, f"{first} scar (% of myocardium)", f"{second} scar (% of myocardium)")
    lines = [
        _handle("least squares", color="black", linewidth=1.2),
        _handle("identity", color=GREY, linewidth=0.9, linestyle=_DASHED),
    ]
    _legend(figure, panels, first, lines)
    return figure


def _panels(methods: Methods) -> tuple["Figure", list[_Panel]]:
    """Lay out a panel for each method, in rows."""
    from matplotlib.figure import Figure

    columns = min(len(methods), _COLUMNS)
    rows = -(-len(methods) // columns)
    figure = Figure(figsize=(0.9 + 3.6 * columns, 0.7 + 3.3 * rows), facecolor="white", layout="constrained")
    panels = []
    for number, (method, cases) in enumerate(methods.items()):
        axes = figure.add_subplot(rows, columns, number + 1)
        frame(axes)
        axes.set_title(short(method), fontsize=9)
        first, second = [c.scar_percent_reference for c in cases], [c.scar_percent_predicted for c in cases]
        x, y, _ = finite_pairs(first, second)
        panels.append(_Panel(axes, x, y, agreement(first, second), COLOURS[number % len(COLOURS)]))
    return figure, panels


def _limits(values: Sequence[float]) -> tuple[float, float]:
    """Give limits with a margin, the same for all panels, so that methods can be compared by eye."""
    low, high = min(values), max(values)
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + margin


def _lines(found: dict[str, Any]) -> list[tuple[float, list[float] | None, Any, str]]:
    """Give what Bland and Altman draw, from the bottom up: value, confidence interval, line style, name."""
    bias: list[tuple[float, list[float] | None, Any, str]] = []
    if found["bias"] is not None:
        bias.append((found["bias"], found["bias_ci"], "-", "bias"))
    if found["loa"] is None or found["sd"] == 0:
        return bias
    lower, upper = found["loa"]
    below = (lower, found["loa_lower_ci"], _DASHED, "−1.96 SD")
    above = (upper, found["loa_upper_ci"], _DASHED, "+1.96 SD")
    return [below, *bias, above]


def _draw_lines(panel: _Panel) -> None:
    """Draw bias and limits, named right of the axes where the points hide nothing."""
    axes = panel.axes
    lines = _lines(panel.found)
    low, high = axes.get_ylim()
    heights = [(value - low) / (high - low) for value, *_ in lines]
    if len(heights) == 3:
        # Limits that lie close together would be written over each other.
        heights[0], heights[2] = min(heights[0], heights[1] - _LABEL_GAP), max(heights[2], heights[1] + _LABEL_GAP)
    for number, ((value, interval, style, name), height) in enumerate(zip(lines, heights, strict=True)):
        axes.axhline(value, color="black", linewidth=1.0, linestyle=style)
        if interval is not None:
            at = 0.965 + 0.015 * number
            axes.plot([at, at], interval, color=GREY, linewidth=2.5, transform=axes.get_yaxis_transform())
        text = f"{name}\n{_signed(value, '+.1f')}"
        axes.text(1.02, height, text, transform=axes.transAxes, fontsize=7.5, va="center")


def _points(panel: _Panel, across: npt.NDArray[np.float64], up: npt.NDArray[np.float64]) -> None:
    for chosen, fill in ((panel.x > 0, panel.colour), (panel.x == 0, "white")):
        panel.axes.scatter(
            across[chosen], up[chosen], s=18, facecolor=fill, edgecolor=panel.colour, linewidth=0.9, zorder=3
        )


def _add_to_title(panel: _Panel, *, cov: bool) -> None:
    told = f"n = {panel.found['n']}"
    if cov and panel.found["cov_percent"] is not None:
        told += f", CoV {panel.found['cov_percent']:.1f} %"
    panel.axes.set_title(f"{panel.axes.get_title()}\n{told}", fontsize=9)
    plain([panel.axes.title])


def _name_axes(figure: "Figure", panels: Sequence[_Panel], x: str, y: str) -> None:
    """Name the axes once a figure and once a row; the names may be a user's."""
    for panel in panels[::_COLUMNS]:
        panel.axes.set_ylabel(y, fontsize=9)
        plain([panel.axes.yaxis.label])
    if len(panels) == 1:
        panels[0].axes.set_xlabel(x, fontsize=9)
        plain([panels[0].axes.xaxis.label])
    else:
        plain([figure.supxlabel(x, fontsize=9)])


def _legend(figure: "Figure", panels: Sequence[_Panel], first: str, lines: Sequence[Any]) -> None:
    """Say above what the marks mean."""
    handles = list(lines)
    if any((panel.x == 0).any() for panel in panels):
        circle = {"linestyle": "none", "marker": "o", "markersize": 4.5, "markeredgecolor": GREY}
        handles.append(_handle(f"no {first} scar", markerfacecolor="white", **circle))
    style = {"fontsize": 8, "frameon": False, "columnspacing": 1.2, "handletextpad": 0.5}
    legend = figure.legend(handles=handles, loc="outside upper center", ncols=3, **style)
    plain(legend.get_texts())


def _handle(label: str, **style: Any) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], label=label, **style)


def _signed(value: float, form: str) -> str:
    """Write a number with a minus as wide as the plus."""
    return format(value, form).replace("-", "−")

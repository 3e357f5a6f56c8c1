"""The 17 segments of the left ventricle as a bullseye on matplotlib axes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Wedge

__all__ = ["COLOUR_MAP", "draw_bullseye", "segment_wedges"]

COLOUR_MAP = "YlOrRd"
"""matplotlib's map for a percentage: pale for none, dark red for all."""

# Outer and inner radius of each ring, its first segment, how many there are, and where the first begins in degrees
# from the x axis; segments follow one another counter-clockwise, the anterior wall on top and the septum on the left.
_RINGS = ((1.0, 0.75, 1, 6, 60.0), (0.75, 0.5, 7, 6, 60.0), (0.5, 0.25, 13, 4, 45.0), (0.25, 0.0, 17, 1, 0.0))
_WALLS = (("anterior", 0.0, 1.0), ("septal", -1.0, 0.0), ("inferior", 0.0, -1.0), ("lateral", 1.0, 0.0))
_DARK = 0.45


def segment_wedges() -> dict[int, tuple[float, float, float, float]]:
    """Say where each segment lies in the bullseye.

    Returns
    -------
    dict of int to tuple of float
        By segment: outer and inner radius (the whole has radius 1), first and last angle in degrees,
        counter-clockwise from the x axis.

    References
    ----------
    Cerqueira MD, Weissman NJ, Dilsizian V, et al. Standardized myocardial segmentation and nomenclature for
    tomographic imaging of the heart. Circulation 2002;105:539-542 (Figure 4).
    """
    wedges = {}
    for outer, inner, first, count, start in _RINGS:
        for turn in range(count):
            angle = start + turn * 360.0 / count
            wedges[first + turn] = (outer, inner, angle, angle + 360.0 / count)
    return wedges


def draw_bullseye(
    axes: "Axes",
    values: Mapping[int, float | None],
    *,
    maximum: float = 100.0,
    title: str = "",
    ink: str = "black",
    numbers: bool = True,
) -> "dict[int, Wedge]":
    """Draw a number for each of the 17 segments.

    Parameters
    ----------
    axes : Axes
        Where to; cleared and left without frame.
    values : Mapping of int to float or None
        By segment 1 to 17; hatched and a dash where there is no number.
    maximum : float
        The value of the map's darkest colour; 0 is its palest.
    title : str
        A heading.
    ink : str
        Colour of lines and words around the bullseye, for dark backgrounds.
    numbers : bool
        Write the rounded value into each segment.

    Returns
    -------
    dict of int to matplotlib.patches.Wedge
        The drawn segments, to be found again under a click.
    """
    from matplotlib import colormaps
    from matplotlib.patches import Wedge

    axes.clear()
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set_xlim(-1.22, 1.22)
    axes.set_ylim(-1.22, 1.22)
    if title:
        axes.set_title(title, fontsize=9, color=ink, pad=4)
    colours = colormaps[COLOUR_MAP]
    drawn = {}
    for number, (outer, inner, start, end) in segment_wedges().items():
        value = values.get(number)
        face = "none" if value is None else colours(float(np.clip(value / maximum, 0, 1)))
        wedge = Wedge(
            (0, 0), outer, start, end, width=outer - inner, facecolor=face, edgecolor=ink, linewidth=0.8,
            hatch="////" if value is None else None,
        )  # fmt: skip
        # Only the hatching is to be faint, but matplotlib gives it the edge's colour.
        wedge.set_hatch_linewidth(0.3)
        axes.add_patch(wedge)
        drawn[number] = wedge
        if numbers:
            middle = np.radians((start + end) / 2)
            radius = (outer + inner) / 2 if number < 17 else 0.0
            dark = value is not None and float(np.dot(colours(value / maximum)[:3], (0.3, 0.59, 0.11))) < _DARK
            axes.text(
                radius * np.cos(middle), radius * np.sin(middle), "–" if value is None else f"{value:.0f}",
                ha="center", va="center", fontsize=8, color="white" if dark else ink if value is None else "black",
            )  # fmt: skip
    for name, x, y in _WALLS:
        axes.text(1.1 * x, 1.1 * y, name, ha="center", va="center", fontsize=7, color=ink, rotation=-90 * x)
    return drawn

"""The slices with the heart in them, with the labels' contours, base first."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from scarnet.classes import CLASS_COLOURS, TissueClass
from scarnet.measure import StudyMeasures
from scarnet.stack import LGEStack

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["CONTOURS", "MOST_SLICES", "draw_slice", "grey_window", "heart_cut", "labelled_slices", "slices_to_show"]

MOST_SLICES = 12
"""More slices than this are too small to see on one page."""

CONTOURS: dict[str, tuple[float, float, float]] = {
    # The labels' blue is too dark a line on a dark image.
    "outer wall": (0.45, 0.62, 1.0),
    "blood pool": (CLASS_COLOURS[TissueClass.BLOOD_POOL][0], 0.35, 0.65),
    "scar": CLASS_COLOURS[TissueClass.SCAR][:3],
}
"""Colour of each contour by what it goes around."""

_MARGIN_MM = 14.0


def labelled_slices(measures: StudyMeasures) -> list[int]:
    """Give the slices with labels.

    Parameters
    ----------
    measures : StudyMeasures
        The measures.

    Returns
    -------
    list of int
        From base to apex.
    """
    found = [z for z, labels in enumerate(measures.labels) if labels.any()]
    return found if measures.orientation.base_first else found[::-1]


def slices_to_show(measures: StudyMeasures) -> list[int]:
    """Choose the slices to show.

    Parameters
    ----------
    measures : StudyMeasures
        The measures.

    Returns
    -------
    list of int
        The slices with labels from base to apex; of more than 12, as many evenly spread.
    """
    found = labelled_slices(measures)
    if len(found) <= MOST_SLICES:
        return found
    return [found[round(place)] for place in np.linspace(0, len(found) - 1, MOST_SLICES)]


def heart_cut(labels: npt.NDArray[Any], spacing_mm: tuple[float, float, float]) -> tuple[slice, slice]:
    """Choose the part of the slices to show: the heart and a margin, as square as the image allows.

    Parameters
    ----------
    labels : ndarray of integers, shape (Z, Y, X)
        The labels, not all background.
    spacing_mm : tuple of float
        Voxel spacing in mm, (z, y, x).

    Returns
    -------
    tuple of slice
        Rows and columns.
    """
    inside = labels.max(axis=0) > 0
    extents = [np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0)]
    sides = [(extent[-1] + 1 - extent[0]) * spacing for extent, spacing in zip(extents, spacing_mm[1:], strict=True)]
    half = max(sides) / 2 + _MARGIN_MM
    cuts = []
    for extent, spacing, length in zip(extents, spacing_mm[1:], inside.shape, strict=True):
        middle = (extent[0] + extent[-1] + 1) / 2
        first, last = round(middle - half / spacing), round(middle + half / spacing)
        cuts.append(slice(max(first, 0), min(last, length)))
    return cuts[0], cuts[1]


def grey_window(
    stack: LGEStack, labels: npt.NDArray[Any], shown: Sequence[int], cut: tuple[slice, slice]
) -> tuple[float, float]:
    """Choose the intensities of black and white, the same for all slices: fat beside the heart may saturate.

    Parameters
    ----------
    stack : LGEStack
        The study.
    labels : ndarray of integers, shape (Z, Y, X)
        The labels, not all background on the slices shown.
    shown : sequence of int
        The slices.
    cut : tuple of slice
        Rows and columns of :func:`heart_cut`.

    Returns
    -------
    tuple of float
        The 1st percentile of what is shown, and a fifth above the 99.5th of what is labelled.
    """
    inside, heart = (volume[np.asarray(shown)][:, *cut] for volume in (stack.pixels, labels))
    low, high = float(np.percentile(inside, 1.0)), float(np.percentile(inside[heart > 0], 99.5))
    # All alike is grey, not a division by nothing.
    return low, max(low + 1.2 * (high - low), low + 1e-6)


def draw_slice(
    axes: "Axes",
    stack: LGEStack,
    measures: StudyMeasures,
    z: int,
    cut: tuple[slice, slice],
    window: tuple[float, float],
) -> None:
    """Draw one slice with its contours and what was measured on it.

    Parameters
    ----------
    axes : Axes
        Where to.
    stack : LGEStack
        The study.
    measures : StudyMeasures
        The measures.
    z : int
        The slice, from 0.
    cut : tuple of slice
        Rows and columns to show, of :func:`heart_cut`.
    window : tuple of float
        Intensities of black and white.
    """
    from matplotlib.patheffects import Normal, Stroke

    height, width = (
        (part.stop - part.start) * spacing for part, spacing in zip(cut, stack.spacing_mm[1:], strict=True)
    )
    extent = (0.0, width, height, 0.0)
    axes.imshow(stack.pixels[z][cut], cmap="gray", vmin=window[0], vmax=window[1], extent=extent)
    labels = measures.labels[z][cut]
    blood, scar = labels == TissueClass.BLOOD_POOL, labels == TissueClass.SCAR
    for (name, colour), mask in zip(CONTOURS.items(), (labels > 0, blood, scar), strict=True):
        if mask.any():
            line = 1.3 if name == "scar" else 0.9
            # The array's first row is on top, as in the image; a frame of background closes contours at the edge.
            framed = np.pad(mask.astype(float), 1)
            rows = (np.arange(framed.shape[0]) - 0.5) * stack.spacing_mm[1]
            columns = (np.arange(framed.shape[1]) - 0.5) * stack.spacing_mm[2]
            axes.contour(columns, rows, framed, levels=[0.5], colors=[colour], linewidths=line)
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    found = measures.values["slices"][z]
    percent = found["scar_percent_myocardium"]
    edge = [Stroke(linewidth=1.5, foreground="black"), Normal()]
    words: dict[str, Any] = {"color": "white", "fontsize": 7, "transform": axes.transAxes, "path_effects": edge}
    axes.text(0.03, 0.97, f"{z + 1}", va="top", ha="left", **words)
    axes.text(0.97, 0.97, found["level"] or "", va="top", ha="right", **words)
    if percent is not None:
        axes.text(0.97, 0.03, f"scar {percent:.0f} %", va="bottom", ha="right", **words)

"""The paper's Fig. 3 for one slice: image, labels, four logit maps and four probability maps."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from scarnet.classes import CLASS_COLOURS, CLASS_NAMES, TissueClass
from scarnet.errors import ScarNetError
from scarnet.files import atomic_path
from scarnet.predict.prediction import Prediction
from scarnet.stack import LGEStack

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["PANEL_CLASSES", "heart_crop", "maps_figure", "save_maps"]

PANEL_CLASSES: tuple[TissueClass, ...] = (
    TissueClass.BACKGROUND,
    TissueClass.BLOOD_POOL,
    TissueClass.SCAR,
    TissueClass.MYOCARDIUM,
)
"""The order of the maps in the paper's Fig. 3."""

_MARGIN_MM = 28.0
_WINDOW_LIMIT_MM = 140.0
_SUFFIXES = (".png", ".pdf")
_GREY = "#555555"
_CASE_LIMIT = 60


def heart_crop(prediction: Prediction, spacing_mm: tuple[float, float, float]) -> tuple[int, int, int, int]:
    """Choose the part of the slices to show: the heart and what surrounds it, the same on every slice.

    Parameters
    ----------
    prediction : Prediction
        The prediction; its window is kept where it is heart-sized, else cut to the labels and a margin of 28 mm.
    spacing_mm : tuple of float
        Voxel spacing in mm, (z, y, x).

    Returns
    -------
    tuple of int
        (y0, y1, x0, x1) in voxels, ends excluded; inside ``prediction.window``.
    """
    window = prediction.window
    _, dy, dx = spacing_mm
    height, width = (window[1] - window[0]) * dy, (window[3] - window[2]) * dx
    inside = prediction.labels[:, window[0] : window[1], window[2] : window[3]] > 0
    if max(height, width) <= _WINDOW_LIMIT_MM or not inside.any():
        return window
    rows, columns = np.flatnonzero(inside.any(axis=(0, 2))), np.flatnonzero(inside.any(axis=(0, 1)))
    extent_y, extent_x = (rows[-1] + 1 - rows[0]) * dy, (columns[-1] + 1 - columns[0]) * dx
    side = max(extent_y, extent_x) + 2 * _MARGIN_MM
    y0, y1 = _interval(window[0] + (rows[0] + rows[-1] + 1) / 2, side / dy, window[0], window[1])
    x0, x1 = _interval(window[2] + (columns[0] + columns[-1] + 1) / 2, side / dx, window[2], window[3])
    return y0, y1, x0, x1


def _interval(centre: float, length: float, low: int, high: int) -> tuple[int, int]:
    """Give an interval of that length around the centre, pushed back between low and high where it sticks out."""
    size = min(round(length), high - low)
    start = min(max(round(centre - size / 2), low), high - size)
    return start, start + size


def maps_figure(
    stack: LGEStack, prediction: Prediction, z: int, *, title: str | None = None, note: str = ""
) -> "Figure":
    """Draw image, labels, logits and probabilities of one slice side by side, as in the paper's Fig. 3.

    Parameters
    ----------
    stack : LGEStack
        The study.
    prediction : Prediction
        What the network said about it, on the same grid.
    z : int
        The slice, from 0.
    title : str, optional
        A heading; none by default.
    note : str
        What the labels are where they are not the model's own; for the footer.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, without a canvas of a window system. Logits share symmetric limits, taken from this slice;
        probabilities run from 0 to 1.

    Raises
    ------
    ScarNetError
        The slice is not in the stack or was not predicted, or stack and prediction are not on the same grid.
    """
    from matplotlib.figure import Figure

    _check(stack, prediction, z)
    y0, y1, x0, x1 = heart_crop(prediction, stack.spacing_mm)
    _, dy, dx = stack.spacing_mm
    shape_mm = ((y1 - y0) * dy, (x1 - x0) * dx)
    cut = (slice(y0, y1), slice(x0, x1))

    panel, gap, bar, edge = 1.8, 0.06, 0.62, 0.12
    top, bottom, row_gap = (0.6 if title else 0.32), 0.54, 0.1
    tall = panel * shape_mm[0] / shape_mm[1]
    width = 2 * edge + 5 * panel + 3 * gap + 3 * gap + bar
    height = top + 2 * tall + row_gap + bottom
    figure = Figure(figsize=(width, height), facecolor="white")

    def axes(row: int, column: int) -> "Axes":
        left = edge + column * (panel + gap) + (2 * gap if column else 0.0)
        low = bottom + (1 - row) * (tall + row_gap)
        return figure.add_axes((left / width, low / height, panel / width, tall / height))

    image = stack.pixels[z][cut]
    low, high = np.percentile(stack.pixels[z], (1.0, 99.5))
    grey = {"cmap": "gray", "vmin": low, "vmax": max(high, low + 1e-6)}
    logits, probabilities = prediction.logits[:, z][:, *cut], prediction.probabilities[:, z][:, *cut]
    limit = max(float(np.abs(logits).max()), 1e-6)

    first = axes(0, 0)
    _show(first, image, shape_mm, **grey)
    first.set_title("image", fontsize=9, pad=4)
    _scale_bar(first, shape_mm)
    second = axes(1, 0)
    _show(second, image, shape_mm, **grey)
    _show(second, _coloured(prediction.labels[z][cut]), shape_mm)

    drawn: list[Any] = []
    for row, (maps, style) in enumerate(
        (
            (logits, {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}),
            (probabilities, {"cmap": "inferno", "vmin": 0.0, "vmax": 1.0}),
        )
    ):
        for column, tissue in enumerate(PANEL_CLASSES, start=1):
            cell = axes(row, column)
            drawn.append(_show(cell, maps[tissue], shape_mm, **style))
            if row == 0:
                cell.set_title(CLASS_NAMES[tissue], fontsize=9, pad=4)
    for row, (mappable, name) in enumerate(((drawn[0], "logit"), (drawn[-1], "probability"))):
        left = edge + 5 * (panel + gap) + 3 * gap
        low = bottom + (1 - row) * (tall + row_gap)
        scale = figure.add_axes((left / width, (low + 0.04 * tall) / height, 0.11 / width, 0.92 * tall / height))
        colours = figure.colorbar(mappable, cax=scale)
        colours.outline.set_linewidth(0.5)
        scale.tick_params(labelsize=7, width=0.5, length=2)
        scale.set_ylabel(name, fontsize=8, labelpad=2)

    if title:
        figure.text(edge / width, 1 - 0.1 / height, title, fontsize=11, weight="bold", va="top", ha="left")
    _legend(figure, (edge / width, (bottom - 0.26) / height, panel / width, 0.2 / height))
    _footer(figure, stack, prediction, z, note, edge / width, 0.1 / height)
    return figure


def save_maps(
    path: Path | str, stack: LGEStack, prediction: Prediction, z: int, *, title: str | None = None, note: str = ""
) -> None:
    """Write the figure of :func:`maps_figure` to a file; nothing is left behind where that fails.

    Parameters
    ----------
    path : Path or str
        Where to, ending in ``.png`` (200 dpi) or ``.pdf``; the folder must exist.
    stack : LGEStack
        The study.
    prediction : Prediction
        What the network said about it, on the same grid.
    z : int
        The slice, from 0.
    title : str, optional
        A heading.
    note : str
        What the labels are where they are not the model's own; for the footer.

    Raises
    ------
    ScarNetError
        The suffix is neither, the file cannot be written, or :func:`maps_figure` refuses.
    """
    path = Path(path)
    if path.suffix.lower() not in _SUFFIXES:
        raise ScarNetError(f"{path.name}: the panel is written as {' or '.join(_SUFFIXES)}; choose one of them.")
    figure = maps_figure(stack, prediction, z, title=title, note=note)
    # Text stays text in the PDF, and the file says nothing of who made it or when.
    metadata = {"Creator": None, "Producer": None, "CreationDate": None} if path.suffix.lower() == ".pdf" else None
    with atomic_path(path) as target:
        import matplotlib

        with matplotlib.rc_context({"pdf.fonttype": 42}):
            figure.savefig(target, format=path.suffix.lower()[1:], dpi=200, metadata=metadata)


def _check(stack: LGEStack, prediction: Prediction, z: int) -> None:
    if prediction.labels.shape != stack.shape or prediction.logits.shape[1:] != stack.shape:
        raise ScarNetError(
            f"{stack.case}: the prediction has the shape {prediction.labels.shape}, but the image {stack.shape}; "
            "segment this image again."
        )
    if not 0 <= z < stack.shape[0]:
        raise ScarNetError(f"{stack.case}: there is no slice {z + 1}; the stack has {stack.shape[0]}.")
    if z not in prediction.slices:
        raise ScarNetError(f"{stack.case}: slice {z + 1} was not predicted; choose one that was, or segment it.")


def _show(axes: "Axes", values: npt.NDArray[Any], shape_mm: tuple[float, float], **style: Any) -> Any:
    """Show a map in millimetres, so that pixels that are not square keep their shape."""
    drawn = axes.imshow(values, extent=(0, shape_mm[1], shape_mm[0], 0), interpolation="nearest", **style)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_linewidth(0.5)
        spine.set_color(_GREY)
    return drawn


def _coloured(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Turn labels (Y, X) into colours (Y, X, 4), the background left clear."""
    table = np.array([CLASS_COLOURS[tissue] for tissue in TissueClass], dtype=np.float32)
    table[1:, 3] = 0.7
    # A slip of the brush can leave other values; red says so, as in the viewer.
    table = np.vstack([table, np.array([[1.0, 0.0, 0.0, 1.0]], dtype=np.float32)])
    return table[np.minimum(labels, len(TissueClass))]


def _scale_bar(axes: "Axes", shape_mm: tuple[float, float]) -> None:
    length = 20.0
    x, y = shape_mm[1] * 0.07, shape_mm[0] * 0.94
    axes.plot([x, x + length], [y, y], color="white", linewidth=2, solid_capstyle="butt")
    axes.text(x + length / 2, y - shape_mm[0] * 0.02, "20 mm", color="white", fontsize=7, ha="center", va="bottom")


def _legend(figure: "Figure", box: tuple[float, float, float, float]) -> None:
    """Name the colours in a row under the labels, where they hide nothing."""
    from matplotlib.patches import Patch

    figure.legend(
        handles=[Patch(facecolor=CLASS_COLOURS[tissue], label=CLASS_NAMES[tissue]) for tissue in PANEL_CLASSES[1:]],
        loc="center left",
        bbox_to_anchor=box,
        ncols=3,
        fontsize=7,
        frameon=False,
        handlelength=0.9,
        handleheight=0.9,
        handletextpad=0.35,
        columnspacing=0.9,
        borderpad=0.0,
        borderaxespad=0.0,
    )


def _footer(figure: "Figure", stack: LGEStack, prediction: Prediction, z: int, note: str, x: float, y: float) -> None:
    case = stack.case if len(stack.case) <= _CASE_LIMIT else stack.case[: _CASE_LIMIT - 1] + "…"
    parts = [case, f"slice {z + 1} of {stack.shape[0]}", f"model {prediction.card.name}"]
    if note:
        parts.append(note)
    if stack.source.format == "phantom":
        parts.append("synthetic")
    # A case may be named by anything, and matplotlib would read dollar signs as mathematics.
    left, right = "  ·  ".join(parts), "research use only"
    figure.text(x, y, left, fontsize=7.5, color=_GREY, va="bottom", ha="left", parse_math=False)
    figure.text(1 - x, y, right, fontsize=7.5, color=_GREY, va="bottom", ha="right", style="italic")

"""Page 1: what was found, at a glance."""

from typing import TYPE_CHECKING, Any

from scarnet.export.origin import LabelOrigin
from scarnet.measure import StudyMeasures
from scarnet.report.bullseye import COLOUR_MAP, draw_bullseye
from scarnet.report.montage import CONTOURS, draw_slice, grey_window, heart_cut, labelled_slices, slices_to_show
from scarnet.report.page import GREY, HEIGHT, MARGIN, WIDTH, axes_at, footer, heading, new_page, write
from scarnet.report.wording import interval_of, number, origin_sentence
from scarnet.stack import LGEStack

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["first_page"]

_INNER = WIDTH - 2 * MARGIN
_IMAGES_TOP, _IMAGES_BOTTOM = 9.02, 4.72
_BULLSEYE = 3.2
_GAP = 0.05
_WARNING = "#A33A00"
# Pictures this much smaller than they could be are worth a row less.
_NEARLY = 0.95
_PLACED = {
    "image": "is estimated from that ventricle in the image",
    "patient axes": "is estimated from the axes of the patient",
    "display": "is estimated from how slices are usually displayed",
}


def first_page(stack: LGEStack, measures: StudyMeasures, origin: LabelOrigin) -> "Figure":
    """Draw the headline numbers, the slices with contours and two bullseyes.

    Parameters
    ----------
    stack : LGEStack
        The study.
    measures : StudyMeasures
        Its measures.
    origin : LabelOrigin
        Who drew the labels.

    Returns
    -------
    matplotlib.figure.Figure
        The page.
    """
    page = new_page()
    _title(page, stack, origin)
    _headline(page, measures.values)
    _segments(page, measures.values, _images(page, stack, measures) - 0.3)
    footer(page, stack.case, 1)
    return page


def _title(page: "Figure", stack: LGEStack, origin: LabelOrigin) -> None:
    write(page, MARGIN, HEIGHT - 0.68, "Myocardial scar in LGE MRI", 15, weight="bold")
    warning = "Research use only. Not a medical device."
    write(page, WIDTH - MARGIN, HEIGHT - 0.66, warning, 9, color=_WARNING, ha="right", weight="bold")
    z, y, x = stack.spacing_mm
    kind = {"magnitude": "magnitude", "psir": "PSIR"}.get(stack.kind)
    parts = [f"{stack.shape[0]} slices {z:.3g} mm apart, pixels {y:.3g} × {x:.3g} mm", *([kind] if kind else [])]
    case = stack.case if len(stack.case) <= 48 else stack.case[:47] + "…"
    write(page, MARGIN, HEIGHT - 0.92, case, 10, weight="bold")
    write(page, WIDTH - MARGIN, HEIGHT - 0.92, ", ".join(parts), 8, color=GREY, ha="right")
    synthetic = "Synthetic phantom, not a patient. " if stack.source.format == "phantom" else ""
    write(page, MARGIN, HEIGHT - 1.1, synthetic + origin_sentence(origin), 7.5, color=GREY)


def _headline(page: "Figure", values: dict[str, Any]) -> None:
    depth = values["transmurality"]
    scar, wall = (number(values[f"{tissue}_volume_ml"], 1, " ml") for tissue in ("scar", "myocardium"))
    boxes = [
        ("Scar", number(values["scar_percent_myocardium"], 1, " %"), "of the wall's volume",
         interval_of(values, "scar_percent_myocardium", " %")),
        ("Scar mass", number(values["scar_mass_g"], 1, " g"), scar, interval_of(values, "scar_volume_ml", " ml")),
        ("Myocardial mass", number(values["myocardium_mass_g"], 1, " g"), wall,
         interval_of(values, "myocardium_volume_ml", " ml")),
        ("Blood pool", number(values["blood_pool_volume_ml"], 1, " ml"), "in the phase imaged", ""),
        ("Transmurality", number(depth["mean_percent_of_scarred"], 0, " %"), "mean where scarred", ""),
    ]  # fmt: skip
    width = (_INNER - 4 * 0.1) / 5
    for place, (name, value, below, interval) in enumerate(boxes):
        left = MARGIN + place * (width + 0.1)
        box = axes_at(page, left, 9.4, width, 1.0)
        box.set_facecolor("#F3F3F3")
        box.set_xticks([])
        box.set_yticks([])
        for spine in box.spines.values():
            spine.set_visible(False)
        write(page, left + 0.08, 10.22, name, 7.5, color=GREY)
        write(page, left + 0.08, 9.88, value, 15, weight="bold")
        write(page, left + 0.08, 9.70, below, 7, color=GREY)
        write(page, left + 0.08, 9.5, interval, 6, color=GREY)


def _images(page: "Figure", stack: LGEStack, measures: StudyMeasures) -> float:
    """Draw the slices and give where they end."""
    from matplotlib.lines import Line2D

    shown = slices_to_show(measures)
    heading(page, MARGIN, _IMAGES_TOP + 0.1, "Slices, base to apex")
    if not shown:
        write(page, MARGIN, _IMAGES_TOP - 0.3, "Nothing is labelled.", 9, color=GREY)
        return _IMAGES_TOP - 0.5
    labelled = len(labelled_slices(measures))
    if len(shown) < labelled:
        note = f"{len(shown)} of {labelled} labelled slices"
        write(page, WIDTH / 2, _IMAGES_TOP + 0.1, note, 7, color=GREY, ha="center")
    handles = [Line2D([], [], color=colour, linewidth=1.6, label=name) for name, colour in CONTOURS.items()]
    page.legend(
        handles=handles, loc="lower right", bbox_to_anchor=((WIDTH - MARGIN) / WIDTH, (_IMAGES_TOP + 0.04) / HEIGHT),
        ncols=3, fontsize=7, facecolor="#444444", labelcolor="white", edgecolor="none", handlelength=1.2,
        columnspacing=1.0, borderaxespad=0.0, borderpad=0.3,
    )  # fmt: skip
    cut = heart_cut(measures.labels, stack.spacing_mm)
    tall = ((cut[0].stop - cut[0].start) * stack.spacing_mm[1]) / ((cut[1].stop - cut[1].start) * stack.spacing_mm[2])
    columns, side = _grid(len(shown), tall)
    window = grey_window(stack, measures.labels, shown, cut)
    bottom, left = _IMAGES_TOP, MARGIN + (_INNER - columns * side - (columns - 1) * _GAP) / 2
    for place, z in enumerate(shown):
        row, column = divmod(place, columns)
        bottom = _IMAGES_TOP - (row + 1) * side * tall - row * _GAP
        axes = axes_at(page, left + column * (side + _GAP), bottom, side, side * tall)
        draw_slice(axes, stack, measures, z, cut, window)
    return bottom


def _grid(count: int, tall: float) -> tuple[int, float]:
    """Choose how many columns make the pictures large in few rows; give the columns and a picture's width in inches."""
    sides = []
    for columns in range(1, count + 1):
        rows = -(-count // columns)
        across = (_INNER - (columns - 1) * _GAP) / columns
        down = (_IMAGES_TOP - _IMAGES_BOTTOM - (rows - 1) * _GAP) / rows / tall
        sides.append(min(across, down))
    return max((columns, side) for columns, side in enumerate(sides, start=1) if side >= _NEARLY * max(sides))


def _segments(page: "Figure", values: dict[str, Any], top: float) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    heading(page, MARGIN, top, "17 segments")
    bottom = top - 0.28 - _BULLSEYE
    for left, key, title in (
        (MARGIN, "scar_percent", "Scar, % of the segment's wall"),
        (MARGIN + 3.4, "transmurality_percent", "Transmurality, mean over the segment, %"),
    ):
        axes = axes_at(page, left, bottom, _BULLSEYE, _BULLSEYE)
        draw_bullseye(axes, {one["segment"]: one[key] for one in values["segments"]}, title=title)
    bar = axes_at(page, WIDTH - MARGIN - 0.38, bottom + 0.5, 0.1, _BULLSEYE - 1)
    scale = page.colorbar(ScalarMappable(Normalize(0, 100), COLOUR_MAP), cax=bar, ticks=[0, 50, 100])
    scale.ax.tick_params(labelsize=7, length=2)
    scale.outline.set_visible(False)
    insertion = values["insertion"]
    placed = _PLACED[insertion["source"]] if insertion["estimated"] else "was marked by hand"
    note = f"Numbering begins at the anterior insertion of the right ventricle, which {placed}."
    write(page, MARGIN, bottom - 0.1, note, 7, color=GREY)
    write(page, WIDTH - MARGIN, bottom - 0.1, "hatched: not imaged", 7, color=GREY, ha="right")

"""Page 2: every slice and segment, the threshold methods, and how it was measured."""

from typing import TYPE_CHECKING, Any

from scarnet.export.origin import LabelOrigin
from scarnet.measure import MYOCARDIAL_DENSITY_G_PER_ML, StudyMeasures
from scarnet.models.card import ModelCard
from scarnet.report.montage import labelled_slices
from scarnet.report.page import HEIGHT, MARGIN, WIDTH, Column, draw_table, footer, heading, new_page, paragraphs
from scarnet.report.wording import card_paragraphs, number
from scarnet.stack import LGEStack

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["second_page"]

_INNER = WIDTH - 2 * MARGIN
_HALF = (_INNER - 0.35) / 2
_RIGHT = MARGIN + _HALF + 0.35
_SLICES_MOST = 3.6
_ROW = 0.155
_METHODS = {"fwhm": "FWHM", "otsu": "Otsu", "gmm": "Gaussian mixture", **{f"sd{n}": f"{n} SD" for n in range(2, 7)}}
_HALF_MAXIMUM = {
    "remote": "FWHM: from half way between the remote mean and the maximum on (Hsu 2006).",
    "zero": "FWHM: from half of the maximum on, counted from zero (Amado 2004).",
}
_ZONES = {"fwhm": ("from 50 % of maximum", "35 to 50 %"), "sd": ("above 3 SD", "2 to 3 SD")}

_SLICES = (
    Column("slice", 0.6, words=True), Column("level", 0.7, words=True), Column("wall, ml", 0.8),
    Column("scar, ml", 0.8), Column("scar, %", 0.7), Column("transmurality, %", 1.25), Column("extent, °", 0.8),
    Column("border, mm", 0.9), Column("blood pool, ml", 1.1), Column("   pattern", 1.1, words=True),
)  # fmt: skip
_SEGMENTS = (
    Column("", 0.35, words=True), Column("segment", 1.35, words=True), Column("wall, g", 0.7),
    Column("scar, %", 0.75), Column("transmurality, %", 1.4),
)  # fmt: skip
_THRESHOLDS = (
    Column("method", 1.25, words=True), Column("above", 0.7), Column("scar, ml", 0.8),
    Column("scar, %", 0.75), Column("Dice to labels", 1.15),
)  # fmt: skip


def second_page(stack: LGEStack, measures: StudyMeasures, origin: LabelOrigin, card: ModelCard | None) -> "Figure":
    """Draw the tables and write the method.

    Parameters
    ----------
    stack : LGEStack
        The study.
    measures : StudyMeasures
        Its measures.
    origin : LabelOrigin
        Who drew the labels.
    card : ModelCard or None
        The model's card, where there is one at hand.

    Returns
    -------
    matplotlib.figure.Figure
        The page.
    """
    page, values = new_page(), measures.values
    heading(page, MARGIN, HEIGHT - 0.68, "Slices, base to apex")
    rows = _slice_rows(measures)
    end = draw_table(page, MARGIN, HEIGHT - 0.75, _INNER, _SLICES, rows, min(_ROW, _SLICES_MOST / (len(rows) + 1)))
    top = end - 0.3
    heading(page, MARGIN, top, "Segments")
    left_end = draw_table(page, MARGIN, top - 0.07, _HALF, _SEGMENTS, _segment_rows(values), _ROW)
    heading(page, _RIGHT, top, "Thresholds inside the labelled wall")
    right_end = top - 0.07
    if values["thresholds"]:
        right_end = draw_table(page, _RIGHT, right_end, _HALF, _THRESHOLDS, _threshold_rows(values), _ROW)
    heading(page, _RIGHT, right_end - 0.28, "Further measures")
    further = (Column("", 2.4, words=True), Column("", 1.6))
    right_end = draw_table(page, _RIGHT, right_end - 0.2, _HALF, further, _further_rows(values), _ROW)
    top = min(left_end, right_end) - 0.3
    heading(page, MARGIN, top, "Method and notes")
    paragraphs(page, MARGIN, top - 0.1, _HALF, 0.6, _method(stack, values))
    heading(page, _RIGHT, top, "Model")
    paragraphs(page, _RIGHT, top - 0.1, _HALF, 0.6, card_paragraphs(origin, card))
    footer(page, stack.case, 2)
    return page


def _slice_rows(measures: StudyMeasures) -> list[list[str]]:
    by_index = {one["index"]: one for one in measures.values["slices"]}
    return [
        [
            str(one["index"] + 1),
            one["level"] or "–",
            number(one["myocardium_volume_ml"], 1),
            number(one["scar_volume_ml"], 1),
            number(one["scar_percent_myocardium"], 1),
            number(one["scar_transmurality_percent"], 0),
            number(one["scar_extent_deg"], 0),
            number(one["scar_border_length_mm"], 0),
            number(one["blood_pool_volume_ml"], 1),
            f"   {one['pattern'] or '–'}",
        ]
        for one in (by_index[z] for z in labelled_slices(measures))
    ]


def _segment_rows(values: dict[str, Any]) -> list[list[str]]:
    return [
        [
            str(one["segment"]),
            one["name"],
            number(one["myocardium_mass_g"], 1),
            number(one["scar_percent"], 1),
            number(one["transmurality_percent"], 0),
        ]
        for one in values["segments"]
    ]


def _threshold_rows(values: dict[str, Any]) -> list[list[str]]:
    return [
        [
            _METHODS.get(name, name),
            number(one["threshold"], 0),
            number(one["scar_volume_ml"], 1),
            number(one["scar_percent_myocardium"], 1),
            number(one["dice_with_labels"], 2),
        ]
        for name, one in values["thresholds"].items()
    ]


def _further_rows(values: dict[str, Any]) -> list[list[str]]:
    quartiles = values["transmurality"]["quartiles_percent_of_circumference"] or {}
    rows = [
        ["circumference with scar", number(values["scar_extent_percent_circumference"], 0, " %")],
        *(
            [f"… with {name.replace('-', '–')} % of the wall's depth", number(share, 0, " %")]
            for name, share in quartiles.items()
        ),
        ["pattern", values["pattern"]["dominant"] or "–"],
        ["connected pieces of scar", str(values["components"]["count"])],
        ["scar's border with healthy wall", number(values["scar_border_length_mm"] / 10, 1, " cm")],
    ]
    if values["grey_zone"]:
        zone = values["grey_zone"]
        rows += [
            [f"core by intensity, {_ZONES[zone['method']][0]}", number(zone["core_volume_ml"], 1, " ml")],
            [f"grey zone, {_ZONES[zone['method']][1]}", number(zone["grey_volume_ml"], 1, " ml")],
        ]
    if values["no_reflow"]:
        counted = values["no_reflow"]["counted"]
        rows.append([f"no-reflow (counted {counted})", number(values["no_reflow"]["volume_ml"], 2, " ml")])
    return rows


def _method(stack: LGEStack, values: dict[str, Any]) -> list[str]:
    settings = values["settings"]
    texts = [
        f"{values['denominator']} Mass is volume times {MYOCARDIAL_DENSITY_G_PER_ML:g} g/ml. A slice counts as its "
        "area times the distance between slices; gaps are not filled. Transmurality: share of scar along 100 chords a "
        "slice from endocardium to epicardium. Segments: AHA (Cerqueira 2002).",
        f"Smallest scar that counts: {settings['smallest_scar_ml']:g} ml. Base: {values['orientation']['base']} "
        f"({values['orientation']['base_source']}).",
    ]
    remote = values["remote"]
    if remote:
        how = "drawn by hand" if remote["drawn"] else "found automatically"
        texts.append(
            f"{_HALF_MAXIMUM[settings['fwhm_baseline']]} n SD: above the remote mean and n SD. Remote myocardium "
            f"({how}): mean {remote['mean']:.4g}, SD {remote['sd']:.4g}, {remote['voxels']} voxels."
        )
    probabilities = values["uncertainty"].get("probabilities")
    if probabilities:
        texts.append(f"95 %, model: of labels drawn from its probabilities, which assumes: {probabilities['assumes']}")
    if values["uncertainty"].get("noise"):
        texts.append("95 %, noise: the image predicted again and again with noise added.")
    notes = [*values["notes"], *stack.source.notes]
    by_note: dict[str, list[str]] = {}
    for name, one in values["thresholds"].items():
        if one["note"]:
            by_note.setdefault(one["note"], []).append(_METHODS.get(name, name))
    notes += [f"{', '.join(names)}: {note}" for note, names in by_note.items()]
    return [*texts, *(f"• {note}" for note in dict.fromkeys(notes))]

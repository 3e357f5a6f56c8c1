"""The two pages say what was measured, say it legibly, and name no patient."""

import re
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from scarnet.classes import TissueClass
from scarnet.errors import ScarNetError
from scarnet.export import LabelOrigin
from scarnet.measure import measure_study
from scarnet.models import ModelCard
from scarnet.network.config import ScarNetConfig
from scarnet.report import write_report
from scarnet.report.first_page import first_page
from scarnet.report.montage import MOST_SLICES, grey_window, heart_cut, slices_to_show
from scarnet.report.second_page import second_page
from scarnet.stack import LGEStack, StudySource

ORIGIN = LabelOrigin("semiautomatic", "some-model", "0123456789abcdef" * 4)
NOISE = {
    "scar_percent_myocardium": [18.2, 22.4],
    "scar_volume_ml": [122.1, 133.4],
    "myocardium_volume_ml": [123.4, 187.6],
}
CARD = ModelCard(
    name="some-model",
    description="A network for tests.",
    config=ScarNetConfig(),
    licence="CC0-1.0",
    data=("nothing at all",),
    validation={"summary": {"dice_scar": {"mean": 0.613, "n": 9}}},
    limitations=("Knows nothing.",),
)


def pages(stack, labels, origin=ORIGIN, card=CARD, **options):
    measures = measure_study(labels, stack, **options)
    return measures, [first_page(stack, measures, origin), second_page(stack, measures, origin, card)]


def texts_of(page):
    found = [*page.texts, *(text for axes in page.axes for text in (*axes.texts, axes.title))]
    return [text for text in found if text.get_text().strip()]


def words_of(page):
    return "\n".join(text.get_text() for text in texts_of(page))


def check_legible(page):
    """All words lie on the page, and none of them on another."""
    renderer = FigureCanvasAgg(page).get_renderer()
    width, height = page.get_size_inches() * page.dpi
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts_of(page)]
    for words, box in boxes:
        assert box.x0 >= 0.3 * page.dpi, words
        assert box.x1 <= width - 0.3 * page.dpi, words
        assert box.y0 >= 0, words
        assert box.y1 <= height, words
    for place, (words, box) in enumerate(boxes):
        for others, other in boxes[place + 1 :]:
            across = min(box.x1, other.x1) - max(box.x0, other.x0)
            down = min(box.y1, other.y1) - max(box.y0, other.y0)
            assert across < 1 or down < 0.35 * min(box.height, other.height), (words, others)


def test_says_what_was_measured(phantom, phantom_stack):
    measures, (first, second) = pages(phantom_stack, phantom.labels, noise=NOISE)
    values, words = measures.values, words_of(first)
    for key, form in (("scar_percent_myocardium", "{:.1f} %"), ("scar_mass_g", "{:.1f} g")):
        assert form.format(values[key]) in words
    low, high = values["uncertainty"]["noise"]["scar_percent_myocardium"]["interval"]
    assert f"{low:.1f}–{high:.1f} % (95 %, noise)" in words
    assert "Research use only. Not a medical device." in words
    assert words.count("scar ") >= len(slices_to_show(measures))

    words = words_of(second)
    unbroken = re.sub(r"\s+", "", words)
    for slice_ in values["slices"]:
        assert f"{slice_['scar_border_length_mm']:.0f}\n" in words
    for segment in values["segments"]:
        assert segment["name"] in words
    assert f"{values['thresholds']['sd5']['scar_volume_ml']:.1f}" in words
    for told in (ORIGIN.model_sha256, CARD.licence, CARD.data[0], CARD.limitations[0], "scar 0.61 (n 9)"):
        assert re.sub(r"\s+", "", told) in unbroken


CASES = {
    "whole": lambda labels: labels,
    "no scar": lambda labels: np.where(labels == 3, 1, labels),
    "nothing": np.zeros_like,
    "one voxel": lambda labels: np.where(np.arange(labels.size).reshape(labels.shape) == labels.size // 2, 3, 0),
    "all scar": lambda labels: np.where(labels == 1, 3, labels),
}


@pytest.mark.parametrize("kind", CASES)
def test_every_kind_of_labels_is_legible(phantom, phantom_stack, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for page in pages(phantom_stack, CASES[kind](phantom.labels), noise=NOISE)[1]:
            check_legible(page)
            assert "nan" not in words_of(page).lower().split()


def test_many_slices_and_long_notes_stay_on_two_pages(phantom, phantom_stack):
    z, y, x = phantom_stack.spacing_mm
    notes = tuple(f"A rather long note number {number} that tells something odd of the study." for number in range(40))
    stack = LGEStack(
        np.repeat(phantom_stack.pixels, 4, axis=0),
        (z / 4, y, x),
        phantom_stack.affine @ np.diag([1, 1, 0.25, 1]),
        "a very long $name$ of a case, " * 4,
        source=StudySource(path=Path("/secret/folder"), format="nifti", series="secret series", notes=notes),
    )
    measures, made = pages(stack, np.repeat(phantom.labels, 4, axis=0))
    assert len(slices_to_show(measures)) == MOST_SLICES
    for page in made:
        check_legible(page)
        assert "secret" not in words_of(page)
    assert "the rest is in measures.json" in words_of(made[1]) or notes[-1][-20:] in words_of(made[1])


def test_contours_go_around_their_labels(phantom, phantom_stack):
    measures, (first, _) = pages(phantom_stack, phantom.labels)
    z = slices_to_show(measures)[0]
    axes = next(axes for axes in first.axes if axes.images)
    image = axes.images[0].get_array()
    scar = measures.labels[z] == TissueClass.SCAR
    rows, columns = np.flatnonzero(scar.any(axis=1)), np.flatnonzero(scar.any(axis=0))
    _, dy, dx = phantom_stack.spacing_mm
    # Where in the whole slice is the part that is shown?
    windows = np.lib.stride_tricks.sliding_window_view(phantom_stack.pixels[z], image.shape)
    ((y0, x0),) = np.argwhere((windows == image).all(axis=(2, 3)))
    line = axes.collections[-1].get_paths()[0].get_extents()
    assert (line.y0, line.y1) == pytest.approx(((rows[0] - y0) * dy, (rows[-1] + 1 - y0) * dy), abs=1e-6)
    assert (line.x0, line.x1) == pytest.approx(((columns[0] - x0) * dx, (columns[-1] + 1 - x0) * dx), abs=1e-6)


def test_the_file(phantom, phantom_stack, tmp_path):
    measures = measure_study(phantom.labels, phantom_stack)
    path = tmp_path / "report.pdf"
    write_report(path, phantom_stack, measures, ORIGIN, CARD)
    content = path.read_bytes()
    assert len(re.findall(rb"/Type /Page\b(?!s)", content)) == 2
    assert b"CreationDate" not in content
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.pdf"]


def test_refusals(phantom, phantom_stack, tmp_path):
    measures = measure_study(phantom.labels, phantom_stack)
    with pytest.raises(ScarNetError, match=r"written as \.pdf"):
        write_report(tmp_path / "report.png", phantom_stack, measures, ORIGIN)
    other = replace(phantom_stack, pixels=phantom_stack.pixels[1:], slice_positions_mm=None)
    with pytest.raises(ScarNetError, match="of another study"):
        write_report(tmp_path / "report.pdf", other, measures, ORIGIN)
    assert not list(tmp_path.iterdir())


def test_first_page_tells_where_numbering_begins(phantom, phantom_stack):
    measures = measure_study(phantom.labels, phantom_stack, thresholds=False)
    told = {"image": "ventricle in the image", "patient axes": "axes of the patient", "display": "usually displayed"}
    for source, words in {**told, "marked": "marked by hand"}.items():
        measures.values["insertion"] = {"source": source, "estimated": source != "marked"}
        page = first_page(phantom_stack, measures, ORIGIN)
        assert words in words_of(page)
        if source == "image":  # the longest
            check_legible(page)


def test_bright_fat_does_not_darken_the_heart(phantom, phantom_stack):
    pixels = phantom_stack.pixels.copy()
    shown = list(range(len(pixels)))
    cut = heart_cut(phantom.labels, phantom_stack.spacing_mm)
    before = grey_window(phantom_stack, phantom.labels, shown, cut)
    outside = np.zeros(pixels.shape, dtype=bool)
    outside[:, cut[0].start : cut[0].start + 4] = True
    pixels[outside & (phantom.labels == 0)] = 50 * pixels.max()
    after = grey_window(replace(phantom_stack, pixels=pixels), phantom.labels, shown, cut)
    assert after[1] == pytest.approx(before[1], rel=0.01)

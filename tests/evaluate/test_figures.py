"""The figures show the numbers, with units, and every text lies inside."""

import matplotlib.text
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from scarnet.errors import ScarNetError
from scarnet.evaluate.agreement_figures import bland_altman_figure, regression_figure
from scarnet.evaluate.dice_figure import dice_figure
from scarnet.evaluate.figure_style import save_figure
from scarnet.evaluate.summary import summarise


@pytest.fixture
def methods(make_case):
    scar = {"a": (30, 60), "b": (80, 70), "c": (25, 0), "d": (0, 20), "e": (0, 0)}
    first = [make_case(name, *amounts, distances=False) for name, amounts in scar.items()]
    second = [make_case(name, a, a // 2, distances=False) for name, (a, _) in scar.items()]
    return {"first $x$": first, "a very long name that would reach into the next panel's": second}


def texts(figure):
    found = [text for text in figure.findobj(matplotlib.text.Text) if text.get_text().strip() and text.get_visible()]
    return [text for text in found if text.get_window_extent().width > 0]


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("draw", [dice_figure, bland_altman_figure, regression_figure])
def test_no_text_is_cut_off(methods, draw, count):
    figure = draw(dict(list(methods.items())[:count]))
    FigureCanvasAgg(figure).draw()
    width, height = figure.canvas.get_width_height()
    for text in texts(figure):
        box = text.get_window_extent()
        # Tick labels outside the limits are never drawn.
        if text.axes is not None and text in (*text.axes.get_xticklabels(), *text.axes.get_yticklabels()):
            continue
        assert box.x0 >= -1, text
        assert box.y0 >= -1, text
        assert box.x1 <= width + 1, text
        assert box.y1 <= height + 1, text


def test_bland_altman_draws_bias_and_limits_where_they_are(methods):
    figure = bland_altman_figure(methods)
    for axes, cases in zip(figure.axes, methods.values(), strict=True):
        found = summarise(cases)["scar_percent"]
        lines = [line.get_ydata()[0] for line in axes.lines if len(set(line.get_ydata())) == 1]
        assert all(np.isclose(lines, value).any() for value in (found["bias"], *found["loa"]))
        written = " ".join(text.get_text() for text in axes.texts).replace("−", "-")
        assert f"{found['bias']:+.1f}" in written
        assert f"{found['loa'][0]:+.1f}" in written
        assert f"{found['loa'][1]:+.1f}" in written
        assert "n = 5" in axes.get_title()
        low, high = axes.get_ylim()
        assert low < found["loa_lower_ci"][0]
        assert high > found["loa_upper_ci"][1]
        points = np.concatenate([part.get_offsets() for part in axes.collections])
        assert len(points) == 5
    assert "percentage points" in figure.axes[0].get_ylabel()
    assert "% of myocardium" in figure.get_supxlabel()
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()


def test_regression_writes_its_line(methods):
    figure = regression_figure(methods)
    found = summarise(next(iter(methods.values())))["scar_percent"]
    written = figure.axes[0].texts[0].get_text()
    assert f"{found['slope']:.2f} x" in written
    assert f"R² = {found['r2']:.2f}" in written


def test_dice_says_how_many_patients_each_box_rests_on(methods):
    axes = dice_figure(methods).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "myocardium\nn = 5",
        "blood pool\nn = 5",
        "scar\nn = 3",
    ]
    assert "Dice" in axes.get_ylabel()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("draw", [dice_figure, bland_altman_figure, regression_figure])
@pytest.mark.parametrize("scar", [{"a": (0, 0)}, {"a": (30, 30), "b": (30, 30), "c": (30, 30)}], ids=["one", "equal"])
def test_too_little_to_draw_is_still_a_figure(make_case, draw, scar, tmp_path):
    cases = [make_case(name, *amounts, distances=False) for name, amounts in scar.items()]
    save_figure(tmp_path / "figure.png", draw({"m": cases}))
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_files_say_nothing_of_who_made_them(methods, tmp_path):
    save_figure(tmp_path / "figure.pdf", dice_figure(methods))
    written = (tmp_path / "figure.pdf").read_bytes()
    assert written.startswith(b"%PDF")
    assert not any(word in written for word in (b"CreationDate", b"Creator", b"Producer"))
    with pytest.raises(ScarNetError, match="choose one of them"):
        save_figure(tmp_path / "figure.svg", dice_figure(methods))
    assert [path.name for path in tmp_path.iterdir()] == ["figure.pdf"]

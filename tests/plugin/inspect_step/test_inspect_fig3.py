"""The Fig. 3 view: right cells, shared contrast, and the user's own view back afterwards."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_scarnet.layers import (
    add_stack,
    current_labels,
    find_layers,
    image_layer_of,
    layer_meta,
    merge_predictions,
    show_prediction,
)
from scarnet.figure import PANEL_CLASSES, heart_crop


def snapshot(viewer):
    """All that the view promises to put back."""
    camera, grid = viewer.scene.camera, viewer.canvas.grid
    return {
        "order": list(viewer.layers),
        "visible": [layer.visible for layer in viewer.layers],
        "opacity": [layer.opacity for layer in viewer.layers],
        "blending": [layer.blending for layer in viewer.layers],
        "limits": [getattr(layer, "contrast_limits", None) for layer in viewer.layers],
        "overlays": [set(layer._overlays) for layer in viewer.layers],
        "bars": [layer.colorbar.visible if hasattr(layer, "colorbar") else None for layer in viewer.layers],
        "active": viewer.layers.selection.active,
        "grid": (grid.enabled, grid.shape, grid.stride, grid.spacing),
        "camera": (tuple(camera.center), pytest.approx(camera.zoom), tuple(camera.angles)),
        "ndisplay": viewer.dims.ndisplay,
    }


def cell(viewer, layer):
    return viewer.canvas.grid.position(viewer.layers.index(layer), viewer.layers)


def press(qtbot, widget):
    qtbot.mouseClick(widget.fig3_button, Qt.MouseButton.LeftButton)


def test_a_press_shows_the_panel_and_a_press_takes_it_away(shown, inspect, qtbot):
    case = inspect.case
    image, labels = image_layer_of(shown, case), current_labels(shown, case)
    shown.layers.move(shown.layers.index(labels), 0)
    find_layers(shown, "probability", 1)[0].contrast_limits = (0.2, 0.4)
    shown.scene.camera.zoom = 2.5
    shown.scene.camera.center = (0, 60, 55)
    before = snapshot(shown)

    press(qtbot, inspect)
    assert inspect.fig3_button.isChecked()
    assert shown.canvas.grid.enabled
    # As in the paper and in the saved panel: the image first, the labels below it, over the image once more.
    assert cell(shown, image) == (0, 0)
    assert cell(shown, labels) == (1, 0)
    for row, kind in enumerate(("logit", "probability")):
        layers = [find_layers(shown, kind, cls, case)[0] for cls in PANEL_CLASSES]
        assert [cell(shown, layer) for layer in layers] == [(row, column) for column in range(1, 5)]
        limits = {tuple(layer.contrast_limits) for layer in layers}
        assert len(limits) == 1
        low, high = limits.pop()
        assert (low, high) == (0, 1) if kind == "probability" else low == -high
    under = [layer for layer in shown.layers if cell(shown, layer) == (1, 0) and layer is not labels]
    assert len(under) == 1
    assert under[0].data is image.data
    assert shown.layers.index(under[0]) < shown.layers.index(labels)

    find_layers(shown, "logit", 0, case)[0].contrast_limits = (-3, 3)
    assert tuple(find_layers(shown, "logit", 3, case)[0].contrast_limits) == (-3, 3)

    press(qtbot, inspect)
    assert not inspect.fig3_button.isChecked()
    assert snapshot(shown) == before
    find_layers(shown, "logit", 0, case)[0].contrast_limits = (-4, 4)
    assert tuple(find_layers(shown, "logit", 3, case)[0].contrast_limits) != (-4, 4)

    before = snapshot(shown)
    inspect.fig3.enter(case)
    assert cell(shown, labels) == (1, 0)
    inspect.fig3.leave()
    assert snapshot(shown) == before


def test_layers_that_are_gone_or_renamed_do_not_matter(shown, inspect, qtbot):
    case = inspect.case
    shown.layers.remove(find_layers(shown, "logit", 3, case)[0])
    find_layers(shown, "probability", 3, case)[0].name = "my own name"
    before = snapshot(shown)
    press(qtbot, inspect)
    # The cell that would be empty is filled from the prediction, and cleared away again.
    assert cell(shown, find_layers(shown, "logit", 3, case)[0]) == (0, 3)
    assert cell(shown, shown.layers["my own name"]) == (1, 3)
    press(qtbot, inspect)
    assert snapshot(shown) == before
    assert find_layers(shown, "logit", 3, case) == []


def test_deleting_a_layer_in_the_view_ends_it_and_keeps_the_rest(shown, inspect, qtbot):
    case = inspect.case
    before = snapshot(shown)
    press(qtbot, inspect)
    gone = find_layers(shown, "logit", 2, case)[0]
    shown.layers.remove(gone)
    qtbot.waitUntil(lambda: not inspect.fig3.active)
    left = [layer for layer in before["order"] if layer is not gone]
    assert list(shown.layers) == left
    assert [layer.visible for layer in left] == [
        visible for layer, visible in zip(before["order"], before["visible"], strict=True) if layer is not gone
    ]
    assert not inspect.fig3_button.isChecked()


def test_switching_napari_grid_off_ends_the_view(shown, inspect, qtbot):
    before = snapshot(shown)
    press(qtbot, inspect)
    shown.canvas.grid.enabled = False
    qtbot.waitUntil(lambda: not inspect.fig3.active)
    assert snapshot(shown) == before


def test_the_heart_fills_the_cells_and_an_edit_there_stays(shown, inspect, qtbot):
    press(qtbot, inspect)
    image, canvas = image_layer_of(shown, inspect.case), shown.window._qt_viewer.canvas
    y0, y1, x0, x1 = heart_crop(inspect.prediction, layer_meta(image)["stack"].spacing_mm)

    def filled():
        zoom, (across, down) = shown.scene.camera.zoom, canvas._current_viewbox_size
        part = max((x1 - x0) * image.scale[2] * zoom / across, (y1 - y0) * image.scale[1] * zoom / down)
        return across < canvas.size[1] / 4 and abs(part - 0.96) < 0.03

    qtbot.waitUntil(filled)
    assert shown.scene.camera.center[1] == pytest.approx((y0 + y1 - 1) / 2 * image.scale[1])
    labels = current_labels(shown, inspect.case)
    labels.data_setitem((np.array([1]), np.array([3]), np.array([4])), 3)
    press(qtbot, inspect)
    assert current_labels(shown, inspect.case).data[1, 3, 4] == 3


def test_several_cases_do_not_mix(shown, inspect, qtbot, tools):
    other = tools.stack("heart B", shape=(4, 60, 60))
    image = add_stack(shown, other)
    show_prediction(shown, image, tools.prediction(other, skip=()))
    shown.layers.selection.active = image
    qtbot.waitUntil(lambda: inspect.case == "heart B")
    before = snapshot(shown)
    press(qtbot, inspect)
    assert inspect.fig3.case == "heart B"
    assert not any(layer.visible for layer in find_layers(shown, case="heart A"))
    inspect.case_box.setCurrentText("heart A")
    assert inspect.fig3.case == "heart A"
    assert not any(layer.visible for layer in find_layers(shown, case="heart B"))
    press(qtbot, inspect)
    assert snapshot(shown) == before


def test_a_case_without_prediction_has_nothing_to_show(make_napari_viewer, qtbot, tools):
    viewer = make_napari_viewer(show=True)
    add_stack(viewer, tools.stack())
    widget = tools.dock(viewer, qtbot)
    assert not widget.fig3_button.isEnabled()
    assert not widget.export_button.isEnabled()
    assert "Segment" in widget.about.text()


def test_closing_the_widget_gives_the_view_back(shown, inspect, qtbot):
    before = snapshot(shown)
    press(qtbot, inspect)
    shown.window.remove_dock_widget(inspect)
    assert snapshot(shown) == before
    shown.layers.remove(shown.layers[0])
    shown.cursor.position = (1, 1, 1)


def test_labels_left_aside_within_the_view_stay_hidden(shown, inspect, qtbot, tools, stack):
    case = inspect.case
    labels = current_labels(shown, case)
    labels.data_setitem((np.array([1]), np.array([3]), np.array([4])), 3)
    press(qtbot, inspect)
    show_prediction(shown, image_layer_of(shown, case), tools.prediction(stack, seed=9))
    qtbot.waitUntil(lambda: not inspect.fig3.active)
    assert current_labels(shown, case) is not labels
    assert [layer for layer in find_layers(shown, "labels", kept=True) if layer.visible] == [
        current_labels(shown, case)
    ]

    # The same with labels at a threshold, which go away.
    labels = current_labels(shown, case)
    labels.data_setitem((np.array([1]), np.array([3]), np.array([4])), 3)
    inspect.threshold.slider.setValue(30)
    qtbot.waitUntil(lambda: not labels.visible)
    press(qtbot, inspect)
    new = tools.prediction(stack, skip=(0, 1, 3, 4, 5), seed=11)
    merged = merge_predictions(inspect.prediction, new)
    show_prediction(shown, image_layer_of(shown, case), merged, new.slices)
    qtbot.waitUntil(lambda: not inspect.fig3.active)
    assert current_labels(shown, case) is labels
    assert [layer for layer in find_layers(shown, "labels", kept=True) if layer.visible] == [labels]


def test_two_widgets_share_one_view(shown, inspect, qtbot, tools):
    before = snapshot(shown)
    press(qtbot, inspect)
    other = tools.dock(shown, qtbot)
    assert other.fig3 is inspect.fig3
    qtbot.waitUntil(lambda: other.fig3_button.isChecked() and other.fig3_button.text() == "Back to my view")
    press(qtbot, other)
    assert not inspect.fig3_button.isChecked()
    assert snapshot(shown) == before
    press(qtbot, other)
    press(qtbot, inspect)
    assert not other.fig3_button.isChecked()
    assert snapshot(shown) == before


def test_titles_and_colour_bars_come_and_go(shown, inspect, qtbot):
    press(qtbot, inspect)
    last = find_layers(shown, "probability", PANEL_CLASSES[-1])[0]
    qtbot.waitUntil(lambda: last.colorbar.visible, timeout=30000)
    titles = {layer._overlays["scarnet_title"].text for layer in shown.layers if "scarnet_title" in layer._overlays}
    assert titles >= {"image", "labels", "logit\nscar", "p\nmyocardium"}
    assert len(titles) == 10
    press(qtbot, inspect)
    # Left at once: no title may come after that.
    press(qtbot, inspect)
    press(qtbot, inspect)
    qtbot.wait(200)
    assert not any("scarnet_title" in layer._overlays for layer in shown.layers)
    assert not last.colorbar.visible


CLOSING = """
import sys
import napari
from qtpy.QtCore import QTimer
sys.path.insert(0, sys.argv[1])
from conftest import build_prediction, build_stack
from napari_scarnet.inspect_widget import InspectWidget
from napari_scarnet.layers import add_stack, show_prediction

viewer, stack = napari.Viewer(), build_stack()
show_prediction(viewer, add_stack(viewer, stack), build_prediction(stack))
widget = InspectWidget(viewer)
viewer.window.add_dock_widget(widget, name="Inspect")

def enter():
    widget.fig3_button.click()
    assert widget.fig3.active
    QTimer.singleShot(500, viewer.window._qt_window.close)

QTimer.singleShot(500, enter)
napari.run()
print("closed")
"""


def test_closing_the_window_in_the_view_is_silent():
    command = [sys.executable, "-c", CLOSING, str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("closed")
    assert not any(word in done.stderr + done.stdout for word in ("Traceback", "Error", "deleted")), done.stderr


def test_the_branches_of_a_model_without_an_encoder_are_one_row(shown, inspect):
    from dataclasses import replace

    from napari_scarnet.inspect_maps import show_maps
    from napari_scarnet.inspect_panel import _branch_rows

    image = image_layer_of(shown, inspect.case)
    prediction = layer_meta(image)["prediction"]
    alone = replace(prediction, branch_logits={"unet": prediction.logits})
    layer_meta(image)["prediction"] = alone
    show_maps(shown, inspect.case, "branch-logit")
    rows = _branch_rows(shown, inspect.case, alone)
    assert [(row.name, len(row.layers)) for row in rows] == [("U-Net", len(PANEL_CLASSES))]

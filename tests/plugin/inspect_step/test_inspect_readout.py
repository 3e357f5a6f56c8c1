"""The readout: the arrays' own numbers at the cursor, wherever the layers lie, and honest words elsewhere."""

import time

import numpy as np
import pytest
from qtpy.QtCore import QPoint
from qtpy.QtGui import QPixmap

from napari_scarnet.inspect_case import read_at
from napari_scarnet.inspect_readout import ReadoutChart
from napari_scarnet.layers import add_stack, find_layers, image_layer_of, show_prediction


def point_at(viewer, layer, index):
    viewer.cursor.position = tuple(layer.data_to_world(index))
    viewer.dims.point = tuple(layer.data_to_world(index))


def test_numbers_are_those_of_the_arrays(shown, inspect, prediction, stack):
    image = image_layer_of(shown, inspect.case)
    y0, y1, x0, x1 = prediction.window
    for index in ((0, y0, x0), (2, 40, 50), (4, y1 - 1, x1 - 1)):
        point_at(shown, image, index)
        reading = inspect.chart.reading
        assert reading.index == index
        assert reading.logits == tuple(prediction.logits[(slice(None), *index)].tolist())
        assert reading.probabilities == tuple(prediction.probabilities[(slice(None), *index)].tolist())
        assert reading.intensity == stack.pixels[index]


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")
@pytest.mark.parametrize("turn", ["translated", "oblique"])
def test_numbers_follow_the_layers_placement(make_napari_viewer, qtbot, tools, turn):
    viewer = make_napari_viewer(show=True)
    stack = tools.stack(spacing=(9.0, 1.7, 1.2))
    prediction = tools.prediction(stack)
    image = add_stack(viewer, stack)
    if turn == "translated":
        image.translate = (13.0, -41.5, 77.25)
    else:
        image.rotate = (25.0, 10.0, -15.0)
        image.translate = (5.0, 30.0, -12.0)
    show_prediction(viewer, image, prediction)
    logit = find_layers(viewer, "logit", 3)[0]
    logit.visible = True
    rng = np.random.default_rng(0)
    y0, y1, x0, x1 = prediction.window
    for _ in range(20):
        index = (int(rng.integers(0, 5)), int(rng.integers(y0, y1)), int(rng.integers(x0, x1)))
        # Anywhere in the voxel, not just its middle.
        world = image.data_to_world(np.array(index) + rng.uniform(-0.45, 0.45, 3))
        reading = read_at(viewer, stack.case, world)
        assert reading.index == index
        assert reading.logits[3] == prediction.logits[(3, *index)]
        viewer.dims.point = tuple(world)
        if turn == "translated":
            assert logit.get_value(world, world=True) == pytest.approx(reading.logits[3])


def test_a_real_mouse_move_over_the_canvas_is_followed(shown, inspect, prediction, qtbot):
    image = image_layer_of(shown, inspect.case)
    shown.fit_to_view()
    canvas = shown.window._qt_viewer.canvas
    canvas.on_draw()
    zoom, centre = shown.scene.camera.zoom, np.array(shown.scene.camera.center[1:])
    index = (2, 37, 52)
    world = np.array(image.data_to_world(index))[1:]
    height, width = canvas.size
    y, x = (world - centre) * zoom + np.array([height, width]) / 2
    target = QPoint(round(x), round(y))
    qtbot.mouseMove(canvas.native, target - QPoint(30, 30))
    qtbot.mouseMove(canvas.native, target)
    qtbot.waitUntil(lambda: inspect.chart.reading is not None and inspect.chart.reading.index == index)
    assert inspect.chart.reading.logits == tuple(prediction.logits[:, 2, 37, 52].tolist())


def test_nothing_is_read_before_the_mouse_was_over_the_image(shown, inspect):
    shown.dims.set_current_step(0, 3)
    inspect.refresh()
    assert inspect.chart.reading is None
    assert inspect.chart.message == "Move the mouse over the image"


def test_in_3d_no_voxel_is_named(shown, inspect):
    image = image_layer_of(shown, inspect.case)
    point_at(shown, image, (2, 40, 50))
    shown.dims.ndisplay = 3
    assert inspect.chart.message == "3D view: no single voxel"
    shown.dims.ndisplay = 2
    assert inspect.chart.reading.index == (2, 40, 50)


def test_changing_the_slice_changes_the_numbers_without_a_mouse_move(shown, inspect, prediction):
    image = image_layer_of(shown, inspect.case)
    point_at(shown, image, (2, 40, 50))
    shown.dims.set_current_step(0, 3)
    assert inspect.chart.reading.index == (3, 40, 50)
    assert inspect.chart.reading.logits == tuple(prediction.logits[:, 3, 40, 50].tolist())


def test_what_was_not_computed_is_not_given_as_a_number(shown, inspect, prediction):
    image = image_layer_of(shown, inspect.case)
    point_at(shown, image, (2, prediction.window[0] - 1, 50))
    assert inspect.chart.message == "Outside the heart window: not computed"
    assert inspect.chart.reading.logits == ()
    point_at(shown, image, (5, 40, 50))
    assert inspect.chart.message == "Slice not predicted"
    point_at(shown, image, (2, -3, 50))
    assert inspect.chart.message == "Outside the image"


def test_maps_that_are_left_are_still_read(shown, inspect, prediction, qtbot):
    image = image_layer_of(shown, inspect.case)
    world = image.data_to_world((2, 40, 50))
    shown.layers.remove(image)
    shown.layers.remove(find_layers(shown, "logit", 1)[0])
    find_layers(shown, "logit", 3)[0].name = "anything"
    qtbot.waitUntil(lambda: "deleted" in inspect.about.text())
    shown.cursor.position = tuple(world)
    reading = inspect.chart.reading
    assert reading.logits[3] == prediction.logits[3, 2, 40, 50]
    assert np.isnan(reading.logits[1])
    assert reading.intensity is None
    inspect.chart.grab()
    shown.layers.clear()
    qtbot.waitUntil(lambda: inspect.case is None)
    assert not inspect.fig3_button.isEnabled()


def test_bars_have_the_classes_colours_and_lengths(shown, inspect, prediction):
    image = image_layer_of(shown, inspect.case)
    index = tuple(np.argwhere(prediction.labels == 3)[5])
    point_at(shown, image, tuple(int(i) for i in index))
    picture = inspect.chart.grab().toImage()
    yellow = sum(
        picture.pixelColor(x, y).red() > 220 and picture.pixelColor(x, y).blue() < 100
        for x in range(picture.width())
        for y in range(picture.height())
    )
    assert yellow > 200


def test_an_update_takes_a_few_milliseconds(shown, inspect):
    image = image_layer_of(shown, inspect.case)
    positions = [tuple(image.data_to_world((2, y, x))) for y in range(20, 60, 4) for x in range(20, 80, 8)]
    target = QPixmap(inspect.chart.size())
    times = []
    for position in positions:
        start = time.process_time()
        reading = read_at(shown, inspect.case, position)
        inspect.chart.show_reading(reading)
        inspect.chart.render(target)
        times.append(time.process_time() - start)
    assert np.median(times) < 0.010


def test_the_chart_tells_screen_readers_too(qtbot, shown, inspect):
    chart = ReadoutChart()
    qtbot.addWidget(chart)
    image = image_layer_of(shown, inspect.case)
    chart.show_reading(read_at(shown, inspect.case, image.data_to_world((2, 40, 50))))
    assert "scar logit" in chart.accessibleDescription()

"""The scar threshold: the labels follow at once, and an edit is never lost."""

import time

import numpy as np
from qtpy.QtCore import Qt

from napari_scarnet.inspect_threshold import ThresholdLabels, labels_at
from napari_scarnet.layers import add_stack, current_labels, find_layers, layer_meta, set_labels, show_prediction
from scarnet.predict import labels_from_probabilities


def shown_labels(viewer):
    return [layer for layer in find_layers(viewer, "labels", kept=True) if layer.visible]


def test_slider_keys_and_argmax_redraw_the_labels(shown, inspect, prediction, qtbot):
    box, labels = inspect.threshold, current_labels(shown, inspect.case)
    assert box.threshold is None
    assert box.argmax.isChecked()
    labels.name = "renamed"
    box.slider.setFocus()
    qtbot.keyClick(box.slider, Qt.Key.Key_PageDown)
    wanted = labels_from_probabilities(prediction.probabilities, 0.45)
    qtbot.waitUntil(lambda: np.array_equal(labels.data, wanted))
    assert not box.argmax.isChecked()
    assert "0.45" in box.note.text()
    qtbot.keyClick(box.slider, Qt.Key.Key_Home)
    wanted = labels_from_probabilities(prediction.probabilities, 0.01)
    qtbot.waitUntil(lambda: np.array_equal(labels.data, wanted))
    assert (labels.data == 3).sum() > (prediction.labels == 3).sum()
    qtbot.mouseClick(box.argmax, Qt.MouseButton.LeftButton)
    assert np.array_equal(labels.data, prediction.labels)
    assert box.threshold is None
    assert len(find_layers(shown, "labels", kept=True)) == 1


def test_edited_labels_are_kept(shown, inspect, prediction, qtbot):
    box, labels = inspect.threshold, current_labels(shown, inspect.case)
    labels.data_setitem((np.array([1, 1]), np.array([3, 3]), np.array([4, 5])), 3)
    mine = np.array(labels.data)
    box.slider.setValue(30)
    qtbot.waitUntil(lambda: len(find_layers(shown, "labels", kept=True)) == 2)
    beside = next(layer for layer in find_layers(shown, "labels", kept=True) if layer is not labels)
    assert np.array_equal(beside.data, labels_from_probabilities(prediction.probabilities, 0.3))
    assert current_labels(shown, inspect.case) is labels
    assert shown_labels(shown) == [beside]
    assert labels.name in box.note.text()
    box.slider.setValue(60)
    wanted = labels_from_probabilities(prediction.probabilities, 0.6)
    qtbot.waitUntil(lambda: np.array_equal(beside.data, wanted))

    # The layer beside is edited too: it stays as well, and the next threshold gets another one.
    beside.data_setitem((np.array([2]), np.array([3]), np.array([4])), 1)
    also_mine = np.array(beside.data)
    box.slider.setValue(70)
    qtbot.waitUntil(lambda: len(find_layers(shown, "labels", kept=True)) == 3)
    assert np.array_equal(beside.data, also_mine)
    qtbot.mouseClick(box.argmax, Qt.MouseButton.LeftButton)
    assert shown_labels(shown) == [labels]
    assert np.array_equal(labels.data, mine)


def test_threshold_within_the_fig3_view(shown, inspect, prediction, qtbot):
    labels = current_labels(shown, inspect.case)
    labels.data_setitem((np.array([1]), np.array([3]), np.array([4])), 3)
    inspect.fig3.enter(inspect.case)
    inspect.threshold.slider.setValue(20)
    qtbot.waitUntil(lambda: len(find_layers(shown, "labels", kept=True)) == 2)
    beside = next(layer for layer in find_layers(shown, "labels", kept=True) if layer is not labels)
    qtbot.waitUntil(lambda: inspect.fig3.active)
    assert shown.canvas.grid.position(shown.layers.index(beside), shown.layers) == (0, 0)
    assert not labels.visible
    inspect.fig3.leave()
    assert shown_labels(shown) == [beside]


def test_deleted_labels_are_made_anew(shown, inspect, prediction, qtbot):
    shown.layers.remove(current_labels(shown, inspect.case))
    inspect.threshold.slider.setValue(40)
    qtbot.waitUntil(lambda: current_labels(shown, inspect.case) is not None)
    wanted = labels_from_probabilities(prediction.probabilities, 0.4)
    assert np.array_equal(current_labels(shown, inspect.case).data, wanted)

    # A new prediction starts from argmax again, and its labels are nobody's edit.
    image = find_layers(shown, "image")[0]
    show_prediction(shown, image, prediction)
    inspect.session.prediction_changed.emit(inspect.case)
    assert inspect.threshold.threshold is None
    assert np.array_equal(current_labels(shown, inspect.case).data, prediction.labels)
    assert not any(layer_meta(layer).get("kept") for layer in find_layers(shown, "labels", kept=True))


def test_cropping_to_the_window_changes_no_label(tools):
    prediction = tools.prediction(tools.stack())
    for threshold in (0.05, 0.5, 0.95):
        whole = labels_from_probabilities(prediction.probabilities, threshold)
        assert np.array_equal(labels_at(prediction, threshold), whole)


def test_labels_without_clean_up_stay_without(tools):
    from dataclasses import replace

    from napari.components import ViewerModel

    stack = tools.stack()
    prediction = tools.prediction(stack)
    plain = replace(prediction, labels=labels_from_probabilities(prediction.probabilities, None, False))
    assert not np.array_equal(plain.labels, prediction.labels)
    viewer = ViewerModel()
    show_prediction(viewer, add_stack(viewer, stack), plain)
    layer = ThresholdLabels(viewer).apply(stack.case, 0.3)
    assert np.array_equal(layer.data, labels_from_probabilities(plain.probabilities, 0.3, False))


def test_a_stack_of_twenty_slices_follows_the_slider(tools):
    from napari.components import ViewerModel

    stack = tools.stack(shape=(20, 256, 256), spacing=(10.0, 1.0, 1.0))
    viewer = ViewerModel()
    prediction = tools.prediction(stack, skip=())
    show_prediction(viewer, add_stack(viewer, stack), prediction)
    labels = ThresholdLabels(viewer)
    labels.apply(stack.case, 0.5)
    times = []
    for threshold in (0.3, 0.4, 0.45, 0.5, 0.6):
        start = time.process_time()
        labels.apply(stack.case, threshold)
        times.append(time.process_time() - start)
    # Processor time, so that a busy machine does not fail the test.
    assert min(times) < 0.25
    set_labels(current_labels(viewer, stack.case), prediction.labels)

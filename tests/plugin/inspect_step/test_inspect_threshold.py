"""The scar threshold: the labels follow at once, and an edit is never lost."""

import time

import numpy as np
from qtpy.QtCore import Qt

from napari_scarnet.inspect_threshold import apply_threshold
from napari_scarnet.layers import (
    add_stack,
    current_labels,
    find_layers,
    image_layer_of,
    labels_at,
    labels_edited,
    layer_meta,
    merge_predictions,
    set_labels,
    show_prediction,
)
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


def test_a_slice_segmented_later_joins_the_threshold(shown, inspect, prediction, tools, stack, qtbot):
    box, labels = inspect.threshold, current_labels(shown, inspect.case)
    box.slider.setValue(30)
    qtbot.waitUntil(lambda: layer_meta(labels)["threshold"] == 0.3)
    new = tools.prediction(stack, skip=(0, 1, 3, 4, 5), seed=11)
    merged = merge_predictions(prediction, new)
    show_prediction(shown, image_layer_of(shown, inspect.case), merged, new.slices)
    inspect.session.prediction_changed.emit(inspect.case)
    assert np.array_equal(labels.data[2], labels_at(merged, 0.3)[2])
    assert np.array_equal(np.delete(labels.data, 2, 0), np.delete(labels_at(prediction, 0.3), 2, 0))
    assert (box.threshold, box.slider.value(), box.argmax.isChecked()) == (0.3, 30, False)
    assert "0.30" in box.note.text()
    assert not labels_edited(labels)
    # Where nothing older is left, argmax it is, and the control says so.
    show_prediction(shown, image_layer_of(shown, inspect.case), tools.prediction(stack, seed=12))
    inspect.session.prediction_changed.emit(inspect.case)
    assert box.threshold is None
    assert box.argmax.isChecked()
    assert box.note.text() == ""
    assert np.array_equal(labels.data, tools.prediction(stack, seed=12).labels)


def test_each_case_has_its_own_threshold(shown, inspect, tools, qtbot):
    box, first = inspect.threshold, current_labels(shown, inspect.case)
    box.slider.setValue(30)
    qtbot.waitUntil(lambda: layer_meta(first)["threshold"] == 0.3)
    other = tools.stack("heart B", shape=(4, 60, 60))
    image = add_stack(shown, other)
    show_prediction(shown, image, tools.prediction(other, skip=()))
    shown.layers.selection.active = image
    qtbot.waitUntil(lambda: inspect.case == "heart B")
    assert box.threshold is None
    assert box.argmax.isChecked()
    inspect.case_box.setCurrentText("heart A")
    assert (box.threshold, box.spin.value(), box.argmax.isChecked()) == (0.3, 0.3, False)
    assert "0.30" in box.note.text()


def test_labels_at_a_threshold_go_with_their_prediction(shown, inspect, tools, stack, qtbot):
    box, labels, image = inspect.threshold, current_labels(shown, inspect.case), image_layer_of(shown, inspect.case)
    labels.data_setitem((np.array([1]), np.array([3]), np.array([4])), 3)
    mine = np.array(labels.data)
    box.slider.setValue(30)
    qtbot.waitUntil(lambda: len(find_layers(shown, "labels", kept=True)) == 2)
    # A slice run leaves the edit elsewhere alone and shows it again.
    new = tools.prediction(stack, skip=(0, 1, 3, 4, 5), seed=11)
    show_prediction(shown, image, merge_predictions(inspect.prediction, new), new.slices)
    inspect.session.prediction_changed.emit(inspect.case)
    assert find_layers(shown, "labels", kept=True) == [labels] == shown_labels(shown)
    assert np.array_equal(np.delete(labels.data, 2, 0), np.delete(mine, 2, 0))
    assert box.argmax.isChecked()

    # The layer beside was edited as well: both stay, hidden, and the new labels are what is seen.
    box.slider.setValue(40)
    qtbot.waitUntil(lambda: len(find_layers(shown, "labels", kept=True)) == 2)
    beside = next(layer for layer in find_layers(shown, "labels", kept=True) if layer is not labels)
    beside.data_setitem((np.array([2]), np.array([3]), np.array([4])), 1)
    also_mine = np.array(beside.data)
    show_prediction(shown, image, tools.prediction(stack, seed=12))
    inspect.session.prediction_changed.emit(inspect.case)
    now = current_labels(shown, inspect.case)
    assert shown_labels(shown) == [now]
    assert now not in (labels, beside)
    assert np.array_equal(beside.data, also_mine)
    assert layer_meta(beside)["kept"]
    assert box.argmax.isChecked()


def test_labels_that_are_no_longer_edited_take_the_threshold_themselves(shown, inspect, prediction, qtbot):
    labels = current_labels(shown, inspect.case)
    labels.data_setitem((np.array([1]), np.array([3]), np.array([4])), 3)
    inspect.threshold.slider.setValue(30)
    qtbot.waitUntil(lambda: len(find_layers(shown, "labels", kept=True)) == 2)
    labels.undo()
    inspect.threshold.slider.setValue(40)
    qtbot.waitUntil(lambda: np.array_equal(labels.data, labels_at(prediction, 0.4)))
    assert shown_labels(shown) == [labels] == find_layers(shown, "labels", kept=True)
    assert inspect.threshold.threshold == 0.4


def test_threshold_beside_edited_labels_in_3d(shown, inspect, prediction, qtbot):
    labels = current_labels(shown, inspect.case)
    labels.data_setitem((np.array([1]), np.array([3]), np.array([4])), 3)
    shown.dims.ndisplay = 3
    shown.mouse_over_canvas = True
    shown.layers.selection.active = image_layer_of(shown, inspect.case)
    inspect.threshold.slider.setValue(30)
    # An exception in a Qt slot fails the test.
    qtbot.waitUntil(lambda: len(find_layers(shown, "labels", kept=True)) == 2)
    qtbot.wait(200)
    assert shown.layers.selection.active is image_layer_of(shown, inspect.case)


def test_every_labels_layer_knows_its_grid(shown, inspect, stack, tmp_path, qtbot):
    import nibabel as nib

    case = inspect.case
    shown.layers.remove(current_labels(shown, case))
    inspect.threshold.slider.setValue(30)
    qtbot.waitUntil(lambda: current_labels(shown, case) is not None)
    own = current_labels(shown, case)
    own.data_setitem((np.array([1]), np.array([3]), np.array([4])), 3)
    inspect.threshold.slider.setValue(40)
    qtbot.waitUntil(lambda: len(find_layers(shown, "labels", kept=True)) == 2)
    for layer in find_layers(shown, "labels", kept=True):
        assert layer_meta(layer)["stack"].shape == stack.shape
        path = tmp_path / f"{layer_meta(layer)['threshold']}.nii.gz"
        assert layer.save(str(path), plugin="napari-scarnet") == [str(path)]
        assert np.allclose(np.abs(nib.load(path).affine), np.abs(stack.affine))
    shown.layers.remove(own)
    for layer in find_layers(shown, "labels", kept=True):
        shown.layers.remove(layer)
    inspect.fig3.enter(case)
    assert layer_meta(current_labels(shown, case))["stack"].shape == stack.shape
    inspect.fig3.leave()


def test_threshold_within_the_fig3_view(shown, inspect, prediction, qtbot):
    labels = current_labels(shown, inspect.case)
    labels.data_setitem((np.array([1]), np.array([3]), np.array([4])), 3)
    inspect.fig3.enter(inspect.case)
    inspect.threshold.slider.setValue(20)
    qtbot.waitUntil(lambda: len(find_layers(shown, "labels", kept=True)) == 2)
    beside = next(layer for layer in find_layers(shown, "labels", kept=True) if layer is not labels)
    qtbot.waitUntil(lambda: inspect.fig3.active)
    assert shown.canvas.grid.position(shown.layers.index(beside), shown.layers) == (1, 0)
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
    uncleaned = labels_from_probabilities(prediction.probabilities, None, False)
    plain = replace(prediction, labels=uncleaned, postprocessed=False)
    assert not np.array_equal(plain.labels, prediction.labels)
    viewer = ViewerModel()
    show_prediction(viewer, add_stack(viewer, stack), plain)
    layer = apply_threshold(viewer, stack.case, 0.3)
    assert np.array_equal(layer.data, labels_from_probabilities(plain.probabilities, 0.3, False))


def test_a_stack_of_twenty_slices_follows_the_slider(tools):
    from napari.components import ViewerModel

    stack = tools.stack(shape=(20, 256, 256), spacing=(10.0, 1.0, 1.0))
    viewer = ViewerModel()
    prediction = tools.prediction(stack, skip=())
    show_prediction(viewer, add_stack(viewer, stack), prediction)
    apply_threshold(viewer, stack.case, 0.5)
    times = []
    for threshold in (0.3, 0.4, 0.45, 0.5, 0.6):
        start = time.process_time()
        apply_threshold(viewer, stack.case, threshold)
        times.append(time.process_time() - start)
    # Processor time, so that a busy machine does not fail the test.
    assert min(times) < 0.25
    set_labels(current_labels(viewer, stack.case), prediction.labels)

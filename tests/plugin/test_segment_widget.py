"""The Segment step, driven by clicks and keys, with layers coming and going under it."""

import numpy as np
import pytest
from qtpy.QtCore import Qt, QTimer

from napari_scarnet.layers import add_stack, current_labels, find_layers, layer_meta
from napari_scarnet.segment_widget import SEGMENT_KEYS, SegmentWidget
from scarnet.errors import ScarNetError

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def widget(viewer, engine, qtbot):
    widget = SegmentWidget(viewer, engine)
    viewer.window.add_dock_widget(widget, name="Segment")
    qtbot.waitUntil(lambda: widget.model.entry is not None)
    return widget


@pytest.fixture
def image(viewer, widget, stack):
    return add_stack(viewer, stack)


def finish(qtbot, widget, engine):
    engine.hold.set()
    qtbot.waitUntil(lambda: not widget.busy, timeout=20000)


def test_nothing_can_be_pressed_without_a_study(viewer, widget, stack):
    assert not widget.stack_button.isEnabled()
    add_stack(viewer, stack)
    assert widget.stack_button.isEnabled()
    assert widget.slice_button.isEnabled()


def test_click_segments_the_stack(qtbot, viewer, widget, image, engine):
    qtbot.mouseClick(widget.stack_button, LEFT)
    finish(qtbot, widget, engine)
    assert len(viewer.layers) == 10
    assert engine.calls[0][1] is None
    assert "Segmented 4 slices of case A" in widget.status.text()
    assert layer_meta(image)["prediction"].slices == (0, 1, 2, 3)
    qtbot.mouseClick(widget.stack_button, LEFT)
    finish(qtbot, widget, engine)
    assert len(viewer.layers) == 10


def test_current_slice_is_the_one_on_screen(qtbot, viewer, widget, image, engine):
    viewer.dims.set_current_step(0, 3)
    qtbot.mouseClick(widget.slice_button, LEFT)
    finish(qtbot, widget, engine)
    assert engine.calls[0][1] == [3]
    labels = current_labels(viewer, "case A").data
    assert labels[3].any()
    assert not labels[:3].any()
    viewer.dims.set_current_step(0, 1)
    qtbot.mouseClick(widget.slice_button, LEFT)
    finish(qtbot, widget, engine)
    after = current_labels(viewer, "case A").data
    assert after[1].any()
    assert np.array_equal(after[3], labels[3])


def test_options_reach_the_engine(qtbot, widget, image, engine):
    widget.options.postprocess.setChecked(False)
    widget.options.branches.setChecked(True)
    widget.options.batch_size.setValue(3)
    widget.options.flips.setCurrentIndex(1)
    widget.device.setCurrentIndex(widget.device.findData("cpu"))
    qtbot.mouseClick(widget.stack_button, LEFT)
    finish(qtbot, widget, engine)
    settings = engine.calls[0][2]
    assert (settings.postprocess, settings.branches, settings.batch_size) == (False, True, 3)
    assert (settings.flips, settings.device) == (True, "cpu")


@pytest.mark.parametrize("key", list(SEGMENT_KEYS))
def test_keys(qtbot, viewer, widget, image, engine, key):
    qtbot.mouseClick(widget.stack_button, LEFT)
    finish(qtbot, widget, engine)
    labels, scar = current_labels(viewer, "case A"), find_layers(viewer, "probability", 3)[0]
    canvas = viewer.window._qt_viewer.canvas.native
    qtbot.keyClick(canvas, getattr(Qt.Key, f"Key_{key}"))
    finish(qtbot, widget, engine)
    assert len(engine.calls) == (2 if key in ("F6", "F7") else 1)
    assert labels.visible == (key != "F8")
    assert scar.visible == (key != "F9")


def test_cancel_changes_nothing(qtbot, viewer, widget, image, engine):
    engine.hold.clear()
    qtbot.mouseClick(widget.stack_button, LEFT)
    qtbot.waitUntil(lambda: widget.job_bar.bar.maximum() == 4)
    assert not widget.stack_button.isEnabled()
    qtbot.mouseClick(widget.job_bar.cancel_button, LEFT)
    qtbot.waitUntil(lambda: not widget.busy)
    assert len(viewer.layers) == 1
    assert "Cancelled" in widget.status.text()
    assert widget.stack_button.isEnabled()


def test_renaming_and_deleting_while_it_runs(qtbot, viewer, widget, image, engine, stack):
    qtbot.mouseClick(widget.stack_button, LEFT)
    finish(qtbot, widget, engine)
    engine.hold.clear()
    qtbot.mouseClick(widget.stack_button, LEFT)
    image.name = "renamed"
    logit = find_layers(viewer, "logit", 1)[0]
    logit.name = "renamed too"
    viewer.layers.remove(current_labels(viewer, "case A"))
    finish(qtbot, widget, engine)
    assert len(viewer.layers) == 10
    assert find_layers(viewer, "logit", 1) == [logit]
    assert widget.study.currentText() == "renamed"


def test_deleting_the_study_while_it_runs(qtbot, viewer, widget, image, engine):
    engine.hold.clear()
    qtbot.mouseClick(widget.stack_button, LEFT)
    viewer.layers.remove(image)
    finish(qtbot, widget, engine)
    assert len(viewer.layers) == 0
    assert "dropped" in widget.status.text()
    assert not widget.stack_button.isEnabled()


def test_deleting_the_study_while_its_layers_are_added(qtbot, viewer, widget, image, engine):
    viewer.layers.events.inserted.connect(lambda: len(viewer.layers) == 4 and QTimer.singleShot(0, viewer.layers.clear))
    qtbot.mouseClick(widget.stack_button, LEFT)
    finish(qtbot, widget, engine)
    assert len(viewer.layers) == 0
    assert "removed" in widget.status.text()


def test_edited_labels_survive_running_again(qtbot, viewer, widget, image, engine):
    qtbot.mouseClick(widget.stack_button, LEFT)
    finish(qtbot, widget, engine)
    labels = current_labels(viewer, "case A")
    engine.hold.clear()
    qtbot.mouseClick(widget.stack_button, LEFT)
    labels.paint((1, 20, 20), 3)
    edited = labels.data.copy()
    finish(qtbot, widget, engine)
    assert np.array_equal(labels.data, edited)
    assert labels in viewer.layers
    assert current_labels(viewer, "case A") is not labels
    assert labels.name in widget.status.text()


def test_errors_are_shown_in_the_widget_and_as_notifications(qtbot, widget, image, engine):
    from napari.utils.notifications import notification_manager

    engine.error = ScarNetError("The file is broken; copy it again.")
    qtbot.mouseClick(widget.stack_button, LEFT)
    finish(qtbot, widget, engine)
    assert "The file is broken" in widget.status.text()
    assert "The file is broken" in str(notification_manager.records[-1].message)
    engine.error = KeyError("surprise")
    qtbot.mouseClick(widget.stack_button, LEFT)
    finish(qtbot, widget, engine)
    assert "surprise" in widget.status.text()
    assert widget.stack_button.isEnabled()


def test_plain_image_needs_its_spacing(qtbot, viewer, widget, engine):
    layer = viewer.add_image(np.random.default_rng(0).random((3, 40, 48)), name="plain")
    assert widget.study.layer is layer
    assert not widget.spacing.isHidden()
    qtbot.mouseClick(widget.stack_button, LEFT)
    assert "spacing" in widget.status.text()
    assert not engine.calls
    for box, text in zip(widget.spacing.boxes, ("8", "1.5", "1.25"), strict=True):
        box.selectAll()
        qtbot.keyClicks(box, text)
        qtbot.keyClick(box, Qt.Key.Key_Enter)
    qtbot.mouseClick(widget.stack_button, LEFT)
    finish(qtbot, widget, engine)
    assert engine.calls[0][0].spacing_mm == (8, 1.5, 1.25)
    assert tuple(layer.scale) == (8, 1.5, 1.25)
    assert widget.spacing.isHidden()


def test_a_single_slice_has_no_distance_to_ask_for(qtbot, viewer, widget, engine):
    viewer.add_image(np.random.default_rng(0).random((40, 48)), name="plain")
    assert not widget.spacing.isHidden()
    assert [box.isHidden() for box in widget.spacing.boxes] == [True, False, False]
    widget.spacing.boxes[0].setValue(0)  # as an earlier 3D image may have left it
    widget.spacing.boxes[1].setValue(1.5)
    widget.spacing.boxes[2].setValue(1.25)
    qtbot.mouseClick(widget.stack_button, LEFT)
    finish(qtbot, widget, engine)
    stack = engine.calls[0][0]
    assert stack.spacing_mm == (8.0, 1.5, 1.25)
    assert any("8 mm is assumed" in note for note in stack.source.notes)


def test_the_study_follows_the_selected_layer(qtbot, viewer, widget, image, engine, new_stack):
    second = add_stack(viewer, new_stack(case="case B"))
    assert widget.study.layer is second
    viewer.layers.selection.active = image
    assert widget.study.layer is image
    qtbot.mouseClick(widget.stack_button, LEFT)
    finish(qtbot, widget, engine)
    viewer.layers.selection.active = second
    viewer.layers.selection.active = current_labels(viewer, "case A")
    assert widget.study.layer is image


@pytest.mark.parametrize("how", ["3D", "transposed"])
def test_without_a_single_slice_on_screen_none_is_segmented(qtbot, viewer, widget, image, engine, how):
    if how == "3D":
        viewer.dims.ndisplay = 3
    else:
        viewer.dims.order = (1, 0, 2)
    qtbot.mouseClick(widget.slice_button, LEFT)
    assert "no single slice on screen" in widget.status.text()
    assert not engine.calls


def test_our_own_maps_are_no_studies(qtbot, viewer, widget, image, engine):
    qtbot.mouseClick(widget.stack_button, LEFT)
    finish(qtbot, widget, engine)
    viewer.add_image(np.zeros((20, 20, 3), np.uint8), rgb=True)
    assert [widget.study.itemText(i) for i in range(widget.study.count())] == ["case A"]


def test_model_card_and_import(qtbot, tmp_path, widget, image, engine):
    text = widget.model.card.toPlainText()
    for part in ("by hand", "BSD-3-Clause", "It knows nothing.", "scar, dice: 0.5"):
        assert part in text
    widget.import_model(tmp_path / "mine.safetensors")
    finish(qtbot, widget, engine)
    assert widget.model.entry.name == "mine"


def test_closing_the_dock_cancels_and_frees_the_keys(qtbot, viewer, widget, image, engine):
    engine.hold.clear()
    qtbot.mouseClick(widget.stack_button, LEFT)
    qtbot.waitUntil(lambda: len(engine.calls) == 1)
    viewer.window.remove_dock_widget(widget)
    engine.threads[0].join(10)
    qtbot.wait(50)
    assert len(viewer.layers) == 1
    keys = {str(key) for key in viewer.keymap}
    assert not keys & set(SEGMENT_KEYS)
    # Put back into the window, it works again.
    viewer.window.add_dock_widget(widget, name="Segment again")
    engine.hold.set()
    qtbot.mouseClick(widget.stack_button, LEFT)
    finish(qtbot, widget, engine)
    assert len(viewer.layers) == 10


def test_second_widget_leaves_the_keys_to_the_first(viewer, widget, image, engine):
    other = SegmentWidget(viewer, engine)
    viewer.window.add_dock_widget(other, name="Segment 2")
    viewer.window.remove_dock_widget(other)
    assert set(SEGMENT_KEYS) <= {str(key) for key in viewer.keymap}


def test_closing_the_viewer_in_the_middle(qtbot, viewer, widget, image, engine):
    with qtbot.captureExceptions() as exceptions:
        engine.hold.clear()
        qtbot.mouseClick(widget.stack_button, LEFT)
        qtbot.waitUntil(lambda: len(engine.calls) == 1)
        viewer.close()
        qtbot.waitUntil(lambda: not engine.threads[0].is_alive(), timeout=10000)
        qtbot.wait(100)
    assert exceptions == []

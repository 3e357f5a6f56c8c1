"""Thresholds, shapes, neighbours, regions and boxes: proposed first or done as one undo step."""

import threading

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_scarnet.metadata import find_layers
from scarnet import editing
from scarnet.measure import find_remote, fwhm, n_sd, wall_mask


def preview_of(bench):
    found = find_layers(bench.viewer, "preview")
    return found[0].data.astype(bool) if found else None


def settled(bench):
    bench.qtbot.waitUntil(lambda: not bench.edit._threshold_timer.isActive())


def test_a_threshold_is_seen_before_it_is_applied(bench):
    edit, labels, pixels = bench.edit, bench.labels, bench.stack.pixels
    labels.data_setitem(np.nonzero(labels.data == 3), 1)
    before = labels.data.copy()
    wall = wall_mask(before)
    remote = find_remote(pixels, wall, bench.stack.spacing_mm)
    edit.scope.choose("all")
    bench.click(edit.threshold.preview)
    bench.qtbot.waitUntil(lambda: preview_of(bench) is not None)
    assert np.array_equal(preview_of(bench), fwhm(pixels, wall, remote).mask)
    edit.threshold.method.setCurrentIndex(1)
    edit.threshold.number.setValue(8)
    expected = n_sd(pixels, wall, remote, 8).mask
    bench.qtbot.waitUntil(lambda: "8 SD: scar" in edit.preview.text.text())
    assert np.array_equal(preview_of(bench), expected)
    edit.scope.choose("slice")
    here = np.zeros_like(wall)
    here[2] = True
    bench.qtbot.waitUntil(lambda: np.array_equal(preview_of(bench), n_sd(pixels, wall & here, remote, 8).mask))
    # It follows the slice and the labels.
    bench.viewer.dims.set_current_step(0, 3)
    bench.qtbot.waitUntil(lambda: preview_of(bench)[3].any() and not preview_of(bench)[2].any())
    bench.viewer.dims.set_current_step(0, 2)
    settled(bench)
    assert np.array_equal(labels.data, before)
    bench.viewer.layers.selection.active = labels
    bench.press(Qt.Key.Key_Escape)
    assert preview_of(bench) is None
    assert not edit.threshold.preview.isChecked()
    assert np.array_equal(labels.data, before)
    bench.click(edit.threshold.preview)
    bench.qtbot.waitUntil(lambda: preview_of(bench) is not None)
    bench.press(Qt.Key.Key_Return)
    assert preview_of(bench) is None
    assert np.array_equal(labels.data == 3, expected & here)
    labels.undo()
    assert np.array_equal(labels.data, before)


def test_a_region_drawn_with_the_mouse_bounds_the_tools(bench):
    edit, labels, before = bench.edit, bench.labels, bench.labels.data.copy()
    edit.paint.choose_class(3)
    edit.scope.choose("region")
    bench.click(edit.shapes.buttons["grow"])
    assert "No region is drawn yet" in edit.status.text()
    bench.click(edit.scope.draw)
    bench.drag((8, 15), (8, 60), (20, 60), (31, 60), (31, 40), (31, 15), (20, 15), (8, 15))
    assert len(find_layers(bench.viewer, "region")[0].data) == 1
    bench.click(edit.scope.draw)
    assert bench.viewer.layers.selection.active is labels
    bench.click(edit.shapes.buttons["grow"])
    changed = np.argwhere(labels.data != before)
    assert len(changed)
    assert set(changed[:, 0]) == {2}
    assert changed[:, 1].max() <= 32
    labels.undo()
    assert np.array_equal(labels.data, before)
    bench.click(edit.scope.clear)
    assert not find_layers(bench.viewer, "region")


def test_shapes_and_neighbours_are_one_undo_step_each(bench):
    edit, labels, before = bench.edit, bench.labels, bench.labels.data.copy()
    edit.scope.choose("all")
    edit.paint.choose_class(2)
    for name, change in {"grow": editing.grow, "shrink": editing.shrink, "smooth": editing.smooth}.items():
        bench.click(edit.shapes.buttons[name])
        assert np.array_equal(labels.data, change(before, 2)), name
        labels.undo()
        assert np.array_equal(labels.data, before), name
    edit.scope.choose("slice")
    bench.click(edit.shapes.buttons["grow"])
    assert np.flatnonzero((labels.data != before).any(axis=(1, 2))).tolist() == [2]
    labels.undo()
    # Slice 1 has no scar, slice 2 has: copied as it is.
    bench.viewer.dims.set_current_step(0, 1)
    assert edit.shapes.copy_before.text() == "Copy slice 1"
    bench.click(edit.shapes.copy_before)
    assert np.array_equal(labels.data[1], before[0])
    labels.undo()
    assert not edit.shapes.interpolate.isEnabled()
    labels.data_setitem(tuple(np.array(i) for i in ([0, 4], [1, 1], [1, 1])), 1)
    bench.viewer.dims.set_current_step(0, 2)
    assert edit.shapes.interpolate.text() == "Interpolate 1–5"
    drawn = labels.data.copy()
    bench.click(edit.shapes.interpolate)
    assert np.array_equal(labels.data, editing.interpolate_slices(drawn, 0, 4, (1.5, 1.5)))
    labels.undo()
    assert np.array_equal(labels.data, drawn)


@pytest.fixture
def box_bench(bench, tmp_path, monkeypatch):
    """LiteMedSAM replaced by a box filled to its brim, so that no weights are needed."""
    calls, looked, may_end = [], [], threading.Event()
    may_end.set()

    def segment(self, weights, stack, z, box, progress):
        progress(1, 3, "Looking")
        may_end.wait(10)
        calls.append((z, box, threading.current_thread().name))
        mask = np.zeros(stack.shape[1:], bool)
        y0, x0, y1, x1 = (round(v) for v in box)
        mask[y0:y1, x0:x1] = True
        return mask

    monkeypatch.setattr("napari_scarnet.edit_box_engine.BoxEngine.segment", segment)
    prepare = "napari_scarnet.edit_box_engine.BoxEngine.prepare"
    monkeypatch.setattr(prepare, lambda self, weights, stack, z, progress: looked.append(z))
    weights = tmp_path / "lite_medsam.pth"
    weights.touch()
    monkeypatch.setattr("napari_scarnet.edit_box_prompt.remembered_weights", lambda: weights)
    bench.edit.box.show_weights(weights)
    bench.calls, bench.looked, bench.may_end = calls, looked, may_end
    return bench


def test_a_box_is_proposed_and_accepted_or_discarded(box_bench):
    bench, edit, labels = box_bench, box_bench.edit, box_bench.labels
    before = labels.data.copy()
    edit.paint.choose_class(3)
    bench.press(Qt.Key.Key_B)
    assert edit.box.draw.isChecked()
    bench.drag((20, 50), (30, 60), (44, 70))
    bench.qtbot.waitUntil(lambda: edit.proposal is not None)
    z, box, thread = bench.calls[0]
    assert z == 2
    assert np.allclose(box, (20, 50, 44, 70), atol=1)
    assert thread != threading.main_thread().name
    # What is outlined is what would become scar: the wall in the box.
    y0, x0, y1, x1 = (round(v) for v in box)
    inside = np.zeros(before.shape, bool)
    inside[2, y0:y1, x0:x1] = True
    assert np.array_equal(preview_of(bench), inside & (before == 1))
    assert np.array_equal(labels.data, before)
    assert len(find_layers(bench.viewer, "box")[0].data) == 0
    bench.press(Qt.Key.Key_Escape)
    assert preview_of(bench) is None
    # Another box, accepted.
    bench.drag((20, 50), (30, 60), (44, 70))
    bench.qtbot.waitUntil(lambda: edit.proposal is not None)
    bench.press(Qt.Key.Key_Return)
    assert np.array_equal(labels.data, np.where(inside & (before == 1), 3, before))
    labels.undo()
    assert np.array_equal(labels.data, before)
    bench.press(Qt.Key.Key_2)
    assert labels.selected_label == 2
    assert "around the blood pool" in edit.status.text()
    bench.press(Qt.Key.Key_B)
    assert not find_layers(bench.viewer, "box")
    assert bench.viewer.layers.selection.active is labels


CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def test_ctrl_z_takes_one_step_back_while_boxes_and_regions_are_drawn(box_bench):
    bench, edit, labels, viewer = box_bench, box_bench.edit, box_bench.labels, box_bench.viewer
    before = labels.data.copy()
    edit.paint.choose_class(3)
    bench.press(Qt.Key.Key_B)
    bench.drag((20, 50), (30, 60), (44, 70))
    bench.qtbot.waitUntil(lambda: edit.proposal is not None)
    bench.press(Qt.Key.Key_Return)
    boxed = labels.data.copy()
    assert viewer.layers.selection.active is find_layers(viewer, "box")[0]
    bench.press(Qt.Key.Key_Z, CTRL)
    assert np.array_equal(labels.data, before)
    bench.press(Qt.Key.Key_Z, CTRL | SHIFT)
    assert np.array_equal(labels.data, boxed)
    # A second step while a region is drawn; each press is one step, also with the focus in the dock.
    bench.press(Qt.Key.Key_R)
    bench.drag((8, 15), (8, 60), (20, 60), (31, 60), (31, 40), (31, 15), (20, 15), (8, 15))
    bench.click(edit.shapes.buttons["grow"])
    grown = labels.data.copy()
    assert not np.array_equal(grown, boxed)
    bench.press(Qt.Key.Key_Z, CTRL)
    assert np.array_equal(labels.data, boxed)
    assert len(find_layers(viewer, "region")[0].data) == 1
    for there in (edit.shapes.buttons["grow"], edit.threshold.number, edit.jump.reason):
        bench.qtbot.keyClick(there, Qt.Key.Key_Z, CTRL | SHIFT)
        assert np.array_equal(labels.data, grown), there
        bench.qtbot.keyClick(there, Qt.Key.Key_Z, CTRL)
        assert np.array_equal(labels.data, boxed), there
    # From the image and from no layer at all it is the same; the labels' own layer does not take two steps at once.
    for active in (bench.image, None, labels):
        viewer.layers.selection.active = active
        bench.press(Qt.Key.Key_Z, CTRL | SHIFT)
        assert np.array_equal(labels.data, grown)
        bench.press(Qt.Key.Key_Z, CTRL)
        assert np.array_equal(labels.data, boxed)


def test_ctrl_z_on_a_layer_of_the_user_s_own_is_napari_s(bench):
    labels, viewer = bench.labels, bench.viewer
    labels.data_setitem((np.array([2]), np.array([1]), np.array([1])), 1)
    edited = labels.data.copy()
    own = viewer.add_labels(np.zeros((64, 80), np.uint8))
    own.data_setitem((np.array([3]), np.array([3])), 5)
    bench.press(Qt.Key.Key_Z, CTRL)
    assert not own.data.any()
    bench.press(Qt.Key.Key_Z, CTRL | SHIFT)
    assert own.data[3, 3] == 5
    bench.qtbot.keyClick(bench.edit.jump.reason, Qt.Key.Key_Z, CTRL)
    assert not own.data.any()
    viewer.add_shapes([np.array([[1, 1], [9, 9]])])
    bench.press(Qt.Key.Key_Z, CTRL)
    assert np.array_equal(labels.data, edited)


def test_only_the_tool_in_hand_is_lit(box_bench):
    bench, edit = box_bench, box_bench.edit

    def lit():
        tools = [name for name, button in edit.paint.tool_buttons.items() if button.isChecked()]
        drawing = {"box": edit.box.draw, "region": edit.scope.draw}
        return tools + [name for name, button in drawing.items() if button.isChecked()]

    edit.paint.choose_class(3)
    assert lit() == ["paint"]
    bench.press(Qt.Key.Key_B)
    assert lit() == ["box"]
    assert edit.paint.class_buttons[3].isChecked()
    bench.press(Qt.Key.Key_R)
    assert lit() == ["region"]
    bench.press(Qt.Key.Key_R)
    assert lit() == ["paint"]


def test_boxes_follow_the_slice_and_the_study(box_bench):
    bench, edit, viewer = box_bench, box_bench.edit, box_bench.viewer
    bench.press(Qt.Key.Key_B)
    bench.qtbot.waitUntil(lambda: bench.looked == [2])
    for z in (1, 0, 1, 2, 3):
        viewer.dims.set_current_step(0, z)
    bench.qtbot.waitUntil(lambda: len(bench.looked) > 1)
    viewer.dims.set_current_step(0, 2)
    # A result for labels that are gone is dropped, though others of the same size are there.
    bench.may_end.clear()
    bench.drag((20, 50), (30, 60), (44, 70))
    bench.qtbot.waitUntil(lambda: edit.job is not None)
    viewer.layers.remove(bench.labels)
    bench.qtbot.waitUntil(lambda: edit.layer is None)
    bench.click(edit.new_button)
    bench.may_end.set()
    bench.qtbot.waitUntil(lambda: edit.job is None)
    assert bench.looked[:2] == [2, 3]
    assert "was dropped" in edit.status.text()
    assert edit.proposal is None


def test_without_weights_the_step_says_how_to_get_them(bench, tmp_path):
    edit = bench.edit
    assert not edit.box.draw.isVisibleTo(edit.box)
    assert edit.box.missing.isVisibleTo(edit.box)
    wrong = tmp_path / "wrong.pth"
    wrong.write_bytes(b"no weights")
    edit.box.file_chosen.emit(wrong)
    bench.qtbot.waitUntil(lambda: "not LiteMedSAM's official" in edit.status.text())
    assert edit.box.missing.isVisibleTo(edit.box)

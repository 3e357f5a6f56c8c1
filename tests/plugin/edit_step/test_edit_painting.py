"""Painting with the real mouse: scar stays in the wall, numbers follow, undo takes one step back."""

import time

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_scarnet.edit_preview import show_preview
from napari_scarnet.label_layers import add_labels
from napari_scarnet.studies import add_stack
from scarnet.measure import measure_labels


def test_a_stroke_of_scar_stays_in_the_wall_and_is_one_undo_step(bench):
    labels, before = bench.labels, bench.labels.data.copy()
    bench.viewer.layers.selection.active = bench.image
    bench.press(Qt.Key.Key_3)
    assert (labels.selected_label, labels.mode) == (3, "paint")
    assert bench.edit.paint.class_buttons[3].isChecked()
    # From the blood pool through the wall on the right, out of the heart.
    bench.drag((32, 45), (32, 58), (32, 70))
    new = (labels.data == 3) & (before != 3)
    assert new.any()
    assert (before[new] == 1).all()
    assert np.flatnonzero((labels.data != before).any(axis=(1, 2))).tolist() == [2]
    painted = labels.data.copy()

    # With scar active the eraser gives the wall back, and leaves all else.
    bench.press(Qt.Key.Key_E)
    bench.drag((32, 45), (32, 58), (32, 70))
    assert np.array_equal(labels.data, before)
    bench.press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert np.array_equal(labels.data, painted)
    bench.click(bench.edit.paint.undo_button)
    assert np.array_equal(labels.data, before)
    bench.click(bench.edit.paint.redo_button)
    assert np.array_equal(labels.data, painted)

    # Outside altogether nothing happens, and the step says why; let out, it paints.
    bench.press(Qt.Key.Key_P)
    bench.drag((8, 70), (8, 72))
    assert np.array_equal(labels.data, painted)
    assert "Scar stays in the wall" in bench.edit.status.text()
    bench.press(Qt.Key.Key_W)
    bench.drag((8, 70), (8, 72))
    assert labels.data[2, 8, 70] == 3
    bench.press(Qt.Key.Key_W)

    # Filling takes a patch of healthy wall and nothing else; other classes are free.
    before_filling = labels.data.copy()
    bench.press(Qt.Key.Key_F)
    bench.drag((14, 40))
    assert labels.data[2, 14, 40] == 3
    assert (before_filling[labels.data != before_filling] == 1).all()
    bench.drag((2, 2))
    assert labels.data[2, 2, 2] == 0
    bench.press(Qt.Key.Key_2)
    bench.press(Qt.Key.Key_P)
    bench.drag((8, 8), (8, 10))
    assert labels.data[2, 8, 8] == 2


def test_numbers_follow_a_stroke_at_once_on_twenty_large_slices(make_napari_viewer, qtbot, hearts):
    bench = hearts.bench(make_napari_viewer(show=True), qtbot, hearts.stack(shape=(20, 256, 256)))
    numbers = bench.edit.numbers.values
    bench.press(Qt.Key.Key_3)
    taken = []
    for y in (109, 146, 113):
        before, text = measure_labels(bench.labels.data, bench.stack), numbers["Scar share", "slice"].text()
        native, start, end = bench.canvas.native, bench.point(y, 126), bench.point(y, 131)
        qtbot.mouseMove(native, start)
        qtbot.mousePress(native, Qt.MouseButton.LeftButton, pos=start)
        qtbot.wait(20)
        bench.move(end)
        # Time of this thread, as other programs on the machine are not the brush's fault.
        began = time.thread_time()
        qtbot.mouseRelease(native, Qt.MouseButton.LeftButton, pos=end)
        taken.append(time.thread_time() - began)
        assert numbers["Scar share", "slice"].text() != text
        after = measure_labels(bench.labels.data, bench.stack)
        assert after["scar_volume_ml"] > before["scar_volume_ml"]
        assert numbers["Scar share", "slice"].text() == f"{after['slices'][2]['scar_percent_myocardium']:.1f} %"
        assert numbers["Scar share", "ventricle"].text() == f"{after['scar_percent_myocardium']:.1f} %"
        assert numbers["Scar", "ventricle"].text().startswith(f"{after['scar_volume_ml']:.1f} ml")
        assert numbers["Myocardium", "ventricle"].text().startswith(f"{after['myocardium_volume_ml']:.1f} ml")
    print(f"numbers after a stroke: {1000 * min(taken):.0f} ms")
    assert min(taken) < 0.1
    bench.labels.undo()
    assert numbers["Scar share", "slice"].text() == f"{before['slices'][2]['scar_percent_myocardium']:.1f} %"


def test_keys_buttons_and_napari_s_own_controls_agree(bench):
    paint, labels = bench.edit.paint, bench.labels
    bench.click(paint.class_buttons[2])
    assert bench.viewer.layers.selection.active is labels
    assert (labels.selected_label, labels.mode) == (2, "paint")
    labels.brush_size, labels.opacity, labels.contour = 7, 0.3, 2
    assert (paint.size.value(), paint.opacity.value(), paint.contour.isChecked()) == (7, 30, True)
    bench.press(Qt.Key.Key_C)
    assert labels.contour == 0
    bench.press(Qt.Key.Key_O)
    assert labels.opacity == 0.25
    bench.press(Qt.Key.Key_O)
    assert labels.opacity == 0.85
    bench.press(Qt.Key.Key_H)
    assert not labels.visible
    bench.press(Qt.Key.Key_H)
    # Keys that images have a use of their own for; a button says what is so, also when it is pressed twice.
    bench.viewer.layers.selection.active = bench.image
    bench.press(Qt.Key.Key_4)
    assert labels.mode == "polygon"
    bench.click(paint.tool_buttons["polygon"])
    assert paint.tool_buttons["polygon"].isChecked()
    bench.press(Qt.Key.Key_X)  # napari's swap of class and background
    assert (paint.cls, any(button.isChecked() for button in paint.class_buttons.values())) == (0, False)
    bench.press(Qt.Key.Key_M)  # napari's key for a label that is no tissue
    assert labels.selected_label in (1, 2, 3)
    labels.name = "renamed"
    bench.press(Qt.Key.Key_1)
    assert labels.selected_label == 1
    # The one slice where the network hesitated is gone to, and said to be it.
    bench.viewer.dims.set_current_step(0, 4)
    assert bench.edit.numbers.slice_title.text() == "Slice 5 of 5"
    assert "1 others do" in bench.edit.jump.text.text()
    bench.press(Qt.Key.Key_N)
    assert bench.viewer.dims.current_step[0] == 2
    assert "rank 1 of 1" in bench.edit.jump.text.text()
    labels.data_setitem((np.array([3, 3]), np.array([1, 1]), np.array([1, 2])), 1)
    bench.edit.jump.reason.setCurrentIndex(1)
    bench.press(Qt.Key.Key_N, Qt.KeyboardModifier.ShiftModifier)
    assert bench.viewer.dims.current_step[0] == 3
    assert "2 changed voxels" in bench.edit.jump.text.text()


def test_the_status_bar_tells_our_keys_while_the_step_is_there(bench):
    labels, viewer = bench.labels, bench.viewer
    bench.viewer.layers.selection.active = labels
    for key in (Qt.Key.Key_E, Qt.Key.Key_P):
        bench.press(key)
        assert viewer.help.startswith("1 2 3: class")
        assert "use <" not in viewer.help
    viewer.window.remove_dock_widget(bench.edit)
    assert labels.help.startswith("use <")
    labels.mode = "erase"
    assert "paint brush" in viewer.help  # napari's own, of the mode that is on now


def test_layers_come_and_go(bench, hearts):
    edit, viewer = bench.edit, bench.viewer
    show_preview(viewer, "heart A", bench.labels.data == 3)
    viewer.layers.remove(bench.labels)
    bench.qtbot.waitUntil(lambda: edit.layer is None)
    assert not edit.tools.isEnabled()
    assert "_paint_region_with_mask" not in vars(bench.labels)
    bench.click(edit.new_button)
    assert edit.layer is not None
    assert not edit.layer.data.any()
    assert edit.layer.selected_label == 1
    # A second study comes to the front with its labels, and goes again.
    second = add_stack(viewer, hearts.stack(case="heart B"))
    bench.qtbot.waitUntil(lambda: edit.case == "heart B")
    assert viewer.layers.selection.active is second
    labels = add_labels(viewer, second, hearts.labels(bench.stack.shape))
    bench.qtbot.waitUntil(lambda: edit.layer is labels)
    # In 3D, where nothing can be drawn; and labels that may not be changed.
    bench.press(Qt.Key.Key_R)
    assert edit.scope.draw.isChecked()
    viewer.dims.ndisplay = 3
    bench.qtbot.waitUntil(lambda: not edit.scope.draw.isChecked())
    assert "drawn on slices" in edit.status.text()
    assert viewer.layers.selection.active is labels
    viewer.dims.ndisplay = 2
    labels.editable = False
    bench.qtbot.waitUntil(lambda: not edit.tools.isEnabled())
    assert not edit.paint.class_buttons[3].isEnabled()
    assert "read-only" in edit.saved.text()
    viewer.window.remove_dock_widget(edit)
    bench.qtbot.wait(50)
    assert not {"W", "N", "1"} & {str(key) for layer in (viewer, labels, second) for key in layer.keymap}
    assert "_paint_region_with_mask" not in vars(labels)


@pytest.mark.parametrize("what", ["the image", "all layers"])
def test_the_image_goes_before_its_labels(bench, what):
    edit, viewer = bench.edit, bench.viewer
    viewer.layers.move(0, len(viewer.layers))
    viewer.layers.selection.active = None
    if what == "the image":
        viewer.layers.remove(bench.image)
    else:
        viewer.layers.clear()
    bench.qtbot.waitUntil(lambda: edit.layer is None)
    assert edit.case is None
    assert not edit.tools.isEnabled()

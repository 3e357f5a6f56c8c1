"""The dock with its three steps."""

import nibabel as nib
import numpy as np
import pytest
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QLabel

from napari_scarnet.dock import Column, ScarNetDock
from napari_scarnet.label_layers import add_labels
from napari_scarnet.layers import add_stack
from napari_scarnet.segment_widget import SEGMENT_KEYS


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def dock(viewer, engine, qtbot):
    dock = ScarNetDock(viewer, engine)
    viewer.window.add_dock_widget(dock, name="ScarNet")
    qtbot.waitUntil(lambda: dock.segment.model.entry is not None)
    return dock


def test_sections_open_and_close_by_click(qtbot, dock):
    section = dock.sections["study"]
    assert section.content.isVisibleTo(section)
    qtbot.mouseClick(section.header, Qt.MouseButton.LeftButton)
    assert not section.content.isVisibleTo(section)


def test_keys_are_listed(dock):
    text = " ".join(label.text() for label in dock.sections["keys"].findChildren(QLabel))
    text += dock.sections["keys"].content.text()
    for key, (what, _) in SEGMENT_KEYS.items():
        assert key in text
        assert what in text


def test_fits_a_screen(dock):
    assert dock.minimumSizeHint().height() < 700


@pytest.mark.parametrize("case", ["case A", "a_very_long_case_name_of_the_kind_that_research_exports_like_to_give"])
def test_nothing_is_cut_off_at_the_right(qtbot, viewer, dock, new_stack, case):
    viewer.show()
    add_stack(viewer, new_stack(case=case))
    for section in dock.sections.values():
        section.expand()
    dock.study.say(f"{'x' * 200} cannot be read.")
    column = dock.findChild(Column)
    qtbot.waitUntil(lambda: column.viewport().width() >= column.widget().minimumSizeHint().width())
    assert column.minimumWidth() <= 460


def test_a_study_may_be_dropped_anywhere_on_the_dock(qtbot, viewer, dock, tmp_path):
    path = tmp_path / "dropped.nii"
    nib.save(nib.Nifti1Image(np.zeros((30, 24, 5), np.int16), np.diag([1.5, 1.25, 8.0, 1])), path)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    how = (Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    enter = QDragEnterEvent(QPoint(5, 5), *how)
    QApplication.sendEvent(dock, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(dock, QDropEvent(QPointF(5, 5), *how, QDropEvent.Type.Drop))
    qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=20000)


def test_study_to_maps(qtbot, viewer, dock, stack, engine):
    assert not dock.inspect.isVisibleTo(dock)
    image = add_stack(viewer, stack)
    assert "case A" in dock.study.card.facts.text()
    assert dock.segment.study.layer is image
    qtbot.mouseClick(dock.segment.stack_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not dock.segment.busy, timeout=20000)
    assert len(viewer.layers) == 10
    assert dock.inspect.isVisibleTo(dock)
    assert not dock.study.isVisibleTo(dock)


def in_sight(widget):
    return not widget.visibleRegion().isEmpty()


def test_a_segmentation_begun_by_key_out_of_sight_is_told_by_napari(qtbot, viewer, dock, stack, engine):
    from napari.utils.notifications import notification_manager as told

    viewer.show()
    add_stack(viewer, stack)
    qtbot.waitUntil(lambda: in_sight(dock.segment.stack_button))
    canvas = viewer.window._qt_viewer.canvas.native
    before = len(told.records)
    # In sight, the step's own bar tells.
    qtbot.keyClick(canvas, Qt.Key.Key_F7)
    qtbot.waitUntil(lambda: not dock.segment.busy, timeout=20000)
    assert [record.message for record in told.records[before:]] == []
    dock.sections["segment"].expand(False)
    qtbot.waitUntil(lambda: not in_sight(dock.segment.stack_button))
    engine.hold.clear()
    qtbot.keyClick(canvas, Qt.Key.Key_F7)
    assert [record.message for record in told.records[before:]] == ["Segmenting case A…"]
    assert not dock.sections["segment"].header.isChecked()
    engine.hold.set()
    qtbot.waitUntil(lambda: not dock.segment.busy, timeout=20000)
    assert "Segmented 4 slices of case A" in str(told.records[before + 1].message)
    assert len(told.records) == before + 2


def test_what_a_threshold_would_do_is_scrolled_to(qtbot, viewer, dock, stack):
    viewer.show()
    viewer.window._qt_window.resize(1200, 700)
    image = add_stack(viewer, stack)
    labels = np.ones(stack.shape, np.uint8)
    labels[:, 10:20, 10:20] = 3
    add_labels(viewer, image, labels)
    for name, section in dock.sections.items():
        section.expand(name == "edit")
    edit = dock.edit
    qtbot.waitUntil(lambda: edit.layer is not None and edit.threshold.preview.isVisible())
    edit.threshold.preview.setFocus()
    dock.findChild(Column).ensureWidgetVisible(edit.threshold.preview, 0, 0)
    qtbot.waitUntil(lambda: in_sight(edit.threshold.preview))
    qtbot.mouseClick(edit.threshold.preview, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: in_sight(edit.preview.apply_button) and in_sight(edit.preview.text))
    # A warning that comes later is scrolled to as well, and says what applying would do.
    edit.threshold.method.setCurrentIndex(1)
    edit.threshold.number.setValue(12)
    qtbot.waitUntil(lambda: "Nothing there is as bright" in edit.preview.text.text())
    assert "Applying removes all scar there (100 voxels)" in edit.preview.text.text()
    qtbot.waitUntil(lambda: in_sight(edit.preview.drop_button))


def test_closing_the_dock_while_it_segments(qtbot, viewer, dock, stack, engine):
    add_stack(viewer, stack)
    engine.hold.clear()
    qtbot.mouseClick(dock.segment.stack_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(engine.calls) == 1)
    viewer.window.remove_dock_widget(dock)
    engine.threads[0].join(10)
    assert not engine.threads[0].is_alive()
    qtbot.wait(50)
    assert len(viewer.layers) == 1
    assert not {str(key) for key in viewer.keymap} & set(SEGMENT_KEYS)

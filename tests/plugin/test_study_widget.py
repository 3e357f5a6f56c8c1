"""The Study step, driven by keys, clicks and drops, on real files."""

import nibabel as nib
import numpy as np
import pytest
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication

from napari_scarnet.choice_dialog import StudyDialog
from napari_scarnet.reader import read_layers
from napari_scarnet.study_widget import StudyWidget
from scarnet.stack import LGEStack

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def widget(viewer):
    widget = StudyWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Study")
    return widget


@pytest.fixture
def nifti(tmp_path):
    data = np.random.default_rng(0).uniform(0, 900, (30, 24, 5)).astype(np.int16)
    path = tmp_path / "patient7_0000.nii.gz"
    nib.save(nib.Nifti1Image(data, np.diag([1.5, 1.25, 8.0, 1])), path)
    return path


@pytest.fixture
def four_dimensional(tmp_path):
    data = np.random.default_rng(0).uniform(0, 900, (30, 24, 5, 2)).astype(np.int16)
    path = tmp_path / "two_phases.nii.gz"
    nib.save(nib.Nifti1Image(data, np.diag([1.5, 1.25, 8.0, 1])), path)
    return path


def test_typed_path_and_enter(qtbot, viewer, widget, nifti):
    qtbot.keyClicks(widget.path_edit, str(nifti))
    qtbot.keyClick(widget.path_edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=20000)
    assert viewer.layers[0].name == "patient7"
    assert tuple(viewer.layers[0].scale) == pytest.approx((8, 1.25, 1.5))
    facts = widget.card.facts.text()
    for part in ("patient7", "5, 8 mm apart", "24 × 30 pixels of 1.25 × 1.5 mm", "NIfTI"):
        assert part in facts
    qtbot.waitUntil(lambda: widget.job is None)
    assert widget.open_button.isEnabled()


def test_drop_a_file_on_the_widget(qtbot, viewer, widget, nifti):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(nifti))])
    how = (Qt.DropAction.CopyAction, mime, LEFT, Qt.KeyboardModifier.NoModifier)
    enter = QDragEnterEvent(QPoint(5, 5), *how)
    QApplication.sendEvent(widget, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(widget, QDropEvent(QPointF(5, 5), *how, QDropEvent.Type.Drop))
    qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=20000)


def test_phases_are_offered_and_the_chosen_one_is_opened(qtbot, viewer, widget, four_dimensional):
    widget.path_edit.setText(str(four_dimensional))
    qtbot.mouseClick(widget.open_button, LEFT)
    qtbot.waitUntil(lambda: not widget.choice.isHidden(), timeout=20000)
    assert len(viewer.layers) == 0
    assert widget.choice.table.rowCount() == 2
    qtbot.waitUntil(widget.choice.isEnabled)
    widget.choice.table.selectRow(1)
    qtbot.mouseClick(widget.choice.open_button, LEFT)
    qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=20000)
    stored = np.asarray(nib.load(four_dimensional).dataobj)[..., 1]
    assert np.array_equal(np.sort(viewer.layers[0].data.ravel()), np.sort(stored.astype(np.float32).ravel()))
    assert widget.choice.isHidden()


def test_ambiguous_drop_on_napari_asks_without_waiting(qtbot, viewer, four_dimensional):
    assert read_layers(str(four_dimensional)) == [(None,)]
    dialog = viewer.window._qt_window.findChild(StudyDialog)
    assert dialog.study.choice.table.rowCount() == 2
    qtbot.mouseClick(dialog.study.choice.open_button, LEFT)
    qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=20000)
    qtbot.waitUntil(lambda: viewer.window._qt_window.findChild(StudyDialog) is None)


@pytest.fixture
def dicom_folder(tmp_path):
    """Seventy files: a series of 64 slices beside one of six."""
    from scarnet.phantom import make_phantom
    from scarnet.phantom.dicom import write_dicom_series

    folder = tmp_path / "study"
    stack = make_phantom(seed=0).stack
    few = stack.pixels[:6, ::4, ::4]
    spacing = (8.0, 6.0, 6.0)
    write_dicom_series(folder / "a", LGEStack.from_array(few, spacing), seed=1)
    many = LGEStack.from_array(np.tile(few, (11, 1, 1))[:64], spacing)
    write_dicom_series(folder / "b", many, seed=2, series_number=2)
    return folder


def test_a_large_folder_dropped_on_napari_is_read_beside_it(qtbot, viewer, dicom_folder):
    assert read_layers(str(dicom_folder)) == [(None,)]
    dialog = viewer.window._qt_window.findChild(StudyDialog)
    assert dialog.study.job_bar.isVisible()
    qtbot.waitUntil(lambda: not dialog.study.choice.isHidden(), timeout=20000)
    table = dialog.study.choice.table
    assert [table.item(row, 1).text() for row in range(2)] == ["6", "64"]
    assert "6" not in table.item(0, 0).text()  # the description does not repeat the other columns
    qtbot.waitUntil(dialog.study.choice.isEnabled)
    table.selectRow(0)
    qtbot.mouseClick(dialog.study.choice.open_button, LEFT)
    qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=20000)
    assert viewer.layers[0].data.shape[0] == 6


def test_a_study_that_is_opened_comes_to_the_front(qtbot, viewer, widget, nifti, stack, new_prediction):
    from napari_scarnet.layers import add_stack, show_prediction

    first = add_stack(viewer, stack)
    labels = show_prediction(viewer, first, new_prediction(stack)).labels
    viewer.dims.set_current_step(0, 0)
    widget.open_path(nifti)
    qtbot.waitUntil(lambda: len(viewer.layers) == 11, timeout=20000)
    assert not labels.visible
    assert not first.visible
    assert round(float(viewer.layers[-1].world_to_data(viewer.dims.point)[0])) == 2


def test_a_study_opened_in_the_fig3_view_is_what_is_shown_and_segmented(
    qtbot, viewer, widget, nifti, stack, new_prediction
):
    from napari_scarnet.inspect_grid import fig3_for
    from napari_scarnet.layers import add_stack, show_prediction
    from napari_scarnet.study_choice import StudyChoice, could_be_study
    from napari_scarnet.viewer_link import ViewerLink

    show_prediction(viewer, add_stack(viewer, stack), new_prediction(stack))
    view = fig3_for(viewer)
    view.enter("case A")
    assert sum(could_be_study(layer) for layer in viewer.layers) == 1  # the image under the labels is none
    choice = StudyChoice(viewer)
    choice.follow(ViewerLink(viewer))
    widget.open_path(nifti)
    qtbot.waitUntil(lambda: any(layer.name == "patient7" for layer in viewer.layers), timeout=20000)
    qtbot.wait(300)
    opened = viewer.layers["patient7"]
    assert not view.active
    assert viewer.layers.selection.active is opened
    assert [layer.name for layer in viewer.layers if layer.visible] == ["patient7"]
    assert "patient7" in widget.card.facts.text()


def test_bad_paths_are_told(qtbot, viewer, widget, tmp_path):
    qtbot.mouseClick(widget.open_button, LEFT)
    assert "path" in widget.status.text()
    widget.path_edit.setText(str(tmp_path / "nowhere"))
    qtbot.mouseClick(widget.open_button, LEFT)
    qtbot.waitUntil(lambda: "nowhere" in widget.status.text(), timeout=20000)
    (tmp_path / "empty").mkdir()
    qtbot.waitUntil(lambda: widget.job is None)
    widget.open_path(tmp_path / "empty")
    qtbot.waitUntil(lambda: "empty" in widget.status.text(), timeout=20000)
    qtbot.waitUntil(lambda: widget.job is None)
    assert len(viewer.layers) == 0


def test_notes_are_shown_and_the_card_follows_the_layers(viewer, widget, stack, new_stack):
    from napari_scarnet.layers import add_stack

    first = add_stack(viewer, stack)
    assert "There is a gap." in widget.card.notes.text()
    second = add_stack(viewer, new_stack(case="case B"))
    assert "case B" in widget.card.facts.text()
    viewer.layers.selection.active = first
    assert "case A" in widget.card.facts.text()
    viewer.layers.remove(first)
    assert "case B" in widget.card.facts.text()
    viewer.layers.remove(second)
    assert widget.card.facts.text() == "No study is open."


def test_sample_button(qtbot, viewer, widget):
    widget.sample_button.menu().actions()[0].trigger()
    qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=60000)
    assert "synthetic" in widget.card.facts.text()


def test_cancel_and_close_while_reading(qtbot, viewer, widget, nifti, monkeypatch):
    import time

    import scarnet.io

    def slow(path, *, progress, **_):
        while True:
            progress(1, 10, "Reading")
            time.sleep(0.005)

    monkeypatch.setattr(scarnet.io, "read_study", slow)
    widget.open_path(nifti)
    qtbot.waitUntil(lambda: widget.job_bar.bar.maximum() == 10)
    qtbot.mouseClick(widget.job_bar.cancel_button, LEFT)
    qtbot.waitUntil(lambda: widget.job is None)
    assert "Cancelled" in widget.status.text()
    widget.open_path(nifti)
    job = widget.job
    viewer.close()
    assert job.wait(10)

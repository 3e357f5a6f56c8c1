"""No edit of a case is lost, whatever comes in between: another case, an import, a merge, a new prediction."""

import threading

import nibabel as nib
import numpy as np
import pytest
from napari.layers._layer_actions import _duplicate_layer
from qtpy.QtCore import Qt

from napari_scarnet.edit_recovery import find_recovered, read_recovered, write_recovered
from napari_scarnet.edit_saving import saving_for
from napari_scarnet.label_layers import current_labels, set_labels
from napari_scarnet.metadata import find_layers, image_layer_of, layer_meta
from scarnet.project import Project

LEFT = Qt.MouseButton.LeftButton
pytestmark = pytest.mark.usefixtures("data_folder")


def test_a_stroke_during_the_change_of_cases_is_not_overtaken_by_older_labels(qtbot, desk, folder, monkeypatch):
    save, newer_is_saved, versions = Project.save_labels, threading.Event(), []

    def slow(self, case, labels, *args, **kwargs):
        if np.array_equal(labels, versions[0]):
            newer_is_saved.wait(0.3)  # runs out: one writer saves version after version
        done = save(self, case, labels, *args, **kwargs)
        if len(versions) > 1 and np.array_equal(labels, versions[1]):
            newer_is_saved.set()
        return done

    monkeypatch.setattr(Project, "save_labels", slow)
    desk.open(folder)
    labels = desk.show("case-001")
    labels.paint((1, 5, 5), 3)
    versions.append(labels.data.copy())
    desk.cases.show_case("case-002")
    labels.paint((1, 9, 9), 2)
    versions.append(labels.data.copy())
    qtbot.waitUntil(lambda: desk.settled() and desk.widget.projects.case == "case-002", timeout=20000)
    desk.all_saved()
    assert np.array_equal(desk.on_disk(folder, "case-001"), versions[1])


def test_labels_on_their_way_to_the_disk_do_not_take_back_what_is_accepted(qtbot, desk, folder, monkeypatch):
    save, versions, is_accepted = Project.save_labels, [], threading.Event()

    def slow(self, case, labels, *args, **kwargs):
        if versions and np.array_equal(labels, versions[0]):
            is_accepted.wait(0.3)  # runs out: who accepts waits for the writer
        return save(self, case, labels, *args, **kwargs)

    accept = Project.accept
    monkeypatch.setattr(Project, "save_labels", slow)
    monkeypatch.setattr(Project, "accept", lambda *args: (accept(*args), is_accepted.set()))
    desk.open(folder)
    labels = desk.show("case-001")
    desk.cases.go_on.setChecked(False)
    labels.paint((1, 5, 5), 3)
    versions.append(labels.data.copy())
    saving_for(desk.viewer).flush()
    labels.paint((1, 9, 9), 2)
    desk.cases.accept()
    qtbot.waitUntil(lambda: desk.settled() and desk.row("case-001").status == "accepted", timeout=20000)
    desk.all_saved()
    with Project.open(folder, read_only=True) as project:
        assert project.row("case-001").status == "accepted"
        assert np.array_equal(project.labels("case-001"), labels.data)


def test_accepted_are_the_labels_on_screen(qtbot, desk, folder, heart_labels):
    desk.open(folder)
    labels = desk.show("case-001")
    set_labels(labels, heart_labels, threshold=0.3)  # as the Inspect step's slider does
    desk.cases.go_on.setChecked(False)
    desk.cases.accept()
    qtbot.waitUntil(lambda: desk.settled() and desk.row("case-001").status == "accepted", timeout=20000)
    assert np.array_equal(desk.on_disk(folder, "case-001"), heart_labels)


def test_labels_come_into_a_case_that_is_being_edited(qtbot, desk, folder, tmp_path, heart_labels):
    path = tmp_path / "labels.nii.gz"
    nib.save(nib.Nifti1Image(heart_labels.T, np.diag([2.0, 2.4, 10.0, 1.0])), path)
    desk.open(folder)
    labels = desk.show("case-001")
    labels.paint((1, 5, 5), 3)
    painted = labels.data.copy()
    widget = desk.widget.labels
    widget.offer(path)
    qtbot.waitUntil(lambda: widget.job is None and not widget.box.isHidden(), timeout=20000)
    qtbot.mouseClick(widget.import_button, LEFT)
    qtbot.waitUntil(lambda: widget.job is None and desk.settled() and widget.box.isHidden(), timeout=20000)
    desk.all_saved()
    labels = current_labels(desk.viewer, "case-001")
    assert np.array_equal(labels.data, heart_labels)
    assert np.array_equal(desk.on_disk(folder, "case-001"), heart_labels)
    assert [entry.action for entry in desk.widget.projects.project.log()][-2:] == ["edit", "import labels"]
    labels.undo()
    assert np.array_equal(labels.data, painted)
    desk.all_saved()
    assert np.array_equal(desk.on_disk(folder, "case-001"), painted)


def test_a_case_whose_image_was_deleted_is_painted_on_and_opened_again(qtbot, desk, folder):
    desk.open(folder)
    labels = desk.show("case-001")
    desk.viewer.layers.remove(image_layer_of(desk.viewer, "case-001"))
    labels.paint((1, 5, 5), 3)
    desk.all_saved()
    assert np.array_equal(desk.on_disk(folder, "case-001"), labels.data)
    again = desk.show("case-001")
    assert len(find_layers(desk.viewer, "labels", kept=True)) == 1
    again.paint((2, 9, 9), 2)
    painted = again.data.copy()
    desk.show("case-002")
    assert np.array_equal(desk.on_disk(folder, "case-001"), painted)


def test_undone_edits_and_a_new_prediction_leave_screen_and_disk_the_same(qtbot, desk, folder):
    desk.open(folder)
    labels = desk.show("case-001")
    labels.paint((1, 5, 5), 3)
    desk.all_saved()
    labels.undo()
    desk.all_saved()
    project = desk.widget.projects.project
    _renew_prediction(project, "case-001")
    desk.widget.projects.predicted.emit("case-001")
    qtbot.waitUntil(desk.settled, timeout=20000)
    desk.all_saved()
    assert np.array_equal(desk.on_disk(folder, "case-001"), current_labels(desk.viewer, "case-001").data)


def _renew_prediction(project, case):
    """Let a prediction be another one than before."""
    stack, path = project.stack(case), project.case_folder(case) / "prediction" / "labels.nii.gz"
    other = np.zeros(stack.shape, np.uint8)
    other[1, 3:8, 3:8] = 1
    nib.save(nib.Nifti1Image(other.T, nib.load(path).affine), path)


def test_strokes_after_a_comparison_are_not_merged_away(qtbot, desk, folder, heart_labels):
    bob = heart_labels.copy()
    bob[2][heart_labels[2] == 2] = 1
    with Project.open(folder) as project:
        project.save_labels("case-001", heart_labels)
        project.save_labels("case-001", bob, "bob")
    desk.open(folder)
    labels = desk.show("case-001")
    readers = desk.widget.readers
    qtbot.mouseClick(readers.compare_button, LEFT)
    qtbot.waitUntil(lambda: readers.job is None and not readers.found.isHidden(), timeout=20000)
    labels.paint((0, 3, 3), 2)
    painted = labels.data[0].copy()
    readers.regions.table.selectRow(0)
    qtbot.mouseClick(readers.regions.second_button, LEFT)
    qtbot.mouseClick(readers.merge_button, LEFT)
    assert np.array_equal(labels.data[2], bob[2])
    assert np.array_equal(labels.data[0], painted)


def test_what_was_painted_on_a_duplicate_is_offered_when_the_case_is_opened(qtbot, desk, folder, looked):
    from napari_scarnet.edit_widget import EditWidget

    edit = EditWidget(desk.viewer)
    desk.viewer.window.add_dock_widget(edit, name="Edit")
    desk.open(folder)
    labels = desk.show("case-001")
    before = labels.data.copy()
    desk.viewer.layers.selection.active = labels
    _duplicate_layer(desk.viewer.layers)
    copy = find_layers(desk.viewer, "labels")[1]
    copy.paint((1, 5, 5), 3)
    painted = copy.data.copy()
    assert np.array_equal(labels.data, before)
    desk.show("case-002")
    qtbot.waitUntil(lambda: edit.case == "case-002", timeout=10000)
    looked(edit.offer)
    assert not edit.offer.isVisibleTo(edit)
    labels = desk.show("case-001")
    assert np.array_equal(labels.data, before)
    qtbot.waitUntil(lambda: edit.offer.isVisibleTo(edit), timeout=10000)
    qtbot.mouseClick(edit.offer.restore, LEFT)
    assert np.array_equal(labels.data, painted)
    desk.all_saved()
    assert np.array_equal(desk.on_disk(folder, "case-001"), painted)
    # They are the project's now, and are offered no more, also when the case's labels are others again.
    labels.paint((1, 9, 9), 2)
    desk.show("case-002")
    desk.show("case-001")
    qtbot.waitUntil(lambda: edit.case == "case-001", timeout=10000)
    looked(edit.offer)
    assert not edit.offer.isVisibleTo(edit)


def test_kept_labels_are_not_offered_over_damaged_ones(qtbot, desk, folder, heart_labels, looked):
    from napari_scarnet.edit_widget import EditWidget

    with Project.open(folder) as project:
        project.save_labels("case-001", heart_labels)
        project.save_labels("case-001", heart_labels[:, ::-1])
        write_recovered(project.stack("case-001"), "kept.nii.gz", np.zeros_like(heart_labels))
    path = folder / "cases" / "case-001" / "labels.nii.gz"
    path.write_bytes(path.read_bytes()[:-40])
    edit = EditWidget(desk.viewer)
    desk.viewer.window.add_dock_widget(edit, name="Edit")
    desk.open(folder)
    assert not desk.show("case-001").editable
    qtbot.waitUntil(lambda: edit.case == "case-001", timeout=10000)
    looked(edit.offer)
    assert not edit.offer.isVisibleTo(edit)
    qtbot.mouseClick(desk.cases.damaged.button, LEFT)
    qtbot.waitUntil(lambda: edit.offer.isVisibleTo(edit), timeout=20000)
    assert np.array_equal(current_labels(desk.viewer, "case-001").data, heart_labels)


def test_labels_left_from_another_project_are_not_taken_for_the_next_one_s(qtbot, desk, folder, tmp_path, heart_writer):
    from scarnet.project import import_study

    with Project.create(tmp_path / "other") as other:
        import_study(other, heart_writer(tmp_path / "9.nii.gz", 9))
        theirs = other.stack("case-001")
    desk.open(folder)
    labels = desk.show("case-001")
    stack = layer_meta(labels)["stack"]
    desk.viewer.window.remove_dock_widget(desk.widget)
    labels.paint((1, 5, 5), 3)
    desk.all_saved()
    desk.widget.projects.last_folder = None
    desk.viewer.window.add_dock_widget(desk.widget, name="Project")
    desk.open(tmp_path / "other")
    desk.show("case-001")
    assert labels in desk.viewer.layers
    labels.data[2, 9, 9] = 2
    desk.all_saved()
    assert find_recovered(theirs) == []
    assert np.array_equal(read_recovered(find_recovered(stack)[0].path, stack), labels.data)


def test_slices_are_filled_between_those_that_were_edited(qtbot, desk, folder, heart_labels):
    from napari_scarnet.edit_widget import EditWidget

    edit = EditWidget(desk.viewer)
    desk.viewer.window.add_dock_widget(edit, name="Edit")
    desk.open(folder)
    labels = desk.show("case-001")
    set_labels(labels, heart_labels, threshold=0.3)  # something in every slice
    qtbot.waitUntil(lambda: edit.layer is labels)
    desk.viewer.dims.set_current_step(0, 1)
    labels.paint((0, 5, 5), 2)
    desk.all_saved()
    assert edit.slices_between() is None
    labels.paint((2, 5, 5), 2)
    desk.all_saved()
    assert edit.slices_between() == (0, 2)


def test_a_stroke_that_is_saved_during_an_import_is_not_taken_for_it(
    qtbot, desk, folder, tmp_path, heart_labels, monkeypatch
):
    import scarnet.project

    take, strokes = scarnet.project.import_labels, []

    def take_and_paint(project, case, *args, **kwargs):
        take(project, case, *args, **kwargs)
        strokes.append(threading.Thread(target=project.save_labels, args=(case, np.zeros_like(heart_labels))))
        strokes[0].start()
        strokes[0].join(0.5)  # runs out: the stroke waits until the import was read

    monkeypatch.setattr(scarnet.project, "import_labels", take_and_paint)
    path = tmp_path / "labels.nii.gz"
    nib.save(nib.Nifti1Image(heart_labels.T, np.diag([2.0, 2.4, 10.0, 1.0])), path)
    desk.open(folder)
    labels, widget = desk.show("case-001"), desk.widget.labels
    widget.offer(path)
    qtbot.waitUntil(lambda: widget.job is None and not widget.box.isHidden(), timeout=20000)
    qtbot.mouseClick(widget.import_button, LEFT)
    qtbot.waitUntil(lambda: widget.job is None and widget.box.isHidden(), timeout=20000)
    strokes[0].join()
    assert np.array_equal(labels.data, heart_labels)
    desk.all_saved()
    assert np.array_equal(desk.on_disk(folder, "case-001"), heart_labels)


def test_labels_that_are_there_twice_are_not_accepted_blindly(qtbot, desk, folder):
    desk.open(folder)
    desk.viewer.layers.selection.active = desk.show("case-001")
    _duplicate_layer(desk.viewer.layers)
    desk.cases.go_on.setChecked(False)
    copy = find_layers(desk.viewer, "labels")[1]
    copy.paint((1, 5, 5), 3)
    desk.cases.accept()
    assert "differ" in desk.cases.status.text()
    assert not desk.cases.busy
    desk.viewer.layers.remove(find_layers(desk.viewer, "labels")[0])
    desk.cases.accept()
    qtbot.waitUntil(lambda: desk.settled() and desk.row("case-001").status == "accepted", timeout=20000)
    assert np.array_equal(desk.on_disk(folder, "case-001"), copy.data)

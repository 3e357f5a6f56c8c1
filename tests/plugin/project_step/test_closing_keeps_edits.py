"""Closing a project, or its dock, with edits that are on their way or that a full disk refuses."""

import shutil
import threading

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_scarnet.edit_recovery import find_recovered, read_recovered
from napari_scarnet.edit_saving import saving_for
from napari_scarnet.label_layers import labels_edited
from napari_scarnet.metadata import image_layer_of, layer_meta
from scarnet.errors import ScarNetError
from scarnet.project import Project

LEFT = Qt.MouseButton.LeftButton
NO_ROOM = "Cannot write labels.nii.gz: No space left on device."
pytestmark = pytest.mark.usefixtures("data_folder")


@pytest.fixture
def full_disk(monkeypatch):
    """A project's disk that is full as long as its first element is true."""
    full, save = [False], Project.save_labels

    def refuse(self, *args, **kwargs):
        if full[0]:
            raise ScarNetError(NO_ROOM)
        return save(self, *args, **kwargs)

    monkeypatch.setattr(Project, "save_labels", refuse)
    return full


@pytest.fixture
def told(monkeypatch):
    """What is warned of when a project is closed."""
    warnings = []
    monkeypatch.setattr("napari_scarnet.project_session.show_warning", warnings.append)
    return warnings


def close_project(qtbot, desk):
    qtbot.mouseClick(desk.widget.opening.close_button, LEFT)


def test_a_case_of_a_project_that_was_closed_meanwhile_does_not_come_into_the_next(
    qtbot, desk, folder, tmp_path, monkeypatch
):
    import napari_scarnet.project_open_case as opening

    other = shutil.copytree(folder, tmp_path / "other")
    begun, go_on, read = threading.Event(), threading.Event(), opening.read_case

    def held(*args):
        begun.set()
        assert go_on.wait(30)
        return read(*args)

    monkeypatch.setattr(opening, "read_case", held)
    desk.open(folder)
    desk.cases.show_case("case-001")
    qtbot.waitUntil(begun.is_set)
    desk.cases.show_case("case-003")
    close_project(qtbot, desk)
    desk.open(other)
    go_on.set()
    qtbot.waitUntil(desk.settled, timeout=20000)
    qtbot.wait(100)
    assert desk.settled()
    assert not desk.viewer.layers
    assert desk.widget.projects.case is None


def test_a_project_on_a_full_disk_is_not_closed_until_there_is_room(qtbot, desk, folder, full_disk):
    desk.open(folder)
    labels = desk.show("case-001")
    full_disk[0] = True
    labels.paint((1, 5, 5), 3)
    painted = labels.data.copy()
    close_project(qtbot, desk)
    qtbot.waitUntil(lambda: "No space left" in desk.widget.opening.status.text(), timeout=20000)
    assert desk.widget.projects.project is not None
    assert labels in desk.viewer.layers
    desk.cases.show_case("case-002")
    qtbot.waitUntil(lambda: desk.settled() and "No space left" in desk.cases.status.text(), timeout=20000)
    assert labels in desk.viewer.layers
    full_disk[0] = False
    close_project(qtbot, desk)
    assert desk.widget.projects.project is None
    assert np.array_equal(desk.on_disk(folder, "case-001"), painted)


def test_edits_that_a_full_disk_refused_outlive_the_dock(qtbot, desk, folder, full_disk):
    desk.open(folder)
    labels = desk.show("case-001")
    stack = layer_meta(image_layer_of(desk.viewer, "case-001"))["stack"]
    full_disk[0] = True
    labels.paint((1, 5, 5), 3)
    desk.viewer.window.remove_dock_widget(desk.widget)
    assert desk.widget.projects.project is None
    assert labels_edited(labels)
    desk.all_saved()
    assert np.array_equal(read_recovered(find_recovered(stack)[0].path, stack), labels.data)


def test_a_project_whose_disk_stays_away_is_left_with_the_edits_on_this_computer(
    qtbot, desk, folder, tmp_path, full_disk, told
):
    other = shutil.copytree(folder, tmp_path / "other")
    desk.open(folder)
    labels = desk.show("case-001")
    stack = layer_meta(labels)["stack"]
    leave = desk.widget.opening.leave_button
    assert leave.isHidden()
    full_disk[0] = True
    labels.paint((1, 5, 5), 3)
    close_project(qtbot, desk)
    assert not leave.isHidden()
    qtbot.mouseClick(leave, LEFT)
    assert told[0].endswith("No space left on device. They are kept on this computer instead.")
    assert desk.widget.projects.project is None
    desk.all_saved()
    assert np.array_equal(read_recovered(find_recovered(stack)[0].path, stack), labels.data)
    full_disk[0] = False
    desk.open(other)
    assert leave.isHidden()
    desk.show("case-001")


def test_after_closing_it_is_said_that_all_is_saved(qtbot, desk, folder):
    desk.open(folder)
    desk.show("case-001").paint((1, 5, 5), 3)
    close_project(qtbot, desk)
    assert saving_for(desk.viewer).text.startswith("✓")


def test_an_edit_that_fails_while_the_project_is_left_is_kept(qtbot, desk, folder, full_disk, monkeypatch):
    save, may_end = Project.save_labels, threading.Event()
    monkeypatch.setattr(Project, "save_labels", lambda *args, **kwargs: (may_end.wait(30), save(*args, **kwargs)))
    desk.open(folder)
    labels, saving = desk.show("case-001"), saving_for(desk.viewer)
    full_disk[0] = True
    labels.paint((1, 5, 5), 3)
    saving.flush()
    writer = saving._writers[True]
    wait = writer.wait
    monkeypatch.setattr(writer, "wait", lambda seconds: (may_end.set(), wait(10))[1])
    assert saving.leave_project() == [labels]


def test_what_cannot_be_logged_at_closing_is_not_told_as_an_edit_that_was_not_taken(
    qtbot, desk, folder, told, monkeypatch
):
    def refuse(*_, **__):
        raise ScarNetError("Cannot write log.jsonl: No space left on device.")

    desk.open(folder)
    labels = desk.show("case-001")
    labels.paint((1, 5, 5), 3)
    monkeypatch.setattr(Project, "log_edits", refuse)
    close_project(qtbot, desk)
    qtbot.waitUntil(lambda: [text.split(",")[0] for text in told] == ["The project has your edits"])
    assert np.array_equal(desk.on_disk(folder, "case-001"), labels.data)

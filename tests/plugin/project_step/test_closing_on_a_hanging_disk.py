"""Leaving a project whose disk hangs: napari goes on, and the edits are kept on this computer."""

import shutil
import threading
import time

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_scarnet.edit_recovery import find_recovered, read_recovered
from napari_scarnet.edit_saving import saving_for
from napari_scarnet.metadata import layer_meta
from scarnet.errors import ScarNetError
from scarnet.project import Project

LEFT = Qt.MouseButton.LeftButton
pytestmark = pytest.mark.usefixtures("data_folder")


@pytest.fixture
def told(monkeypatch):
    """What is warned of when a project is closed."""
    warnings = []
    monkeypatch.setattr("napari_scarnet.project_session.show_warning", warnings.append)
    return warnings


@pytest.fixture
def disk_is_back(desk, folder, monkeypatch):
    """The project's disk hangs in the middle of a write until this is set."""
    import scarnet.project.label_versions as versions

    write, back = versions.write_labels, threading.Event()

    def hang(path, *args, **kwargs):
        if path.is_relative_to(folder):
            assert back.wait(60)
        return write(path, *args, **kwargs)

    monkeypatch.setattr(versions, "write_labels", hang)
    yield back
    back.set()


def paint_and_leave(qtbot, desk, folder, monkeypatch):
    """Give the labels, the project, and how long napari is held once their layers are away."""
    desk.open(folder)
    labels = desk.show("case-001")
    labels.paint((1, 5, 5), 3)
    opening, project = desk.widget.opening, desk.widget.projects.project
    monkeypatch.setattr("napari_scarnet.project_session._WRITING_SECONDS", 0.2)
    qtbot.mouseClick(opening.close_button, LEFT)
    assert "still busy" in opening.status.text()
    monkeypatch.setattr("napari_scarnet.project_session._WRITING_SECONDS", 30)
    began = []
    opening.closing.connect(lambda: began.append(time.monotonic()))
    qtbot.mouseClick(opening.leave_button, LEFT)
    return labels, project, time.monotonic() - began[0]


def test_napari_goes_on_and_the_edits_are_kept_on_this_computer(qtbot, desk, folder, disk_is_back, told, monkeypatch):
    labels, left, seconds = paint_and_leave(qtbot, desk, folder, monkeypatch)
    stack = layer_meta(labels)["stack"]
    assert seconds < 2
    assert desk.widget.projects.project is None
    assert told == [
        "The project could not take your last edits: The disk is still busy with them. They are kept on this computer "
        "instead."
    ]
    qtbot.waitUntil(lambda: bool(find_recovered(stack)), timeout=10000)
    qtbot.waitUntil(lambda: saving_for(desk.viewer).text.startswith("✓"), timeout=10000)
    assert not disk_is_back.is_set()
    assert np.array_equal(read_recovered(find_recovered(stack)[0].path, stack), labels.data)
    disk_is_back.set()
    # The project has been let go of, in order, and has the stroke after all.
    qtbot.waitUntil(lambda: left.read_only, timeout=20000)
    with Project.open(folder) as project:
        assert project.why_read_only is None
        assert project.log()[-1].action == "edit"
        assert np.array_equal(project.labels("case-001"), labels.data)
    assert len(told) == 1


def test_the_next_project_s_edits_do_not_wait_for_it(qtbot, desk, folder, tmp_path, disk_is_back, told, monkeypatch):
    other = shutil.copytree(folder, tmp_path / "other")
    _, left, _ = paint_and_leave(qtbot, desk, folder, monkeypatch)
    desk.open(other)
    labels = desk.show("case-001")
    labels.paint((2, 9, 9), 2)
    desk.all_saved()
    assert not disk_is_back.is_set()
    assert np.array_equal(desk.on_disk(other, "case-001"), labels.data)
    disk_is_back.set()
    qtbot.waitUntil(lambda: left.read_only, timeout=20000)
    assert np.array_equal(desk.on_disk(other, "case-001"), labels.data)


def test_a_fault_at_closing_is_told_when_the_disk_is_back(qtbot, desk, folder, disk_is_back, told, monkeypatch):
    def refuse(*_, **__):
        raise ScarNetError("Cannot write log.jsonl: No space left on device.")

    paint_and_leave(qtbot, desk, folder, monkeypatch)
    assert len(told) == 1
    monkeypatch.setattr(Project, "log_edits", refuse)
    disk_is_back.set()
    qtbot.waitUntil(lambda: len(told) == 2, timeout=20000)
    assert told[1] == (
        "The project is closed, but its review log may lack the last: Cannot write log.jsonl: No space left on device."
    )


def test_a_case_that_hangs_while_it_is_read_does_not_hold_napari_either(qtbot, desk, folder, monkeypatch):
    import scarnet.project.case_labels as case_labels

    read, back, begun = case_labels.read_prediction, threading.Event(), threading.Event()

    def hang(*args):
        begun.set()
        assert back.wait(60)
        return read(*args)

    monkeypatch.setattr(case_labels, "read_prediction", hang)
    monkeypatch.setattr("napari_scarnet.project_session._WRITING_SECONDS", 0.5)
    desk.open(folder)
    desk.cases.show_case("case-001")
    qtbot.waitUntil(begun.is_set, timeout=20000)
    began = time.monotonic()
    qtbot.mouseClick(desk.widget.opening.close_button, LEFT)
    assert time.monotonic() - began < 3
    assert desk.widget.projects.project is None
    back.set()
    qtbot.waitUntil(desk.settled, timeout=20000)
    assert not desk.viewer.layers

"""What the Project step says and keeps when its folder is not as it was, or the viewer closes in the middle."""

import gzip
import shutil
import threading

import numpy as np
from qtpy.QtCore import Qt

from napari_scarnet.metadata import find_layers, image_layer_of
from scarnet.project import Project

LEFT = Qt.MouseButton.LeftButton


def test_a_second_viewer_only_looks_and_is_told_so(qtbot, desk, folder):
    with Project.open(folder, annotator="bob"):
        desk.open(folder)
        banner = desk.widget.opening.banner
        assert not banner.isHidden()
        assert "open already" in banner.text()
        labels = desk.show("case-001")
        assert not labels.editable
        for button in (desk.cases.accept_button, desk.cases.exclude_button, desk.widget.imports.add_button):
            assert not button.isEnabled()
        assert not desk.widget.predicting.button.isEnabled()
        qtbot.mouseClick(desk.widget.opening.close_button, LEFT)
        assert not desk.viewer.layers
    desk.open(folder)
    assert desk.widget.opening.banner.isHidden()
    assert desk.show("case-001").editable


def test_a_case_that_was_taken_out_by_hand_is_told_once(qtbot, desk, folder):
    shutil.rmtree(folder / "cases" / "case-002")
    desk.open(folder)
    assert "case-002 was taken out of the project's folder by hand" in desk.widget.opening.status.text()
    assert [row.case for row in desk.widget.projects.snapshot.rows] == ["case-001", "case-003"]
    qtbot.mouseClick(desk.widget.opening.close_button, LEFT)
    desk.open(folder)
    assert desk.widget.opening.status.isHidden()


def test_a_case_that_goes_while_the_project_is_open_costs_nothing_else(qtbot, desk, folder):
    desk.open(folder)
    labels = desk.show("case-001")
    labels.paint((1, 5, 5), 3)
    shutil.rmtree(folder / "cases" / "case-002")
    desk.cases.show_case("case-002")
    qtbot.waitUntil(lambda: desk.settled() and not desk.cases.status.isHidden(), timeout=20000)
    assert desk.cases.status.text().startswith("⚠")
    assert labels in desk.viewer.layers
    assert np.array_equal(desk.widget.projects.project.labels("case-001"), labels.data)
    desk.show("case-003")


def test_damaged_labels_are_offered_as_they_were_before(qtbot, desk, folder, heart_labels):
    with Project.open(folder) as project:
        first = heart_labels.copy()
        first[0] = 0
        project.save_labels("case-001", first)
        project.save_labels("case-001", heart_labels)
    path = folder / "cases" / "case-001" / "labels.nii.gz"
    path.write_bytes(gzip.compress(b"x" * 3000)[:-9])
    desk.open(folder)
    labels = desk.show("case-001")
    assert not desk.cases.damaged.isHidden()
    assert "damaged" in desk.cases.damaged.text.text()
    assert not labels.editable  # painting now would be saved over what can still be had
    qtbot.mouseClick(desk.cases.damaged.button, LEFT)
    qtbot.waitUntil(lambda: desk.settled() and desk.cases.damaged.isHidden(), timeout=20000)
    labels = find_layers(desk.viewer, "labels")[0]
    assert np.array_equal(labels.data, first)
    assert labels.editable


def test_what_is_painted_after_the_project_was_closed_stays_in_the_viewer(qtbot, desk, folder, monkeypatch, tmp_path):
    monkeypatch.setattr("platformdirs.user_data_path", lambda *_, **__: tmp_path / "data")
    desk.open(folder)
    labels = desk.show("case-001")
    labels.paint((1, 5, 5), 3)
    desk.viewer.window.remove_dock_widget(desk.widget)
    with Project.open(folder, read_only=True) as project:
        saved = project.labels("case-001")
    assert np.array_equal(saved, labels.data)
    labels.paint((2, 9, 9), 2)
    desk.viewer.window.add_dock_widget(desk.widget, name="Project")
    qtbot.waitUntil(lambda: desk.widget.projects.snapshot is not None, timeout=20000)
    again = desk.show("case-001")
    assert np.array_equal(again.data, saved)
    assert labels in desk.viewer.layers
    assert not labels.visible


def test_deleting_the_case_and_closing_the_dock_while_all_are_predicted(qtbot, desk, folder, monkeypatch):
    import scarnet.project.predicting as predicting

    for case in ("case-001", "case-002"):
        shutil.rmtree(folder / "cases" / case / "prediction")
    go_on, begun = threading.Event(), threading.Event()
    real = predicting.measure_uncertainty

    def held(*args, **kwargs):
        begun.set()
        assert go_on.wait(30)
        return real(*args, **kwargs)

    monkeypatch.setattr(predicting, "measure_uncertainty", held)
    desk.open(folder)
    desk.show("case-001")
    qtbot.mouseClick(desk.widget.predicting.button, LEFT)
    qtbot.waitUntil(begun.is_set, timeout=30000)
    desk.viewer.layers.remove(image_layer_of(desk.viewer, "case-001"))
    assert desk.widget.projects.case is None
    job = desk.widget.predicting.job
    desk.viewer.window.remove_dock_widget(desk.widget)
    go_on.set()
    assert job.wait(30)
    qtbot.wait(50)
    with Project.open(folder) as project:  # nobody has it any more, and what was half done counts as nothing
        assert project.why_read_only is None
        assert [row.status for row in project.rows()] == ["new", "new", "predicted"]

"""The Project step on small hearts, by clicks and keys; edits outlive whatever happens to their layers."""

import os
import shutil

import numpy as np
import pytest
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication

from napari_scarnet.label_layers import labels_edited
from napari_scarnet.metadata import find_layers, image_layer_of, layer_meta
from scarnet.project import Project

LEFT = Qt.MouseButton.LeftButton


def on_disk(folder, case):
    with Project.open(folder, read_only=True) as project:
        return project.labels(case)


def drop(widget, *paths):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    how = (Qt.DropAction.CopyAction, mime, LEFT, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(widget, QDragEnterEvent(QPoint(5, 5), *how))
    QApplication.sendEvent(widget, QDropEvent(QPointF(5, 5), *how, QDropEvent.Type.Drop))


def test_a_new_project_takes_what_is_dropped_on_it(qtbot, desk, tmp_path, heart_writer, monkeypatch, tiny_model):
    monkeypatch.setattr("scarnet.project.models.find_model", lambda model: tiny_model)
    widget = desk.widget
    qtbot.keyClicks(widget.opening.path_edit, str(tmp_path / "cohort"))
    qtbot.keyClicks(widget.opening.annotator, "ann")
    qtbot.mouseClick(widget.opening.open_button, LEFT)
    qtbot.waitUntil(lambda: widget.projects.snapshot is not None, timeout=20000)
    assert "no cases yet" in widget.predicting.button.toolTip()
    studies = tmp_path / "studies"
    studies.mkdir()
    for seed, name in enumerate(("a", "b", "c")):
        heart_writer(studies / f"{name}.nii.gz", seed)
    shutil.copy(studies / "a.nii.gz", studies / "d.nii.gz")
    drop(widget, studies)
    qtbot.waitUntil(lambda: widget.imports.job is None and not widget.imports.choice.isHidden(), timeout=20000)
    table = widget.imports.table
    assert [table.item(row, 0).text() for row in range(4)] == ["a.nii.gz", "b.nii.gz", "c.nii.gz", "d.nii.gz"]
    table.item(1, 1).setText("second")
    for row in (0, 1):
        table.item(row, 2).setText("one patient")
    qtbot.mouseClick(widget.imports.import_button, LEFT)
    qtbot.waitUntil(lambda: len(widget.projects.snapshot.rows) == 3, timeout=20000)
    assert [(row.case, row.patient) for row in widget.projects.snapshot.rows] == [
        ("case-001", "case-001"),
        ("second", "case-001"),
        ("case-002", "case-002"),
    ]
    assert "d.nii.gz: The study is in the project already" in widget.imports.status.text()
    assert "one patient" not in (tmp_path / "cohort" / "project.json").read_text()
    assert {entry.who for entry in widget.projects.project.log()} == {"ann"}


def test_the_next_napari_knows_the_last_project_and_who_worked_with_it(qtbot, desk, tmp_path, folder):
    from napari_scarnet.project_opening import ProjectOpening

    def next_time():
        opening = ProjectOpening(desk.viewer)
        qtbot.addWidget(opening)
        qtbot.waitUntil(lambda: not opening._recalling.is_running, timeout=20000)
        qtbot.wait(10)  # what the thread told is on its way
        assert opening.job is None, "it is filled in and not opened"
        opening.release()
        return opening.path_edit.text(), opening.annotator.text()

    assert next_time() == ("", "")
    qtbot.keyClicks(desk.widget.opening.annotator, "anna")
    desk.open(folder)
    qtbot.mouseClick(desk.widget.opening.close_button, LEFT)
    qtbot.waitUntil(lambda: desk.widget.projects.project is None, timeout=20000)
    desk.widget.projects.last_folder = None
    assert next_time() == (str(folder), "anna")
    shutil.move(folder, tmp_path / "elsewhere")
    assert next_time() == ("", "anna")


def test_a_dock_that_comes_back_knows_who_worked(qtbot, desk, folder):
    from napari_scarnet.project_memory import recall
    from napari_scarnet.project_opening import ProjectOpening

    qtbot.keyClicks(desk.widget.opening.annotator, "anna")
    desk.open(folder)
    desk.widget.projects.close()  # as when the dock is closed
    again = ProjectOpening(desk.viewer)
    qtbot.addWidget(again)
    qtbot.waitUntil(lambda: desk.widget.projects.project is not None, timeout=20000)
    qtbot.waitUntil(lambda: not again._recalling.is_running, timeout=20000)
    assert desk.widget.projects.project.annotator == "anna"
    assert (again.annotator.text(), recall().annotator) == ("anna", "anna")
    again.release()


def test_a_folder_whose_name_is_no_utf8_is_remembered(tmp_path):
    from napari_scarnet.project_memory import Remembered, recall, remember

    folder = tmp_path / os.fsdecode(b"M\xfcller")
    folder.mkdir()
    (folder / "project.json").write_text("{}")
    remember(Remembered(str(folder), "anna"))
    assert recall() == Remembered(str(folder), "anna")


def test_a_name_with_an_accent_is_refused_with_the_rule(qtbot, desk, tmp_path):
    opening = desk.widget.opening
    opening.path_edit.setText(str(tmp_path / "cohort"))
    opening.annotator.setText("Anna Müller")
    qtbot.mouseClick(opening.open_button, LEFT)
    qtbot.waitUntil(lambda: "without spaces or accents" in opening.status.text(), timeout=20000)


def test_which_file_became_which_case_is_shown_once_and_written_nowhere(qtbot, desk, folder, tmp_path, heart_writer):
    desk.open(folder)
    imports, names = desk.widget.imports, desk.widget.imports.names
    paths = [heart_writer(tmp_path / f"{who}.nii.gz", 10 + seed) for seed, who in enumerate(("muller", "meier"))]

    def bring(*dropped):
        drop(desk.widget, *dropped)
        qtbot.waitUntil(lambda: imports.job is None and not imports.choice.isHidden(), timeout=20000)
        qtbot.mouseClick(imports.import_button, LEFT)
        qtbot.waitUntil(lambda: imports.job is None and not names.isHidden(), timeout=20000)

    bring(paths[0])
    bring(paths[1])
    shown = [tuple(names.table.item(row, column).text() for column in (0, 1)) for row in range(names.table.rowCount())]
    assert shown == [("muller.nii.gz", "case-004"), ("meier.nii.gz", "case-005")]
    qtbot.mouseClick(names.copy_button, LEFT)
    assert QApplication.clipboard().text() == f"{paths[0]}\tcase-004\n{paths[1]}\tcase-005\n"
    assert "1 case imported" in imports.status.text()
    desk.show("case-001")
    assert imports.status.text() == "", "what was told of an import goes when work goes on"
    assert not any(b"muller" in path.read_bytes() for path in folder.rglob("*") if path.is_file())
    qtbot.mouseClick(names.dismiss_button, LEFT)
    assert names.isHidden()
    bring(heart_writer(tmp_path / "schulz.nii.gz", 12))
    assert names.table.rowCount() == 1
    qtbot.mouseClick(desk.widget.opening.close_button, LEFT)
    qtbot.waitUntil(lambda: names.isHidden() and names.table.rowCount() == 0, timeout=20000)


def test_a_case_opens_with_its_labels_and_maps_and_leaves_nothing_behind(desk, folder, maps):
    desk.open(folder)
    labels = desk.show("case-001")
    image = image_layer_of(desk.viewer, "case-001")
    assert layer_meta(image)["project"] is layer_meta(labels)["project"] is desk.widget.projects.project
    assert len(find_layers(desk.viewer, "logit")) == len(find_layers(desk.viewer, "probability")) == 4
    assert desk.viewer.layers[-1] is labels
    assert not labels_edited(labels)
    desk.show("case-002")
    assert {layer_meta(layer)["case"] for layer in desk.viewer.layers} == {"case-002"}
    assert desk.row("case-001").status == "predicted"
    assert on_disk(folder, "case-001") is None


def test_keys_lead_through_the_queue_and_edits_go_with_them(qtbot, desk, folder):
    desk.open(folder)
    desk.cases.queue.order.setCurrentText("in order")
    canvas = desk.viewer.window._qt_viewer.canvas.native

    def press(key, case):
        qtbot.keyClick(canvas, key, Qt.KeyboardModifier.AltModifier)
        qtbot.waitUntil(lambda: desk.settled() and desk.widget.projects.case == case, timeout=20000)

    press(Qt.Key.Key_Right, "case-001")
    labels = find_layers(desk.viewer, "labels")[0]
    labels.paint((1, 5, 5), 3)
    painted = labels.data.copy()
    press(Qt.Key.Key_Right, "case-002")
    qtbot.waitUntil(lambda: desk.row("case-001").status == "in progress", timeout=20000)
    assert np.array_equal(on_disk(folder, "case-001"), painted)
    press(Qt.Key.Key_Left, "case-001")
    assert np.array_equal(find_layers(desk.viewer, "labels")[0].data, painted)
    qtbot.waitUntil(desk.cases.accept_button.isEnabled, timeout=20000)
    press(Qt.Key.Key_A, "case-002")
    qtbot.waitUntil(lambda: desk.row("case-001").status == "accepted", timeout=20000)
    assert (folder / "Dataset001_Accepted" / "labelsTr" / "case-001.nii.gz").is_file()
    qtbot.waitUntil(lambda: desk.cases.exclude_button.isEnabled(), timeout=20000)
    press(Qt.Key.Key_X, "case-003")
    qtbot.waitUntil(lambda: desk.row("case-002").status == "excluded", timeout=20000)
    assert "1 of 2 accepted" in desk.cases.queue.bar.text.text()
    actions = [(e.action, e.case) for e in desk.widget.projects.project.log()][-4:]
    assert actions == [("predict", "case-003"), ("edit", "case-001"), ("accept", "case-001"), ("exclude", "case-002")]


def test_next_is_the_most_uncertain_case_that_was_not_opened_yet(qtbot, desk, folder):
    import json

    for case, entropy in (("case-001", 0.28), ("case-002", 0.24), ("case-003", 0.43)):
        path = folder / "cases" / case / "prediction" / "prediction.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "entropy": entropy, "disagreement": entropy}))
    desk.open(folder)
    desk.cases.queue.order.setCurrentText("most uncertain first")
    desk.show("case-001")
    for button, case in ((desk.cases.next_button, "case-003"), (desk.cases.accept_button, "case-002")):
        qtbot.waitUntil(button.isEnabled, timeout=20000)
        qtbot.mouseClick(button, LEFT)
        qtbot.waitUntil(lambda case=case: desk.settled() and desk.widget.projects.case == case, timeout=20000)
    qtbot.waitUntil(lambda: desk.row("case-003").status == "accepted", timeout=20000)
    qtbot.mouseClick(desk.cases.next_button, LEFT)  # all were open: the round begins again
    qtbot.waitUntil(lambda: desk.settled() and desk.widget.projects.case == "case-001", timeout=20000)


def test_painting_on_an_accepted_case_takes_it_back_into_work(qtbot, desk, folder):
    desk.open(folder)
    labels = desk.show("case-001")
    desk.cases.go_on.setChecked(False)
    qtbot.mouseClick(desk.cases.accept_button, LEFT)
    qtbot.waitUntil(lambda: desk.settled() and desk.row("case-001").status == "accepted", timeout=20000)
    assert not desk.cases.reopen_button.isHidden()
    assert desk.cases.accept_button.isHidden()
    labels.paint((0, 3, 3), 2)
    qtbot.waitUntil(lambda: desk.row("case-001").status == "in progress", timeout=20000)
    assert np.array_equal(on_disk(folder, "case-001"), labels.data)


def test_labels_come_in_by_the_meaning_of_their_values(qtbot, desk, folder, tmp_path, heart_labels, heart_writer):
    import nibabel as nib

    # EMIDEC's order: cavity 1, muscle 2, infarct 3, no-reflow 4.
    foreign = np.array([0, 2, 1, 3], np.uint8)[heart_labels]
    foreign[0][heart_labels[0] == 3] = 4
    path = tmp_path / "foreign.nii.gz"
    nib.save(nib.Nifti1Image(foreign.T, np.diag([2.0, 2.4, 10.0, 1.0])), path)
    desk.open(folder)
    desk.show("case-002")
    widget = desk.widget.labels
    widget.offer(path)
    qtbot.waitUntil(lambda: widget.job is None and not widget.box.isHidden(), timeout=20000)
    assert list(widget._boxes) == [1, 2, 3, 4]
    for value, name in ((1, "cavity"), (2, "myocardium"), (3, "infarct"), (4, "infarct")):
        widget._boxes[value].setCurrentText(name)
    qtbot.mouseClick(widget.import_button, LEFT)
    assert "same name" in widget.status.text()
    widget._boxes[4].setCurrentText("no reflow")
    qtbot.mouseClick(widget.import_button, LEFT)
    qtbot.waitUntil(lambda: widget.job is None and desk.row("case-002").status == "in progress", timeout=20000)
    qtbot.waitUntil(desk.settled, timeout=20000)
    assert np.array_equal(on_disk(folder, "case-002"), heart_labels)
    assert np.array_equal(find_layers(desk.viewer, "labels")[0].data, heart_labels)


def test_predictions_come_to_the_open_case_but_never_over_an_edit(qtbot, desk, folder, maps):
    for case in ("case-001", "case-002"):
        shutil.rmtree(folder / "cases" / case / "prediction")
    desk.open(folder)
    labels = desk.show("case-001")
    assert not labels.data.any()
    assert not find_layers(desk.viewer, "logit")
    labels.paint((1, 5, 5), 1)
    painted = labels.data.copy()
    assert desk.widget.predicting.button.text() == "Predict all new (2)"
    qtbot.mouseClick(desk.widget.predicting.button, LEFT)
    qtbot.waitUntil(lambda: len(find_layers(desk.viewer, "probability")) == 4, timeout=30000)
    qtbot.waitUntil(lambda: desk.widget.predicting.job is None and desk.settled(), timeout=30000)
    assert np.array_equal(find_layers(desk.viewer, "labels")[0].data, painted)
    qtbot.waitUntil(lambda: desk.row("case-001").status == "in progress", timeout=20000)
    assert desk.row("case-002").uncertainty is not None


@pytest.mark.parametrize("how", ["rename", "delete labels", "delete case", "close dock"])
def test_an_edit_outlives_its_layer(qtbot, desk, folder, how):
    desk.open(folder)
    labels = desk.show("case-001")
    labels.paint((1, 5, 5), 3)
    painted = labels.data.copy()
    if how == "rename":
        labels.name = "mine"
        desk.show("case-002")
    elif how == "delete labels":
        desk.viewer.layers.remove(labels)
    elif how == "delete case":
        desk.viewer.layers.clear()
        assert desk.widget.projects.case is None
    else:
        desk.viewer.window.remove_dock_widget(desk.widget)
        assert desk.widget.projects.project is None
        with Project.open(folder) as project:
            assert project.why_read_only is None
    saved = lambda: on_disk(folder, "case-001")  # noqa: E731
    qtbot.waitUntil(lambda: (found := saved()) is not None and np.array_equal(found, painted), timeout=5000)

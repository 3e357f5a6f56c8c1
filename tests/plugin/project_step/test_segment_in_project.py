"""The Segment step on a project's case."""

import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_scarnet.label_layers import labels_edited
from napari_scarnet.metadata import find_layers, image_layer_of, layer_meta
from napari_scarnet.segment_project import keep_in_project, what_became
from scarnet.progress import silent
from scarnet.project import Project

LEFT = Qt.MouseButton.LeftButton
pytestmark = pytest.mark.usefixtures("data_folder")


@pytest.fixture
def segment(qtbot, desk, engine):
    """The Segment step, docked beside the Project step."""
    from napari_scarnet.segment_widget import SegmentWidget

    segment = SegmentWidget(desk.viewer, engine)
    desk.viewer.window.add_dock_widget(segment, name="Segment")
    qtbot.waitUntil(lambda: segment.model.entry is not None)
    return segment


def test_segmenting_a_case_renews_its_prediction_and_no_labels_that_somebody_made(
    qtbot, desk, folder, engine, maps, segment
):
    desk.open(folder)
    labels = desk.show("case-001")

    def press(button):
        qtbot.mouseClick(button, LEFT)
        qtbot.waitUntil(lambda: not segment.busy and desk.settled(), timeout=20000)
        desk.all_saved()

    press(segment.stack_button)
    predicted = layer_meta(image_layer_of(desk.viewer, "case-001"))["prediction"].labels
    with Project.open(folder, read_only=True) as project:
        assert np.array_equal(project.predicted_labels("case-001"), predicted)
        assert project.labels("case-001") is None
        assert (project.row("case-001").status, project.row("case-001").model) == ("predicted", "by-hand")
        assert project.log()[-1].action == "predict"
    assert np.array_equal(labels.data, predicted)
    assert len(find_layers(desk.viewer, "labels", kept=True)) == 1
    assert not labels_edited(labels)

    # Edited labels stay, whichever button; the maps and the prediction on the disk are new.
    labels.paint((1, 5, 5), 3)
    painted = labels.data.copy()
    press(segment.slice_button)
    assert engine.calls[-1][1] is None
    renewed = layer_meta(image_layer_of(desk.viewer, "case-001"))["prediction"]
    assert not np.array_equal(renewed.labels, predicted)
    assert np.array_equal(find_layers(desk.viewer, "logit", 3)[0].data, renewed.logits[3])
    assert find_layers(desk.viewer, "labels", kept=True) == [labels]
    assert labels.visible
    assert np.array_equal(labels.data, painted)
    assert "stay" in segment.status.text()
    with Project.open(folder, read_only=True) as project:
        assert np.array_equal(project.predicted_labels("case-001"), renewed.labels)
        assert np.array_equal(project.labels("case-001"), painted)

    # Where another case is open by then, the prediction is the project's all the same.
    engine.hold.clear()
    qtbot.mouseClick(segment.stack_button, LEFT)
    desk.show("case-002")
    shown = layer_meta(image_layer_of(desk.viewer, "case-002"))["prediction"]
    engine.hold.set()
    qtbot.waitUntil(lambda: not segment.busy, timeout=20000)
    assert layer_meta(image_layer_of(desk.viewer, "case-002"))["prediction"] is shown
    with Project.open(folder, read_only=True) as project:
        assert not np.array_equal(project.predicted_labels("case-001"), renewed.labels)


def test_a_segmented_case_stays_comparable_with_the_others(qtbot, desk, folder, engine, segment):
    from napari_scarnet.project_table import COLUMNS
    from scarnet.project.uncertainty import Uncertainty

    unsure = COLUMNS.index("Unsure")

    def press():
        before = desk.row("case-001").entropy
        qtbot.mouseClick(segment.stack_button, LEFT)
        qtbot.waitUntil(lambda: not segment.busy and desk.row("case-001").entropy != before, timeout=20000)
        table = desk.cases.queue.model
        return [table.data(table.index(row, unsure), Qt.ItemDataRole.ToolTipRole) for row in range(3)]

    desk.open(folder)
    project = desk.widget.projects.project
    for case in ("case-002", "case-003"):
        prediction = project.prediction(case)
        keep_in_project(project, prediction, "tiny", Uncertainty(0.1, 0.5))
    desk.show("case-001")
    engine.doubt = Uncertainty(0.2, 0.7)
    assert not any("entropy alone" in tip for tip in press())
    assert engine.doubted[-1][2] == segment.settings()
    assert (desk.row("case-001").entropy, desk.row("case-001").disagreement) == (0.2, 0.7)
    assert [desk.row(case).uncertainty for case in ("case-001", "case-002")] == pytest.approx([0.45, 0.3])
    engine.doubt = None  # no flips, no second question: then all are compared by what all have
    tips = press()
    assert all(desk.row(case).uncertainty == desk.row(case).entropy for case in ("case-001", "case-002"))
    assert "entropy alone" in tips[1]


def test_segmenting_measures_doubt_as_the_project_does(folder, tiny_model):
    from napari_scarnet.engine import Engine, SegmentSettings
    from scarnet.project import predict_cases

    engine, settings = Engine(), SegmentSettings(str(tiny_model), device="cpu", flips=True)
    with Project.open(folder) as project:
        stack = project.stack("case-001")
        prediction = engine.predict(stack, None, settings, None, silent).prediction
        doubt = engine.measure_doubt(prediction, stack, settings, silent)
        predict_cases(project, ["case-001"], device="cpu", flips=True)
        row = project.row("case-001")
        assert (doubt.entropy, doubt.disagreement) == pytest.approx((row.entropy, row.disagreement), abs=1e-4)
        assert doubt.disagreement is not None
        quick = replace(settings, flips=False)
        prediction = engine.predict(stack, None, quick, None, silent).prediction
        assert engine.measure_doubt(prediction, stack, quick, silent) is None


class Pause:
    """Holds the worker at one place until the test lets it go on."""

    def __init__(self):
        self.reached, self.go_on = threading.Event(), threading.Event()

    def __call__(self):
        self.reached.set()
        assert self.go_on.wait(30)


def press_cancel_at(qtbot, segment, pause):
    qtbot.mouseClick(segment.stack_button, LEFT)
    qtbot.waitUntil(pause.reached.is_set, timeout=20000)
    qtbot.mouseClick(segment.job_bar.cancel_button, LEFT)
    pause.go_on.set()
    qtbot.waitUntil(lambda: not segment.busy, timeout=20000)


def test_cancelled_before_it_is_kept_leaves_the_prediction_on_the_disk(
    qtbot, desk, folder, engine, segment, monkeypatch
):
    desk.open(folder)
    desk.show("case-001")
    before, pause, predict = desk.widget.projects.project.prediction("case-001").labels, Pause(), engine.predict

    def held(*args):
        result = predict(*args)
        pause()
        return result

    monkeypatch.setattr(engine, "predict", held)
    press_cancel_at(qtbot, segment, pause)
    assert segment.status.text() == "Cancelled; nothing was changed."
    assert np.array_equal(desk.widget.projects.project.prediction("case-001").labels, before)


def test_cancelled_after_it_is_kept_is_shown(qtbot, desk, folder, engine, segment, monkeypatch):
    import napari_scarnet.segment_widget as segment_widget

    desk.open(folder)
    labels, pause, keep = desk.show("case-001"), Pause(), segment_widget.keep_in_project

    def held(*args):
        keep(*args)
        pause()

    monkeypatch.setattr(segment_widget, "keep_in_project", held)
    press_cancel_at(qtbot, segment, pause)
    assert "prediction is new" in segment.status.text()
    kept = desk.widget.projects.project.prediction("case-001")
    assert np.array_equal(labels.data, kept.labels)
    assert np.array_equal(layer_meta(image_layer_of(desk.viewer, "case-001"))["prediction"].labels, kept.labels)
    # A later job that is cancelled changes nothing any more.
    monkeypatch.setattr(segment_widget, "keep_in_project", keep)
    engine.hold.clear()
    qtbot.mouseClick(segment.stack_button, LEFT)
    qtbot.mouseClick(segment.job_bar.cancel_button, LEFT)
    qtbot.waitUntil(lambda: not segment.busy, timeout=20000)
    assert segment.status.text() == "Cancelled; nothing was changed."


def test_what_became_of_a_prediction_is_told_of_its_own_project(qtbot, desk, folder, tmp_path):
    other = shutil.copytree(folder, tmp_path / "other")
    desk.open(folder)
    desk.show("case-001")
    first = desk.widget.projects.project
    assert "so are its labels" in what_became(desk.viewer, first, "case-001", True)
    assert "only shown" in what_became(desk.viewer, first, "case-001", False)
    qtbot.mouseClick(desk.widget.opening.close_button, LEFT)
    desk.open(other)
    desk.show("case-001")
    assert what_became(desk.viewer, first, "case-001", True) == (
        "The new prediction of case-001 is kept in the project."
    )
    assert what_became(desk.viewer, first, "case-001", False).endswith("was dropped.")

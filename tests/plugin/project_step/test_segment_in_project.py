"""The Segment step on a project's case."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_scarnet.label_layers import labels_edited
from napari_scarnet.metadata import find_layers, image_layer_of, layer_meta
from scarnet.project import Project

LEFT = Qt.MouseButton.LeftButton
pytestmark = pytest.mark.usefixtures("data_folder")


def test_segmenting_a_case_renews_its_prediction_and_no_labels_that_somebody_made(qtbot, desk, folder, engine, maps):
    from napari_scarnet.segment_widget import SegmentWidget

    segment = SegmentWidget(desk.viewer, engine)
    desk.viewer.window.add_dock_widget(segment, name="Segment")
    qtbot.waitUntil(lambda: segment.model.entry is not None)
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

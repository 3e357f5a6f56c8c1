"""A study of one's own that bears the name of a project's case whose image was deleted: the case takes none of it."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_scarnet.edit_recovery import find_recovered, read_recovered, write_recovered
from napari_scarnet.label_layers import current_labels
from napari_scarnet.metadata import image_layer_of, layer_meta
from napari_scarnet.studies import add_stack, bring_forward
from scarnet.io import read_study
from scarnet.stack import LGEStack

LEFT = Qt.MouseButton.LeftButton
pytestmark = pytest.mark.usefixtures("data_folder")


@pytest.fixture
def edit(desk):
    """The Edit step, docked beside the Project step."""
    from napari_scarnet.edit_widget import EditWidget

    edit = EditWidget(desk.viewer)
    desk.viewer.window.add_dock_widget(edit, name="Edit")
    return edit


@pytest.fixture
def left(desk, folder):
    """Labels of the project's case-001 whose image was deleted."""
    desk.open(folder)
    labels = desk.show("case-001")
    desk.viewer.layers.remove(image_layer_of(desk.viewer, "case-001"))
    return labels


@pytest.fixture
def own(left, tmp_path, heart_writer) -> LGEStack:
    """Another study of that name."""
    return read_study(heart_writer(tmp_path / "9.nii.gz", 9), case="case-001")


def show(desk, stack):
    image = add_stack(desk.viewer, stack)
    bring_forward(desk.viewer, image)
    desk.viewer.layers.selection.active = image
    return image


def case_is_untouched(desk, folder, labels, before):
    desk.all_saved()
    return desk.on_disk(folder, "case-001") is None and np.array_equal(labels.data, before)


def test_painting(qtbot, desk, folder, edit, left, own):
    before = left.data.copy()
    image = show(desk, own)
    qtbot.waitUntil(lambda: edit.study.layer is image and edit.case == layer_meta(image)["case"])
    assert edit.layer is None
    assert not left.visible
    qtbot.mouseClick(edit.new_button, LEFT)
    edit.layer.paint((1, 5, 5), 1)
    assert case_is_untouched(desk, folder, left, before)
    assert np.array_equal(read_recovered(find_recovered(own)[0].path, own), edit.layer.data)
    # What is painted on the case's own labels is still the project's.
    left.paint((2, 9, 9), 2)
    desk.all_saved()
    assert np.array_equal(desk.on_disk(folder, "case-001"), left.data)
    desk.show("case-001")
    assert image in desk.viewer.layers


def test_restoring(qtbot, desk, folder, edit, left, own):
    before, kept = left.data.copy(), np.zeros_like(left.data)
    kept[1, 3:9, 3:9] = 3
    write_recovered(own, "kept.nii.gz", kept)
    image = show(desk, own)
    qtbot.waitUntil(lambda: edit.offer.isVisibleTo(edit), timeout=10000)
    qtbot.mouseClick(edit.offer.restore, LEFT)
    assert np.array_equal(current_labels(desk.viewer, layer_meta(image)["case"]).data, kept)
    assert case_is_untouched(desk, folder, left, before)


def test_segmenting(qtbot, desk, folder, engine, left, own):
    from napari_scarnet.segment_widget import SegmentWidget

    before = left.data.copy()
    segment = SegmentWidget(desk.viewer, engine)
    desk.viewer.window.add_dock_widget(segment, name="Segment")
    qtbot.waitUntil(lambda: segment.model.entry is not None)
    image = show(desk, own)
    qtbot.mouseClick(segment.stack_button, LEFT)
    qtbot.waitUntil(lambda: not segment.busy and "prediction" in layer_meta(image), timeout=20000)
    labels = current_labels(desk.viewer, layer_meta(image)["case"])
    labels.paint((1, 5, 5), 3)
    assert labels is not left
    assert case_is_untouched(desk, folder, left, before)


def test_the_same_study_opened_again_has_its_labels(desk, folder, left, own, edit, qtbot):
    image = show(desk, own)
    qtbot.waitUntil(lambda: edit.case == layer_meta(image)["case"])
    qtbot.mouseClick(edit.new_button, LEFT)
    labels = edit.layer
    desk.viewer.layers.remove(image)
    again = show(desk, own)
    assert current_labels(desk.viewer, layer_meta(again)["case"]) is labels

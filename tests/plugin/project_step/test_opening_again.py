"""A case that is open is asked for once more: what is on screen is newer than any file of it."""

import threading

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt

from napari_scarnet.label_layers import current_labels
from napari_scarnet.metadata import find_layers, image_layer_of, layer_meta
from scarnet.classes import TissueClass

LEFT = Qt.MouseButton.LeftButton
pytestmark = pytest.mark.usefixtures("data_folder")


@pytest.fixture
def held_reading(monkeypatch):
    """Cases that have been read once `read` is set, and are shown once `go_on` is."""
    import napari_scarnet.project_open_case as opening

    class Held:
        read, go_on, count = threading.Event(), threading.Event(), 0

    held, read_case = Held(), opening.read_case
    held.go_on.set()

    def read(*args):
        contents = read_case(*args)
        held.count += 1
        held.read.set()
        assert held.go_on.wait(30)
        return contents

    monkeypatch.setattr(opening, "read_case", read)
    yield held
    held.go_on.set()


def double_click(qtbot, desk, case):
    """Double-click a case's row of the queue."""
    view = desk.cases.queue.table
    model = view.model()
    row = next(r for r in range(model.rowCount()) if model.index(r, 0).data() == case)
    place = view.visualRect(model.index(row, 0)).center()
    qtbot.mouseClick(view.viewport(), LEFT, pos=QPoint(place))
    qtbot.mouseDClick(view.viewport(), LEFT, pos=QPoint(place))


def test_the_open_case_is_not_read_again(qtbot, desk, folder, held_reading):
    desk.open(folder)
    labels = desk.show("case-001")
    image = image_layer_of(desk.viewer, "case-001")
    labels.paint((1, 5, 5), 3)
    desk.all_saved()
    held_reading.go_on.clear()
    image.visible = labels.visible = False
    desk.viewer.layers.selection.active = image
    double_click(qtbot, desk, "case-001")
    labels.paint((1, 12, 5), 2)
    painted = labels.data.copy()
    desk.all_saved()
    held_reading.go_on.set()
    qtbot.waitUntil(desk.settled, timeout=20000)
    assert held_reading.count == 1
    assert current_labels(desk.viewer, "case-001") is labels
    assert image.visible
    assert labels.visible
    assert desk.viewer.layers.selection.active is labels
    assert np.array_equal(labels.data, painted)
    assert np.array_equal(desk.on_disk(folder, "case-001"), painted)


def test_maps_that_were_deleted_come_back_with_a_double_click(qtbot, desk, folder, maps, held_reading):
    desk.open(folder)
    labels = desk.show("case-001")
    labels.paint((1, 5, 5), 3)
    desk.viewer.layers.remove(find_layers(desk.viewer, "probability", TissueClass.SCAR)[0])
    desk.viewer.layers.remove(find_layers(desk.viewer, "logit", TissueClass.MYOCARDIUM)[0])
    double_click(qtbot, desk, "case-001")
    qtbot.waitUntil(desk.settled, timeout=20000)
    for kind in ("logit", "probability"):
        assert sorted(layer_meta(layer)["class"] for layer in find_layers(desk.viewer, kind)) == [0, 1, 2, 3]
    scar = find_layers(desk.viewer, "probability", TissueClass.SCAR)[0]
    prediction = layer_meta(image_layer_of(desk.viewer, "case-001"))["prediction"]
    assert np.array_equal(scar.data, prediction.probabilities[TissueClass.SCAR])
    assert desk.viewer.layers.index(scar) < desk.viewer.layers.index(labels)
    # Nothing was read again, and the stroke can still be undone.
    assert held_reading.count == 1
    assert current_labels(desk.viewer, "case-001") is labels
    assert labels.data[1, 5, 5] == 3
    labels.undo()
    assert labels.data[1, 5, 5] != 3


@pytest.mark.parametrize("painted_at", ["read", "shown"])
def test_strokes_on_labels_whose_case_is_read_again_stay(qtbot, desk, folder, held_reading, painted_at):
    desk.open(folder)
    labels = desk.show("case-001")
    labels.paint((1, 5, 5), 3)
    desk.all_saved()
    desk.viewer.layers.remove(image_layer_of(desk.viewer, "case-001"))
    held_reading.read.clear()
    held_reading.go_on.clear()
    desk.cases.show_case("case-001")
    qtbot.waitUntil(held_reading.read.is_set, timeout=20000)
    if painted_at == "read":
        labels.paint((1, 12, 5), 2)
        desk.all_saved()
    else:
        # In the moment before the labels themselves are taken away.
        desk.viewer.layers.events.removing.connect(lambda _: labels.paint((1, 12, 5), 2))
    held_reading.go_on.set()
    qtbot.waitUntil(lambda: desk.settled() and desk.widget.projects.case == "case-001", timeout=20000)
    again = current_labels(desk.viewer, "case-001")
    assert again is not labels
    assert np.array_equal(again.data, labels.data)
    assert again.data[1, 12, 5] == 2
    again.paint((0, 25, 35), 1)
    desk.all_saved()
    on_disk = desk.on_disk(folder, "case-001")
    assert on_disk[1, 12, 5] == 2
    assert np.array_equal(on_disk, again.data)

"""A heart in a real window with an Edit widget beside it, and a mouse that knows voxels."""

import os
import shutil
import subprocess

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication

from napari_scarnet.edit_saving import saving_for
from napari_scarnet.label_layers import add_labels
from napari_scarnet.studies import add_stack
from scarnet.models.card import ModelCard
from scarnet.network.config import ScarNetConfig
from scarnet.predict.prediction import Prediction
from scarnet.stack import LGEStack, StudySource

LEFT = Qt.MouseButton.LeftButton


def heart_labels(shape):
    """Blood pool of radius 14 in a wall of 8 voxels; scar on its left in the middle slices."""
    rows, columns = np.mgrid[: shape[1], : shape[2]]
    radius = np.hypot(rows - shape[1] // 2, columns - shape[2] // 2)
    ring = np.where(radius < 14, 2, np.where(radius < 22, 1, 0)).astype(np.uint8)
    labels = np.repeat(ring[None], shape[0], axis=0)
    scar = (ring == 1) & (columns < shape[2] // 2 - 12)
    labels[1:-1, scar] = 3
    return labels


def heart_stack(case="heart A", shape=(5, 64, 80)):
    labels = heart_labels(shape)
    noise = np.random.default_rng(3).normal(0, 6, shape)
    pixels = np.choose(labels, [90, 40, 150, 220]) + noise
    return LGEStack.from_array(pixels, (10.0, 1.5, 1.5), case=case, source=StudySource(format="phantom"))


def heart_prediction(stack):
    """The heart with soft borders; the third slice is the one to doubt."""
    labels = heart_labels(stack.shape)
    probabilities = np.full((4, *stack.shape), 0.02, np.float32)
    np.put_along_axis(probabilities, labels[None].astype(int), 0.94, axis=0)
    doubt = labels[2] == 3
    probabilities[3, 2, doubt], probabilities[1, 2, doubt] = 0.5, 0.46
    return Prediction(
        logits=np.log(probabilities),
        probabilities=probabilities,
        labels=labels,
        slices=tuple(range(len(labels))),
        window=(0, stack.shape[1], 0, stack.shape[2]),
        card=ModelCard(name="toy", description="", config=ScarNetConfig()),
        model_sha256="0" * 64,
        case=stack.case,
        device="cpu",
        seconds=0.1,
    )


@pytest.fixture(autouse=True)
def data_folder(tmp_path, monkeypatch):
    """A user data folder of the test's own."""
    monkeypatch.setattr("platformdirs.user_data_path", lambda *_, **__: tmp_path / "data")
    yield tmp_path / "data"
    # What a viewer of this test has not written yet must not come into the next test's folder.
    for saving in list(saving_for._made.values()):
        saving._timer.stop()
        saving.wait(10)


@pytest.fixture
def small_disk(data_folder):
    """The user data folder on a disk of 64 kB."""
    data_folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(data_folder)]
    if os.name != "posix" or shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
        pytest.skip("needs the right to mount a file system, as root has")
    yield data_folder
    subprocess.run(["umount", "--lazy", str(data_folder)], check=True)


class Bench:
    """Viewer, widget, labels, and a mouse over the canvas."""

    def __init__(self, viewer, qtbot, stack):
        from napari_scarnet.edit_widget import EditWidget

        self.viewer, self.qtbot, self.stack = viewer, qtbot, stack
        viewer.window._qt_window.resize(1300, 850)
        self.image = add_stack(viewer, stack)
        self.image.metadata["scarnet"]["prediction"] = heart_prediction(stack)
        self.labels = add_labels(viewer, self.image, heart_labels(stack.shape))
        self.edit = EditWidget(viewer)
        viewer.window.add_dock_widget(self.edit, name="Edit")
        viewer.dims.set_current_step(0, 2)
        qtbot.waitUntil(lambda: self.edit.isVisible() and self.edit.layer is self.labels)
        viewer.fit_to_view()
        self.canvas.on_draw()

    @property
    def canvas(self):
        return self.viewer.window._qt_viewer.canvas

    def point(self, y, x):
        """Where a voxel is on the canvas."""
        camera = self.viewer.scene.camera
        world = np.array(self.image.data_to_world((2, y, x)))[1:]
        row, column = (world - np.array(camera.center[1:])) * camera.zoom + np.array(self.canvas.size) / 2
        return QPoint(round(column), round(row))

    def drag(self, *voxels):
        """Press the left button at the first voxel, move over the others, release at the last."""
        native = self.canvas.native
        points = [self.point(*voxel) for voxel in voxels]
        self.qtbot.mouseMove(native, points[0])
        self.qtbot.mousePress(native, LEFT, pos=points[0])
        self.qtbot.wait(20)
        for point in points[1:]:
            self.move(point)
        self.qtbot.mouseRelease(native, LEFT, pos=points[-1])

    def move(self, point):
        """Move with the left button down; QTest only moves the cursor, whose event comes when it likes."""
        native, where = self.canvas.native, QPointF(point)
        away = QPointF(native.mapToGlobal(point))
        kind, none = QEvent.Type.MouseMove, Qt.MouseButton.NoButton
        event = QMouseEvent(kind, where, away, none, LEFT, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(native, event)
        # napari and vispy gather moves that come fast.
        self.qtbot.wait(20)

    def press(self, key, modifier=Qt.KeyboardModifier.NoModifier):
        """Press a key over the canvas."""
        self.qtbot.keyClick(self.canvas.native, key, modifier)

    def click(self, button):
        self.qtbot.mouseClick(button, LEFT)


@pytest.fixture
def bench(make_napari_viewer, qtbot):
    return Bench(make_napari_viewer(show=True), qtbot, heart_stack())


@pytest.fixture
def hearts():
    """The functions above, for tests without a window or with other studies."""
    from types import SimpleNamespace

    return SimpleNamespace(stack=heart_stack, labels=heart_labels, bench=Bench)

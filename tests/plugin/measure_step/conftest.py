"""A heart whose measures are known by construction, in a real window with a Measure widget and a mouse."""

from types import SimpleNamespace

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication

from napari_scarnet.label_layers import add_labels
from napari_scarnet.studies import add_stack
from scarnet.stack import LGEStack, StudySource

LEFT = Qt.MouseButton.LeftButton

# Towards the apex, the anterior wall and the septum in a patient, RAS; anterior, septal, apex is a right-handed frame.
APEX = np.array([-0.72, 0.58, -0.38]) / np.linalg.norm([-0.72, 0.58, -0.38])
SEPTAL = np.cross(APEX, np.cross([0.64, 0.70, -0.10], APEX))
SEPTAL /= np.linalg.norm(SEPTAL)
ANTERIOR = np.cross(SEPTAL, APEX)


def known_heart(case="heart A", shape=(8, 72, 88), spacing=(9.0, 1.6, 1.4), *, mirrored=False, scar="lateral"):
    """A tapering wall of 10 mm around a pool, with scar through the whole wall on one side.

    Rows run to the inferior wall and columns to the lateral wall, as slices are displayed; mirrored, the columns run to
    the septum, so that the voxel axes are left-handed. The first slice is the basal one.
    """
    z, y, x = np.indices(shape)
    down = (y - (shape[1] - 1) / 2) * spacing[1]
    right = (x - (shape[2] - 1) / 2) * spacing[2] * (-1 if mirrored else 1)
    radius = np.hypot(down, right)
    outer = 36.0 - 1.6 * z
    labels = np.where(radius < outer - 10, 2, np.where(radius < outer, 1, 0)).astype(np.uint8)
    sides = {"lateral": right, "septal": -right, "anterior": -down, "inferior": down}
    if scar:
        labels[(labels == 1) & (sides[scar] > 0.8 * radius)] = 3
    noise = np.random.default_rng(5).normal(0, 5, shape)
    pixels = (np.choose(labels, [30, 60, 160, 240]) + noise).astype(np.float32)
    lateral = SEPTAL if mirrored else -SEPTAL
    affine = np.eye(4)
    # Base first: a right-handed frame of columns, rows and slices needs mirrored columns, as x × y points to the base.
    affine[:3, :3] = np.stack([lateral * spacing[2], -ANTERIOR * spacing[1], APEX * spacing[0]], axis=1)
    return LGEStack(pixels, spacing, affine, case, source=StudySource(format="phantom")), labels


class Bench:
    """Viewer, study, labels, Measure widget, and a mouse that knows voxels."""

    def __init__(self, viewer, qtbot, stack, labels):
        from napari_scarnet.measure_widget import MeasureWidget

        self.viewer, self.qtbot, self.stack = viewer, qtbot, stack
        viewer.window._qt_window.resize(1300, 900)
        self.image = add_stack(viewer, stack)
        self.labels = None if labels is None else add_labels(viewer, self.image, labels)
        self.measure = MeasureWidget(viewer)
        self.dock = viewer.window.add_dock_widget(self.measure, name="Measure")
        viewer.dims.set_current_step(0, stack.shape[0] // 2)
        qtbot.waitUntil(lambda: self.measure.isVisible() and self.measure.case == stack.case)
        if labels is not None:
            qtbot.waitUntil(lambda: self.measure.measures is not None)
        viewer.fit_to_view()
        self.canvas.on_draw()

    @property
    def canvas(self):
        return self.viewer.window._qt_viewer.canvas

    def fresh(self):
        """Wait until the threshold methods are those of the labels."""
        self.qtbot.waitUntil(lambda: self.measure.methods.state == "fresh", timeout=20000)

    def click(self, button):
        self.qtbot.mouseClick(button, LEFT)

    def drag(self, *voxels):
        """Press at the first voxel (y, x), move over the others, release at the last."""
        native, points = self.canvas.native, [self._point(*voxel) for voxel in voxels]
        self.qtbot.mouseMove(native, points[0])
        self.qtbot.mousePress(native, LEFT, pos=points[0])
        for point in points[1:]:
            # QTest's own move comes when it likes.
            where, away = QPointF(point), QPointF(native.mapToGlobal(point))
            none, keys = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
            QApplication.sendEvent(native, QMouseEvent(QEvent.Type.MouseMove, where, away, none, LEFT, keys))
            # napari takes a move every 5 ms.
            self.qtbot.wait(8)
        self.qtbot.mouseRelease(native, LEFT, pos=points[-1])

    def _point(self, y, x):
        camera = self.viewer.scene.camera
        world = np.array(self.image.data_to_world((0, y, x)))[1:]
        row, column = (world - np.array(camera.center[1:])) * camera.zoom + np.array(self.canvas.size) / 2
        return QPoint(round(column), round(row))


@pytest.fixture
def bench(make_napari_viewer, qtbot):
    return Bench(make_napari_viewer(show=True), qtbot, *known_heart())


@pytest.fixture
def hearts():
    """The functions above, for tests with other studies."""
    return SimpleNamespace(known=known_heart, bench=Bench)

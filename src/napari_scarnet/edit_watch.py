"""Noticing every change of labels, however it was made: by brush, undo, another tool or a script."""

from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QObject, QTimer, Signal

from napari_scarnet.metadata import find_layers, layer_meta
from napari_scarnet.per_viewer import PerViewer
from napari_scarnet.viewer_link import ViewerLink

__all__ = ["LabelsWatch", "watch_for"]

_POLL_MS = 500


class LabelsWatch(QObject):
    """Watches all labels layers of ours in a viewer; get it with :func:`watch_for`.

    napari tells of strokes, but not of undo, nor of values written into the array. So a copy is kept and compared:
    at once where napari tells of anything, and twice a second in any case.

    Parameters
    ----------
    viewer : Viewer
        The viewer itself, not napari's proxy.
    """

    changed = Signal(object)
    """A labels layer whose values are new, or which is no longer the case's own."""
    removed = Signal(object)
    """A labels layer that was taken out of the viewer, after its last change was told."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = ref(viewer)
        self._seen: WeakKeyDictionary[Any, npt.NDArray[Any]] = WeakKeyDictionary()
        self._kept: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()
        self._link = ViewerLink(viewer)
        self._link.connect(viewer.layers.events.inserted, self._on_inserted)
        self._link.connect(viewer.layers.events.removed, self._on_removed)
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self.check_all)
        self._timer.start()
        for layer in viewer.layers:
            self._start(layer)

    def check_all(self) -> None:
        """Look at all layers now."""
        viewer = self._viewer()
        if viewer is None:
            self._timer.stop()
            return
        for layer in find_layers(viewer, "labels", kept=True):
            if layer not in self._seen:
                self._start(layer)
            self.check(layer)

    def check(self, layer: Any) -> None:
        """Look at a layer now.

        Parameters
        ----------
        layer : Labels
            The layer.
        """
        data, seen = np.asarray(layer.data), self._seen.get(layer)
        kept = bool(layer_meta(layer).get("kept"))
        if seen is None:
            return
        if seen.shape != data.shape or not np.array_equal(seen, data) or kept != self._kept[layer]:
            self._seen[layer], self._kept[layer] = data.copy(), kept
            self.changed.emit(layer)

    def _start(self, layer: Any) -> None:
        if layer_meta(layer).get("kind") != "labels":
            return
        self._seen[layer] = np.array(layer.data)
        self._kept[layer] = bool(layer_meta(layer).get("kept"))
        self._link.connect(layer.events.paint, self._on_event)
        # Undo and redo show up as a refresh of what is on screen.
        self._link.connect(layer.events.set_data, self._on_event)

    def _on_event(self, event: Any) -> None:
        self.check(event.source)

    def _on_inserted(self, event: Any) -> None:
        if event.value in self._seen:  # taken out and put back
            self.check(event.value)
        else:
            self._start(event.value)

    def _on_removed(self, event: Any) -> None:
        if event.value in self._seen:
            self.check(event.value)
            self.removed.emit(event.value)


watch_for = PerViewer(LabelsWatch)
"""Gives the watch of a viewer."""

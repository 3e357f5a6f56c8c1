"""Adding a prediction's layers one by one, so that the window stays alive in between."""

from collections.abc import Iterator
from typing import Any
from weakref import ref

from qtpy.QtCore import QObject, QTimer, Signal

from napari_scarnet.predictions import PredictionLayers, prediction_steps
from napari_scarnet.smooth import FrozenHeap
from scarnet.errors import ScarNetError
from scarnet.predict.prediction import Prediction

__all__ = ["Presenter"]


class Presenter(QObject):
    """Shows one prediction at a time.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    parent : QObject
        Its end is the presenter's.
    """

    shown = Signal(object)
    """The :class:`PredictionLayers`, when all of them are there."""
    dropped = Signal(str)
    """Why the rest was not shown: the study is gone."""
    failed = Signal(object)
    """The error that came up."""

    def __init__(self, viewer: Any, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layer: Any = None
        self._steps: Iterator[PredictionLayers] | None = None
        self._heap = FrozenHeap()
        self.destroyed.connect(self._heap.leave)
        # A layer takes napari some 70 ms; the pause lets it paint and other timers run before the next.
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(30)
        self._timer.timeout.connect(self._next)

    @property
    def is_running(self) -> bool:
        """Whether layers are still being added."""
        return self._steps is not None

    def show(self, layer: Any, prediction: Prediction, slices: tuple[int, ...]) -> None:
        """Start adding layers.

        Parameters
        ----------
        layer : Image or None
            The study's layer; None when it is gone already.
        prediction : Prediction
            What to show.
        slices : tuple of int
            The slices that are new.
        """
        if layer is None or layer not in self._viewer.layers:
            self.dropped.emit(f"{prediction.case}: the study was removed meanwhile, so its result was dropped.")
        elif tuple(layer.data.shape) != prediction.labels.shape[-layer.ndim :]:
            self.failed.emit(ScarNetError(f"{layer.name}: the image was replaced meanwhile; segment it again."))
        else:
            self._layer = ref(layer)
            self._steps = prediction_steps(self._viewer, layer, prediction, slices)
            self._heap.enter()
            self._timer.start()

    def stop(self) -> None:
        """Leave the rest out."""
        self._timer.stop()
        self._steps = None
        self._heap.leave()

    def _next(self) -> None:
        layer = self._layer()
        if self._steps is None:
            return
        if layer is None or layer not in self._viewer.layers:
            self.stop()
            self.dropped.emit("The study was removed meanwhile; what was not shown yet was dropped.")
            return
        try:
            layers = next(self._steps)
        except Exception as error:
            self.stop()
            self.failed.emit(error)
            return
        if layers.labels is not None:
            self.stop()
            self.shown.emit(layers)
        else:
            self._timer.start()

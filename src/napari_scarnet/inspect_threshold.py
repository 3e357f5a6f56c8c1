"""The scar threshold: labels redrawn from the probabilities, without the network and never over an edit."""

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

from napari_scarnet.inspect_case import prediction_of
from napari_scarnet.layers import (
    add_labels,
    current_labels,
    drop_beside,
    find_layers,
    image_layer_of,
    labels_at,
    labels_edited,
    labels_on_show,
    layer_meta,
    set_labels,
    stack_of,
)
from scarnet.classes import TissueClass
from scarnet.errors import ScarNetError

if TYPE_CHECKING:
    from napari.viewer import Viewer

__all__ = ["ThresholdBox", "apply_threshold", "threshold_on_show"]

# Fast drags come as dozens of changes; one redraw per interval is what an eye can follow.
_INTERVAL_MS = 15


def apply_threshold(viewer: "Viewer", case: str, threshold: float | None) -> Any:
    """Redraw the labels of a case at a scar threshold; labels that the user edited stay as they are.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.
    threshold : float or None
        The scar threshold; None goes back to the prediction's own labels, or to the edited ones.

    Returns
    -------
    Labels
        The layer that holds them now: the case's labels, or a layer beside them where those were edited.

    Raises
    ------
    ScarNetError
        The case has no prediction.
    """
    image, prediction = image_layer_of(viewer, case), prediction_of(viewer, case)
    if image is None or prediction is None:
        raise ScarNetError(f"{case} has no prediction to threshold; run the Segment step first.")
    own = current_labels(viewer, case)
    edited = own is not None and (own.data.shape != image.data.shape or labels_edited(own))
    if own is None or not edited or threshold is None:
        drop_beside(viewer, case)
    if own is not None and edited and threshold is None:
        return own
    labels = labels_at(prediction, threshold)
    if own is None:
        return add_labels(viewer, image, labels, threshold)
    if not edited:
        set_labels(own, labels, threshold=threshold)
        layer_meta(own)["stack"] = stack_of(image)
        return own
    beside = _beside(viewer, case)
    if beside is not None and (beside.data.shape != image.data.shape or labels_edited(beside)):
        drop_beside(viewer, case)
        beside = None
    own.visible = False
    if beside is None:
        return add_labels(viewer, image, labels, threshold, beside=True)
    set_labels(beside, labels, threshold=threshold)
    beside.visible = True
    return beside


def threshold_on_show(viewer: "Viewer", case: str) -> tuple[float | None, str]:
    """Give the scar threshold of the labels that stand for a case now, and what to say about them.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.

    Returns
    -------
    tuple
        The threshold, None for argmax, and a sentence or two; empty where there is nothing to say.
    """
    layer, own = labels_on_show(viewer, case), current_labels(viewer, case)
    if layer is None:
        return None, ""
    meta = layer_meta(layer)
    threshold = meta.get("threshold")
    if labels_edited(layer):
        return threshold, "Your edited labels are shown."
    if threshold is None:
        return None, ""
    voxels = int(np.count_nonzero(np.asarray(layer.data) == TissueClass.SCAR))
    ml = voxels * float(np.prod(meta["stack"].spacing_mm)) / 1000
    kept = f"  Your edited labels are safe in “{own.name}”." if own is not None and own is not layer else ""
    return threshold, f"Scar where p ≥ {threshold:.2f}: {ml:.1f} ml.{kept}"


def _beside(viewer: "Viewer", case: str) -> Any:
    layers = find_layers(viewer, "labels", case=case, kept=True)
    return next((layer for layer in layers if layer_meta(layer).get("beside")), None)


class ThresholdBox(QWidget):
    """A slider from 0.01 to 0.99, with the likeliest class (argmax) as the state it starts in."""

    thresholdChanged = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._threshold: float | None = None
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(1, 99)
        self.slider.setPageStep(5)
        self.slider.setToolTip("Scar from this probability on; the labels follow at once, the network does not run")
        self.slider.setAccessibleName("Scar threshold")
        self.spin = QDoubleSpinBox()
        self.spin.setRange(0.01, 0.99)
        self.spin.setSingleStep(0.01)
        self.spin.setDecimals(2)
        self.spin.setToolTip("The scar threshold as a number")
        self.spin.setAccessibleName("Scar threshold as a number")
        self.argmax = QPushButton("Argmax")
        self.argmax.setCheckable(True)
        self.argmax.setToolTip("Each voxel is its likeliest class, as the network predicted it: no threshold")
        self.note = QLabel()
        self.note.setWordWrap(True)
        row = QHBoxLayout()
        row.addWidget(self.spin, 1)
        row.addWidget(self.argmax, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.slider)
        column.addLayout(row)
        column.addWidget(self.note)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.timeout.connect(lambda: self.thresholdChanged.emit(self._threshold))
        self.set_threshold(None)
        self.slider.valueChanged.connect(lambda value: self._choose(value / 100))
        self.spin.valueChanged.connect(self._choose)
        self.argmax.clicked.connect(self._on_argmax)

    @property
    def threshold(self) -> float | None:
        """The threshold, or None for argmax."""
        return self._threshold

    @property
    def pending(self) -> bool:
        """Whether a change was made that nobody was told of yet."""
        return self._timer.isActive()

    def set_threshold(self, threshold: float | None) -> None:
        """Show a threshold without telling anyone; a change that nobody was told of yet is dropped.

        Parameters
        ----------
        threshold : float or None
            The threshold; None for argmax.
        """
        self._timer.stop()
        self._threshold = threshold
        self._show(0.5 if threshold is None else threshold)
        self.argmax.setChecked(threshold is None)

    def _choose(self, value: float) -> None:
        self._threshold = round(value, 2)
        self._show(self._threshold)
        self.argmax.setChecked(False)
        if not self._timer.isActive():
            self._timer.start()

    def _on_argmax(self) -> None:
        # A click always means argmax: there is no threshold to toggle back to.
        self.set_threshold(None)
        self.thresholdChanged.emit(None)

    def _show(self, value: float) -> None:
        for widget, shown in ((self.slider, round(value * 100)), (self.spin, value)):
            widget.blockSignals(True)
            widget.setValue(shown)
            widget.blockSignals(False)

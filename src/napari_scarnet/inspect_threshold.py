"""The scar threshold: labels redrawn from the probabilities, without the network and never over an edit."""

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

from napari_scarnet.inspect_case import prediction_of
from napari_scarnet.layers import (
    LabelsStyle,
    current_labels,
    find_layers,
    image_layer_of,
    labels_edited,
    layer_meta,
    make_meta,
    placement,
    set_labels,
    unwrap,
)
from scarnet.errors import ScarNetError
from scarnet.predict.prediction import Prediction

if TYPE_CHECKING:
    from napari.viewer import Viewer

__all__ = ["ThresholdBox", "ThresholdLabels", "labels_at"]

# Fast drags come as dozens of changes; one redraw per interval is what an eye can follow.
_INTERVAL_MS = 15


def labels_at(prediction: Prediction, threshold: float | None, postprocess: bool = True) -> npt.NDArray[np.uint8]:
    """Give the labels of a prediction at a scar threshold.

    Parameters
    ----------
    prediction : Prediction
        The prediction.
    threshold : float or None
        A voxel is scar from this probability on; None gives the prediction's own labels.
    postprocess : bool
        Clean the labels as after a prediction.

    Returns
    -------
    ndarray of uint8, shape (Z, Y, X)
        The labels.
    """
    from scarnet.predict import labels_from_probabilities

    if threshold is None:
        return prediction.labels
    # Outside the window all is background, so leaving it out changes nothing but the time it takes.
    y0, y1, x0, x1 = prediction.window
    labels = np.zeros_like(prediction.labels)
    inside = prediction.probabilities[:, :, y0:y1, x0:x1]
    labels[:, y0:y1, x0:x1] = labels_from_probabilities(inside, threshold, postprocess)
    return labels


class ThresholdLabels:
    """Writes labels at a threshold into the viewer; labels that the user edited stay as they are.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    def __init__(self, viewer: "Viewer") -> None:
        self._viewer = unwrap(viewer)
        self._cleaned: WeakKeyDictionary[Prediction, bool] = WeakKeyDictionary()

    def apply(self, case: str, threshold: float | None) -> Any:
        """Redraw the labels of a case.

        Parameters
        ----------
        case : str
            The case.
        threshold : float or None
            The scar threshold; None goes back to the prediction's own labels.

        Returns
        -------
        Labels
            The layer that holds them now: the case's labels, or a layer beside them where those were edited.

        Raises
        ------
        ScarNetError
            The case has no prediction.
        """
        image, prediction = image_layer_of(self._viewer, case), prediction_of(self._viewer, case)
        if image is None or prediction is None:
            raise ScarNetError(f"{case} has no prediction to threshold; run the Segment step first.")
        labels = labels_at(prediction, threshold, self._was_cleaned(prediction)).reshape(image.data.shape)
        own, beside = current_labels(self._viewer, case), self._beside(case)
        if own is None:
            return self._add(image, case, labels, beside=False)
        if own.data.shape == labels.shape and not labels_edited(own):
            if not np.array_equal(np.asarray(own.data), labels):
                set_labels(own, labels)
            return own
        if threshold is None:
            self._show_edited_again(own, beside)
            return own
        if beside is not None and (beside.data.shape != labels.shape or labels_edited(beside)):
            layer_meta(beside)["threshold"] = False
            beside.visible = False
            beside = None
        own.visible = False
        if beside is None:
            return self._add(image, case, labels, beside=True)
        set_labels(beside, labels)
        beside.visible = True
        return beside

    def _was_cleaned(self, prediction: Prediction) -> bool:
        """Tell whether the labels were post-processed, so that the threshold's are comparable."""
        if prediction not in self._cleaned:
            from scarnet.predict import labels_from_probabilities

            y0, y1, x0, x1 = prediction.window
            plain = labels_from_probabilities(prediction.probabilities[:, :, y0:y1, x0:x1], None, False)
            self._cleaned[prediction] = not np.array_equal(plain, prediction.labels[:, y0:y1, x0:x1])
        return self._cleaned[prediction]

    def _beside(self, case: str) -> Any:
        layers = find_layers(self._viewer, "labels", case=case, kept=True)
        return next((layer for layer in layers if layer_meta(layer).get("threshold")), None)

    def _show_edited_again(self, own: Any, beside: Any) -> None:
        if beside is None:
            return
        if labels_edited(beside):
            layer_meta(beside)["threshold"] = False
            beside.visible = False
        else:
            self._viewer.layers.remove(beside)
        own.visible = True

    def _add(self, image: Any, case: str, labels: npt.NDArray[np.uint8], beside: bool) -> Any:
        meta: dict[str, Any] = {**make_meta("labels", case), "baseline": labels.copy()}
        if beside:
            # Marked as kept, so that nobody takes it for the case's labels.
            meta |= {"kept": True, "threshold": True}
        active = self._viewer.layers.selection.active
        layer = self._viewer.add_labels(
            labels.copy(),
            name=f"{case} · labels (threshold)" if beside else f"{case} · labels",
            metadata={"scarnet": meta},
            **placement(image),
            **LabelsStyle().as_kwargs(),
        )
        if active is not None:
            self._viewer.layers.selection.active = active
        return layer


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
        self.reset()
        self.slider.valueChanged.connect(lambda value: self._choose(value / 100))
        self.spin.valueChanged.connect(self._choose)
        self.argmax.clicked.connect(self._on_argmax)

    @property
    def threshold(self) -> float | None:
        """The threshold, or None for argmax."""
        return self._threshold

    def reset(self) -> None:
        """Go back to argmax without telling anyone."""
        self._timer.stop()
        self._threshold = None
        self._show(0.5)
        self.argmax.setChecked(True)
        self.note.setText("")

    def _choose(self, value: float) -> None:
        self._threshold = round(value, 2)
        self._show(self._threshold)
        self.argmax.setChecked(False)
        if not self._timer.isActive():
            self._timer.start()

    def _on_argmax(self) -> None:
        # A click always means argmax: there is no threshold to toggle back to.
        self.reset()
        self.thresholdChanged.emit(None)

    def _show(self, value: float) -> None:
        for widget, shown in ((self.slider, round(value * 100)), (self.spin, value)):
            widget.blockSignals(True)
            widget.setValue(shown)
            widget.blockSignals(False)

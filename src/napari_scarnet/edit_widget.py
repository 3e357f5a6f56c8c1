"""The Edit step: painting with live numbers, tools, and edits that are saved as they happen."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QEvent, QObject, QTimer, Signal
from qtpy.QtWidgets import QMainWindow, QMessageBox

from napari_scarnet.edit_recovery import Recovered, read_recovered
from napari_scarnet.edit_saving import saving_for
from napari_scarnet.edit_target import apply_labels
from napari_scarnet.edit_tools import EditTools
from napari_scarnet.edit_wall_lock import WallLock
from napari_scarnet.edit_watch import watch_for
from napari_scarnet.label_layers import add_labels, labels_on_show
from napari_scarnet.metadata import layer_meta
from napari_scarnet.viewer_link import ViewerLink
from scarnet.editing import disagreement_by_slice, unsure_by_slice
from scarnet.errors import ScarNetError
from scarnet.predict.prediction import Prediction

if TYPE_CHECKING:
    import napari.viewer

__all__ = ["EditWidget"]

# A layer that was deleted is written first, then offered again.
_LOOK_AGAIN_MS = 1500
_CLOSING_SECONDS = 10.0
_READ_ONLY = "These labels are read-only; the Project step says why."


class EditWidget(EditTools):
    """Edit the labels of a study.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    offered = Signal()
    """Labels that were kept earlier are offered, so the step wants to be seen."""

    # napari hands over the viewer only where the annotation is written out like this.
    def __init__(self, viewer: "napari.viewer.Viewer") -> None:
        super().__init__(viewer)
        self.lock = WallLock(self._on_wall_left)
        self.watch = watch_for(self.viewer)
        self.saving = saving_for(self.viewer)
        self._measures: dict[str, Any] | None = None
        self._unsure: tuple[Prediction, npt.NDArray[np.int64]] | None = None
        self._refresh_timer = QTimer(self)
        self._refresh_timer.setSingleShot(True)
        self._refresh_timer.timeout.connect(self.refresh)
        self.study.layer_changed.connect(self.refresh)
        self.new_button.clicked.connect(self._start_empty)
        self.offer.found.connect(self.offered)
        self.offer.restored.connect(self._restore)
        self.offer.failed.connect(self.show_failure)
        self.paint.wall_only.connect(self._on_wall_only)
        self.jump.asked.connect(self._jump)
        self.jump.changed.connect(self._show_slice)
        self.attach()

    def connect_viewer(self, link: ViewerLink) -> None:
        """Follow studies, layers and slices, and take the keys."""
        events = self.viewer.layers.events
        self.study.follow(link)
        link.connect(events.inserted, self._refresh_later)
        link.connect(events.removed, self._refresh_later)
        link.connect(self.session.prediction_changed, self._refresh_later)
        link.connect(self.viewer.layers.selection.events.active, self.bind_keys)
        link.connect(self.viewer.dims.events.current_step, self._on_slice)
        link.connect(self.viewer.dims.events.ndisplay, self._refresh_later)
        link.connect(self.viewer.dims.events.order, self._refresh_later)
        link.connect(self.watch.changed, self._on_labels)
        link.connect(self.watch.removed, self._on_removed)
        link.connect(self.saving.changed, self._show_saved)
        for key, method in self._viewer_keys.items():
            link.bind_key(key, method)
        self.refresh()

    @property
    def _viewer_keys(self) -> dict[str, Any]:
        return {
            **self.layer_keys,
            "W": self.toggle_wall,
            "C": self.toggle_outlines,
            "O": self.next_opacity,
            "H": self.toggle_labels,
            "N": self.jump_on,
            "Shift-N": self.jump_back,
        }

    def release(self) -> None:
        """Put the tools down, save what there is, and let go of the viewer."""
        self._end_preview()
        self._stop_drawing()
        self.lock.hold(None)
        self.paint.set_layer(None)
        self._keys.release()
        self.layer = None
        self.saving.flush()
        super().release()
        # What was put down above asks for a refresh, which would take the layer up again.
        for timer in (self._refresh_timer, self._threshold_timer, self._look_timer):
            timer.stop()
        self.offer.stop()

    def set_busy(self, busy: bool) -> None:
        """One job at a time."""
        self.box.setEnabled(not busy)

    def showEvent(self, event: QEvent) -> None:
        """Watch the window that the step is in, to save before it closes."""
        super().showEvent(event)
        window = self.window()
        while window.parentWidget() is not None:  # where the dock floats in a window of its own
            window = window.parentWidget().window()
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Save before napari closes; edits that cannot be saved are lost only to those who say so."""
        if event.type() == QEvent.Type.Close and isinstance(watched, QMainWindow):
            reason = self.saving.save_now(_CLOSING_SECONDS)
            if reason and not self._asked_to_lose_edits(reason):
                event.ignore()
                return True
        return super().eventFilter(watched, event)

    def _asked_to_lose_edits(self, reason: str) -> bool:
        buttons = QMessageBox.StandardButton
        text = f"Your edits cannot be saved: {reason}\n\nClose napari and lose them?"
        choices = buttons.Discard | buttons.Cancel
        return QMessageBox.warning(self, "Edits are not saved", text, choices, buttons.Cancel) == buttons.Discard

    # ----------------------------------------------------------------- which labels

    def _refresh_later(self, event: Any = None) -> None:
        self._refresh_timer.start(0)

    def refresh(self) -> None:
        """Bring everything in line with the layers that there are now."""
        meta = {} if self.study.layer is None else layer_meta(self.study.layer)
        case = meta.get("case") if meta.get("kind") == "image" else None
        if case != self.case:
            # First of all, as taking layers away selects others and so comes back here.
            self.case = case
            self._end_preview()
            self._stop_drawing()
            self.say("")
            self.offer.look_for(case, 50)
        layer = None if case is None else labels_on_show(self.viewer, case)
        if layer is not self.layer:
            self._end_preview()
            self.layer = layer
            self.paint.set_layer(layer)
            self.lock.hold(layer)
            self.bind_keys()
            if layer is not None:
                self.offer.look_for(case, 50)
                self._link.connect(layer.events.editable, self._refresh_later)
        if (self.scope.draw.isChecked() or self.box.draw.isChecked()) and not self.slices_on_screen:
            self.may_draw(True)  # another plane or 3D came on screen
        self.new_button.setVisible(case is not None and layer is None)
        self.tools.setEnabled(layer is not None and layer.editable)
        self._show_saved()
        self._measure()
        self._show_slice()

    def _show_saved(self, *_: Any) -> None:
        self.saved.setText(self.saving.text if self.layer is None or self.layer.editable else _READ_ONLY)

    def _start_empty(self) -> None:
        image = self.study.layer
        if image is None or self.case is None:
            return
        layer = add_labels(self.viewer, image, np.zeros(image.data.shape, np.uint8))
        self.viewer.layers.selection.active = layer
        self.refresh()
        self.paint.choose_class(1)

    def toggle_labels(self) -> None:
        """Hide or show the labels."""
        if self.layer is not None:
            self.layer.visible = not self.layer.visible

    # ----------------------------------------------------------------- numbers and slices

    def _on_labels(self, layer: Any) -> None:
        if layer is self.layer:
            self._measure()
            self._show_slice()
            if self.threshold.preview.isChecked():
                self._threshold_timer.start()

    def _measure(self) -> None:
        from scarnet.measure import measure_labels

        self._measures = None
        if self.layer is not None:
            try:
                self._measures = measure_labels(self.labels, self.stack)
            except ScarNetError as error:
                self.say(f"⚠ {error}")

    def _on_slice(self, event: Any = None) -> None:
        self._show_slice()
        if self.scope.scope == "slice" and self.threshold.preview.isChecked():
            self._threshold_timer.start()
        self.prepare_box()

    def _show_slice(self) -> None:
        z = self.z
        self.numbers.show_measures(self._measures, z)
        self.shapes.show_slices(z, 0 if self.layer is None else len(self.labels), self.slices_between())
        self.jump.show_counts(self._counts(), z)

    def _counts(self) -> npt.NDArray[np.int64] | None:
        """Voxels to look at in each slice, None where nothing was predicted."""
        image = self.study.layer if self.layer is not None else None
        prediction = None if image is None else layer_meta(image).get("prediction")
        if prediction is None or prediction.labels.shape != self.labels.shape:
            return None
        if self.jump.reason.currentData() == "changed":
            return disagreement_by_slice(self.labels, prediction)
        if self._unsure is None or self._unsure[0] is not prediction:
            self._unsure = (prediction, unsure_by_slice(prediction))
        return self._unsure[1]

    def jump_on(self) -> None:
        """Go to the next slice that needs a look."""
        self._jump(1)

    def jump_back(self) -> None:
        """Go back to the slice that needed a look before."""
        self._jump(-1)

    def _jump(self, step: int) -> None:
        counts = self._counts()
        target = None if counts is None else self.jump.target(counts, self.z, step)
        if target is None or self.layer.ndim < 3:
            return
        middle = (target, *(n // 2 for n in self.labels.shape[1:]))
        self.viewer.dims.set_point(self.viewer.dims.ndim - 3, self.layer.data_to_world(middle)[0])

    def _on_wall_only(self, on: bool) -> None:
        self.lock.enabled = on

    def _on_wall_left(self) -> None:
        self.viewer.status = "Scar stays in the wall: paint myocardium first, or press W."
        self.say("Scar stays in the wall: paint myocardium first, or press W.")

    # ----------------------------------------------------------------- kept labels

    def _on_removed(self, layer: Any) -> None:
        self.offer.look_for(self.case, _LOOK_AGAIN_MS)

    def _restore(self, kept: Recovered) -> None:
        image = self.study.layer
        try:
            labels = read_recovered(kept.path, layer_meta(image)["stack"])
        except ScarNetError as error:
            self.show_failure(error)
            return
        if self.layer is None:
            layer = add_labels(self.viewer, image, labels)
            # Nothing the plugin wrote: they are somebody's edits.
            layer_meta(layer)["baseline"] = None
            self.saving.continue_in(layer, kept.path)
        else:
            self.saving.continue_in(self.layer, kept.path)
            apply_labels(self.layer, labels)
            self.saving.flush()
        self.refresh()
        self.say(f"The labels of {kept.saved:%d %b %Y, %H:%M} are back.")

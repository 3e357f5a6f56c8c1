"""The Edit step: painting with live numbers, tools, and edits that are saved as they happen."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QEvent, QObject, QTimer, Signal

from napari_scarnet.edit_keys import LayerKeys
from napari_scarnet.edit_recovery import Recovered, find_recovered, read_recovered
from napari_scarnet.edit_saving import saving_for
from napari_scarnet.edit_target import apply_labels
from napari_scarnet.edit_tools import EditTools
from napari_scarnet.edit_wall_lock import WallLock
from napari_scarnet.edit_watch import watch_for
from napari_scarnet.jobs import Job
from napari_scarnet.label_layers import add_labels, labels_on_show
from napari_scarnet.metadata import find_layers, image_layer_of, layer_meta
from napari_scarnet.viewer_link import ViewerLink
from scarnet.editing import disagreement_by_slice, unsure_by_slice
from scarnet.errors import ScarNetError
from scarnet.predict.prediction import Prediction

if TYPE_CHECKING:
    import napari.viewer

__all__ = ["EditWidget"]

# A layer that was deleted is written first, then offered again.
_LOOK_AGAIN_MS = 1500


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
        self._keys = LayerKeys()
        self._measures: dict[str, Any] | None = None
        self._unsure: tuple[Prediction, npt.NDArray[np.int64]] | None = None
        self._offers: list[Recovered] = []
        self._offer_timer = QTimer(self)
        self._offer_timer.setSingleShot(True)
        self._offer_timer.timeout.connect(self._look_for_offers)
        self._refresh_timer = QTimer(self)
        self._refresh_timer.setSingleShot(True)
        self._refresh_timer.timeout.connect(self.refresh)
        self.study.layer_changed.connect(self.refresh)
        self.new_button.clicked.connect(self._start_empty)
        self.offer.restored.connect(self._restore)
        self.offer.discarded.connect(self._discard)
        self.paint.wall_only.connect(self._on_wall_only)
        self.jump.asked.connect(self._jump)
        self.jump.changed.connect(self._show_slice)
        self.watch.changed.connect(self._on_labels)
        self.watch.removed.connect(self._on_removed)
        self.saving.changed.connect(self.saved.setText)
        self.saved.setText(self.saving.text)
        self.attach()

    def connect_viewer(self, link: ViewerLink) -> None:
        """Follow studies, layers and slices, and take the keys."""
        events = self.viewer.layers.events
        self.study.follow(link)
        link.connect(events.inserted, self._refresh_later)
        link.connect(events.removed, self._refresh_later)
        link.connect(self.session.prediction_changed, self._refresh_later)
        link.connect(self.viewer.dims.events.current_step, self._on_slice)
        for key, method in self._viewer_keys.items():
            link.bind_key(key, method)
        self.refresh()

    @property
    def _viewer_keys(self) -> dict[str, Any]:
        return {
            **self.class_keys,
            "W": self.toggle_wall,
            "C": self.toggle_outlines,
            "O": self.next_opacity,
            "H": self.toggle_labels,
            "N": self.jump_on,
            "Shift-N": self.jump_back,
            "R": self.toggle_region,
            "B": self.toggle_box,
        }

    def release(self) -> None:
        """Put the tools down, save what there is, and let go of the viewer."""
        self._end_preview()
        self._back_to_labels()
        self.lock.hold(None)
        self.paint.set_layer(None)
        self._keys.release()
        self.layer = None
        self.saving.flush()
        super().release()

    def set_busy(self, busy: bool) -> None:
        """One job at a time."""
        self.box.setEnabled(not busy)

    def showEvent(self, event: QEvent) -> None:
        """Watch the window that the step is in, to save before it closes."""
        super().showEvent(event)
        self.window().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Save when the window closes."""
        if event.type() == QEvent.Type.Close:
            self.saving.flush()
        return super().eventFilter(watched, event)

    # ----------------------------------------------------------------- which labels

    def _refresh_later(self, event: Any = None) -> None:
        self._refresh_timer.start(0)

    def refresh(self) -> None:
        """Bring everything in line with the layers that there are now."""
        meta = {} if self.study.layer is None else layer_meta(self.study.layer)
        case = meta.get("case") if meta.get("kind") == "image" else None
        if case != self.case:
            self._end_preview()
            self._back_to_labels()
            self.case = case
            self._offers = []
            self.offer.show_offer([])
            self._offer_timer.start(50)
        layer = None if case is None else labels_on_show(self.viewer, case)
        if layer is not self.layer:
            self._end_preview()
            self.layer = layer
            self.paint.set_layer(layer)
            self.lock.hold(layer)
            self._bind_keys()
        self.new_button.setVisible(case is not None and layer is None)
        self.tools.setEnabled(layer is not None)
        self._measure()
        self._show_slice()

    def _bind_keys(self) -> None:
        """Take the keys that napari's labels and images have a use of their own for."""
        self._keys.release()
        if self.layer is None:
            return
        for key, method in self.class_keys.items():
            self._keys.bind(self.layer, key, method)
            self._keys.bind(self.study.layer, key, method)
        self._keys.bind(self.layer, "B", self.toggle_box)

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
        prediction = layer_meta(self.study.layer).get("prediction") if self.layer is not None else None
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
        self._offer_timer.start(_LOOK_AGAIN_MS)

    def _look_for_offers(self) -> None:
        image = None if self.case is None else image_layer_of(self.viewer, self.case)
        if image is None or "save_labels" in layer_meta(image):
            return
        stack = layer_meta(image)["stack"]
        job = Job(lambda _: (stack, find_recovered(stack)), name="scarnet kept labels")
        self.destroyed.connect(job.stop)
        job.returned.connect(self._on_offers)
        job.failed.connect(self.show_failure)
        job.start()

    def _on_offers(self, result: tuple[Any, list[Recovered]]) -> None:
        stack, found = result
        image = None if self.case is None else image_layer_of(self.viewer, self.case)
        if image is None or layer_meta(image)["stack"] is not stack:
            return
        alive = {self.saving.file_of(layer) for layer in find_layers(self.viewer, "labels", kept=True)}
        self._offers = [one for one in found if one.path.name not in alive]
        self.offer.show_offer(self._offers)
        if self._offers:
            self.offered.emit()

    def _restore(self) -> None:
        image, kept = self.study.layer, self._offers.pop(0)
        try:
            labels = read_recovered(kept.path, layer_meta(image)["stack"])
        except ScarNetError as error:
            self.offer.show_offer(self._offers)
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
        self.refresh()
        self.offer.show_offer(self._offers)
        self.say(f"The labels of {kept.saved:%d %b %Y, %H:%M} are back.")

    def _discard(self) -> None:
        self._offers.pop(0).path.unlink(missing_ok=True)
        self.offer.show_offer(self._offers)

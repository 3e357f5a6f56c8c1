"""The box prompt: a box is drawn, LiteMedSAM proposes what is in it."""

from functools import partial
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QTimer

from napari_scarnet.edit_base import EditBase
from napari_scarnet.edit_box_engine import BoxEngine
from napari_scarnet.edit_preview import Proposal
from napari_scarnet.edit_region import shapes_layer
from napari_scarnet.jobs import Job
from napari_scarnet.metadata import find_layers
from scarnet import editing
from scarnet.classes import CLASS_NAMES, TissueClass
from scarnet.progress import Progress
from scarnet.prompt import download_weights, remember_weights, remembered_weights

__all__ = ["BoxPrompt"]

_COLOUR = "#00e08a"
# Long enough that scrolling through a stack does not set the network to work on each slice.
_LOOK_MS = 200


class BoxPrompt(EditBase):
    """Boxes, and the weights they need.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.engine = BoxEngine()
        self._looking: Job | None = None
        self._look_timer = QTimer(self)
        self._look_timer.setSingleShot(True)
        self._look_timer.setInterval(_LOOK_MS)
        self._look_timer.timeout.connect(self._look_at_slice)
        self.box.draw_asked.connect(self._draw_box)
        self.paint.class_chosen.connect(self._say_what_to_box)
        self.box.file_chosen.connect(self._use_weights)
        self.box.download_asked.connect(self._download_weights)
        self.box.show_weights(remembered_weights())

    def _draw_box(self, on: bool) -> None:
        self.scope.draw.setChecked(False)
        if not on:
            self._back_to_labels()
        layer = shapes_layer(self.viewer, str(self.case), "box", _COLOUR) if self.may_draw(on) else None
        if layer is None:
            return
        self.box.draw.setChecked(True)
        self._link.connect(layer.events.data, self._on_box_drawn)
        self._draw_in(layer, "add_rectangle")
        self._say_what_to_box()
        self._look_at_slice()

    def _say_what_to_box(self, *_: Any) -> None:
        if self.box.draw.isChecked():
            what = CLASS_NAMES[TissueClass(self.paint.cls or TissueClass.SCAR)]
            self.say(f"Drag a box around the {what} in this slice; 1, 2 and 3 choose another class.")

    def prepare_box(self) -> None:
        """Let the network look at the slice on screen, so that the box itself is quick."""
        if self.box.draw.isChecked():
            self._look_timer.start()

    def _look_at_slice(self) -> None:
        weights = remembered_weights()
        if self._looking is not None:
            self._looking.cancel()
        if not self.box.draw.isChecked() or weights is None or self.layer is None or self.job is not None:
            return
        self._looking = job = Job(partial(self.engine.prepare, weights, self.stack, self.z), name="scarnet slice")
        self.destroyed.connect(job.stop)
        job.failed.connect(self.show_failure)
        job.start()

    def _on_box_drawn(self, event: Any) -> None:
        if str(getattr(event, "action", "")) == "added":
            # napari is still in its mouse callback, which would stumble over a box that is gone.
            QTimer.singleShot(0, self._segment_box)

    def _segment_box(self) -> None:
        drawn = next((layer for layer in find_layers(self.viewer, "box", case=self.case) if len(layer.data)), None)
        weights = remembered_weights()
        if drawn is None or self.layer is None:
            return
        corners = np.asarray(drawn.data[-1], dtype=float)
        drawn.selected_data = set(range(len(drawn.data)))
        drawn.remove_selected()
        if weights is None:
            self.box.show_weights(None)
            self._back_to_labels()
            return
        if self.job is not None:
            self.say("The box before is still being segmented.")
            return
        z = round(float(corners[0, 0])) if corners.shape[1] == 3 else 0
        (y0, x0), (y1, x1) = corners[:, -2:].min(axis=0), corners[:, -2:].max(axis=0)
        cls = self.paint.cls or int(TissueClass.SCAR)
        layer, stack, engine = ref(self.layer), self.stack, self.engine

        def segment(progress: Progress) -> tuple[Any, int, int, npt.NDArray[np.bool_]]:
            return layer, cls, z, engine.segment(weights, stack, z, (y0, x0, y1, x1), progress)

        self.run_job(segment, self._on_box_segmented, "LiteMedSAM")

    def _on_box_segmented(self, result: tuple[Any, int, int, npt.NDArray[np.bool_]]) -> None:
        layer, cls, z, mask = result
        if self.layer is None or layer() is not self.layer or self.labels.shape[1:] != mask.shape:
            self.say("Other labels are on show now, so the box's result was dropped.")
            return
        volume = np.zeros(self.labels.shape, dtype=bool)
        volume[z] = mask
        lock = self.paint.wall.isChecked()
        put = partial(editing.mask_to_labels, mask=volume, cls=cls, scar_in_wall=lock)
        shown = volume & (put(self.labels) == cls)
        name = CLASS_NAMES[TissueClass(cls)]
        ml = shown.sum() * self.stack.voxel_ml
        text = f"LiteMedSAM's {name} in the box: {ml:.2f} ml."
        if lock and cls == TissueClass.SCAR and not shown.any():
            text = "Nothing LiteMedSAM found in the box lies in the wall."
        self.propose(
            Proposal("box", str(self.case), shown, text, lambda: self._change(put(self.labels), f"Box, {name}"))
        )

    def _use_weights(self, path: Path) -> None:
        self.run_job(lambda _: remember_weights(path), self.box.show_weights, "Checking the weights")

    def _download_weights(self) -> None:
        self.run_job(download_weights, self.box.show_weights, "Downloading LiteMedSAM")

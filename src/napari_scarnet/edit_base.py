"""What all tools of the Edit step share: the labels they work on, one undo step a change, and proposals."""

from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QTimer

from napari_scarnet.edit_controls import EditControls
from napari_scarnet.edit_keys import LayerKeys
from napari_scarnet.edit_preview import Proposal, hide_preview, show_preview
from napari_scarnet.edit_target import apply_labels, as_volume
from napari_scarnet.metadata import find_layers, image_layer_of
from napari_scarnet.studies import slice_on_screen, stack_of
from scarnet.errors import ScarNetError
from scarnet.stack import LGEStack

__all__ = ["EditBase"]


class EditBase(EditControls):
    """The labels that are edited; the widget on top says which.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.case: str | None = None
        self.layer: Any = None
        self.proposal: Proposal | None = None
        self._preview_keys = LayerKeys()
        self._drawing_keys = LayerKeys()
        self._threshold_timer = QTimer(self)
        self._threshold_timer.setSingleShot(True)
        self._threshold_timer.setInterval(30)
        self.preview.applied.connect(self.apply_proposal)
        self.preview.dropped.connect(self.drop_proposal)

    @property
    def labels(self) -> npt.NDArray[np.uint8]:
        """The labels that are edited, (Z, Y, X); a view."""
        return as_volume(self.layer)

    @property
    def z(self) -> int:
        """The slice on screen."""
        return 0 if self.layer is None else slice_on_screen(self.viewer, self.layer)

    @property
    def stack(self) -> LGEStack:
        """The study that is edited."""
        image = None if self.case is None else image_layer_of(self.viewer, self.case)
        if image is None:
            raise ScarNetError("The image of this study was removed; open it again to use this tool.")
        return stack_of(image)

    def _change(self, labels: npt.NDArray[np.uint8], what: str) -> None:
        """Change the labels by one undo step, and say so."""
        n = apply_labels(self.layer, labels)
        self.say(f"{what}: {n} voxels changed." if n else f"{what}: nothing to change.")

    def _draw_in(self, layer: Any, mode: str) -> None:
        """Let the user draw in a shapes layer; keys that napari's shapes would take stay ours meanwhile."""
        self._drawing_keys.release()
        for key, method in {**self.class_keys, "B": self.toggle_box, "R": self.toggle_region}.items():
            self._drawing_keys.bind(layer, key, method)
        self.viewer.layers.selection.active = layer
        layer.mode = mode

    def _back_to_labels(self) -> None:
        """Put the drawing tools down."""
        self._drawing_keys.release()
        self.scope.draw.setChecked(False)
        self.box.draw.setChecked(False)
        for layer in find_layers(self.viewer, "box"):
            self.viewer.layers.remove(layer)
        if self.layer is not None and self.layer in self.viewer.layers:
            self.viewer.layers.selection.active = self.layer
        self.say("")

    # ----------------------------------------------------------------- proposals

    def propose(self, proposal: Proposal | None) -> None:
        """Show what a tool would do, or nothing."""
        self._preview_keys.release()
        self.proposal = proposal
        if proposal is None:
            hide_preview(self.viewer)
        else:
            show_preview(self.viewer, proposal.case, proposal.mask)
            for layer in (self.layer, *find_layers(self.viewer, "box"), *find_layers(self.viewer, "image")):
                self._preview_keys.bind(layer, "Enter", self.apply_proposal)
                self._preview_keys.bind(layer, "Escape", self.drop_proposal)
        self.preview.show_proposal(proposal)

    def apply_proposal(self) -> None:
        """Put what is proposed into the labels."""
        proposal = self.proposal
        if proposal is not None and self.layer is not None:
            self._end_preview()
            proposal.apply()

    def drop_proposal(self) -> None:
        """Leave the labels as they are."""
        if self.proposal is not None:
            self._end_preview()
            self.say("")

    def _end_preview(self) -> None:
        self.threshold.preview.blockSignals(True)
        self.threshold.preview.setChecked(False)
        self.threshold.preview.blockSignals(False)
        self._threshold_timer.stop()
        self.propose(None)

"""What all tools of the Edit step share: the labels they work on, one undo step a change, and proposals."""

from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QTimer

from napari_scarnet.edit_controls import EditControls
from napari_scarnet.edit_keys import LayerKeys
from napari_scarnet.edit_preview import Proposal, hide_preview, show_preview
from napari_scarnet.edit_target import apply_labels, as_volume
from napari_scarnet.metadata import find_layers, image_layer_of, layer_meta
from napari_scarnet.studies import slice_on_screen, stack_of
from scarnet.errors import ScarNetError
from scarnet.stack import LGEStack

__all__ = ["EditBase"]

_ONLY_ON_SLICES = (
    "Regions and boxes are drawn on slices: go back to 2D, with rows and columns on screen "
    "(the buttons below napari's layer list), and draw again."
)


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
        self._keys = LayerKeys()
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

    def bind_keys(self, event: Any = None) -> None:
        """Bind our keys on the active layer of this study, whose own keys napari would ask first."""
        self._keys.release()
        active = self.viewer.layers.selection.active
        meta = {} if active is None else layer_meta(active)
        if self.layer is None or active is None or meta.get("case") != self.case:
            return
        # Points and shapes that another step lets the user draw keep napari's keys.
        if active._type_string in ("image", "labels") or meta["kind"] in ("region", "box"):
            keys = dict(self.layer_keys)
            if self.proposal is not None:
                keys |= {"Enter": self.apply_proposal, "Escape": self.drop_proposal}
            for key, method in keys.items():
                self._keys.bind(active, key, method)

    @property
    def slices_on_screen(self) -> bool:
        """Whether rows and columns are on screen, and not another plane or 3D."""
        dims = self.viewer.dims
        return dims.ndisplay == 2 and set(dims.displayed) == {dims.ndim - 2, dims.ndim - 1}

    def _draw_in(self, layer: Any, mode: str) -> None:
        """Let the user draw in a shapes layer."""
        self.viewer.layers.selection.active = layer
        layer.mode = mode

    def may_draw(self, on: bool) -> bool:
        """Tell whether a region or box can be drawn now; says why it cannot."""
        if on and not self.slices_on_screen:
            self._back_to_labels()
            self.say(_ONLY_ON_SLICES)
        return on and self.slices_on_screen and self.case is not None

    def _stop_drawing(self) -> None:
        """Put the drawing tools down."""
        self.scope.draw.setChecked(False)
        self.box.draw.setChecked(False)
        for layer in find_layers(self.viewer, "box"):
            self.viewer.layers.remove(layer)

    def _back_to_labels(self) -> None:
        """Put the drawing tools down and take the labels up again."""
        self._stop_drawing()
        if self.layer is not None and self.layer in self.viewer.layers:
            self.viewer.layers.selection.active = self.layer
        self.say("")

    # ----------------------------------------------------------------- proposals

    def propose(self, proposal: Proposal | None) -> None:
        """Show what a tool would do, or nothing."""
        self.proposal = proposal
        if proposal is None:
            hide_preview(self.viewer)
        else:
            show_preview(self.viewer, proposal.case, proposal.mask)
        self.bind_keys()
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

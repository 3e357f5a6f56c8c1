"""What the tools of the Edit step do: each changes the labels by one undo step, or proposes a change first."""

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_scarnet.edit_box_prompt import BoxPrompt
from napari_scarnet.edit_preview import Proposal
from napari_scarnet.edit_region import region_of, shapes_layer
from napari_scarnet.edit_saving import saving_for
from napari_scarnet.edit_shapes import changed_slices, slices_to_interpolate
from napari_scarnet.edit_threshold import threshold_in
from napari_scarnet.metadata import find_layers, layer_meta
from scarnet import editing
from scarnet.classes import CLASS_NAMES, TissueClass
from scarnet.errors import ScarNetError

__all__ = ["EditTools"]

_REGION_COLOUR = "#ff9a1f"
_SHAPES = {"grow": editing.grow, "shrink": editing.shrink, "smooth": editing.smooth, "fill": editing.fill_holes}


class EditTools(BoxPrompt):
    """Thresholds, shapes, neighbouring slices, and the region that they work in.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self._threshold_timer.timeout.connect(self._preview_threshold)
        self.threshold.changed.connect(self._threshold_timer.start)
        self.scope.changed.connect(self._threshold_timer.start)
        self.scope.draw_asked.connect(self._draw_region)
        self.scope.clear_asked.connect(self._clear_region)
        self.shapes.shape_asked.connect(self._change_shape)
        self.shapes.copy_asked.connect(self._copy_slice)
        self.shapes.interpolate_asked.connect(self._interpolate)

    def _where(self) -> npt.NDArray[np.bool_] | None:
        """Where the tools may change labels; None for everywhere."""
        if self.scope.scope == "all":
            return None
        if self.scope.scope == "region":
            region = region_of(self.viewer, str(self.case), self.labels.shape)
            if not region.any():
                raise ScarNetError("No region is drawn yet: press “Draw region”, or choose where the tools work.")
            return region
        where = np.zeros(self.labels.shape, dtype=bool)
        where[self.z] = True
        return where

    def _preview_threshold(self) -> None:
        if self.layer is None or not self.threshold.preview.isChecked():
            if self.proposal is not None and self.proposal.tool == "threshold":
                self.propose(None)
            return
        try:
            stack, where = self.stack, self._where()
            found = threshold_in(stack, self.labels, where, self.threshold.n)
        except ScarNetError as error:
            self._end_preview()
            self.say(str(error))
            return

        def apply() -> None:
            scar = editing.mask_to_labels(self.labels, found.mask, TissueClass.SCAR, within=found.where)
            self._change(scar, "Threshold")

        self.propose(Proposal("threshold", str(self.case), found.mask, found.text, apply))

    # ----------------------------------------------------------------- shapes and neighbours

    def _change_shape(self, name: str) -> None:
        cls = self.paint.cls
        if not cls:
            self.say("Choose myocardium, blood pool or scar first.")
            return
        options: dict[str, Any] = {} if name == "shrink" else {"scar_in_wall": self.paint.wall.isChecked()}
        try:
            labels = _SHAPES[name](self.labels, cls, self._where(), **options)
        except ScarNetError as error:
            self.say(str(error))
            return
        self._change(
            labels, f"{CLASS_NAMES[TissueClass(cls)].capitalize()}, {self.shapes.buttons[name].text().lower()}"
        )

    def _copy_slice(self, step: int) -> None:
        labels, z = self.labels.copy(), self.z
        labels[z] = labels[z + step]
        self._change(labels, f"Copied slice {z + step + 1} into slice {z + 1}")

    def _interpolate(self) -> None:
        between = self.slices_between()
        if between is None:
            return
        try:
            stack = self.stack
            labels = editing.interpolate_slices(self.labels, *between, stack.spacing_mm[1:], stack.slice_positions_mm)
        except ScarNetError as error:
            self.say(str(error))
            return
        self._change(labels, f"Interpolated between slices {between[0] + 1} and {between[1] + 1}")

    def slices_between(self) -> tuple[int, int] | None:
        """Give the edited slices around the one on screen, None where there are none."""
        if self.layer is None or self.study.layer is None:  # the image may go before its labels
            return None
        start = saving_for(self.viewer).start_of(self.layer)
        prediction = layer_meta(self.study.layer).get("prediction")
        if start is None and prediction is not None:
            start = prediction.labels  # of labels that a person made earlier, it is not known what they began from
        return slices_to_interpolate(changed_slices(self.labels, start), self.z)

    # ----------------------------------------------------------------- region

    def _draw_region(self, on: bool) -> None:
        self.box.draw.setChecked(False)
        if not on:
            self._back_to_labels()
        layer = shapes_layer(self.viewer, str(self.case), "region", _REGION_COLOUR) if self.may_draw(on) else None
        if layer is None:
            return
        self.scope.choose("region")
        self._link.connect(layer.events.data, self._on_region)
        self._draw_in(layer, "add_polygon_lasso")
        self.say("Draw around the region with the mouse held down; press “Draw region” again when it is done.")

    def _on_region(self, event: Any = None) -> None:
        self._threshold_timer.start()

    def _clear_region(self) -> None:
        for layer in find_layers(self.viewer, "region", case=self.case):
            self.viewer.layers.remove(layer)
        self._back_to_labels()
        self._threshold_timer.start()

"""The Inspect step: the panel of Fig. 3, values at the cursor, uncertainty, scar threshold and export."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFileDialog

from napari_scarnet.grid_panel import MapPanelKind
from napari_scarnet.inspect_branches import branch_work
from napari_scarnet.inspect_case import Reading, cases, describe_case, prediction_of, read_at
from napari_scarnet.inspect_controls import InspectControls
from napari_scarnet.inspect_export import current_slice, export_name, export_work
from napari_scarnet.inspect_grid import fig3_for
from napari_scarnet.inspect_maps import MapKind, hide_maps, maps_shown, show_maps, update_maps
from napari_scarnet.inspect_threshold import apply_threshold, threshold_on_show
from napari_scarnet.layers import (
    find_layers,
    image_layer_of,
    layer_meta,
    logit_limit,
    stack_of,
)
from napari_scarnet.viewer_link import ViewerLink
from scarnet.errors import ScarNetError
from scarnet.predict.prediction import Prediction

if TYPE_CHECKING:
    import napari.viewer

__all__ = ["InspectWidget"]


class InspectWidget(InspectControls):
    """Look into a prediction, voxel by voxel.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    # napari hands over the viewer only where the annotation is written out like this.
    def __init__(self, viewer: "napari.viewer.Viewer") -> None:
        super().__init__(viewer)
        self.fig3 = fig3_for(self.viewer)
        self._pointed = False
        self._refresh_timer = QTimer(self)
        self._refresh_timer.setSingleShot(True)
        self._refresh_timer.timeout.connect(self.refresh)
        self.case_box.currentIndexChanged.connect(self._on_case)
        self.fig3_button.clicked.connect(self._on_fig3)
        for kind, button in self.map_buttons.items():
            button.clicked.connect(partial(self._on_map, kind))
        self.threshold.thresholdChanged.connect(self._on_threshold)
        self.export_button.clicked.connect(self._on_export)
        self.refresh()
        self.attach()

    def connect_viewer(self, link: ViewerLink) -> None:
        """Follow layers, cursor, slices and new predictions."""
        events = self.viewer.layers.events
        link.connect(events.inserted, self._refresh_later)
        link.connect(events.inserted, self._on_inserted)
        link.connect(events.removed, self._refresh_later)
        link.connect(self.viewer.layers.selection.events.active, self._on_active)
        link.connect(self.viewer.cursor.events.position, self._on_pointed)
        link.connect(self.viewer.dims.events.current_step, self._on_cursor)
        link.connect(self.viewer.dims.events.ndisplay, self._on_cursor)
        link.connect(self.fig3.changed, self._on_fig3_changed)
        link.connect(self.session.prediction_changed, self._on_prediction)
        for layer in find_layers(self.viewer):
            self._watch_visible(layer)
        self._refresh_later()

    def release(self) -> None:
        """Put the user's own view back and let go of the viewer."""
        self.fig3.leave()
        super().release()

    def set_busy(self, busy: bool) -> None:
        """Allow one job at a time."""
        self._refresh_later()

    def _on_inserted(self, event: Any) -> None:
        self._watch_visible(event.value)

    def _watch_visible(self, layer: Any) -> None:
        if layer_meta(layer).get("kind") in self.map_buttons:
            self._link.connect(layer.events.visible, self._refresh_later)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn a ScarNetError raised in the block into a notification."""
        try:
            yield
        except ScarNetError as error:
            self.show_failure(error)

    # ----------------------------------------------------------------- state

    @property
    def case(self) -> str | None:
        """The case on show, or None."""
        return self.case_box.currentData()

    @property
    def prediction(self) -> Prediction | None:
        """The prediction of that case, or None."""
        return None if self.case is None else prediction_of(self.viewer, self.case)

    def _refresh_later(self, event: Any = None) -> None:
        self._refresh_timer.start(0)

    def refresh(self) -> None:
        """Bring everything in line with the layers that there are now."""
        before, known = self.case, cases(self.viewer)
        listed = [self.case_box.itemData(i) for i in range(self.case_box.count())]
        if known != listed:
            # A case that is new and selected is what the user looks at now.
            active = self._active_case()
            chosen = active if active in known and active not in listed else before
            if before is None and self.fig3.active:
                chosen = self.fig3.case  # Another Inspect widget shows it already.
            self.case_box.blockSignals(True)
            self.case_box.clear()
            for case in known:
                self.case_box.addItem(case, case)
            self.case_box.setCurrentIndex(known.index(chosen) if chosen in known else min(0, len(known) - 1))
            self.case_box.blockSignals(False)
            if self.case != before:
                self._on_case()
                return
        prediction = self.prediction
        ready = prediction is not None
        jobs = (self.export_button, self.map_buttons["branch-logit"])
        for widget in (self.fig3_button, self.threshold, self.export_button, *self.map_buttons.values()):
            widget.setEnabled(ready and (self.job is None or widget not in jobs))
        for kind, button in self.map_buttons.items():
            button.setChecked(self._map_on(kind))
        missing = prediction is not None and not prediction.branch_logits
        self.map_buttons["branch-logit"].setText("Compute branches" if missing else "Branches")
        self._on_fig3_changed()
        if not self.threshold.pending:
            self._show_threshold()
        self.about.setText(describe_case(self.viewer, self.case))
        if prediction is not None:
            self.chart.set_limit(logit_limit(prediction))
        self._on_cursor()

    def _map_on(self, kind: MapKind) -> bool:
        if kind == "branch-logit":
            return self.fig3.kind == kind
        return self.case is not None and maps_shown(self.viewer, self.case, kind)

    def _on_case(self, index: int = 0) -> None:
        self._show_threshold()
        self.say("")
        self.refresh()
        if self.fig3.active and self.fig3.case != self.case:
            follows = self.fig3.kind == "fig3" and self.prediction is not None
            self._enter("fig3") if follows else self.fig3.leave()

    def _active_case(self) -> str | None:
        layer = self.viewer.layers.selection.active
        return None if layer is None else layer_meta(layer).get("case")

    def _on_active(self, event: Any = None) -> None:
        index = self.case_box.findData(self._active_case())
        if index >= 0 and not self.fig3.busy:
            self.case_box.setCurrentIndex(index)

    def _on_prediction(self, case: str) -> None:
        update_maps(self.viewer, case)
        if case == self.case:
            self.refresh()

    # ----------------------------------------------------------------- cursor

    def _on_pointed(self, event: Any = None) -> None:
        # Until the mouse has moved over the canvas, napari's cursor stands at the origin, where no user put it.
        self._pointed |= any(self.viewer.cursor.position[axis] for axis in self.viewer.dims.displayed)
        self._on_cursor()

    def _on_cursor(self, event: Any = None) -> None:
        if self.case is None or not self.isVisible() or not self._pointed:
            return
        dims = self.viewer.dims
        if dims.ndisplay == 3:
            self.chart.show_reading(Reading("view-3d"))
            return
        # The cursor keeps its old slice until the mouse moves; the sliders are right.
        position = np.array(dims.point, dtype=float)
        cursor = np.array(self.viewer.cursor.position, dtype=float)
        if len(cursor) == len(position):
            shown = list(dims.displayed)
            position[shown] = cursor[shown]
        self.chart.show_reading(read_at(self.viewer, self.case, tuple(position)))

    def showEvent(self, event: Any) -> None:
        """Catch up with what happened while the step was hidden."""
        super().showEvent(event)
        self._refresh_later()

    # ----------------------------------------------------------------- Fig. 3

    def _on_fig3(self, on: bool) -> None:
        self._enter("fig3") if on else self.fig3.leave()

    def _enter(self, kind: MapPanelKind) -> None:
        with self._told():
            self.fig3.enter(str(self.case), kind)
        self._on_fig3_changed()

    def _on_fig3_changed(self, active: bool | None = None) -> None:
        on = self.fig3.kind == "fig3"
        self.fig3_button.setChecked(on)
        self.fig3_button.setText("Back to my view" if on else "Fig. 3 view")
        self.map_buttons["branch-logit"].setChecked(self._map_on("branch-logit"))

    # ----------------------------------------------------------------- maps

    def _on_map(self, kind: MapKind, on: bool) -> None:
        prediction = self.prediction
        if self.case is None or prediction is None:
            return
        # A map more would shift the cells of the panel.
        self.fig3.leave()
        with self._told():
            if kind != "branch-logit":
                (show_maps if on else hide_maps)(self.viewer, self.case, kind)
            elif on and prediction.branch_logits:
                self._show_branches()
            elif on:
                self._compute_branches(prediction)
        self._refresh_later()

    def _show_branches(self) -> None:
        # Made before the panel, which puts back only what was there when it was entered.
        show_maps(self.viewer, str(self.case), "branch-logit")
        self._enter("branch-logit")

    def _compute_branches(self, prediction: Prediction) -> None:
        image = image_layer_of(self.viewer, str(self.case))
        if image is not None and self.job is None:
            self._branches_for = (image, prediction)
            self.run_job(branch_work(stack_of(image), prediction), self._on_branches, "Branches' logits")

    def _on_branches(self, new: Prediction) -> None:
        image, old = self._branches_for
        if image not in self.viewer.layers or layer_meta(image).get("prediction") is not old:
            self.say(f"{old.case} was segmented again or removed meanwhile, so these branches' logits were dropped.")
            return
        layer_meta(image)["prediction"] = new
        self.fig3.leave()
        if layer_meta(image)["case"] == self.case:
            with self._told():
                self._show_branches()

    # ----------------------------------------------------------------- threshold

    def _on_threshold(self, threshold: float | None) -> None:
        if self.case is None:
            return
        with self._told(), self.fig3.absorbing():
            apply_threshold(self.viewer, self.case, threshold)
        if not self.threshold.pending:
            self._show_threshold()

    def _show_threshold(self) -> None:
        """Let the control say what the labels on show were made with."""
        threshold, note = (None, "") if self.case is None else threshold_on_show(self.viewer, self.case)
        self.threshold.set_threshold(threshold)
        self.threshold.note.setText(note)

    # ----------------------------------------------------------------- export

    def _ask_path(self, suggestion: str) -> str:
        filters = "PNG picture (*.png);;PDF page (*.pdf)"
        chosen, _ = QFileDialog.getSaveFileName(self, "Save the panel", suggestion, filters)
        return chosen

    def _on_export(self) -> None:
        case = self.case
        if case is None:
            return
        chosen = self._ask_path(export_name(case, current_slice(self.viewer, case)))
        if chosen:
            with self._told():
                work = export_work(self.viewer, case, Path(chosen))
                self.run_job(work, self._on_saved, "Saving the panel")

    def _on_saved(self, path: Path) -> None:
        self.say(f"Saved {path.name}.")

"""The Measure step: numbers that follow the labels, their pictures, and what they depend on."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFileDialog

from napari_scarnet.edit_watch import watch_for
from napari_scarnet.inspect_case import prediction_of
from napari_scarnet.measure_compare import MethodsFollower
from napari_scarnet.measure_controls import MeasureControls
from napari_scarnet.measure_doubt import doubt_work
from napari_scarnet.measure_export import ExportChoice, case_folder, export_work
from napari_scarnet.measure_heart import HeartFollower
from napari_scarnet.measure_input import MeasureInput, case_on_show, describe_labels, input_of
from napari_scarnet.measure_later import LateWork
from napari_scarnet.measure_marks import Marks
from napari_scarnet.measure_polar import polar_strips
from napari_scarnet.metadata import image_layer_of, layer_meta
from napari_scarnet.studies import slice_on_screen
from napari_scarnet.viewer_link import ViewerLink
from scarnet.classes import TissueClass
from scarnet.errors import ScarNetError
from scarnet.measure import StudyMeasures

if TYPE_CHECKING:
    import napari.viewer

__all__ = ["LIVE_MS", "MeasureWidget"]

LIVE_MS = 20
"""Changes within this time are measured together."""

_DOUBT_MS = 800
# During a stroke, after it and after undo; the watch tells of all other changes.
_LABEL_EVENTS = ("labels_update", "paint", "set_data", "visible")


class MeasureWidget(MeasureControls):
    """Measures the case on show, again after each change.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    # napari hands over the viewer only where the annotation is written out like this.
    def __init__(self, viewer: "napari.viewer.Viewer") -> None:
        super().__init__(viewer)
        self.case: str | None = None
        self.measures: StudyMeasures | None = None
        """The measures on show; None where there are none."""
        self._taken: MeasureInput | None = None
        self._doubt_of: Any = None
        self.compare = MethodsFollower(self)
        self.heart = HeartFollower(self)
        self.marks = Marks(self)
        self._live_timer = QTimer(self)
        self._live_timer.setSingleShot(True)
        self._live_timer.setInterval(LIVE_MS)
        self._live_timer.timeout.connect(self.measure)
        self._doubt_work = LateWork(self, _DOUBT_MS, "scarnet doubt")
        self._doubt_work.returned.connect(self.numbers.show_doubt)
        self._doubt_work.failed.connect(self.show_failure)
        self.compare.measured.connect(self.marks.show_remote)
        self.compare.failed.connect(self.marks.show_fault)
        self.percent_button.toggled.connect(self._on_quantity)
        self.bullseye.segmentChosen.connect(self._on_segment)
        self.profile.sliceChosen.connect(self.go_to_slice)
        self.choices.changed.connect(self._later)
        self.marks.changed.connect(self._later)
        self.export_button.clicked.connect(self._on_export)
        self.sections["polar"].header.toggled.connect(self._on_slice)
        self._show_nothing()
        self.attach()

    def connect_viewer(self, link: ViewerLink) -> None:
        """Follow layers, labels and slices."""
        layers = self.viewer.layers
        link.connect(layers.events.inserted, self._on_inserted)
        link.connect(layers.events.removed, self._on_removed)
        link.connect(layers.selection.events.active, self._later)
        link.connect(self.viewer.dims.events.current_step, self._on_slice)
        link.connect(self.session.prediction_changed, self._later)
        link.connect(watch_for(self.viewer).changed, self._later)
        self.heart.connect_viewer(link)
        for layer in layers:
            self._watch(layer)
        self._later()

    def release(self) -> None:
        """Stop all work, go back to the slices and let go of the viewer."""
        self._live_timer.stop()
        self._doubt_work.stop()
        self.compare.work.stop()
        self.heart.leave()
        # What is stopped here is asked for again when the step is put back into a window.
        self._taken = self._doubt_of = None
        super().release()

    def set_busy(self, busy: bool) -> None:
        """Allow one job at a time."""
        self.heart.show_state()
        self.export_button.setEnabled(not busy and self.measures is not None)

    def showEvent(self, event: Any) -> None:
        """Catch up with what happened while the step was hidden."""
        super().showEvent(event)
        self._later()

    # ----------------------------------------------------------------- layers

    def _watch(self, layer: Any) -> None:
        kind = layer_meta(layer).get("kind")
        if kind == "labels":
            for name in _LABEL_EVENTS:
                self._link.connect(getattr(layer.events, name), self._later)
        elif kind == "image":
            self._link.connect(layer.events.scale, self._later)
            self._link.connect(layer.events.contrast_limits, self._on_slice)
        elif kind == "method-mask":
            self._link.connect(layer.events.visible, self.compare.check_masks)
        else:
            self.marks.watch(layer, self._link)

    def _on_inserted(self, event: Any) -> None:
        self._watch(event.value)
        self._later()

    def _on_removed(self, event: Any) -> None:
        self.compare.check_masks()
        self._later()

    # ----------------------------------------------------------------- measuring

    def _later(self, event: Any = None) -> None:
        # Not started anew while it runs: a long stroke is to be followed, not waited for.
        if not self._live_timer.isActive():
            self._live_timer.start()

    def measure(self) -> None:
        """Measure what is on show, if it is not what was measured last."""
        if not self.isVisible():
            return
        case, before = case_on_show(self.viewer, self.case), self._taken
        if case != self.case:
            self.case, before = case, None
            for part in (self.compare, self.marks):
                part.set_case(case)
        self.about.setText(describe_labels(self.viewer, case))
        self.marks.show_state()
        self._taken = None
        try:
            taken = None if case is None else input_of(self.viewer, case, self.choices.settings)
            self._taken = taken
            if taken is None:
                self._show_nothing()
            elif not taken.same_as(before):
                self._show(taken, taken.measure(thresholds=False))
        except ScarNetError as error:
            self._show_nothing(str(error))
        self._ask_doubt()

    def _show(self, taken: MeasureInput, measures: StudyMeasures) -> None:
        self.measures = measures
        self.say("")
        self.numbers.show_values(measures.values)
        self.bullseye.show_segments(measures.values["segments"], estimated=measures.insertion.estimated)
        self.profile.show_slices(measures.values["slices"], measures.orientation.base_first)
        self.methods.show_labels(measures.values)
        self.notes.setText("\n".join(f"• {note}" for note in measures.values["notes"]))
        self.marks.show_measures(measures)
        self.heart.show(self.case, measures, taken.stack)
        self.export_button.setEnabled(self.job is None)
        self.compare.ask(taken)
        self._on_slice()

    def _show_nothing(self, why: str = "") -> None:
        """Show that there are no numbers; none that are left over may stay on screen."""
        self.measures = None
        self.numbers.show_values(None)
        self.bullseye.show_segments((), estimated=True)
        self.profile.show_slices((), None)
        self.polar.show_strips(None, (0.0, 1.0))
        self.methods.show_labels(None)
        self.compare.clear(f"⚠ {why}" if why else "")
        self.heart.show(self.case)
        self.notes.setText("")
        self.export_button.setEnabled(False)
        self.say(f"⚠ {why}" if why else "")

    def _ask_doubt(self) -> None:
        """Ask what the probabilities say, once for each prediction."""
        prediction = None if self.case is None or self._taken is None else prediction_of(self.viewer, self.case)
        if prediction is not self._doubt_of:
            self._doubt_of = prediction
            self._doubt_work.stop()
            self.numbers.show_doubt(None)
            if prediction is not None and prediction.whole and self._taken is not None:
                self._doubt_work.ask(doubt_work(prediction, self._taken.stack))

    # ----------------------------------------------------------------- slices

    def _on_slice(self, event: Any = None) -> None:
        image = None if self.case is None else image_layer_of(self.viewer, self.case)
        if image is None or self.measures is None or self._taken is None or not self.isVisible():
            return
        z = slice_on_screen(self.viewer, image)
        self.numbers.set_slice(z)
        self.profile.set_current(z)
        if self.polar.isVisible():
            self.polar.show_strips(polar_strips(self.measures, self._taken.stack, z), tuple(image.contrast_limits))

    def go_to_slice(self, z: int) -> None:
        """Show a slice of the case.

        Parameters
        ----------
        z : int
            The slice, from 0.
        """
        image = None if self.case is None else image_layer_of(self.viewer, self.case)
        if image is None or image.ndim < 3:
            return
        self.heart.leave()
        middle = [n // 2 for n in image.data.shape]
        position = image.data_to_world([*middle[:-3], z, *middle[-2:]])[-3]
        self.viewer.dims.set_point(self.viewer.dims.ndim - 3, position)

    def _on_segment(self, number: int) -> None:
        """Go to the slice with most of a segment's scar, or of its wall."""
        if self.measures is None:
            return
        here = self.measures.segments == number
        scar = np.count_nonzero(here & (self.measures.labels == TissueClass.SCAR), axis=(1, 2))
        counts = scar if scar.any() else np.count_nonzero(here, axis=(1, 2))
        if counts.any():
            self.go_to_slice(int(counts.argmax()))

    def _on_quantity(self, percent: bool) -> None:
        self.bullseye.set_quantity("scar_percent" if percent else "transmurality_percent")

    # ----------------------------------------------------------------- export

    def _ask_folder(self) -> str:
        return QFileDialog.getExistingDirectory(self, "Save measures into this folder")

    def _on_export(self) -> None:
        choice = ExportChoice(**{name: box.isChecked() for name, box in self.files.items()})
        if not any(box.isChecked() for box in self.files.values()):
            self.say("Check at least one kind of file first.")
            return
        chosen = self._ask_folder()
        # What is written is what is on screen now, not what was there before the last stroke or the dialogue.
        self.measure()
        if chosen and self.case is not None and self._taken is not None and self.job is None:
            folder = case_folder(Path(chosen), self.case)
            self.run_job(export_work(self.viewer, self.case, self._taken, choice, folder), self._on_saved, "Saving")

    def _on_saved(self, paths: list[Path]) -> None:
        self.say(f"Saved {', '.join(path.name for path in paths)} in {paths[0].parent}.")

"""Keeps the threshold methods' table and masks in line with the labels, in a thread and never silently out of date."""

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_scarnet.measure_input import MeasureInput
from napari_scarnet.measure_later import LateWork
from napari_scarnet.measure_masks import METHODS, MethodResult, mark_masks, mask_layer, method_results, show_mask
from napari_scarnet.metadata import find_layers, layer_meta
from scarnet.measure import StudyMeasures

if TYPE_CHECKING:
    from napari_scarnet.measure_controls import MeasureControls

__all__ = ["MethodsFollower"]

_PAUSE_MS = 350


class MethodsFollower(QObject):
    """Applies the methods again when the user pauses.

    Parameters
    ----------
    controls : MeasureControls
        The Measure step.
    """

    measured = Signal(object)
    """The :class:`StudyMeasures` with thresholds."""
    failed = Signal(str)
    """Why there are none."""

    def __init__(self, controls: "MeasureControls") -> None:
        super().__init__(controls)
        self._table, self._viewer = controls.methods, controls.viewer
        self._case: str | None = None
        self.results: dict[str, MethodResult] = {}
        """What the methods found, by method; what is on screen, so perhaps of earlier labels."""
        self.work = LateWork(self, _PAUSE_MS, "scarnet methods")
        self.work.returned.connect(self._on_measured)
        self.work.failed.connect(self._on_failed)
        self._table.maskToggled.connect(self._on_mask)

    def set_case(self, case: str | None) -> None:
        """Turn to another case.

        Parameters
        ----------
        case : str or None
            The case.
        """
        self.clear()
        self._case = case
        self.check_masks()

    def ask(self, taken: MeasureInput) -> None:
        """Apply the methods soon; until then what is on screen is marked as out of date.

        Parameters
        ----------
        taken : MeasureInput
            What is to be measured.
        """
        if self.results:
            self._table.set_state("stale")
        else:
            self._table.set_state("none", "⟳ Computing…")
        self._mark(stale=True)
        self.work.ask(taken.methods_work())

    def clear(self, why: str = "") -> None:
        """Show no numbers.

        Parameters
        ----------
        why : str
            The sentence that says why.
        """
        self.work.stop()
        self.results = {}
        self._table.show_results({})
        self._table.set_state("none", why)
        self._mark(stale=True)

    def check_masks(self, event: Any = None) -> None:
        """Let the check boxes say which masks are on screen."""
        layers = [] if self._case is None else find_layers(self._viewer, "method-mask", case=self._case)
        self._table.set_checked({layer_meta(layer)["method"] for layer in layers if layer.visible})

    def _mark(self, *, stale: bool) -> None:
        if self._case is not None:
            mark_masks(find_layers(self._viewer, "method-mask", case=self._case), stale=stale)

    def _on_measured(self, measures: StudyMeasures) -> None:
        self.results = method_results(measures)
        self._table.show_results(self.results)
        self._table.set_state("fresh")
        for method in METHODS:
            layer = mask_layer(self._viewer, str(self._case), method)
            if layer is not None:
                show_mask(self._viewer, str(self._case), method, self.results.get(method), visible=layer.visible)
        self.measured.emit(measures)

    def _on_failed(self, error: Exception) -> None:
        self.clear(f"⚠ {error}")
        self.failed.emit(str(error))

    def _on_mask(self, method: str, on: bool) -> None:
        layer = None if self._case is None else mask_layer(self._viewer, self._case, method)
        if on and self._case is not None and method in self.results:
            show_mask(self._viewer, self._case, method, self.results[method], visible=True)
            if self._table.state != "fresh":
                self._mark(stale=True)
        elif layer is not None:
            layer.visible = on
        self.check_masks()

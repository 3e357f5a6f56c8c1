"""What the user marks for the measures: the insertion of the right ventricle and remote myocardium."""

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_scarnet.measure_insertion import (
    forget_marks,
    insertion_layer,
    marked_insertions,
    show_insertion,
    take_moved_points,
)
from napari_scarnet.measure_remote import (
    drawn_layer,
    found_layer,
    hide_found,
    show_found,
    start_drawing,
    use_drawn,
)
from napari_scarnet.metadata import image_layer_of, layer_meta
from napari_scarnet.studies import stack_of
from napari_scarnet.viewer_link import ViewerLink
from scarnet.errors import ScarNetError
from scarnet.measure import Remote, StudyMeasures

if TYPE_CHECKING:
    from napari_scarnet.measure_controls import MeasureControls

__all__ = ["Marks"]

_SOURCES = {
    "display": "Estimated, as slices are usually displayed; show it and drag the point where it belongs.",
    "image": "Estimated from where the image shows the right ventricle; show it and drag the point where it belongs.",
    "patient axes": "Estimated from the patient's axes; show it and drag the point where it belongs.",
}


class Marks(QObject):
    """Keeps the mark layers of a case and the controls for them in line.

    Parameters
    ----------
    controls : MeasureControls
        The Measure step.
    """

    changed = Signal()
    """The user marked or drew something."""

    def __init__(self, controls: "MeasureControls") -> None:
        super().__init__(controls)
        self._controls = controls
        self._case: str | None = None
        self._measures: StudyMeasures | None = None
        self._remote: Remote | None = None
        self._writing = False
        controls.insertion_show.clicked.connect(self._on_show_insertion)
        controls.insertion_reset.clicked.connect(self._on_reset)
        controls.remote_found.clicked.connect(self._on_found)
        controls.remote_drawn.clicked.connect(self._on_drawn)
        controls.remote_show.clicked.connect(self._on_show_remote)

    def watch(self, layer: Any, link: ViewerLink) -> None:
        """Follow a layer, if it is one of ours.

        Parameters
        ----------
        layer : Layer
            A layer that is in the viewer.
        link : ViewerLink
            Where the connections belong.
        """
        kind = layer_meta(layer).get("kind")
        if kind == "insertion":
            link.connect(layer.events.data, self._on_points)
            link.connect(layer.events.visible, self.show_state)
        elif kind == "remote" and layer_meta(layer)["drawn"]:
            for name in ("paint", "data", "set_data"):
                link.connect(getattr(layer.events, name), self._on_painted)

    def set_case(self, case: str | None) -> None:
        """Turn to another case.

        Parameters
        ----------
        case : str or None
            The case.
        """
        self._case, self._measures, self._remote = case, None, None
        self._controls.remote_text.setText("")
        self.show_state()

    def show_state(self, event: Any = None) -> None:
        """Let the controls say what layers there are."""
        case, viewer, controls = self._case, self._controls.viewer, self._controls
        points = None if case is None else insertion_layer(viewer, case)
        drawn = None if case is None else drawn_layer(viewer, case)
        controls.insertion_show.setChecked(points is not None and points.visible)
        controls.insertion_reset.setEnabled(points is not None and bool(layer_meta(points)["marked"]))
        (
            controls.remote_drawn if drawn is not None and layer_meta(drawn)["used"] else controls.remote_found
        ).setChecked(True)
        controls.remote_show.setChecked(case is not None and found_layer(viewer, case) is not None)
        controls.remote_show.setEnabled(controls.remote_found.isChecked())

    def show_measures(self, measures: StudyMeasures) -> None:
        """Show where the insertion is taken to be.

        Parameters
        ----------
        measures : StudyMeasures
            The newest measures.
        """
        self._measures = measures
        marked = [] if self._case is None else marked_insertions(self._controls.viewer, self._case)
        if measures.insertion.source == "given":
            slices = ", ".join(str(one.z + 1) for one in marked)
            text = f"Marked on slice {slices}; the other slices follow the nearest one."
        elif marked:
            text = "Your mark is on a slice without heart and does not count. " + _SOURCES[measures.insertion.source]
        else:
            text = _SOURCES[measures.insertion.source]
        self._controls.insertion_text.setText(text)
        if self._case is not None and insertion_layer(self._controls.viewer, self._case) is not None:
            self._draw_insertion()

    def show_remote(self, measures: StudyMeasures) -> None:
        """Show which region counts as remote.

        Parameters
        ----------
        measures : StudyMeasures
            Measured with thresholds.
        """
        self._remote = remote = measures.remote
        text = "The wall has too few voxels for a remote region."
        if remote is not None:
            text = f"Mean {remote.mean:.4g}, SD {remote.sd:.3g}, {int(remote.mask.sum())} voxels."
        self._controls.remote_text.setText(text)
        if self._case is not None and found_layer(self._controls.viewer, self._case) is not None:
            show_found(self._controls.viewer, self._case, remote)

    def show_fault(self, why: str) -> None:
        """Show why no region counts as remote.

        Parameters
        ----------
        why : str
            A sentence.
        """
        self._remote = None
        self._controls.remote_text.setText(f"⚠ {why}")

    # ----------------------------------------------------------------- insertion

    def _draw_insertion(self) -> Any:
        if self._case is None or self._measures is None:
            return None
        self._writing = True
        try:
            return show_insertion(self._controls.viewer, self._case, self._measures)
        finally:
            self._writing = False

    def _on_show_insertion(self, on: bool) -> None:
        layer = self._draw_insertion()
        if layer is not None:
            layer.visible = on
            if on:
                self._controls.viewer.layers.selection.active = layer
                layer.mode = "select"
        self.show_state()

    def _on_points(self, event: Any) -> None:
        layer = event.source
        if self._writing or str(getattr(event, "action", "")) not in ("added", "changed", "removed"):
            return
        image = image_layer_of(self._controls.viewer, layer_meta(layer)["case"])
        if image is None:
            return
        try:
            take_moved_points(layer, stack_of(image).shape)
        except ScarNetError as error:
            self._controls.show_failure(error)
        self.show_state()
        # Drawn again even where nothing counts as moved: a point taken away comes back.
        if layer_meta(layer)["case"] == self._case:
            self._draw_insertion()
        self.changed.emit()

    def _on_reset(self) -> None:
        layer = None if self._case is None else insertion_layer(self._controls.viewer, self._case)
        if layer is not None:
            forget_marks(layer)
            self.changed.emit()
        self.show_state()

    # ----------------------------------------------------------------- remote

    def _on_drawn(self) -> None:
        if self._case is not None:
            start_drawing(self._controls.viewer, self._case)
            self.changed.emit()
        self.show_state()

    def _on_found(self) -> None:
        if self._case is not None:
            use_drawn(self._controls.viewer, self._case, False)
            self.changed.emit()
        self.show_state()

    def _on_show_remote(self, on: bool) -> None:
        viewer = self._controls.viewer
        if self._case is not None and on:
            show_found(viewer, self._case, self._remote)
        elif self._case is not None and not on:
            hide_found(viewer, self._case)
        self.show_state()

    def _on_painted(self, event: Any = None) -> None:
        self.changed.emit()

"""The Fig. 3 view: a panel in napari's grid, and the way back to what the user had."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_scarnet.grid_panel import GridPanel, MapPanelKind, PanelKind, link_contrast, style_panel, title_steps
from napari_scarnet.inspect_cells import share_cell
from napari_scarnet.inspect_panel import build_panel
from napari_scarnet.inspect_state import ViewerState, write_state
from napari_scarnet.layers import stack_of, unwrap
from napari_scarnet.per_viewer import PerViewer
from napari_scarnet.smooth import FrozenHeap

if TYPE_CHECKING:
    from napari.viewer import Viewer

__all__ = ["Fig3View", "fig3_for"]

_SETTLE_TRIES, _SETTLE_STEADY, _SETTLE_MS = 12, 2, 40
_PAUSE_MS = 20


class Fig3View:
    """Image, labels and two rows of maps of a case side by side, until it is left again; get it with :func:`fig3_for`.

    Parameters
    ----------
    viewer : Viewer
        The viewer.

    Attributes
    ----------
    changed : Signal
        The view was entered (True) or left (False), also where the user changed the layers or napari's grid.
    """

    changed = Signal(bool)

    def __init__(self, viewer: "Viewer") -> None:
        self._viewer_ref = ref(unwrap(viewer))
        self._state: ViewerState | None = None
        self._panel: GridPanel | None = None
        self._build: Callable[[Any], GridPanel] | None = None
        self._case: str | None = None
        self._busy = False
        layers, grid = self._viewer.layers.events, self._viewer.canvas.grid.events
        layers.inserted.connect(self._on_inserted)
        layers.removed.connect(self._on_removed)
        grid.enabled.connect(self._on_grid_enabled)

    @property
    def _viewer(self) -> Any:
        return self._viewer_ref()

    @property
    def active(self) -> bool:
        """Whether the view is on."""
        return self._state is not None

    @property
    def case(self) -> str | None:
        """The case on show, or None."""
        return self._case

    @property
    def kind(self) -> PanelKind | None:
        """The panel on show, or None."""
        return None if self._panel is None else self._panel.kind

    @property
    def busy(self) -> bool:
        """Whether the layers are being rearranged right now."""
        return self._busy

    @contextmanager
    def absorbing(self) -> Iterator[None]:
        """Take layers that come or go inside the block into the view, instead of leaving it."""
        case, build, self._busy = self._case, self._build, True
        before = list(self._viewer.layers)
        try:
            yield
        finally:
            self._busy = False
            if case is not None and build is not None and before != list(self._viewer.layers):
                self.leave()
                self.enter_panel(case, build)

    def enter(self, case: str, kind: MapPanelKind = "fig3") -> None:
        """Show a case's panel; another panel is left first.

        Parameters
        ----------
        case : str
            The case.
        kind : {"fig3", "branch-logit"}
            Which panel; :meth:`enter_panel` takes others.

        Raises
        ------
        ScarNetError
            The case has no prediction, or the branches' maps are missing; the viewer is as it was.
        """
        self.enter_panel(case, lambda viewer: build_panel(viewer, case, kind))

    def enter_panel(self, case: str, build: Callable[[Any], GridPanel]) -> None:
        """Show a panel that somebody else builds; another panel is left first.

        Parameters
        ----------
        case : str
            The case.
        build : callable
            Takes the viewer, makes the layers that are missing, and gives the panel.

        Raises
        ------
        ScarNetError
            From `build`; the viewer is as it was.
        """
        self.leave()
        viewer, state = self._viewer, ViewerState.of(self._viewer)
        self._busy = True
        try:
            panel = build(viewer)
            self._state, self._panel, self._case, self._build = state, panel, case, build
            # napari collects garbage at the end of an update, which would hold the window for a third of a second.
            with FrozenHeap(), viewer.layers.batched_update():
                self._reorder(panel.order)
                for layer in viewer.layers:
                    layer.visible = layer in panel.order
                viewer.dims.ndisplay = 2
                style_panel(panel)
                link_contrast(viewer, panel, True)
                share_cell(viewer.canvas.grid, True)
                write_state(viewer.canvas.grid, {**panel.grid, "spacing": 0.02, "enabled": True})
                viewer.layers.selection.active = state.active if state.active in panel.order else panel.labels
            self._settle(state)
            self._add_titles(state, title_steps(panel))
        finally:
            self._busy = False
        self.changed.emit(True)

    def leave(self, keep_grid: bool = False) -> None:
        """Put layers, grid and camera back as they were; layers that came or went meanwhile stay so.

        Parameters
        ----------
        keep_grid : bool
            Leave napari's grid switched as it is now.
        """
        state, panel = self._state, self._panel
        if state is None or panel is None:
            return
        viewer = self._viewer
        chosen = viewer.layers.selection.active
        # What the user selected outside the panel stays selected.
        active = state.active if chosen is None or chosen in panel.order else chosen
        self._state = self._panel = self._case = None
        self._busy = True
        try:
            link_contrast(viewer, panel, False)
            with FrozenHeap(), viewer.layers.batched_update():
                for layer in panel.removable():
                    if layer in viewer.layers:
                        viewer.layers.remove(layer)
                grid = {name: value for name, value in state.grid.items() if name != "enabled" or not keep_grid}
                write_state(viewer.canvas.grid, {"enabled": False})
                share_cell(viewer.canvas.grid, False)
                self._reorder([layer for layer in state.order if layer in viewer.layers])
                for layer, before in state.layers.items():
                    if layer in viewer.layers:
                        # What was shown or hidden meanwhile stays so.
                        if layer.visible != (layer in panel.order):
                            before.look["visible"] = layer.visible
                        # So do outlines, but where the view itself drew labels as others are drawn.
                        if "contour" in before.look and layer not in panel.alike:
                            before.look["contour"] = layer.contour
                        before.restore(layer)
                write_state(viewer.canvas.grid, grid)
                if active in viewer.layers:
                    viewer.layers.selection.active = active
            viewer.dims.ndisplay = state.ndisplay
            write_state(viewer.scene.camera, state.camera)
        finally:
            self._busy = False
        self.changed.emit(False)

    def _reorder(self, first: list[Any]) -> None:
        """Move these layers to the bottom of the list, in this order; the others follow in theirs."""
        layers = self._viewer.layers
        wanted = first + [layer for layer in layers if layer not in first]
        # One by one: napari's move_multiple loses its way in larger permutations.
        for place, layer in enumerate(wanted):
            if layers[place] is not layer:
                layers.move(layers.index(layer), place)

    def _zoom_to_heart(self, panel: GridPanel) -> None:
        """Fill the cells with the heart and what surrounds it."""
        viewer = self._viewer
        image, displayed = panel.image, list(viewer.dims.displayed)
        y0, y1, x0, x1 = panel.crop(stack_of(image).spacing_mm)
        middle = [n / 2 - 0.5 for n in image.data.shape[:-2]]
        corners = [image.data_to_world([*middle, y - 0.5, x - 0.5])[-image.ndim :] for y in (y0, y1) for x in (x0, x1)]
        offset = viewer.dims.ndim - image.ndim
        shown = np.array(corners)[:, [axis - offset for axis in displayed if axis >= offset]]
        extent = np.ptp(shown, axis=0)
        if shown.shape[1] != 2 or (extent <= 0).any():
            viewer.fit_to_view()
            return
        cell = np.array(viewer.canvas.viewbox_size(viewer.layers), dtype=float)
        viewer.scene.camera.center = (0.0, *(shown.min(axis=0) + extent / 2))
        viewer.scene.camera.zoom = float(0.96 * (cell / extent).min())

    def _add_titles(self, state: ViewerState, steps: Iterator[bool]) -> None:
        if self._state is state and next(steps, False):
            QTimer.singleShot(_PAUSE_MS, lambda: self._add_titles(state, steps))

    def _settle(self, state: ViewerState, tries: int = _SETTLE_TRIES) -> None:
        """Zoom again until that lasts: cells get their size, and their cameras a place, only when they are drawn."""
        if self._state is not state or self._panel is None or self._viewer is None:
            return
        before = self._viewer.scene.camera.zoom
        self._zoom_to_heart(self._panel)
        steady = np.isclose(before, self._viewer.scene.camera.zoom)
        left = min(tries - 1, _SETTLE_STEADY) if steady else tries - 1
        if left > 0:
            QTimer.singleShot(_SETTLE_MS, lambda: self._settle(state, left))

    def _on_inserted(self, event: Any) -> None:
        # A layer more would shift the cells.
        if self.active and not self._busy:
            self._leave_soon()

    def _on_removed(self, event: Any) -> None:
        if self._panel is not None and not self._busy and event.value in self._panel.order:
            self._leave_soon()

    def _on_grid_enabled(self, event: Any = None) -> None:
        if self.active and not self._busy and not self._viewer.canvas.grid.enabled:
            self._leave_soon(keep_grid=True)

    def _leave_soon(self, keep_grid: bool = False) -> None:
        """Leave once napari is done telling of its change, unless the view was left or entered anew by then."""
        state = self._state

        def leave() -> None:
            if self._state is state and self._viewer is not None:
                self.leave(keep_grid)

        QTimer.singleShot(0, leave)


fig3_for = PerViewer(Fig3View)
"""Gives the Fig. 3 view of a viewer, one, so that two widgets do not lay it out against each other."""

"""The Fig. 3 view: the panel in napari's grid, and the way back to what the user had."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_scarnet.inspect_panel import COLUMNS, ROWS, Panel, build_panel, link_contrast, style_panel
from napari_scarnet.inspect_title import remove_title
from napari_scarnet.layers import stack_of, unwrap
from scarnet.figure import heart_crop

if TYPE_CHECKING:
    from napari.viewer import Viewer

__all__ = ["Fig3View"]

_LAYER_STATE = ("visible", "opacity", "blending")
_BAR_STATE = ("visible", "size", "tick_length", "font_size", "position")
_GRID_STATE = ("shape", "stride", "spacing", "enabled")
_CAMERA_STATE = ("angles", "center", "zoom")
_SETTLE_TRIES, _SETTLE_STEADY, _SETTLE_MS = 12, 2, 40


def _read(thing: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in names}


def _write(thing: Any, state: dict[str, Any]) -> None:
    for name, value in state.items():
        if not np.array_equal(getattr(thing, name), value):
            setattr(thing, name, value)


@dataclass
class _LayerState:
    """What the view changes on one layer."""

    look: dict[str, Any]
    bar: dict[str, Any] = field(default_factory=dict)
    limits: tuple[Any, Any] | None = None

    @classmethod
    def of(cls, layer: Any) -> "_LayerState":
        state = cls(_read(layer, _LAYER_STATE))
        if hasattr(layer, "contrast_limits"):
            state.limits = (tuple(layer.contrast_limits_range), tuple(layer.contrast_limits))
        if hasattr(layer, "colorbar"):
            state.bar = _read(layer.colorbar, _BAR_STATE)
        return state

    def restore(self, layer: Any) -> None:
        _write(layer, self.look)
        remove_title(layer)
        if self.bar:
            _write(layer.colorbar, self.bar)
        if self.limits is not None and tuple(layer.contrast_limits) != self.limits[1]:
            layer.contrast_limits_range, layer.contrast_limits = self.limits


@dataclass
class _ViewerState:
    """What the view changes in the viewer, as it was before."""

    order: list[Any]
    layers: dict[Any, _LayerState]
    active: Any
    grid: dict[str, Any]
    camera: dict[str, Any]
    ndisplay: int

    @classmethod
    def of(cls, viewer: Any) -> "_ViewerState":
        return cls(
            order=list(viewer.layers),
            layers={layer: _LayerState.of(layer) for layer in viewer.layers},
            active=viewer.layers.selection.active,
            grid=_read(viewer.canvas.grid, _GRID_STATE),
            camera=_read(viewer.scene.camera, _CAMERA_STATE),
            ndisplay=viewer.dims.ndisplay,
        )


class Fig3View:
    """Image, labels, logits and probabilities of a case side by side, until it is left again.

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
        self._viewer = unwrap(viewer)
        self._state: _ViewerState | None = None
        self._panel: Panel | None = None
        self._case: str | None = None
        self._busy = False
        layers, grid = self._viewer.layers.events, self._viewer.canvas.grid.events
        layers.inserted.connect(self._on_layers_changed)
        layers.removed.connect(self._on_layers_changed)
        grid.enabled.connect(self._on_grid_enabled)

    @property
    def active(self) -> bool:
        """Whether the view is on."""
        return self._state is not None

    @property
    def case(self) -> str | None:
        """The case on show, or None."""
        return self._case

    @property
    def busy(self) -> bool:
        """Whether the layers are being rearranged right now."""
        return self._busy

    @contextmanager
    def absorbing(self) -> Iterator[None]:
        """Take layers that come or go inside the block into the view, instead of leaving it."""
        case, self._busy = self._case, True
        before = {layer: layer.visible for layer in self._viewer.layers}
        try:
            yield
        finally:
            self._busy = False
            after = {layer: layer.visible for layer in self._viewer.layers}
            if case is not None and list(before) != list(after):
                # What the block showed or hid must outlast the view.
                self.leave()
                for layer, visible in after.items():
                    if before.get(layer, visible) != visible:
                        layer.visible = visible
                self.enter(case)

    def close(self) -> None:
        """Leave the view and stop watching the viewer, telling nobody; for the end of the widget."""
        self.changed.disconnect()
        self.leave()
        layers, grid = self._viewer.layers.events, self._viewer.canvas.grid.events
        layers.inserted.disconnect(self._on_layers_changed)
        layers.removed.disconnect(self._on_layers_changed)
        grid.enabled.disconnect(self._on_grid_enabled)

    def enter(self, case: str) -> None:
        """Show a case's panel; a panel of another case is left first.

        Parameters
        ----------
        case : str
            The case.

        Raises
        ------
        ScarNetError
            The case has no prediction; the viewer is as it was.
        """
        self.leave()
        viewer, state = self._viewer, _ViewerState.of(self._viewer)
        self._busy = True
        try:
            panel = build_panel(viewer, case)
            self._state, self._panel, self._case = state, panel, case
            with viewer.layers.batched_update():
                self._reorder(panel.order)
                for layer in viewer.layers:
                    layer.visible = layer in panel.order
                viewer.dims.ndisplay = 2
                # Before the grid: each change to an overlay makes napari place all of them, cell by cell.
                style_panel(panel)
                link_contrast(viewer, panel, True)
                _write(viewer.canvas.grid, {"shape": (ROWS, COLUMNS), "stride": 1, "spacing": 0.02, "enabled": True})
                viewer.layers.selection.active = state.active if state.active in panel.order else panel.labels
            self._settle(state)
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
        self._state = self._panel = self._case = None
        self._busy = True
        try:
            link_contrast(viewer, panel, False)
            with viewer.layers.batched_update():
                for layer in panel.removable():
                    if layer in viewer.layers:
                        viewer.layers.remove(layer)
                grid = {name: value for name, value in state.grid.items() if name != "enabled" or not keep_grid}
                _write(viewer.canvas.grid, {"enabled": False})
                self._reorder([layer for layer in state.order if layer in viewer.layers])
                for layer, before in state.layers.items():
                    if layer in viewer.layers:
                        before.restore(layer)
                _write(viewer.canvas.grid, grid)
                if state.active in viewer.layers:
                    viewer.layers.selection.active = state.active
            viewer.dims.ndisplay = state.ndisplay
            _write(viewer.scene.camera, state.camera)
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

    def _zoom_to_heart(self, panel: Panel) -> None:
        """Fill the cells with the heart and what surrounds it."""
        viewer = self._viewer
        image, displayed = panel.image, list(viewer.dims.displayed)
        y0, y1, x0, x1 = heart_crop(panel.prediction, stack_of(image).spacing_mm)
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

    def _settle(self, state: _ViewerState, tries: int = _SETTLE_TRIES) -> None:
        """Zoom again until that lasts: cells get their size, and their cameras a place, only when they are drawn."""
        if self._state is not state or self._panel is None:
            return
        before = self._viewer.scene.camera.zoom
        self._zoom_to_heart(self._panel)
        steady = np.isclose(before, self._viewer.scene.camera.zoom)
        left = min(tries - 1, _SETTLE_STEADY) if steady else tries - 1
        if left > 0:
            QTimer.singleShot(_SETTLE_MS, lambda: self._settle(state, left))

    def _on_layers_changed(self, event: Any = None) -> None:
        if self.active and not self._busy:
            # The list may not be reordered while napari still tells of its change.
            state = self._state
            QTimer.singleShot(0, lambda: self._leave_if(state))

    def _on_grid_enabled(self, event: Any = None) -> None:
        if self.active and not self._busy and not self._viewer.canvas.grid.enabled:
            state = self._state
            QTimer.singleShot(0, lambda: self._leave_if(state, keep_grid=True))

    def _leave_if(self, state: _ViewerState | None, keep_grid: bool = False) -> None:
        """Leave unless the view was left or entered anew since."""
        if self._state is state:
            self.leave(keep_grid)

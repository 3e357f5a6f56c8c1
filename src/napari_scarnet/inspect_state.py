"""What the Fig. 3 view changes in a viewer, noted beforehand so that it can be put back."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from napari_scarnet.inspect_title import remove_title

__all__ = ["LayerState", "ViewerState", "write_state"]

_LAYER_STATE = ("visible", "opacity", "blending")
_BAR_STATE = ("visible", "size", "tick_length", "font_size", "position")
_GRID_STATE = ("shape", "stride", "spacing", "enabled")
_CAMERA_STATE = ("angles", "center", "zoom")


def _read(thing: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in names}


def write_state(thing: Any, state: dict[str, Any]) -> None:
    """Set attributes that differ.

    Parameters
    ----------
    thing : object
        A layer or one of napari's models.
    state : dict
        Values by attribute.
    """
    for name, value in state.items():
        if not np.array_equal(getattr(thing, name), value):
            setattr(thing, name, value)


@dataclass
class LayerState:
    """What the view changes on one layer."""

    look: dict[str, Any]
    bar: dict[str, Any] = field(default_factory=dict)
    limits: tuple[Any, Any] | None = None

    @classmethod
    def of(cls, layer: Any) -> "LayerState":
        """Note a layer's looks."""
        state = cls(_read(layer, _LAYER_STATE))
        if hasattr(layer, "contour"):
            state.look["contour"] = layer.contour
        if hasattr(layer, "contrast_limits"):
            state.limits = (tuple(layer.contrast_limits_range), tuple(layer.contrast_limits))
        if hasattr(layer, "colorbar"):
            state.bar = _read(layer.colorbar, _BAR_STATE)
        return state

    def restore(self, layer: Any) -> None:
        """Put them back."""
        write_state(layer, self.look)
        remove_title(layer)
        if self.bar:
            write_state(layer.colorbar, self.bar)
        if self.limits is not None and tuple(layer.contrast_limits) != self.limits[1]:
            layer.contrast_limits_range, layer.contrast_limits = self.limits


@dataclass
class ViewerState:
    """What the view changes in the viewer, as it was before."""

    order: list[Any]
    layers: dict[Any, LayerState]
    active: Any
    grid: dict[str, Any]
    camera: dict[str, Any]
    ndisplay: int

    @classmethod
    def of(cls, viewer: Any) -> "ViewerState":
        """Note a viewer's looks, its layers' among them."""
        return cls(
            order=list(viewer.layers),
            layers={layer: LayerState.of(layer) for layer in viewer.layers},
            active=viewer.layers.selection.active,
            grid=_read(viewer.canvas.grid, _GRID_STATE),
            camera=_read(viewer.scene.camera, _CAMERA_STATE),
            ndisplay=viewer.dims.ndisplay,
        )

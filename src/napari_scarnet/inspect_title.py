"""A short title in the corner of a layer's grid cell."""

from contextlib import suppress
from typing import Any

from napari.components.overlays import LayerNameOverlay

__all__ = ["PanelTitle", "add_title", "remove_title"]

_KEY = "scarnet_title"


class PanelTitle(LayerNameOverlay):
    """A text of its own where napari's overlay shows the layer's name.

    Attributes
    ----------
    text : str
        The title.
    """

    text: str = ""


def _register() -> None:
    """Teach napari to draw the title; where its internals differ it draws the layer's name instead."""
    with suppress(ImportError, AttributeError):
        from napari._vispy.overlays.text import VispyLayerNameOverlay
        from napari._vispy.utils.visual import overlay_to_visual

        if PanelTitle in overlay_to_visual:
            return

        class VispyPanelTitle(VispyLayerNameOverlay):
            """The title as napari draws it."""

            def _on_text_change(self) -> None:
                self.node.text = self.overlay.text
                self._on_position_change()

        overlay_to_visual[PanelTitle] = VispyPanelTitle


def add_title(layer: Any, text: str, font_size: float = 7.5) -> None:
    """Put a title on a layer.

    Parameters
    ----------
    layer : Layer
        Any layer.
    text : str
        The title.
    font_size : float
        Its size in points.
    """
    _register()
    title = PanelTitle(text=text, font_size=font_size, position="top_left", visible=True)
    layer._overlays[_KEY] = title


def remove_title(layer: Any) -> None:
    """Take the title off a layer again; nothing happens where there is none.

    Parameters
    ----------
    layer : Layer
        Any layer.
    """
    layer._overlays.pop(_KEY, None)

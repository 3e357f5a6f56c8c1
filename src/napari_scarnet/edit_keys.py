"""Keys on single layers, for those that napari's own layers would take first."""

from collections.abc import Callable
from typing import Any
from weakref import ref

from app_model.types import KeyBinding, KeyCode, KeyMod

from napari_scarnet.viewer_link import bind_weakly

__all__ = ["REDO", "UNDO", "LayerKeys"]

# As this system calls them: Ctrl+Z, or Cmd+Z on macOS.
UNDO = str(KeyBinding.from_int(KeyMod.CtrlCmd | KeyCode.KeyZ))
REDO = str(KeyBinding.from_int(KeyMod.CtrlCmd | KeyMod.Shift | KeyCode.KeyZ))


class LayerKeys:
    """Binds keys on layers and takes them off again; a key that somebody else bound on the layer stays theirs."""

    def __init__(self) -> None:
        self._bound: list[tuple[Callable[[], Any], str]] = []

    def bind(self, layer: Any, key: str, method: Callable[[], Any]) -> None:
        """Bind a key.

        Parameters
        ----------
        layer : Layer
            The layer that has to be active for it.
        key : str
            The key, as napari writes it.
        method : bound method
            What it calls, without arguments; held weakly.
        """
        if bind_weakly(layer, key, method):
            self._bound.append((ref(layer), key))

    def release(self) -> None:
        """Take all keys off."""
        for layer_ref, key in self._bound:
            layer = layer_ref()
            if layer is not None:
                layer.bind_key(key, None)
        self._bound.clear()

"""What a widget hangs on a viewer, and how all of it comes off again."""

from collections.abc import Callable
from typing import Any
from weakref import WeakMethod, ref

__all__ = ["ViewerLink", "bind_weakly"]


def bind_weakly(thing: Any, key: str, method: Callable[[], Any]) -> bool:
    """Bind a key without keeping whose method it calls alive; a key that somebody else bound stays theirs.

    Parameters
    ----------
    thing : Viewer or Layer
        Where the key is pressed.
    key : str
        The key, as napari writes it.
    method : bound method
        What it calls, without arguments.

    Returns
    -------
    bool
        False where somebody else has the key.
    """
    weak = WeakMethod(method)

    def pressed(_thing: Any) -> None:
        target = weak()
        if target is not None:
            target()

    pressed.__doc__ = method.__doc__
    try:
        thing.bind_key(key, pressed)
    except ValueError:
        return False
    return True


class ViewerLink:
    """Event connections and keys that a widget has on a viewer.

    It holds the widget's methods weakly, so that it can be called when the widget is destroyed without keeping it
    alive.

    Parameters
    ----------
    viewer : Viewer
        The viewer itself, not napari's proxy.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = ref(viewer)
        self._connections: list[tuple[Any, WeakMethod[Any]]] = []
        self._keys: list[str] = []

    def connect(self, signal: Any, method: Callable[..., Any]) -> None:
        """Connect a napari event or psygnal signal to a bound method.

        Parameters
        ----------
        signal : EventEmitter or SignalInstance
            The signal.
        method : bound method
            What it calls.
        """
        signal.connect(method)
        self._connections.append((signal, WeakMethod(method)))

    def bind_key(self, key: str, method: Callable[[], Any]) -> bool:
        """Bind a key on the viewer, unless it is taken.

        Parameters
        ----------
        key : str
            The key, as napari writes it.
        method : bound method
            What it calls, without arguments.

        Returns
        -------
        bool
            False where somebody else has the key; theirs stays.
        """
        viewer = self._viewer()
        if viewer is None or not bind_weakly(viewer, key, method):
            return False
        self._keys.append(key)
        return True

    def release(self, *_: Any) -> None:
        """Disconnect and unbind everything; harmless when done twice or after the viewer is gone."""
        for signal, weak in self._connections:
            method = weak()
            if method is not None:
                try:
                    signal.disconnect(method)
                except (ValueError, KeyError, RuntimeError):
                    # Already gone together with its layer or viewer.
                    continue
        self._connections.clear()
        viewer = self._viewer()
        if viewer is not None:
            for key in self._keys:
                viewer.bind_key(key, None)
        self._keys.clear()

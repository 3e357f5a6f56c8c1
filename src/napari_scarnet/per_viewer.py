"""One object a viewer, which all widgets of that viewer share."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from napari_scarnet.metadata import unwrap

__all__ = ["PerViewer"]

_Shared = TypeVar("_Shared")


class PerViewer(Generic[_Shared]):
    """Gives the object of a viewer: always the same one for the same viewer, and as long as the viewer lives.

    Parameters
    ----------
    make : callable
        Makes the object from a viewer, which it must refer to weakly.
    """

    def __init__(self, make: Callable[[Any], _Shared]) -> None:
        self._make = make
        self._made: WeakKeyDictionary[Any, _Shared] = WeakKeyDictionary()

    def __call__(self, viewer: Any) -> _Shared:
        """Give the object of a viewer, with or without napari's proxy; the first call makes it."""
        viewer = unwrap(viewer)
        if viewer not in self._made:
            self._made[viewer] = self._make(viewer)
        return self._made[viewer]

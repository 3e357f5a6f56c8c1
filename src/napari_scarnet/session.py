"""What the steps of one viewer tell each other."""

from typing import Any
from weakref import ref

from psygnal import Signal

from napari_scarnet.metadata import layer_meta, make_case_unique
from napari_scarnet.per_viewer import PerViewer

__all__ = ["Session", "session_for"]


class Session:
    """The signals of one viewer; get it with :func:`session_for`.

    Attributes
    ----------
    stack_opened : Signal
        A study's image layer is in the viewer, however it came there.
    prediction_changed : Signal
        The layers and ``metadata["scarnet"]["prediction"]`` of this case are new.
    """

    stack_opened = Signal(object)
    prediction_changed = Signal(str)

    def __init__(self, viewer: Any) -> None:
        """Watch a viewer for studies that readers, samples or scripts add."""
        self._viewer = ref(viewer)
        viewer.layers.events.inserted.connect(self._on_inserted)
        viewer.dims.events.ndisplay.connect(self._on_ndisplay)

    def _on_inserted(self, event: Any) -> None:
        viewer = self._viewer()
        if viewer is not None and layer_meta(event.value).get("kind") == "image":
            make_case_unique(viewer, event.value)
            self.stack_opened.emit(event.value)

    def _on_ndisplay(self, event: Any) -> None:
        viewer = self._viewer()
        if viewer is not None and event.value == 3 and viewer.cursor._view_direction is None:
            # Until the mouse moves over the canvas napari has none, and its status bar fails on labels with features.
            viewer.cursor._view_direction = viewer.scene.camera.calculate_nd_view_direction(
                viewer.dims.ndim, viewer.dims.displayed
            )


session_for = PerViewer(Session)
"""Gives the session of a viewer."""

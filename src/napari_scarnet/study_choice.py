"""Choosing the study to segment, among all image layers that could be one."""

from typing import Any

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QComboBox

from napari_scarnet.metadata import image_layer_of, layer_meta
from napari_scarnet.viewer_link import ViewerLink

__all__ = ["StudyChoice", "could_be_study"]


def could_be_study(layer: Any) -> bool:
    """Tell whether a layer is a study, or a plain grey 2D or 3D image that could be one.

    Parameters
    ----------
    layer : Layer
        Any layer.

    Returns
    -------
    bool
        False for our own maps.
    """
    kind = layer_meta(layer).get("kind")
    if kind is not None:
        return kind == "image"
    return (
        getattr(layer, "_type_string", "") == "image"
        and not layer.rgb
        and not layer.multiscale
        and layer.ndim in (2, 3)
    )


class StudyChoice(QComboBox):
    """Lists the studies of a viewer by their layers' names, and follows them as they come, go and are renamed.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    layer_changed = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._layers: list[Any] = []
        self.setToolTip("The study to segment: one that was opened here, or any grey 2D or 3D image layer.")
        self.setMinimumContentsLength(12)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setPlaceholderText("Open a study first")
        self.currentIndexChanged.connect(self._on_index)

    def follow(self, link: ViewerLink) -> None:
        """Follow the viewer's layers.

        Parameters
        ----------
        link : ViewerLink
            Where the connections are kept.
        """
        events = self._viewer.layers.events
        for signal in (events.inserted, events.removed, events.reordered):
            link.connect(signal, self.refresh)
        # The list's own event tells of any layer's new name.
        link.connect(events, self._on_any_event)
        link.connect(self._viewer.layers.selection.events.active, self._on_active)
        self.refresh()

    @property
    def layer(self) -> Any:
        """The chosen image layer, or None."""
        index = self.currentIndex()
        return self._layers[index] if 0 <= index < len(self._layers) else None

    def choose(self, layer: Any) -> None:
        """Choose a layer, if it is in the list."""
        if layer in self._layers:
            self.setCurrentIndex(self._layers.index(layer))

    def refresh(self, *_: Any) -> None:
        """Read the layer list again; the choice stays where it can."""
        chosen = self.layer
        layers = [layer for layer in self._viewer.layers if could_be_study(layer)]
        # Opened studies first: a plain image beside them is rarely meant.
        layers.sort(key=lambda layer: not layer_meta(layer))
        with QSignalBlocker(self):
            self._layers = layers
            self.clear()
            for layer in layers:
                self.addItem(layer.name if layer_meta(layer) else f"{layer.name} (plain image)")
            self.setCurrentIndex(layers.index(chosen) if chosen in layers else (0 if layers else -1))
        self.layer_changed.emit()

    def _on_active(self, *_: Any) -> None:
        """Choose the study that the selected layer is, or belongs to."""
        active = self._viewer.layers.selection.active
        if active is not None:
            case = layer_meta(active).get("case")
            self.choose(image_layer_of(self._viewer, case) if case else active)

    def _on_any_event(self, event: Any) -> None:
        if getattr(event, "type", "") == "name":
            self.refresh()

    def _on_index(self, _: int) -> None:
        self.layer_changed.emit()

"""Flipping between the accepted labels, the old and the new model's, and their difference."""

from typing import Any

from qtpy.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QWidget

from napari_scarnet.label_layers import current_labels
from napari_scarnet.metadata import find_layers, layer_meta

__all__ = ["ModelViews"]

_TIPS = (
    "The case's own labels.",
    "The old model's labels as outlines.",
    "The new model's labels as outlines.",
    "Orange: scar only to the old model; blue: scar only to the new one; white: they differ otherwise.",
)


class ModelViews(QWidget):
    """Four buttons, of which one is pressed; hidden until both models are shown on a case.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._case, self._names = "", ("", "")
        self.group = QButtonGroup(self)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        for number, (text, tip) in enumerate(zip(("Own labels", "Old", "New", "Difference"), _TIPS, strict=True)):
            button = QPushButton(text)
            button.setToolTip(tip)
            button.setCheckable(True)
            self.group.addButton(button, number)
            line.addWidget(button)
        self.group.idClicked.connect(self.look)
        self.hide()

    def use(self, case: str, names: tuple[str, str]) -> None:
        """Flip through the layers of a case, beginning with the new model's.

        Parameters
        ----------
        case : str
            The case.
        names : tuple of str
            The old and the new model.
        """
        self._case, self._names = case, names
        self.group.button(2).setChecked(True)
        self.look(2)
        self.show()

    def look(self, number: int) -> None:
        """Show one of the four.

        Parameters
        ----------
        number : int
            0 own labels, 1 old, 2 new, 3 difference.
        """
        own = current_labels(self._viewer, self._case)
        if own is not None:
            own.visible = number == 0
        for layer in find_layers(self._viewer, "probability", case=self._case):
            layer.visible = False
        for layer in find_layers(self._viewer, "other-labels", case=self._case):
            whose = layer_meta(layer).get("whose")
            layer.visible = number in (1, 2) and whose == self._names[number - 1]
        for layer in find_layers(self._viewer, "difference", case=self._case):
            layer.visible = number == 3

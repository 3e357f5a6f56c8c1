"""Flipping between a case's own labels, the old and the new model's, and their difference; or all side by side."""

from typing import Any

from napari.utils.notifications import show_error
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QButtonGroup, QCheckBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_scarnet.finetune_grid import build_models_panel
from napari_scarnet.inspect_grid import fig3_for
from napari_scarnet.label_layers import current_labels
from napari_scarnet.metadata import find_layers, layer_meta
from napari_scarnet.viewer_link import ViewerLink
from scarnet.errors import ScarNetError

__all__ = ["ModelViews"]

_TIPS = (
    "The case's own labels.",
    "The old model's labels as outlines.",
    "The new model's labels as outlines.",
    "Orange: scar only to the old model; blue: scar only to the new one; white: they differ otherwise.",
)


class ModelViews(QWidget):
    """Four buttons, of which one is pressed, and a check box; hidden until both models are shown on a case.

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
        layout, line = QVBoxLayout(self), QHBoxLayout()
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(line)
        for number, (text, tip) in enumerate(zip(("Own labels", "Old", "New", "Difference"), _TIPS, strict=True)):
            button = QPushButton(text)
            button.setToolTip(tip)
            button.setCheckable(True)
            self.group.addButton(button, number)
            line.addWidget(button)
        self.group.idClicked.connect(self.look)
        self.side_by_side = QCheckBox("Side by side")
        self.side_by_side.setToolTip("Own labels, the old and the new model's, each over the image, on the same slice.")
        self.side_by_side.clicked.connect(self._on_side_by_side)
        layout.addWidget(self.side_by_side, 0, Qt.AlignmentFlag.AlignLeft)
        self._grid = fig3_for(viewer)
        self._link = ViewerLink(viewer)
        self._link.connect(self._grid.changed, self._on_grid)
        self.destroyed.connect(self._link.release)
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
        self._leave()
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

    def put_away(self) -> None:
        """Hide, and put napari's grid back where it shows the models."""
        self._leave()
        self.hide()

    def _leave(self) -> None:
        if self._grid.kind == "models":
            self._grid.leave()

    def _on_side_by_side(self, on: bool) -> None:
        if not on:
            self._leave()
            return
        case, names = self._case, self._names
        try:
            self._grid.enter_panel(case, lambda viewer: build_models_panel(viewer, case, names))
        except ScarNetError as error:
            self._on_grid()
            show_error(str(error))

    def _on_grid(self, *_: Any) -> None:
        """Follow napari's grid, which the user or another step may have switched."""
        self.side_by_side.setChecked(self._grid.kind == "models")

"""A proposal on top of the labels: seen, then applied as one undo step or dropped, never half in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_scarnet.label_layers import selection_kept
from napari_scarnet.metadata import find_layers, image_layer_of, make_meta, placement
from napari_scarnet.project_reveal import reveal

__all__ = ["PreviewBar", "Proposal", "hide_preview", "show_preview"]

# Seen over blue, pink, yellow and grey alike.
_COLOUR = (0.0, 1.0, 0.55, 1.0)


@dataclass(frozen=True, eq=False)
class Proposal:
    """What a tool would do.

    Attributes
    ----------
    tool : str
        Whose it is, ``"threshold"`` or ``"box"``.
    case : str
        The case.
    mask : ndarray of bool, shape (Z, Y, X)
        What is drawn as the preview's outline.
    text : str
        What to say about it.
    apply : callable
        Does it.
    """

    tool: str
    case: str
    mask: npt.NDArray[np.bool_]
    text: str
    apply: Callable[[], None]


def show_preview(viewer: Any, case: str, mask: npt.NDArray[np.bool_]) -> Any:
    """Show a mask as an outline in a layer of its own.

    Parameters
    ----------
    viewer : Viewer
        The viewer itself, not napari's proxy.
    case : str
        The case.
    mask : ndarray of bool, shape (Z, Y, X)
        The mask.

    Returns
    -------
    Labels or None
        The layer; None where the case has no image any more.
    """
    from napari.utils.colormaps import DirectLabelColormap

    image = image_layer_of(viewer, case)
    if image is None:
        return None
    data = mask.astype(np.uint8).reshape(image.data.shape)
    for layer in find_layers(viewer, "preview", case=case):
        # Nobody edits a preview, so there is no undo history to spoil.
        layer.data = data
        return layer
    colours = DirectLabelColormap(color_dict={None: (0, 0, 0, 0), 0: (0, 0, 0, 0), 1: _COLOUR})
    with selection_kept(viewer):
        layer = viewer.add_labels(
            data,
            name=f"{case} · preview",
            metadata={"scarnet": make_meta("preview", case)},
            colormap=colours,
            opacity=1.0,
            **placement(image),
        )
    layer.contour = 1
    layer.editable = False
    return layer


def hide_preview(viewer: Any) -> None:
    """Take all previews away.

    Parameters
    ----------
    viewer : Viewer
        The viewer itself, not napari's proxy.
    """
    for layer in find_layers(viewer, "preview"):
        viewer.layers.remove(layer)


class PreviewBar(QWidget):
    """Says what is proposed, with a button to apply and one to drop it; hidden while nothing is."""

    applied = Signal()
    dropped = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.apply_button = QPushButton("Apply  ⏎")
        self.apply_button.setToolTip("Put the outlined voxels into the labels, as one undo step (Enter).")
        self.apply_button.clicked.connect(self.applied)
        self.drop_button = QPushButton("Discard  Esc")
        self.drop_button.setToolTip("Leave the labels as they are (Escape).")
        self.drop_button.clicked.connect(self.dropped)
        buttons = QHBoxLayout()
        buttons.addWidget(self.apply_button)
        buttons.addWidget(self.drop_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.text)
        layout.addLayout(buttons)
        self.hide()

    def show_proposal(self, proposal: Proposal | None) -> None:
        """Say what is proposed, and scroll to it when it comes.

        Parameters
        ----------
        proposal : Proposal or None
            None hides the bar.
        """
        warned = "⚠" in self.text.text()
        self.text.setText(f"<span style='color:#00d890'>▣</span> {proposal.text}" if proposal else "")
        if proposal is None:
            self.hide()
        elif self.isHidden() or ("⚠" in proposal.text and not warned):
            reveal(self)  # but numbers that only change must not scroll away what is under the mouse

"""Where the tools work: the slice on screen, all slices, or a region that is drawn."""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QWidget

from napari_scarnet.label_layers import selection_kept
from napari_scarnet.metadata import find_layers, image_layer_of, make_meta, placement
from scarnet.editing import polygon_mask

__all__ = ["ScopeBar", "region_of", "shapes_layer"]

Scope = Literal["slice", "all", "region"]


def shapes_layer(viewer: Any, case: str, kind: Literal["region", "box"], colour: str) -> Any:
    """Give the shapes layer of a case that a region or a box is drawn in, made where there is none.

    Parameters
    ----------
    viewer : Viewer
        The viewer itself, not napari's proxy.
    case : str
        The case.
    kind : {"region", "box"}
        What is drawn.
    colour : str
        Of the outline.

    Returns
    -------
    Shapes or None
        None where the case has no image any more.
    """
    image = image_layer_of(viewer, case)
    found = find_layers(viewer, kind, case=case)
    if image is None or found:
        return found[0] if found else None
    with selection_kept(viewer):
        layer = viewer.add_shapes(
            ndim=image.ndim,
            name=f"{case} · {kind}",
            metadata={"scarnet": make_meta(kind, case)},
            face_color="transparent",
            edge_color=colour,
            edge_width=0.6,
            **placement(image),
        )
    layer.current_face_color, layer.current_edge_color = "transparent", colour
    return layer


def region_of(viewer: Any, case: str, shape: tuple[int, int, int]) -> npt.NDArray[np.bool_]:
    """Give the voxels inside the regions that were drawn.

    Parameters
    ----------
    viewer : Viewer
        The viewer itself, not napari's proxy.
    case : str
        The case.
    shape : tuple of int
        The study's, (Z, Y, X).

    Returns
    -------
    ndarray of bool, shape (Z, Y, X)
        All False where none was drawn.
    """
    polygons = []
    for layer in find_layers(viewer, "region", case=case):
        for corners in layer.data:
            points = np.asarray(corners, dtype=float)
            polygons.append(points if points.shape[1] == 3 else np.pad(points, ((0, 0), (1, 0))))
    return polygon_mask(shape, polygons)


class ScopeBar(QWidget):
    """Chooses where the tools work."""

    changed = Signal()
    draw_asked = Signal(bool)
    clear_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.box = QComboBox()
        for text, scope in (("This slice", "slice"), ("All slices", "all"), ("Drawn region", "region")):
            self.box.addItem(text, scope)
        self.box.setToolTip("Where thresholds and the tools below may change labels.")
        self.box.setAccessibleName("Where the tools work")
        self.box.currentIndexChanged.connect(self.changed)
        self.draw = QPushButton("Draw region  R")
        self.draw.setCheckable(True)
        self.draw.setToolTip("Draw a region with the mouse held down, in as many slices as you like (R).")
        self.draw.clicked.connect(self.draw_asked)
        self.clear = QPushButton("Clear")
        self.clear.setToolTip("Take the drawn regions away.")
        self.clear.clicked.connect(self.clear_asked)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(QLabel("Where"))
        row.addWidget(self.box, 1)
        row.addWidget(self.draw)
        row.addWidget(self.clear)

    @property
    def scope(self) -> Scope:
        """What is chosen."""
        return self.box.currentData()

    def choose(self, scope: Scope) -> None:
        """Choose a scope."""
        self.box.setCurrentIndex(self.box.findData(scope))

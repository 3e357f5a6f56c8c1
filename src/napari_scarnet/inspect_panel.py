"""Which layers the Fig. 3 view and the branches' view show, and in which cell."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_scarnet.grid_panel import MapPanelKind, PanelKind, PanelRow, add_underlay
from napari_scarnet.inspect_case import prediction_of
from napari_scarnet.inspect_cells import COLUMNS, ROWS
from napari_scarnet.inspect_maps import BRANCH_NAMES, branch_limit
from napari_scarnet.layers import (
    LogitStyle,
    ProbabilityStyle,
    add_labels,
    find_layers,
    image_layer_of,
    labels_edited,
    labels_on_show,
    logit_limit,
    make_meta,
    placement,
)
from scarnet.classes import CLASS_NAMES
from scarnet.errors import ScarNetError
from scarnet.figure import PANEL_CLASSES, heart_crop
from scarnet.predict.prediction import Prediction

if TYPE_CHECKING:
    from napari.viewer import Viewer

__all__ = ["Panel", "build_panel"]


@dataclass
class Panel:
    """The layers of one case's panel.

    Attributes
    ----------
    kind : str
        Which panel it is.
    prediction : Prediction
        What is shown.
    image : Image
        The study's image.
    underlay : Image
        A second look at the image, under the labels; made for the panel and removed with it.
    labels : Labels
        The labels on show.
    rows : list of PanelRow
        The two rows of maps.
    added : list of Layer
        Layers that were made for the panel because the user has none, the underlay among them.
    """

    kind: PanelKind
    prediction: Prediction
    image: Any
    underlay: Any
    labels: Any
    rows: list[PanelRow]
    added: list[Any] = field(default_factory=list)

    @property
    def order(self) -> list[Any]:
        """Layers in the order of the cells, row by row; the eleventh, the labels, lies over the underlay."""
        upper, lower = self.rows
        return [self.image, *upper.layers, self.underlay, *lower.layers, self.labels]

    @property
    def images(self) -> list[Any]:
        """The image, and its second look."""
        return [self.image, self.underlay]

    @property
    def alike(self) -> list[Any]:
        """None: there is one layer of labels."""
        return []

    @property
    def grid(self) -> dict[str, Any]:
        """A cell a layer, as in the paper."""
        return {"shape": (ROWS, COLUMNS), "stride": 1}

    def crop(self, spacing_mm: tuple[float, float, float]) -> tuple[int, int, int, int]:
        """Give the heart and what surrounds it."""
        return heart_crop(self.prediction, spacing_mm)

    def titles(self) -> list[tuple[Any, str]]:
        """Give each cell's layer and title; two short lines fit where one long one does not."""
        maps = [
            (layer, f"{row.name}\n{CLASS_NAMES[cls]}")
            for row in self.rows
            for cls, layer in zip(PANEL_CLASSES, row.layers, strict=True)
        ]
        return [(self.image, "image"), (self.labels, "labels"), *maps]

    def removable(self) -> list[Any]:
        """Give the layers to remove with the panel: those added for it, unless the user drew on them."""
        return [layer for layer in self.added if layer is not self.labels or not labels_edited(layer)]


def build_panel(viewer: "Viewer", case: str, kind: MapPanelKind = "fig3") -> Panel:
    """Find the layers of a panel and make those that are missing.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.
    kind : {"fig3", "branch-logit"}
        Logits over probabilities, or one branch's logits over the other's.

    Returns
    -------
    Panel
        All layers are in the viewer.

    Raises
    ------
    ScarNetError
        The case has no prediction, its image was deleted, or the branches' maps were not made.
    """
    image, prediction = image_layer_of(viewer, case), prediction_of(viewer, case)
    if image is None or prediction is None:
        raise ScarNetError(f"{case} has no image with a prediction; run the Segment step first.")
    added: list[Any] = []
    if kind == "fig3":
        rows = _result_rows(viewer, image, case, prediction, added)
    else:
        rows = _branch_rows(viewer, case, prediction)
    labels = labels_on_show(viewer, case)
    if labels is None:
        labels = add_labels(viewer, image, prediction.labels)
        added.append(labels)
    underlay = add_underlay(viewer, image)
    added.append(underlay)
    return Panel(kind, prediction, image, underlay, labels, rows, added)


def _result_rows(viewer: Any, image: Any, case: str, prediction: Prediction, added: list[Any]) -> list[PanelRow]:
    """Find the logit and probability layers; those that are missing are made and noted in ``added``."""

    def find(kind: Any, cls: int, data: np.ndarray, name: str, style: dict[str, Any]) -> Any:
        found = find_layers(viewer, kind, cls, case)
        if found:
            return found[0]
        meta, place = {"scarnet": make_meta(kind, case, cls)}, placement(image)
        layer = viewer.add_image(data.reshape(image.data.shape), name=name, metadata=meta, **place, **style)
        added.append(layer)
        return layer

    limit = logit_limit(prediction)
    logits, probabilities = PanelRow("logit", (-limit, limit)), PanelRow("p", (0.0, 1.0))
    for cls in PANEL_CLASSES:
        name, style = f"{case} · logit {CLASS_NAMES[cls]}", LogitStyle().as_kwargs(limit)
        logits.layers.append(find("logit", cls, prediction.logits[cls], name, style))
        name, style = f"{case} · p {CLASS_NAMES[cls]}", ProbabilityStyle().as_kwargs(cls)
        probabilities.layers.append(find("probability", cls, prediction.probabilities[cls], name, style))
    return [logits, probabilities]


def _branch_rows(viewer: Any, case: str, prediction: Prediction) -> list[PanelRow]:
    limit, rows = branch_limit(prediction), []
    if not prediction.branch_logits:
        raise ScarNetError(f"{case}: the branches' logits were not computed; compute them first.")
    # A model without an encoder has no MedSAM branch.
    for branch in prediction.branch_logits:
        found = [
            layer for cls in PANEL_CLASSES for layer in find_layers(viewer, "branch-logit", cls, case, branch=branch)
        ]
        if len(found) != len(PANEL_CLASSES):
            raise ScarNetError(f"{case}: the branches' logits were not computed; compute them first.")
        rows.append(PanelRow(BRANCH_NAMES.get(branch, branch), (-limit, limit), found))
    return rows

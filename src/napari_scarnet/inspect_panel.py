"""Which layers the Fig. 3 view shows, in which cell, and how they look there."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_scarnet.inspect_case import prediction_of
from napari_scarnet.inspect_title import add_title
from napari_scarnet.layers import (
    LabelsStyle,
    LogitStyle,
    ProbabilityStyle,
    current_labels,
    find_layers,
    image_layer_of,
    labels_edited,
    layer_meta,
    logit_limit,
    make_meta,
    placement,
)
from scarnet.classes import CLASS_NAMES
from scarnet.errors import ScarNetError
from scarnet.figure import PANEL_CLASSES
from scarnet.predict.prediction import Prediction

if TYPE_CHECKING:
    from napari.viewer import Viewer

__all__ = ["COLUMNS", "ROWS", "Panel", "build_panel", "link_contrast", "style_panel"]

ROWS, COLUMNS = 2, 1 + len(PANEL_CLASSES)
_LINKED = ("contrast_limits", "gamma", "colormap")


@dataclass
class Panel:
    """The layers of one case's panel.

    Attributes
    ----------
    prediction : Prediction
        What is shown.
    underlay : Image
        A second look at the image, under the labels; made for the panel and removed with it.
    image : Image
        The study's image.
    labels : Labels
        The labels on show.
    logits, probabilities : list of Image
        In the order of :data:`scarnet.figure.PANEL_CLASSES`.
    added : list of Layer
        Layers that were made for the panel because the user has none, the underlay among them.
    """

    prediction: Prediction
    underlay: Any
    image: Any
    labels: Any
    logits: list[Any]
    probabilities: list[Any]
    added: list[Any] = field(default_factory=list)

    @property
    def order(self) -> list[Any]:
        """Layers in the order of the cells, row by row; the eleventh comes round to the first cell, over the image."""
        return [self.underlay, *self.logits, self.image, *self.probabilities, self.labels]

    def titles(self) -> list[tuple[Any, str]]:
        """Give each cell's layer and title."""
        maps = [
            (layer, f"{kind} · {CLASS_NAMES[cls]}")
            for kind, row in (("logit", self.logits), ("p", self.probabilities))
            for cls, layer in zip(PANEL_CLASSES, row, strict=True)
        ]
        return [(self.labels, "labels"), (self.image, "image"), *maps]

    def removable(self) -> list[Any]:
        """Give the layers to remove with the panel: those added for it, unless the user drew on them."""
        return [layer for layer in self.added if layer is not self.labels or not labels_edited(layer)]


def build_panel(viewer: "Viewer", case: str) -> Panel:
    """Find the layers of a panel and make those that are missing.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.

    Returns
    -------
    Panel
        All layers are in the viewer.

    Raises
    ------
    ScarNetError
        The case has no prediction, or its image was deleted.
    """
    image, prediction = image_layer_of(viewer, case), prediction_of(viewer, case)
    if image is None or prediction is None:
        raise ScarNetError(f"{case} has no image with a prediction; run the Segment step first.")
    place, added = placement(image), []

    def add(kind: Any, cls: int, data: np.ndarray, name: str, kwargs: dict[str, Any]) -> Any:
        found = find_layers(viewer, kind, cls, case)
        if found:
            return found[0]
        meta = {"scarnet": make_meta(kind, case, cls)}
        layer = viewer.add_image(data.reshape(image.data.shape), name=name, metadata=meta, **place, **kwargs)
        added.append(layer)
        return layer

    limit = logit_limit(prediction)
    logits, probabilities = [], []
    for cls in PANEL_CLASSES:
        name, style = f"{case} · logit {CLASS_NAMES[cls]}", LogitStyle().as_kwargs(limit)
        logits.append(add("logit", cls, prediction.logits[cls], name, style))
        name, style = f"{case} · p {CLASS_NAMES[cls]}", ProbabilityStyle().as_kwargs(cls)
        probabilities.append(add("probability", cls, prediction.probabilities[cls], name, style))

    labels = _labels_on_show(viewer, case)
    if labels is None:
        data = prediction.labels.reshape(image.data.shape)
        meta = {**make_meta("labels", case), "baseline": data.copy()}
        kwargs = {**place, **LabelsStyle().as_kwargs()}
        labels = viewer.add_labels(data.copy(), name=f"{case} · labels", metadata={"scarnet": meta}, **kwargs)
        added.append(labels)
    underlay = viewer.add_image(
        image.data,
        name=f"{case} · image under the labels",
        contrast_limits=image.contrast_limits,
        colormap=image.colormap,
        gamma=image.gamma,
        interpolation2d=image.interpolation2d,
        **place,
    )
    underlay.contrast_limits_range = image.contrast_limits_range
    added.append(underlay)
    return Panel(prediction, underlay, image, labels, logits, probabilities, added)


def _labels_on_show(viewer: "Viewer", case: str) -> Any:
    """Give the threshold's own labels while they are shown in place of edited ones, else the current labels."""
    for layer in find_layers(viewer, "labels", case=case, kept=True):
        if layer_meta(layer).get("threshold") and layer.visible:
            return layer
    return current_labels(viewer, case)


def style_panel(panel: Panel) -> None:
    """Give the panel's layers the looks they have in the panel: same limits in a row, opaque, titled.

    Parameters
    ----------
    panel : Panel
        The panel.
    """
    limit = logit_limit(panel.prediction)
    for row, limits in ((panel.logits, (-limit, limit)), (panel.probabilities, (0.0, 1.0))):
        for layer in row:
            layer.contrast_limits_range = limits
            layer.contrast_limits = limits
            layer.opacity, layer.blending = 1.0, "translucent_no_depth"
    panel.labels.blending = "translucent"
    for layer, title in panel.titles():
        add_title(layer, title)
    for layer in (panel.logits[-1], panel.probabilities[-1]):
        bar = layer.colorbar
        bar.size, bar.tick_length, bar.font_size = (8.0, 70.0), 3.0, 7.0
        bar.position, bar.visible = "bottom_right", True


def link_contrast(viewer: "Viewer", panel: Panel, linked: bool) -> None:
    """Let the layers of a row share their contrast, or end that.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    panel : Panel
        The panel.
    linked : bool
        Whether to link or unlink.
    """
    for group in (panel.logits, panel.probabilities, [panel.image, panel.underlay]):
        present = [layer for layer in group if layer in viewer.layers]
        if len(present) > 1:
            if linked:
                viewer.layers.link_layers(present, _LINKED)
            else:
                viewer.layers.unlink_layers(present, _LINKED)

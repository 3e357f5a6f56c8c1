"""Which layers the Fig. 3 view and the branches' view show, in which cell, and how they look there."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_scarnet.inspect_case import prediction_of
from napari_scarnet.inspect_maps import BRANCH_NAMES, branch_limit
from napari_scarnet.inspect_title import add_title
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
from scarnet.figure import PANEL_CLASSES
from scarnet.predict.prediction import Prediction

if TYPE_CHECKING:
    from napari.viewer import Viewer

__all__ = ["Panel", "PanelKind", "PanelRow", "build_panel", "link_contrast", "style_panel", "title_steps"]

PanelKind = Literal["fig3", "branch-logit"]
_LINKED = ("contrast_limits", "gamma", "colormap")


@dataclass
class PanelRow:
    """Four maps side by side.

    Attributes
    ----------
    name : str
        What they show.
    limits : tuple of float
        Their contrast limits.
    layers : list of Image
        In the order of :data:`scarnet.figure.PANEL_CLASSES`.
    """

    name: str
    limits: tuple[float, float]
    layers: list[Any] = field(default_factory=list)


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


def build_panel(viewer: "Viewer", case: str, kind: PanelKind = "fig3") -> Panel:
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
    underlay = viewer.add_image(
        image.data,
        name=f"{case} · image under the labels",
        metadata={"scarnet": make_meta("underlay", case)},
        contrast_limits=image.contrast_limits,
        colormap=image.colormap,
        gamma=image.gamma,
        interpolation2d=image.interpolation2d,
        **placement(image),
    )
    underlay.contrast_limits_range = image.contrast_limits_range
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


def style_panel(panel: Panel) -> None:
    """Give the panel's layers the looks they have in the panel: same limits in a row, and opaque.

    Parameters
    ----------
    panel : Panel
        The panel.
    """
    for row in panel.rows:
        for layer in row.layers:
            layer.contrast_limits_range = row.limits
            layer.contrast_limits = row.limits
            layer.opacity, layer.blending = 1.0, "translucent_no_depth"
    panel.labels.blending = "translucent"


def title_steps(panel: Panel) -> Iterator[bool]:
    """Add a panel's titles and colour bars a few at a time, so that the caller can let Qt breathe in between.

    Parameters
    ----------
    panel : Panel
        The panel.

    Yields
    ------
    bool
        True, after each few.
    """
    for place, (layer, title) in enumerate(panel.titles()):
        add_title(layer, title)
        # The window is drawn after each step, which takes as long as two titles.
        if place % 3 == 2:
            yield True
    for row in panel.rows:
        bar = row.layers[-1].colorbar
        bar.size, bar.tick_length, bar.font_size = (8.0, 70.0), 3.0, 7.0
        bar.position, bar.visible = "bottom_right", True
        yield True


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
    for group in (*(row.layers for row in panel.rows), [panel.image, panel.underlay]):
        present = [layer for layer in group if layer in viewer.layers]
        if len(present) > 1:
            if linked:
                viewer.layers.link_layers(present, _LINKED)
            else:
                viewer.layers.unlink_layers(present, _LINKED)

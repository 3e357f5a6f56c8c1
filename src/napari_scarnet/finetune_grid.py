"""The case's own labels and two models' side by side in napari's grid, each over the image."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_scarnet.edit_target import as_volume
from napari_scarnet.grid_panel import PanelKind, PanelRow, add_underlay
from napari_scarnet.label_layers import current_labels
from napari_scarnet.metadata import find_layers, image_layer_of, layer_meta
from scarnet.errors import ScarNetError

if TYPE_CHECKING:
    from napari.viewer import Viewer

__all__ = ["ModelsPanel", "build_models_panel"]

_MARGIN_MM = 28.0


@dataclass
class ModelsPanel:
    """Three cells with an image and labels each.

    Attributes
    ----------
    image : Image
        The study's image.
    labels : Labels
        The case's own.
    others : list of Labels
        The old and the new model's.
    names : tuple of str
        What these are called.
    underlays : list of Image
        The image once more for each of them; made for the panel and removed with it.
    kind : str
        Which panel it is.
    rows : list of PanelRow
        Always empty.
    """

    image: Any
    labels: Any
    others: list[Any]
    names: tuple[str, str]
    underlays: list[Any]
    kind: PanelKind = "models"
    rows: list[PanelRow] = field(default_factory=list)

    @property
    def order(self) -> list[Any]:
        """Image under labels, cell by cell."""
        pairs = zip(self.images, [self.labels, *self.others], strict=True)
        return [layer for pair in pairs for layer in pair]

    @property
    def images(self) -> list[Any]:
        """The image of each cell."""
        return [self.image, *self.underlays]

    @property
    def alike(self) -> list[Any]:
        """The models' labels."""
        return self.others

    @property
    def grid(self) -> dict[str, Any]:
        """Two layers a cell, all in a row."""
        return {"shape": (1, 1 + len(self.others)), "stride": 2}

    def crop(self, spacing_mm: tuple[float, float, float]) -> tuple[int, int, int, int]:
        """Give the box around all that is labelled, with a margin."""
        found = np.any([as_volume(layer) > 0 for layer in (self.labels, *self.others)], axis=(0, 1))
        if not found.any():
            return 0, found.shape[0], 0, found.shape[1]
        edges: list[int] = []
        for axis, (places, mm) in enumerate(zip(np.nonzero(found), spacing_mm[1:], strict=True)):
            margin = round(_MARGIN_MM / mm)
            edges += [max(int(places.min()) - margin, 0), min(int(places.max()) + 1 + margin, found.shape[axis])]
        return edges[0], edges[1], edges[2], edges[3]

    def titles(self) -> list[tuple[Any, str]]:
        """Give each cell's layer and title."""
        texts = ("own labels", *(f"{age} model\n{name}" for age, name in zip(("old", "new"), self.names, strict=True)))
        return list(zip((self.labels, *self.others), texts, strict=True))

    def removable(self) -> list[Any]:
        """Give the layers that were made for the panel."""
        return self.underlays


def build_models_panel(viewer: "Viewer", case: str, names: tuple[str, str]) -> ModelsPanel:
    """Find the layers of a case on which both models are shown.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.
    names : tuple of str
        The old and the new model.

    Returns
    -------
    ModelsPanel
        All layers are in the viewer.

    Raises
    ------
    ScarNetError
        One of them was deleted; nothing was added.
    """
    image, own = image_layer_of(viewer, case), current_labels(viewer, case)
    by_name = {layer_meta(layer).get("whose"): layer for layer in find_layers(viewer, "other-labels", case=case)}
    if image is None or own is None or not set(names) <= set(by_name):
        raise ScarNetError(f"{case}: some of the layers were deleted; show both models on the case again.")
    underlays = [add_underlay(viewer, image, name) for name in names]
    return ModelsPanel(image, own, [by_name[name] for name in names], names, underlays)

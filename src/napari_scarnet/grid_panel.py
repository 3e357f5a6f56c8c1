"""What napari's grid can show side by side: a panel's layers, their looks, titles and shared contrast."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from napari_scarnet.inspect_state import write_state
from napari_scarnet.inspect_title import add_title
from napari_scarnet.metadata import layer_meta, make_meta, placement

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

__all__ = [
    "GridPanel",
    "MapPanelKind",
    "PanelKind",
    "PanelRow",
    "add_underlay",
    "link_contrast",
    "style_panel",
    "title_steps",
]

MapPanelKind = Literal["fig3", "branch-logit"]
PanelKind = MapPanelKind | Literal["models"]
_LINKED = ("contrast_limits", "gamma", "colormap")
_ALIKE = ("contour", "opacity")


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


class GridPanel(Protocol):
    """What napari's grid can show: layers in the order of its cells.

    Attributes
    ----------
    kind : str
        Which panel it is.
    image, labels : Layer
        The study's image, and the labels on show.
    rows : sequence of PanelRow
        Maps that share their contrast.
    """

    kind: PanelKind
    image: Any
    labels: Any
    rows: "list[PanelRow]"

    @property
    def order(self) -> list[Any]:
        """All layers on show, in the order of the cells."""

    @property
    def images(self) -> list[Any]:
        """The image, and the same image in other cells."""

    @property
    def alike(self) -> list[Any]:
        """Labels that are drawn as :attr:`labels` are, filled or as outlines."""

    @property
    def grid(self) -> dict[str, Any]:
        """Shape and stride of napari's grid."""

    def crop(self, spacing_mm: tuple[float, float, float]) -> tuple[int, int, int, int]:
        """Give the part of the slices to show, (y0, y1, x0, x1) in voxels; the spacing is (z, y, x)."""

    def titles(self) -> list[tuple[Any, str]]:
        """Give each cell's layer and title."""

    def removable(self) -> list[Any]:
        """Give the layers to remove with the panel."""


def add_underlay(viewer: "Viewer", image: "Image", what: str = "the labels") -> "Image":
    """Show a study's image once more, for another cell.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    image : Image
        The study's image.
    what : str
        What it lies under, for the layer's name.

    Returns
    -------
    Image
        A layer of the same pixels that looks the same.
    """
    case = layer_meta(image)["case"]
    underlay = viewer.add_image(
        image.data,
        name=f"{case} · image under {what}",
        metadata={"scarnet": make_meta("underlay", case)},
        contrast_limits=image.contrast_limits,
        colormap=image.colormap,
        gamma=image.gamma,
        interpolation2d=image.interpolation2d,
        **placement(image),
    )
    underlay.contrast_limits_range = image.contrast_limits_range
    return underlay


def style_panel(panel: GridPanel) -> None:
    """Give the panel's layers the looks they have in the panel: same limits in a row, and opaque.

    Parameters
    ----------
    panel : GridPanel
        The panel.
    """
    for row in panel.rows:
        for layer in row.layers:
            layer.contrast_limits_range = row.limits
            layer.contrast_limits = row.limits
            layer.opacity, layer.blending = 1.0, "translucent_no_depth"
    panel.labels.blending = "translucent"
    for layer in panel.alike:
        write_state(layer, {name: getattr(panel.labels, name) for name in _ALIKE})


def title_steps(panel: GridPanel) -> Iterator[bool]:
    """Add a panel's titles and colour bars a few at a time, so that the caller can let Qt breathe in between.

    Parameters
    ----------
    panel : GridPanel
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


def link_contrast(viewer: "Viewer", panel: GridPanel, linked: bool) -> None:
    """Let the layers of a row share their contrast, and labels how they are drawn, or end that.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    panel : GridPanel
        The panel.
    linked : bool
        Whether to link or unlink.
    """
    groups = [(layers, _LINKED) for layers in (*(row.layers for row in panel.rows), panel.images)]
    for group, shared in (*groups, ([panel.labels, *panel.alike], _ALIKE)):
        present = [layer for layer in group if layer in viewer.layers]
        if len(present) > 1:
            if linked:
                viewer.layers.link_layers(present, shared)
            else:
                viewer.layers.unlink_layers(present, shared)

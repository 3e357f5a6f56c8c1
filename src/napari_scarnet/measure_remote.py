"""The remote region as layers: the one that was found, and the one that the user draws."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_scarnet.label_layers import selection_kept
from napari_scarnet.metadata import find_layers, image_layer_of, layer_meta, make_meta, placement, unwrap
from scarnet.measure import Remote

if TYPE_CHECKING:
    from napari.layers import Labels
    from napari.viewer import Viewer

__all__ = ["drawn_layer", "drawn_remote", "found_layer", "hide_found", "show_found", "start_drawing", "use_drawn"]

Mask = npt.NDArray[np.bool_]

_FOUND, _DRAWN = "#41d6f5", "#7cf26a"


def drawn_layer(viewer: "Viewer", case: str) -> "Labels | None":
    """Give the layer in which the user draws a case's remote region, or None.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.

    Returns
    -------
    Labels or None
        Its ``metadata["scarnet"]["used"]`` tells whether it counts.
    """
    return _layer(viewer, case, drawn=True)


def found_layer(viewer: "Viewer", case: str) -> "Labels | None":
    """Give the layer that shows the remote region that was found, or None.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.

    Returns
    -------
    Labels or None
        A layer that cannot be painted on.
    """
    return _layer(viewer, case, drawn=False)


def drawn_remote(viewer: "Viewer", case: str, shape: tuple[int, int, int]) -> Mask | None:
    """Give the remote region that the user drew and wants to count.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.
    shape : tuple of int
        The study's, (Z, Y, X).

    Returns
    -------
    ndarray of bool, shape (Z, Y, X), or None
        None where the region is to be found.
    """
    layer = drawn_layer(viewer, case)
    if layer is None or not layer_meta(layer)["used"] or layer.data.size != np.prod(shape):
        return None
    return np.asarray(np.asarray(layer.data).reshape(shape) != 0)


def start_drawing(viewer: "Viewer", case: str) -> "Labels | None":
    """Let the drawn region count, and hand the user a brush.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.

    Returns
    -------
    Labels or None
        The layer, empty at first; None where the case has no image.
    """
    viewer = unwrap(viewer)
    layer, image = drawn_layer(viewer, case), image_layer_of(viewer, case)
    if layer is None:
        if image is None:
            return None
        layer = _add(viewer, image, case, np.zeros(image.data.shape, np.uint8), drawn=True)
    layer_meta(layer)["used"] = True
    layer.visible = True
    viewer.layers.selection.active = layer
    layer.selected_label, layer.brush_size, layer.mode = 1, 6, "paint"
    hide_found(viewer, case)
    return layer


def use_drawn(viewer: "Viewer", case: str, used: bool) -> None:
    """Let the drawn region count or not; it is kept either way.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.
    used : bool
        Whether it counts.
    """
    layer = drawn_layer(viewer, case)
    if layer is not None:
        layer_meta(layer)["used"] = layer.visible = used
        if not used:
            layer.mode = "pan_zoom"


def show_found(viewer: "Viewer", case: str, remote: Remote | None) -> None:
    """Show the region that was found, or take it away where there is none.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.
    remote : Remote or None
        The region; one that the user drew has a layer already.
    """
    image, layer = image_layer_of(viewer, case), found_layer(viewer, case)
    if image is None or remote is None or remote.drawn:
        hide_found(viewer, case)
        return
    mask = remote.mask.astype(np.uint8).reshape(image.data.shape)
    if layer is None:
        _add(unwrap(viewer), image, case, mask, drawn=False)
    elif not np.array_equal(layer.data, mask):
        layer.data = mask


def hide_found(viewer: "Viewer", case: str) -> None:
    """Take away the layer of the region that was found; it can be found again.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.
    """
    layer = found_layer(viewer, case)
    if layer is not None:
        unwrap(viewer).layers.remove(layer)


def _layer(viewer: Any, case: str, *, drawn: bool) -> Any:
    layers = find_layers(viewer, "remote", case=case)
    return next((layer for layer in layers if layer_meta(layer)["drawn"] == drawn), None)


def _add(viewer: Any, image: Any, case: str, mask: npt.NDArray[np.uint8], *, drawn: bool) -> Any:
    from napari.utils.colormaps import DirectLabelColormap

    colours: dict[int | None, Any] = {0: "transparent", 1: _DRAWN if drawn else _FOUND, None: "red"}
    meta = {**make_meta("remote", case), "drawn": drawn, "used": drawn}
    with selection_kept(viewer):
        layer = viewer.add_labels(
            mask,
            name=f"{case} · remote ({'drawn' if drawn else 'found'})",
            metadata={"scarnet": meta},
            colormap=DirectLabelColormap(color_dict=colours),
            opacity=0.5,
            **placement(image),
        )
    # What is found anew after each change must not be painted on.
    layer.editable = drawn
    return layer

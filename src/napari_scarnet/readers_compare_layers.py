"""Layers for comparing: another's labels beside the case's own, and a map of where two differ."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_scarnet.edit_target import apply_labels
from napari_scarnet.label_layers import current_labels, selection_kept
from napari_scarnet.metadata import find_layers, image_layer_of, layer_meta, make_meta, placement, unwrap
from napari_scarnet.styles import LabelsStyle
from scarnet.classes import TissueClass

if TYPE_CHECKING:
    from napari.layers import Labels
    from napari.viewer import Viewer

__all__ = [
    "ONLY_FIRST",
    "ONLY_SECOND",
    "OTHERWISE",
    "difference_map",
    "drop_others",
    "show_difference",
    "show_other",
    "write_labels",
]

ONLY_FIRST, ONLY_SECOND, OTHERWISE = 1, 2, 3

# Orange and blue are told apart by colour-blind readers; neither is a class's colour.
_COLOURS = {ONLY_FIRST: (0.95, 0.45, 0.10, 1.0), ONLY_SECOND: (0.15, 0.85, 0.95, 1.0), OTHERWISE: (1.0, 1.0, 1.0, 0.8)}


def difference_map(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Map where two labellings of a study differ.

    Parameters
    ----------
    first, second : ndarray of uint8, shape (Z, Y, X)
        The labels.

    Returns
    -------
    ndarray of uint8, shape (Z, Y, X)
        1 where only the first says scar, 2 where only the second does, 3 where they differ otherwise, 0 where they
        agree.
    """
    scar = TissueClass.SCAR
    found = np.where(first != second, np.uint8(OTHERWISE), np.uint8(0))
    found[(first == scar) & (second != scar)] = ONLY_FIRST
    found[(first != scar) & (second == scar)] = ONLY_SECOND
    return found


def show_other(
    viewer: "Viewer", case: str, whose: str, labels: npt.NDArray[np.uint8], *, visible: bool = True
) -> "Labels | None":
    """Show labels beside the case's own; nobody can paint on them.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.
    whose : str
        The reader or model, for the layer's name; a layer of the same one is replaced.
    labels : ndarray of uint8, shape (Z, Y, X)
        The labels.
    visible : bool
        Whether a new layer is visible.

    Returns
    -------
    Labels or None
        The layer; None where the case is not in the viewer any more.
    """
    style = LabelsStyle(visible=visible).as_kwargs()
    layer = _show(viewer, case, "other-labels", whose, labels, f"{case} · {whose}", style)
    if layer is not None:
        # Outlines, so that what is under them can be seen.
        layer.contour, layer.opacity = 2, 1.0
    return layer


def drop_others(viewer: "Viewer", case: str, keep: Collection[str]) -> None:
    """Take labels away that are compared no more.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.
    keep : collection of str
        Readers or models whose labels stay.
    """
    for layer in find_layers(viewer, "other-labels", case=case):
        if layer_meta(layer).get("whose") not in keep:
            unwrap(viewer).layers.remove(layer)


def show_difference(
    viewer: "Viewer", case: str, first: str, second: str, labels: tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]
) -> "Labels | None":
    """Show where two labellings differ.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.
    first, second : str
        Whose they are.
    labels : tuple of ndarray of uint8, shape (Z, Y, X)
        Both.

    Returns
    -------
    Labels or None
        The layer; None where the case is not in the viewer any more.
    """
    import pandas as pd
    from napari.utils.colormaps import DirectLabelColormap

    colours: dict[int | None, Any] = {None: (0, 0, 0, 0), 0: (0, 0, 0, 0)} | dict(_COLOURS.items())
    names = ["agree", f"scar only to {first}", f"scar only to {second}", "differ otherwise"]
    style = {
        "colormap": DirectLabelColormap(color_dict=colours),
        "features": pd.DataFrame({"index": range(4), "difference": names}),
        "opacity": 0.85,
    }
    return _show(viewer, case, "difference", "", difference_map(*labels), f"{case} · difference", style)


def write_labels(viewer: "Viewer", case: str, labels: npt.NDArray[np.uint8]) -> int:
    """Write labels into the case's own as one undo step.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.
    labels : ndarray of uint8, shape (Z, Y, X)
        What they are to be.

    Returns
    -------
    int
        How many voxels changed.
    """
    layer = current_labels(viewer, case)
    return 0 if layer is None else apply_labels(layer, labels)


def _show(
    viewer: Any, case: str, kind: Any, whose: str, data: npt.NDArray[np.uint8], name: str, style: dict[str, Any]
) -> Any:
    viewer = unwrap(viewer)
    image = image_layer_of(viewer, case)
    if image is None or tuple(image.data.shape) != data.shape:
        return None
    for layer in find_layers(viewer, kind, case=case):
        if layer_meta(layer).get("whose") == whose:
            viewer.layers.remove(layer)
    meta = {**make_meta(kind, case), "whose": whose}
    with selection_kept(viewer):
        layer = viewer.add_labels(data, name=name, metadata={"scarnet": meta}, **placement(image), **style)
    layer.editable = False
    return layer

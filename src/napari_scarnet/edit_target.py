"""The labels layer that is edited, seen as (Z, Y, X), and changes to it as one undo step."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_scarnet.metadata import unwrap

if TYPE_CHECKING:
    from napari.layers import Labels

__all__ = ["apply_labels", "as_volume"]


def as_volume(layer: Any) -> npt.NDArray[Any]:
    """Give a layer's data with three axes; a 2D layer is a stack of one slice.

    Parameters
    ----------
    layer : Layer
        A layer of ours with two or three axes.

    Returns
    -------
    ndarray, shape (Z, Y, X)
        A view, not a copy.
    """
    data = np.asarray(layer.data)
    return data if data.ndim == 3 else data[None]


def apply_labels(layer: "Labels", labels: npt.NDArray[np.uint8]) -> int:
    """Change labels as one step that napari's undo takes back.

    Parameters
    ----------
    layer : Labels
        The layer.
    labels : ndarray of uint8, shape (Z, Y, X) or the layer's
        What it is to hold.

    Returns
    -------
    int
        How many voxels changed; with 0 there is nothing to undo.
    """
    layer = unwrap(layer)
    labels = labels.reshape(layer.data.shape)
    places = np.nonzero(np.asarray(layer.data) != labels)
    if places[0].size:
        # napari wants a list here: it takes an array for one value.
        layer.data_setitem(places, list(labels[places]))
    return int(places[0].size)

"""Labels layers: made and written in one place, one scar threshold each, and never over a user's edit."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_scarnet.metadata import find_layers, layer_meta, make_meta, placement, unwrap
from napari_scarnet.studies import stack_of
from napari_scarnet.styles import LabelsStyle
from scarnet.predict.prediction import Prediction

if TYPE_CHECKING:
    from napari.layers import Image, Labels
    from napari.viewer import Viewer

__all__ = [
    "add_labels",
    "current_labels",
    "drop_beside",
    "labels_at",
    "labels_edited",
    "labels_on_show",
    "selection_kept",
    "set_labels",
]


def current_labels(viewer: "Viewer", case: str) -> "Labels | None":
    """Give the labels layer that shows a case's last prediction.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.

    Returns
    -------
    Labels or None
        None where there is none, or the user deleted it.
    """
    return next(iter(find_layers(viewer, "labels", case=case)), None)


def labels_on_show(viewer: "Viewer", case: str) -> "Labels | None":
    """Give the labels that stand for a case now: those at a threshold beside edited ones, else the current ones.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.

    Returns
    -------
    Labels or None
        None where there are none. Its ``metadata["scarnet"]["threshold"]`` is the scar threshold of the case.
    """
    for layer in find_layers(viewer, "labels", case=case, kept=True):
        if layer_meta(layer).get("beside") and layer.visible:
            return layer
    return current_labels(viewer, case)


def labels_edited(layer: "Labels", slices: Sequence[int] | None = None) -> bool:
    """Tell whether a labels layer differs from what the plugin last wrote into it.

    Parameters
    ----------
    layer : Labels
        A labels layer of ours.
    slices : sequence of int, optional
        Look at these slices only.

    Returns
    -------
    bool
        True for any change, however it was made; also where the plugin never wrote the layer.
    """
    baseline = layer_meta(layer).get("baseline")
    data = np.asarray(layer.data)
    if baseline is None or baseline.shape != data.shape:
        return True
    if slices is None or data.ndim == 2:
        return not np.array_equal(baseline, data)
    return not np.array_equal(baseline[list(slices)], data[list(slices)])


def labels_at(prediction: Prediction, threshold: float | None) -> npt.NDArray[np.uint8]:
    """Give the labels of a prediction at a scar threshold.

    Parameters
    ----------
    prediction : Prediction
        The prediction.
    threshold : float or None
        A voxel is scar from this probability on; None gives the prediction's own labels.

    Returns
    -------
    ndarray of uint8, shape (Z, Y, X)
        The labels, cleaned where the prediction's own labels are.
    """
    from scarnet.predict import labels_from_probabilities

    if threshold is None:
        return prediction.labels
    # Outside the window all is background, so leaving it out changes nothing but the time it takes.
    y0, y1, x0, x1 = prediction.window
    inside = prediction.probabilities[:, :, y0:y1, x0:x1]
    labels = np.zeros_like(prediction.labels)
    labels[:, y0:y1, x0:x1] = labels_from_probabilities(
        inside, threshold, prediction.postprocessed, prediction.smallest_scar_voxels if prediction.whole else 0
    )
    return labels


@contextmanager
def selection_kept(viewer: Any) -> Iterator[None]:
    """Let napari add layers without selecting each.

    Its controls would flicker through all of them, and in 3D its status bar fails on labels with features.

    Parameters
    ----------
    viewer : Viewer
        The viewer itself, not napari's proxy.

    Yields
    ------
    None
        Layers added inside the block leave the selection alone.
    """
    layers = viewer.layers
    before = layers._activate_on_insert
    layers._activate_on_insert = False
    try:
        yield
    finally:
        layers._activate_on_insert = before


def add_labels(
    viewer: "Viewer",
    image_layer: "Image",
    labels: np.ndarray,
    threshold: float | None = None,
    *,
    beside: bool = False,
) -> "Labels":
    """Add a labels layer of ours, on the image's grid and with all that our labels layers carry.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    image_layer : Image
        The study's image layer.
    labels : ndarray, shape (Z, Y, X) or the image's
        The labels; copied.
    threshold : float, optional
        The scar threshold that made them.
    beside : bool
        They are shown in place of edited labels, which stay the case's own.

    Returns
    -------
    Labels
        The new layer; the selection stays as it was.
    """
    viewer, case = unwrap(viewer), layer_meta(image_layer)["case"]
    labels = np.array(labels, dtype=np.uint8).reshape(image_layer.data.shape)
    meta = {
        **make_meta("labels", case),
        "baseline": labels.copy(),
        "stack": stack_of(image_layer),
        "threshold": threshold,
    }
    if beside:
        # Marked as kept, so that nobody takes it for the case's labels.
        meta |= {"kept": True, "beside": True}
    name = f"{case} · labels (threshold)" if beside else f"{case} · labels"
    place, style = placement(image_layer), LabelsStyle().as_kwargs()
    with selection_kept(viewer):
        return viewer.add_labels(labels, name=name, metadata={"scarnet": meta}, **place, **style)


def set_labels(
    layer: "Labels", labels: np.ndarray, slices: Sequence[int] | None = None, threshold: float | None = None
) -> None:
    """Write labels into a layer as the plugin's own, not as an edit.

    Check :func:`labels_edited` first; this overwrites.

    Parameters
    ----------
    layer : Labels
        A labels layer of ours.
    labels : ndarray, shape (Z, Y, X) or the layer's
        The labels.
    slices : sequence of int, optional
        Write these slices only; edits elsewhere stay, still count as edits, and can still be undone.
    threshold : float, optional
        The scar threshold that made the labels.
    """
    layer = unwrap(layer)
    labels = np.array(labels, dtype=np.uint8).reshape(layer.data.shape)
    meta = layer_meta(layer)
    some = slices is not None and labels.ndim == 3 and len(set(slices)) < len(labels)
    if slices is not None and some and meta.get("baseline") is not None:
        baseline, new = meta["baseline"].copy(), np.zeros(labels.shape, dtype=bool)
        baseline[list(slices)] = labels[list(slices)]
        new[list(slices)] = True
        places = np.nonzero(new & (np.asarray(layer.data) != labels))
        if places[0].size:
            layer.data_setitem(places, list(labels[places]))
    else:
        baseline = labels.copy()
        if not np.array_equal(np.asarray(layer.data), labels):
            layer.data = labels
            # napari keeps the undo steps of the old array, which would write old voxels into the new one.
            layer._reset_history()
    meta["baseline"], meta["threshold"] = baseline, threshold


def drop_beside(viewer: "Viewer", case: str) -> None:
    """Take away labels at a threshold that stand beside edited ones, and show the case's own labels again.

    Where the labels at a threshold were edited too, they are hidden and kept.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.
    """
    own = current_labels(viewer, case)
    for layer in find_layers(viewer, "labels", case=case, kept=True):
        meta = layer_meta(layer)
        if not meta.get("beside"):
            continue
        if own is not None:
            own.visible = True
        if labels_edited(layer):
            meta["beside"], layer.visible = False, False
        else:
            unwrap(viewer).layers.remove(layer)

"""Entropy, margin and the branches' own logits as layers."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from napari_scarnet.inspect_case import prediction_of
from napari_scarnet.label_layers import selection_kept
from napari_scarnet.layers import (
    LogitStyle,
    find_layers,
    image_layer_of,
    layer_meta,
    make_meta,
    placement,
    unwrap,
)
from scarnet.classes import CLASS_NAMES
from scarnet.errors import ScarNetError
from scarnet.figure import PANEL_CLASSES
from scarnet.predict.prediction import Prediction

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

__all__ = [
    "BRANCH_NAMES",
    "MapKind",
    "branch_limit",
    "hide_maps",
    "maps_shown",
    "show_maps",
    "uncertainty",
    "update_maps",
]

MapKind = Literal["entropy", "margin", "branch-logit"]
BRANCH_NAMES = {"medsam": "MedSAM", "unet": "U-Net"}
# Entropy is added onto the image, so that the image stays as it is where the network is sure.
_STYLES = {
    "entropy": {"colormap": "inferno", "blending": "additive", "opacity": 0.9},
    "margin": {"colormap": "viridis", "blending": "translucent", "opacity": 0.6},
}


def uncertainty(prediction: Prediction, kind: Literal["entropy", "margin"]) -> npt.NDArray[np.float32]:
    """Compute a map of how sure the network is, where it looked.

    Parameters
    ----------
    prediction : Prediction
        The prediction.
    kind : {"entropy", "margin"}
        Which map.

    Returns
    -------
    ndarray of float32, shape (Z, Y, X)
        Between 0 and 1; NaN outside the heart window and on slices that were not predicted.
    """
    from scarnet.predict import entropy_map, margin_map

    compute: Callable[..., Any] = entropy_map if kind == "entropy" else margin_map
    y0, y1, x0, x1 = prediction.window
    values = np.full(prediction.labels.shape, np.nan, dtype=np.float32)
    chosen = list(prediction.slices)
    values[chosen, y0:y1, x0:x1] = compute(prediction.probabilities[:, chosen, y0:y1, x0:x1])
    return values


def maps_shown(viewer: "Viewer", case: str, kind: MapKind) -> bool:
    """Tell whether any map of a kind is visible.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.
    kind : str
        Which maps.

    Returns
    -------
    bool
        False also where there are none.
    """
    return any(layer.visible for layer in find_layers(viewer, kind, case=case))


def hide_maps(viewer: "Viewer", case: str, kind: MapKind) -> None:
    """Hide all maps of a kind.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.
    kind : str
        Which maps.
    """
    for layer in find_layers(viewer, kind, case=case):
        layer.visible = False


def show_maps(viewer: "Viewer", case: str, kind: MapKind) -> "list[Image]":
    """Show the maps of a kind: those that exist are updated in place, those that are missing are made.

    The branches' maps stay hidden: opaque as they are, they would cover each other. They have a panel of their own.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.
    kind : str
        Which maps.

    Returns
    -------
    list of Image
        The layers; for branches one a branch and class.

    Raises
    ------
    ScarNetError
        The case has no prediction, or the branches' logits were not computed.
    """
    image, prediction = image_layer_of(viewer, case), prediction_of(viewer, case)
    if image is None or prediction is None:
        raise ScarNetError(f"{case} has no image with a prediction; run the Segment step first.")
    if kind == "branch-logit" and not prediction.branch_logits:
        raise ScarNetError(f"{case}: the branches' logits were not computed; compute them first.")
    shown = _refresh(unwrap(viewer), image, prediction, kind, make=True)
    if kind != "branch-logit":
        for layer in shown:
            layer.visible = True
    return shown


def update_maps(viewer: "Viewer", case: str) -> None:
    """Bring the maps that exist up to date with the case's prediction; none is made or shown.

    Branches' maps are removed where the prediction has no branches' logits: they belong to an older one.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.
    """
    image, prediction = image_layer_of(viewer, case), prediction_of(viewer, case)
    if image is None or prediction is None:
        return
    for kind in ("entropy", "margin", "branch-logit"):
        _refresh(unwrap(viewer), image, prediction, kind, make=False)
    if not prediction.branch_logits:
        for layer in find_layers(viewer, "branch-logit", case=case):
            unwrap(viewer).layers.remove(layer)


def branch_limit(prediction: Prediction) -> float:
    """Give the limit that the logits of both branches share, so that their colours compare.

    Parameters
    ----------
    prediction : Prediction
        A prediction with branches' logits.

    Returns
    -------
    float
        The largest absolute logit of either branch inside the window, rounded up; at least 1.
    """
    y0, y1, x0, x1 = prediction.window
    seen = [logits[:, list(prediction.slices), y0:y1:2, x0:x1:2] for logits in prediction.branch_logits.values()]
    return float(np.ceil(max([1.0, *(np.abs(part).max() for part in seen if part.size)])))


def _refresh(viewer: Any, image: Any, prediction: Prediction, kind: MapKind, make: bool) -> list[Any]:
    case, done = layer_meta(image)["case"], []
    for cls, branch, name, data, style in _wanted(prediction, case, kind):
        found = find_layers(viewer, kind, cls, case, branch=branch)
        if not found and not make:
            continue
        values = data().reshape(image.data.shape)
        if found:
            found[0].data = values
            done.append(found[0])
        else:
            meta = {"scarnet": make_meta(kind, case, cls, branch)}
            with selection_kept(viewer):
                done.append(viewer.add_image(values, name=name, metadata=meta, **placement(image), **style))
    return done


def _wanted(prediction: Prediction, case: str, kind: MapKind) -> Any:
    """Give class, branch, name, data (as a callable) and style of each map of a kind."""
    if kind != "branch-logit":
        style = {"contrast_limits": (0.0, 1.0), "visible": False, **_STYLES[kind]}
        yield None, None, f"{case} · {kind}", lambda: uncertainty(prediction, kind), style
        return
    style = LogitStyle().as_kwargs(branch_limit(prediction))
    for branch, logits in prediction.branch_logits.items():
        for cls in PANEL_CLASSES:
            name = f"{case} · {BRANCH_NAMES.get(branch, branch)} logit {CLASS_NAMES[cls]}"
            yield int(cls), branch, name, lambda values=logits[cls]: values, style

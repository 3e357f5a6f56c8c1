"""Predictions as layers: made once, updated in place, and never over a user's edit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_scarnet.label_layers import (
    add_labels,
    current_labels,
    drop_beside,
    labels_at,
    labels_edited,
    selection_kept,
    set_labels,
)
from napari_scarnet.merging import logit_limit
from napari_scarnet.metadata import find_layers, layer_meta, make_case_unique, make_meta, placement, unwrap
from napari_scarnet.studies import stack_of
from napari_scarnet.styles import LogitStyle, ProbabilityStyle
from scarnet.classes import CLASS_NAMES, TissueClass
from scarnet.predict.prediction import Prediction

if TYPE_CHECKING:
    from napari.layers import Image, Labels
    from napari.viewer import Viewer

__all__ = [
    "PredictionLayers",
    "current_labels",
    "prediction_steps",
    "show_prediction",
]


@dataclass
class PredictionLayers:
    """The layers that show a prediction.

    Attributes
    ----------
    labels : Labels or None
        The current labels.
    logits, probabilities : list of Image
        One a class, in the order of the classes.
    kept : Labels or None
        The edited labels that were left aside instead of being overwritten.
    """

    labels: "Labels | None" = None
    logits: "list[Image]" = field(default_factory=list)
    probabilities: "list[Image]" = field(default_factory=list)
    kept: "Labels | None" = None


def _leave_aside(layer: "Labels", case: str) -> None:
    """Keep an edited labels layer under a name that says so."""
    layer_meta(layer)["kept"] = True
    if layer.name.startswith(f"{case} · labels"):
        layer.name = f"{case} · labels (edited)"
    layer.visible = False


def _sync_placement(layer: Any, place: dict[str, Any]) -> None:
    """Follow the image where it was moved or rescaled since."""
    for name in ("scale", "translate", "rotate", "shear"):
        if not np.allclose(getattr(layer, name), place[name]):
            setattr(layer, name, place[name])
    if not np.allclose(layer.affine.affine_matrix, place["affine"]):
        layer.affine = place["affine"]
    if layer.units != place["units"]:
        layer.units = place["units"]


def _show_map(viewer: Any, image_layer: Any, data: np.ndarray, kind: Any, cls: int, kwargs: dict[str, Any]) -> Any:
    """Update the map of one class, or add it; the user's own contrast limits stay."""
    case = layer_meta(image_layer)["case"]
    data = data.reshape(image_layer.data.shape)
    place = placement(image_layer)
    for layer in find_layers(viewer, kind, cls, case):
        if layer.data.shape == data.shape:
            untouched = tuple(layer.contrast_limits) == layer_meta(layer).get("limits")
            layer.data = data
            _sync_placement(layer, place)
            if untouched:
                layer.contrast_limits_range = kwargs["contrast_limits"]
                layer.contrast_limits = kwargs["contrast_limits"]
                layer_meta(layer)["limits"] = tuple(layer.contrast_limits)
            return layer
    name = f"{case} · {'logit' if kind == 'logit' else 'p'} {CLASS_NAMES[TissueClass(cls)]}"
    with selection_kept(viewer):
        layer = viewer.add_image(data, name=name, metadata={"scarnet": make_meta(kind, case, cls)}, **place, **kwargs)
    layer_meta(layer)["limits"] = tuple(layer.contrast_limits)
    return layer


def _show_labels(viewer: Any, image_layer: Any, prediction: Prediction, slices: Sequence[int]) -> Any:
    """Update the labels, or add them; gives the layer and the edited one that was left aside, if any."""
    case = layer_meta(image_layer)["case"]
    layer, kept = current_labels(viewer, case), None
    # A slice joins what its neighbours were made with; where nothing older is left, all starts anew.
    anew = layer is None or set(prediction.slices) <= set(slices)
    threshold = None if anew else layer_meta(layer).get("threshold")
    labels = labels_at(prediction, threshold).reshape(image_layer.data.shape)
    drop_beside(viewer, case)
    if layer is not None and (layer.data.shape != labels.shape or labels_edited(layer, slices)):
        _leave_aside(layer, case)
        layer, kept = None, layer
    if layer is None:
        return add_labels(viewer, image_layer, labels, threshold), kept
    set_labels(layer, labels, None if anew and not labels_edited(layer) else slices, threshold)
    layer_meta(layer)["stack"] = stack_of(image_layer)
    _sync_placement(layer, placement(image_layer))
    return layer, kept


def prediction_steps(
    viewer: "Viewer", image_layer: "Image", prediction: Prediction, slices: Sequence[int] | None = None
) -> Iterator[PredictionLayers]:
    """Show a prediction one layer at a time, so that the caller can let Qt breathe in between.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    image_layer : Image
        The study's image layer; the other layers take its place in space.
    prediction : Prediction
        What to show, merged with older slices where it covers only some.
    slices : sequence of int, optional
        The slices that are new; all of ``prediction.slices`` if not given.

    Yields
    ------
    PredictionLayers
        The same object after each layer; complete after the last.
    """
    viewer, image_layer = unwrap(viewer), unwrap(image_layer)
    make_case_unique(viewer, image_layer)
    new = tuple(prediction.slices if slices is None else slices)
    result = PredictionLayers()
    limit = logit_limit(prediction)
    for cls in TissueClass:
        layer = _show_map(viewer, image_layer, prediction.logits[cls], "logit", cls, LogitStyle().as_kwargs(limit))
        result.logits.append(layer)
        yield result
    # Scar goes last, so that the one map that is visible lies right under the labels.
    for cls in TissueClass:
        style = ProbabilityStyle().as_kwargs(cls)
        result.probabilities.append(
            _show_map(viewer, image_layer, prediction.probabilities[cls], "probability", cls, style)
        )
        yield result
    result.labels, result.kept = _show_labels(viewer, image_layer, prediction, new)
    layer_meta(image_layer)["prediction"] = prediction
    yield result


def show_prediction(
    viewer: "Viewer", image_layer: "Image", prediction: Prediction, slices: Sequence[int] | None = None
) -> PredictionLayers:
    """Show a prediction as labels, four logit and four probability layers.

    Layers that show an older prediction of the case are updated in place, whatever their name. A labels layer
    that the user has edited in the new slices is left aside, hidden and marked ``kept``, and a new one is made.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    image_layer : Image
        The study's image layer.
    prediction : Prediction
        What to show; where it covers some slices only, merge it with an older one first, with
        :func:`~napari_scarnet.merging.merge_predictions`.
    slices : sequence of int, optional
        The slices that are new; all of ``prediction.slices`` if not given.

    Returns
    -------
    PredictionLayers
        The layers.
    """
    result = PredictionLayers()
    for result in prediction_steps(viewer, image_layer, prediction, slices):  # noqa: B007
        pass
    return result

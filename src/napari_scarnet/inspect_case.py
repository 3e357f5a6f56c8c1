"""What a case has in the viewer now, and what its prediction says at a point."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from napari_scarnet.layers import find_layers, image_layer_of, layer_meta
from scarnet.classes import N_CLASSES
from scarnet.predict.outside import OUTSIDE_LOGITS
from scarnet.predict.prediction import Prediction

if TYPE_CHECKING:
    from napari.viewer import Viewer

__all__ = ["Reading", "ReadingState", "anchor_layer", "cases", "describe_case", "prediction_of", "read_at"]

ReadingState = Literal["values", "outside-image", "outside-window", "slice-not-predicted", "no-prediction", "view-3d"]

# Maps lie exactly on the image, so any of them can stand in for its geometry once it is gone.
_ANCHORS = ("image", "logit", "probability", "labels", "branch-logit", "entropy", "margin")


@dataclass(frozen=True)
class Reading:
    """What is known at one point of the world.

    Attributes
    ----------
    state : str
        ``"values"`` where the network computed something there, else why it did not.
    index : tuple of int or None
        Voxel (z, y, x), or None outside the image.
    intensity : float or None
        The image there.
    logits, probabilities : tuple of float
        One a class; NaN where the layer is gone. Empty unless the state is ``"values"``.
    """

    state: ReadingState
    index: tuple[int, int, int] | None = None
    intensity: float | None = None
    logits: tuple[float, ...] = ()
    probabilities: tuple[float, ...] = ()


def cases(viewer: "Viewer") -> list[str]:
    """List the cases that have any layer in the viewer.

    Parameters
    ----------
    viewer : Viewer
        The viewer.

    Returns
    -------
    list of str
        In the order of their first layer.
    """
    return list(dict.fromkeys(layer_meta(layer)["case"] for layer in find_layers(viewer, kept=True)))


def prediction_of(viewer: "Viewer", case: str) -> Prediction | None:
    """Give the last prediction of a case.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.

    Returns
    -------
    Prediction or None
        None where there was none, or its image layer is gone.
    """
    layer = image_layer_of(viewer, case)
    found = None if layer is None else layer_meta(layer).get("prediction")
    return found if isinstance(found, Prediction) else None


def describe_case(viewer: "Viewer", case: str | None) -> str:
    """Say in one line what there is of a case.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str or None
        The case; None where no study is open.

    Returns
    -------
    str
        The model and how many slices it has seen, or what is missing.
    """
    if case is None:
        return "No study is open: start with the Study step."
    if image_layer_of(viewer, case) is None:
        return "The image layer of this case was deleted; only values of the maps that are left can be read."
    prediction = prediction_of(viewer, case)
    if prediction is None:
        return "No prediction yet: run the Segment step."
    done, total = len(prediction.slices), prediction.labels.shape[0]
    return f"Model {prediction.card.name}, {done} of {total} slices predicted"


def anchor_layer(viewer: "Viewer", case: str) -> Any:
    """Give a layer that lies where the case's image does: the image, or a map where the image is gone.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.

    Returns
    -------
    Layer or None
        None where the case has no layer left.
    """
    for kind in _ANCHORS:
        for layer in find_layers(viewer, kind, case=case):  # type: ignore[arg-type]
            return layer
    return None


def read_at(viewer: "Viewer", case: str, position: Sequence[float]) -> Reading:
    """Look up a point of the world in a case's image and prediction.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.
    position : sequence of float
        World coordinates, as in ``viewer.cursor.position``.

    Returns
    -------
    Reading
        What is there, through the placement of the case's own layers.
    """
    anchor = anchor_layer(viewer, case)
    if anchor is None:
        return Reading("no-prediction")
    shape = np.shape(anchor.data)
    # napari shows voxel i from i - 0.5 to i + 0.5.
    voxel = np.floor(np.asarray(anchor.world_to_data(tuple(position)))[-len(shape) :] + 0.5).astype(int)
    if (voxel < 0).any() or (voxel >= shape).any():
        return Reading("outside-image")
    own = tuple(int(i) for i in voxel)
    z, y, x = (0, *own) if len(own) == 2 else own
    image = image_layer_of(viewer, case)
    intensity = None if image is None or np.shape(image.data) != shape else float(image.data[own])
    prediction = prediction_of(viewer, case)
    if prediction is None:
        return _read_layers(viewer, case, own, (z, y, x), intensity)
    y0, y1, x0, x1 = prediction.window
    state: ReadingState = "values"
    if prediction.labels.shape[-len(shape) :] != shape:
        state = "no-prediction"
    elif z not in prediction.slices:
        state = "slice-not-predicted"
    elif not (y0 <= y < y1 and x0 <= x < x1):
        state = "outside-window"
    if state != "values":
        return Reading(state, (z, y, x), intensity)
    logits, probabilities = (_floats(maps[:, z, y, x]) for maps in (prediction.logits, prediction.probabilities))
    return Reading(state, (z, y, x), intensity, logits, probabilities)


def _read_layers(
    viewer: "Viewer", case: str, own: tuple[int, ...], index: tuple[int, int, int], intensity: float | None
) -> Reading:
    """Read what is left in the map layers of a case whose image was deleted."""
    values = np.full((2, N_CLASSES), np.nan)
    for row, kind in enumerate(("logit", "probability")):
        for layer in find_layers(viewer, kind, case=case):  # type: ignore[arg-type]
            cls = layer_meta(layer).get("class")
            inside = len(own) == np.ndim(layer.data) and all(i < n for i, n in zip(own, layer.data.shape, strict=True))
            if cls is not None and inside:
                values[row, cls] = layer.data[own]
    if np.isnan(values).all():
        return Reading("no-prediction", index, intensity)
    if np.array_equal(values[0], np.asarray(OUTSIDE_LOGITS)):
        return Reading("outside-window", index, intensity)
    return Reading("values", index, intensity, _floats(values[0]), _floats(values[1]))


def _floats(values: npt.NDArray[np.floating]) -> tuple[float, ...]:
    return tuple(float(v) for v in values)

"""A project's case as layers: its image, its labels as they are now, and what the network predicted."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_scarnet.label_layers import add_labels, current_labels, labels_edited, selection_kept, set_labels
from napari_scarnet.metadata import find_layers, image_layer_of, layer_meta, unwrap
from napari_scarnet.predictions import prediction_steps
from napari_scarnet.studies import add_stack, bring_forward
from scarnet.classes import N_CLASSES
from scarnet.errors import ScarNetError
from scarnet.predict.prediction import Prediction
from scarnet.stack import LGEStack

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from scarnet.project import DamagedLabelsError, Project

__all__ = ["CaseContents", "case_steps", "missing_map_steps", "read_case", "refresh_steps", "removal_steps"]

# Logits and probabilities; the step after them would write the labels, which are ours to show.
_MAPS = 2 * N_CLASSES


@dataclass
class CaseContents:
    """What a case holds, read in a worker.

    Attributes
    ----------
    project : Project
        The project.
    case : str
        Its name.
    stack : LGEStack
        The image.
    own : ndarray of uint8, shape (Z, Y, X), or None
        The labels that a person made.
    prediction : Prediction or None
        What the network predicted.
    damaged : DamagedLabelsError or None
        The labels a person made are there, but cannot be read.
    notice : str
        What else could not be read; empty where all could.
    """

    project: "Project"
    case: str
    stack: LGEStack
    own: npt.NDArray[np.uint8] | None = None
    prediction: Prediction | None = None
    damaged: "DamagedLabelsError | None" = None
    notice: str = ""


def read_case(project: "Project", case: str) -> CaseContents:
    """Read a case; for a worker.

    Parameters
    ----------
    project : Project
        The project.
    case : str
        One of its cases.

    Returns
    -------
    CaseContents
        All that can be read of it.

    Raises
    ------
    ScarNetError
        There is no such case, or its image is damaged.
    """
    from scarnet.project import DamagedLabelsError

    contents = CaseContents(project, case, project.stack(case))
    try:
        contents.own = project.labels(case)
    except DamagedLabelsError as error:
        contents.damaged = error
    try:
        contents.prediction = project.prediction(case)
    except ScarNetError as error:
        contents.notice = str(error)
    return contents


def removal_steps(viewer: "Viewer") -> Iterator[None]:
    """Take the layers of projects' cases away one by one, the topmost first.

    Labels that were edited and lie in no file of a project, such as those painted after it was closed, stay: hidden,
    and marked as no case's own.

    Parameters
    ----------
    viewer : Viewer
        The viewer.

    Yields
    ------
    None
        After each.
    """
    viewer = unwrap(viewer)
    # By any layer of theirs: the user may have deleted the image alone.
    cases = {m["case"] for m in map(layer_meta, find_layers(viewer, kept=True)) if m.get("project") is not None}
    # Or opened a study of their own in its place, which has the maps then.
    replaced = {m["case"] for m in map(layer_meta, find_layers(viewer, "image")) if m.get("project") is None}
    for layer in reversed(find_layers(viewer, kept=True)):
        meta = layer_meta(layer)
        if meta["case"] not in cases or layer not in viewer.layers:
            continue
        if meta["case"] in replaced and meta.get("project") is None:
            continue
        if meta["kind"] == "labels" and meta.get("project") is None and labels_edited(layer):
            meta["kept"], layer.visible = True, False
        else:
            viewer.layers.remove(layer)
        yield


def case_steps(viewer: "Viewer", contents: CaseContents) -> Iterator[None]:
    """Show a case: image and labels first, so that work can begin, then the maps under the labels.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    contents : CaseContents
        What was read.

    Yields
    ------
    None
        After each layer, so that Qt can breathe.

    Raises
    ------
    ScarNetError
        Another study of the same name is in the viewer.
    """
    viewer, project, case = unwrap(viewer), contents.project, contents.case
    if image_layer_of(viewer, case) is not None:
        raise ScarNetError(f"Another study named {case} is open in the viewer; remove it from the layer list first.")
    for layer in find_layers(viewer, "labels", case=case):
        # Left from a study whose image was deleted; they must not be taken for this case's own.
        layer.metadata["scarnet"] = {**layer_meta(layer), "kept": True}
        layer.visible = False
    with selection_kept(viewer):
        image = add_stack(viewer, contents.stack)
    layer_meta(image)["project"] = project
    writing = {} if project.read_only else {"save_labels": partial(project.save_labels, case)}
    layer_meta(image).update(writing)
    if contents.prediction is not None:
        layer_meta(image)["prediction"] = contents.prediction
    bring_forward(viewer, image)
    yield
    prediction = layer_meta(image).get("prediction")  # a newer one may have come meanwhile
    predicted = prediction.labels if prediction is not None else None
    start = contents.own if contents.own is not None else predicted
    labels = add_labels(viewer, image, np.zeros(contents.stack.shape, np.uint8) if start is None else start)
    meta = layer_meta(labels)
    meta.update(writing, project=project)
    if contents.own is not None:
        meta["baseline"] = None  # a person's labels count as edited, whatever comes
    # Damaged labels must not be painted over as long as their last good version can be had.
    recoverable = contents.damaged is not None and contents.damaged.last_good
    labels.editable = not project.read_only and not recoverable
    viewer.layers.selection.active = labels
    yield
    if contents.prediction is not None:
        yield from _map_steps(viewer, image, contents.prediction)


def refresh_steps(viewer: "Viewer", contents: CaseContents) -> Iterator[None]:
    """Show a new prediction of the case that is open; labels that a person edited stay.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    contents : CaseContents
        What was read.

    Yields
    ------
    None
        After each layer.
    """
    viewer, prediction = unwrap(viewer), contents.prediction
    image = image_layer_of(viewer, contents.case)
    if image is None or prediction is None or tuple(image.data.shape) != prediction.labels.shape:
        return
    layer_meta(image)["prediction"] = prediction
    labels = current_labels(viewer, contents.case)
    if labels is not None and not labels_edited(labels):
        set_labels(labels, prediction.labels)
    yield
    yield from _map_steps(viewer, image, prediction)


def missing_map_steps(viewer: "Viewer", case: str) -> Iterator[None]:
    """Show those maps of the open case's prediction again whose layers were deleted.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.

    Yields
    ------
    None
        After each layer; at once done where none is missing.
    """
    viewer = unwrap(viewer)
    image = image_layer_of(viewer, case)
    if image is None or (prediction := layer_meta(image).get("prediction")) is None:
        return
    metas = map(layer_meta, find_layers(viewer, case=case))
    there = {(meta["kind"], meta["class"]) for meta in metas if meta["kind"] in ("logit", "probability")}
    if len(there) < _MAPS:
        yield from _map_steps(viewer, image, prediction)


def _map_steps(viewer: Any, image: "Image", prediction: Prediction) -> Iterator[None]:
    """Show logits and probabilities below the labels, unless a newer prediction comes, which shows its own."""
    steps, case = prediction_steps(viewer, image, prediction), layer_meta(image)["case"]
    for _ in range(_MAPS):
        # Its logits tell: computing branches gives a new prediction of the same logits.
        if image not in viewer.layers or layer_meta(image)["prediction"].logits is not prediction.logits:
            return
        count = len(viewer.layers)
        next(steps)
        labels = current_labels(viewer, case)
        if len(viewer.layers) > count:
            viewer.layers[-1].visible = False  # who corrects labels looks at image and labels; F9 shows scar's map
            if labels is not None:
                viewer.layers.move(len(viewer.layers) - 1, viewer.layers.index(labels))
        yield

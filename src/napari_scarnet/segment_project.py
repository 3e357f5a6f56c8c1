"""Segmenting a project's case: its prediction is renewed, and labels that somebody made stay the case's own."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from napari_scarnet.label_layers import current_labels, labels_edited
from napari_scarnet.metadata import image_layer_of, layer_meta
from napari_scarnet.project_case_layers import CaseContents, refresh_steps
from napari_scarnet.project_session import project_for
from scarnet.predict.prediction import Prediction

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from scarnet.project import Project
    from scarnet.project.uncertainty import Uncertainty

__all__ = ["keep_in_project", "open_project_of", "renewal_steps", "what_became"]


def open_project_of(viewer: "Viewer", layer: "Image") -> "Project | None":
    """Give the project whose case an image is.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    layer : Image
        A study's image.

    Returns
    -------
    Project or None
        None where it is no project's, or the project is not open any more.
    """
    project, own = project_for(viewer).project, layer_meta(layer).get("project")
    return project if project is not None and own is project else None


def keep_in_project(project: "Project", prediction: Prediction, model: str, doubt: "Uncertainty | None" = None) -> None:
    """Make a prediction that of its case in the project; for a worker.

    Parameters
    ----------
    project : Project
        The project.
    prediction : Prediction
        Of one of its cases.
    model : str
        What the model is called.
    doubt : Uncertainty, optional
        How unsure the model is; without it the entropy alone is measured.

    Raises
    ------
    ScarNetError
        The project is read-only, was closed meanwhile, or its disk is full.
    """
    from scarnet.project import keep_prediction

    known = {record.sha256: record.name for record in project.state.models}
    keep_prediction(project, prediction, known.get(prediction.model_sha256, model), doubt)


def renewal_steps(viewer: "Viewer", project: "Project", prediction: Prediction) -> Iterator[None]:
    """Show a new prediction of a project's case, where that is still open.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    project : Project
        The project.
    prediction : Prediction
        The prediction.

    Yields
    ------
    None
        After each layer.
    """
    image = image_layer_of(viewer, prediction.case)
    if image is not None and open_project_of(viewer, image) is project:
        contents = CaseContents(project, prediction.case, layer_meta(image)["stack"], prediction=prediction)
        yield from refresh_steps(viewer, contents)


def what_became(viewer: "Viewer", project: "Project", case: str, kept: bool) -> str:
    """Say what a new prediction of a project's case changed.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    project : Project
        The project.
    case : str
        The case.
    kept : bool
        Whether the project has taken the prediction; a read-only one takes none.

    Returns
    -------
    str
        A sentence.
    """
    image = image_layer_of(viewer, case)
    if image is None or open_project_of(viewer, image) is not project:
        if kept:
            return f"The new prediction of {case} is kept in the project."
        return f"The project is read-only and {case} is not open any more, so its new prediction was dropped."
    if not kept:
        return "The project is read-only, so this prediction is only shown."
    labels = current_labels(viewer, case)
    if labels is not None and labels_edited(labels):
        return "The case's prediction is new; the labels that somebody made stay."
    return "The case's prediction is new, and so are its labels, which nobody has edited."

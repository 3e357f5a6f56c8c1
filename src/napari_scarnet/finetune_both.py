"""Two models' labels of one case, predicted where they are not known yet, as layers."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_scarnet.readers_compare_layers import drop_others, show_difference, show_other
from scarnet.progress import Progress

if TYPE_CHECKING:
    from scarnet.project import Project

__all__ = ["predict_both", "show_both"]

Labels = npt.NDArray[np.uint8]


def predict_both(project: "Project", case: str, names: tuple[str, str], progress: Progress) -> tuple[Labels, Labels]:
    """Predict a case with two of the project's models, writing nothing; for a worker.

    Parameters
    ----------
    project : Project
        The project.
    case : str
        The case.
    names : tuple of str
        The models.
    progress : Progress
        Called often; may raise :class:`scarnet.errors.Cancelled`.

    Returns
    -------
    tuple of ndarray of uint8, shape (Z, Y, X)
        Both labels.
    """
    from scarnet.models import load_model
    from scarnet.predict import Predictor
    from scarnet.project import model_path

    found = [
        Predictor(load_model(model_path(project, name)), "auto").predict(project.stack(case), progress=progress).labels
        for name in names
    ]
    return found[0], found[1]


def show_both(viewer: Any, case: str, names: tuple[str, str], labels: tuple[Labels, Labels]) -> bool:
    """Show two models' labels as outlines over a case, and where they differ.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.
    names : tuple of str
        The models.
    labels : tuple of ndarray of uint8, shape (Z, Y, X)
        Their labels.

    Returns
    -------
    bool
        False where the case is not in the viewer any more.
    """
    drop_others(viewer, case, names)
    shown = [show_other(viewer, case, name, found) for name, found in zip(names, labels, strict=True)]
    return None not in shown and show_difference(viewer, case, *names, labels) is not None

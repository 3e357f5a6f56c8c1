"""The panel of the current slice as a file, with the labels as they are on screen."""

import mimetypes
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_scarnet.inspect_case import anchor_layer, prediction_of
from napari_scarnet.layers import current_labels, find_layers, image_layer_of, labels_edited, layer_meta, stack_of
from napari_scarnet.studies import slice_on_screen
from scarnet.errors import ScarNetError
from scarnet.progress import Progress

if TYPE_CHECKING:
    from napari.viewer import Viewer

__all__ = ["current_slice", "export_name", "export_work"]


def current_slice(viewer: "Viewer", case: str) -> int:
    """Give the slice of a case that is on screen.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.

    Returns
    -------
    int
        The slice, from 0; the nearest one where the slider stands beside the stack.
    """
    anchor = anchor_layer(viewer, case)
    return 0 if anchor is None else slice_on_screen(viewer, anchor)


def export_name(case: str, z: int) -> str:
    """Suggest a file name for a slice's panel.

    Parameters
    ----------
    case : str
        The case.
    z : int
        The slice, from 0.

    Returns
    -------
    str
        A name that every file system takes.
    """
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in case).strip("._") or "case"
    return f"{safe}_slice{z + 1:02d}_maps.png"


def export_work(viewer: "Viewer", case: str, path: Path) -> Callable[[Progress], Path]:
    """Take what is on screen now and give the work that writes it, for a thread.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.
    path : Path
        Where to; PNG where its name does not end in a format, as ``my.case.v2``.

    Returns
    -------
    callable
        Takes a progress callback; gives the path written.

    Raises
    ------
    ScarNetError
        The case has no image or no prediction any more.
    """
    image, prediction = image_layer_of(viewer, case), prediction_of(viewer, case)
    if image is None or prediction is None:
        raise ScarNetError(f"{case} has no image with a prediction; run the Segment step first.")
    target = path if mimetypes.guess_type(path.name)[0] else path.with_name(f"{path.name}.png")
    stack, z = replace(stack_of(image), case=case), current_slice(viewer, case)
    labels, note = _labels_on_screen(viewer, case, prediction.labels.size), ""
    if labels is not None:
        note = _note(labels)
        shown = np.array(labels.data).reshape(prediction.labels.shape).astype(np.uint8)
        prediction = replace(prediction, labels=shown)

    def work(progress: Progress) -> Path:
        from scarnet.figure import save_maps

        progress(0, 0, f"Saving {target.name}")
        save_maps(target, stack, prediction, z, note=note)
        return target

    return work


def _labels_on_screen(viewer: "Viewer", case: str, size: int) -> Any:
    """Give the topmost visible labels of the case, else its current ones."""
    layers = find_layers(viewer, "labels", case=case, kept=True)
    candidates = [layer for layer in reversed(layers) if layer.visible] + [current_labels(viewer, case)]
    return next((layer for layer in candidates if layer is not None and layer.data.size == size), None)


def _note(labels: Any) -> str:
    """Say what labels are where they are not the likeliest classes."""
    threshold = layer_meta(labels).get("threshold")
    if labels_edited(labels):
        return "edited labels"
    return "" if threshold is None else f"scar p ≥ {threshold:.2f}"

"""napari's way to save our labels: on exactly the grid of the study."""

from pathlib import Path
from typing import Any

import numpy as np

from scarnet.errors import ScarNetError
from scarnet.stack import LGEStack

__all__ = ["write_labels_layer"]


def write_labels_layer(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write a labels layer as NIfTI or TIFF, by the path's suffix.

    Parameters
    ----------
    path : str
        The file.
    data : array, shape (Z, Y, X) or (Y, X)
        Labels 0 to 3.
    attributes : dict
        The layer's attributes; the study it belongs to is in ``metadata["scarnet"]``. For a layer that is not ours,
        its scale is taken as the spacing in mm.

    Returns
    -------
    list of str
        The path.

    Raises
    ------
    RuntimeError
        The labels are not 2D or 3D, hold other values, do not fit their study, or the file cannot be written; one
        sentence.
    """
    try:
        _write(Path(path), data, attributes)
    except ScarNetError as error:
        # napari takes any ValueError to mean that no writer fits, and hides what it says.
        raise RuntimeError(str(error)) from error
    return [path]


def _write(path: Path, data: Any, attributes: dict[str, Any]) -> None:
    from scarnet.io import write_labels

    labels = np.asarray(data)
    name = str(attributes.get("name", "labels"))
    if labels.ndim not in (2, 3):
        raise ScarNetError(f"{name}: labels with {labels.ndim} axes cannot be saved; only 2D and 3D ones can.")
    if labels.size and (labels.min() < 0 or labels.max() > 3):
        raise ScarNetError(f"{name}: labels other than 0 to 3 cannot be saved; correct or remove them.")
    labels = labels.astype(np.uint8).reshape((1,) * (3 - labels.ndim) + labels.shape)
    ours = attributes.get("metadata", {}).get("scarnet")
    stack = ours.get("stack") if isinstance(ours, dict) else None
    if not isinstance(stack, LGEStack) or stack.shape != labels.shape:
        if ours is not None:
            raise ScarNetError(
                f"{name}: these labels do not have the size of their study, so they cannot be saved on its grid; "
                "copy them into a new labels layer to save them with the layer's scale."
            )
        spacing = (1.0, 1.0, 1.0, *(abs(float(s)) for s in attributes.get("scale", (1.0,))))[-3:]
        stack = LGEStack.from_array(np.zeros(labels.shape), (spacing[0], spacing[1], spacing[2]), case=name)
    write_labels(path, labels, stack)

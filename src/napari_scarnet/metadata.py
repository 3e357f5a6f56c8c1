"""What our layers carry, and how they are found again: by what they are, never by their name.

Each layer of ours carries ``layer.metadata["scarnet"]``, a dict with the keys

``kind``
    ``"image"``, ``"labels"``, ``"logit"``, ``"probability"``, ``"entropy"``, ``"margin"`` or ``"branch-logit"``; the
    Measure step's ``"method-mask"``, ``"remote"``, ``"insertion"``, ``"surface"`` and ``"landmark"``; the Edit step's
    ``"preview"``, ``"region"`` and ``"box"``.
``class``
    The class that a logit, probability or branch-logit layer shows, else None.
``case``
    The case; unique among the studies of a viewer.
``branch``
    The branch of a branch-logit layer, else None.
``stack``, ``prediction``
    On image layers: the :class:`~scarnet.stack.LGEStack`, and the last prediction once there is one. Labels layers
    carry the stack too, so that they can be saved on its grid.
``save_labels``
    On the image and labels of a project's case: takes edited labels (Z, Y, X) and saves them; called in a thread.
``baseline``, ``threshold``
    On labels layers: the labels as last written by the plugin, and the scar threshold they were made with, None for
    the likeliest class.
``method``
    On method masks: the threshold method, as in ``measures.json``.
``project``
    On the image and labels of a project's case: the :class:`scarnet.project.Project`. ``"other-labels"`` are labels to
    compare with, another reader's or another model's, and ``"difference"`` shows where two differ; neither is edited.
``kept``, ``beside``
    On labels layers: True where the layer is not the case's own, because the user had edited it when newer labels
    came; ``beside`` is True on labels at a threshold while they stand in place of edited ones.
"""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from napari.layers import Image, Layer
    from napari.viewer import Viewer

    from scarnet.stack import LGEStack

__all__ = [
    "LayerKind",
    "find_layers",
    "image_layer_of",
    "layer_meta",
    "make_case_unique",
    "make_meta",
    "placement",
    "same_pixels",
    "unwrap",
]

LayerKind = Literal[
    "image", "labels", "logit", "probability", "entropy", "margin", "branch-logit", "underlay",
    "method-mask", "remote", "insertion", "surface", "landmark", "other-labels", "difference",
    "preview", "region", "box",
]  # fmt: skip


def unwrap(thing: Any) -> Any:
    """Give the napari object behind the proxy that plugin widgets are handed.

    Parameters
    ----------
    thing : object
        A viewer or layer, with or without proxy.

    Returns
    -------
    object
        The object itself.
    """
    return getattr(thing, "__wrapped__", thing)


def make_meta(kind: LayerKind, case: str, cls: int | None = None, branch: str | None = None) -> dict[str, Any]:
    """Make what a layer carries under ``metadata["scarnet"]``.

    Parameters
    ----------
    kind : str
        What the layer shows.
    case : str
        The case it belongs to.
    cls : int, optional
        The class it shows.
    branch : str, optional
        The branch it shows, ``"medsam"`` or ``"unet"``.

    Returns
    -------
    dict
        The metadata.
    """
    return {"kind": kind, "class": None if cls is None else int(cls), "case": case, "branch": branch}


def layer_meta(layer: Any) -> dict[str, Any]:
    """Give a layer's ``metadata["scarnet"]``, or an empty dict for a layer that is not ours.

    Parameters
    ----------
    layer : Layer
        Any layer.

    Returns
    -------
    dict
        The metadata itself, not a copy, where there is one.
    """
    meta = layer.metadata.get("scarnet")
    return meta if isinstance(meta, dict) else {}


def find_layers(
    viewer: "Viewer",
    kind: LayerKind | None = None,
    cls: int | None = None,
    case: str | None = None,
    *,
    branch: str | None = None,
    kept: bool = False,
) -> "list[Layer]":
    """Find our layers by what they are.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    kind, cls, case, branch : optional
        What to ask for; None matches all.
    kept : bool
        Also give edited labels layers that were left aside when a newer prediction came.

    Returns
    -------
    list of Layer
        In the order of the layer list.
    """
    found = []
    for layer in unwrap(viewer).layers:
        meta = layer_meta(layer)
        if (
            meta
            and (kind is None or meta.get("kind") == kind)
            and (cls is None or meta.get("class") == int(cls))
            and (case is None or meta.get("case") == case)
            and (branch is None or meta.get("branch") == branch)
            and (kept or not meta.get("kept"))
        ):
            found.append(layer)
    return found


def image_layer_of(viewer: "Viewer", case: str) -> "Image | None":
    """Give the image layer of a case, or None when it is gone.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.

    Returns
    -------
    Image or None
        The first image layer of that case.
    """
    return next(iter(find_layers(viewer, "image", case=case)), None)


def placement(image_layer: "Image") -> dict[str, Any]:
    """Give the keyword arguments that put another layer exactly where a study's image is.

    Parameters
    ----------
    image_layer : Image
        The study's image.

    Returns
    -------
    dict
        ``scale``, ``translate``, ``rotate``, ``shear``, ``affine``, ``units`` and ``axis_labels``.
    """
    return {
        "scale": np.array(image_layer.scale),
        "translate": np.array(image_layer.translate),
        "rotate": np.array(image_layer.rotate),
        "shear": np.array(image_layer.shear),
        "affine": np.array(image_layer.affine.affine_matrix),
        "units": image_layer.units,
        "axis_labels": image_layer.axis_labels,
    }


def same_pixels(one: "LGEStack", other: "LGEStack") -> bool:
    """Tell whether two stacks are one study, whose scale may have been corrected.

    Parameters
    ----------
    one, other : LGEStack
        The stacks.

    Returns
    -------
    bool
        Whether they have the same pixels.
    """
    return one is other or np.array_equal(one.pixels, other.pixels)


def make_case_unique(viewer: "Viewer", image_layer: "Image") -> str:
    """Give an image layer a case name of its own where another image, or labels of another study, have the same one.

    Parameters
    ----------
    viewer : Viewer
        The viewer that holds both.
    image_layer : Image
        The layer whose case is changed if need be; the others stay.

    Returns
    -------
    str
        The layer's case.
    """
    meta = layer_meta(image_layer)
    taken = {layer_meta(other)["case"] for other in find_layers(viewer, "image") if other is not image_layer}
    case, n = meta["case"], 2
    while case in taken or _left_by_another(viewer, case, meta.get("stack")):
        case, n = f"{meta['case']} ({n})", n + 1
    if case != meta["case"]:
        # A duplicated layer shares its dict with the original; only this one may change.
        meta = {**meta, "case": case}
        for own in ("prediction", "project", "save_labels"):
            meta.pop(own, None)
        image_layer.metadata["scarnet"] = meta
    return case


def _left_by_another(viewer: "Viewer", case: str, stack: "LGEStack | None") -> bool:
    """Whether a case has labels of another study, whose image was deleted; their edits go where that study's go."""
    stacks = [layer_meta(labels).get("stack") for labels in find_layers(viewer, "labels", case=case)]
    return stack is not None and any(one is not None and not same_pixels(one, stack) for one in stacks)

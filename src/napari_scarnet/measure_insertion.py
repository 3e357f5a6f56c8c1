"""The anterior insertion of the right ventricle as points in the viewer: estimated, and moved by the user."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_scarnet.label_layers import selection_kept
from napari_scarnet.metadata import find_layers, image_layer_of, layer_meta, make_meta, placement, unwrap
from scarnet.measure import Insertion, StudyMeasures

if TYPE_CHECKING:
    from napari.layers import Points
    from napari.viewer import Viewer

__all__ = [
    "forget_marks",
    "insertion_layer",
    "marked_insertions",
    "show_insertion",
    "take_moved_points",
]

_ESTIMATED, _MARKED, _FOLLOWS = "#ff9f1c", "#2ee6a6", "#8fd9c0"
_TEXTS = {"estimated": "RV insertion (estimated)", "marked": "RV insertion", "follows": "RV insertion (next slice's)"}
_COLOURS = {"estimated": _ESTIMATED, "marked": _MARKED, "follows": _FOLLOWS}
_SIZE_MM = 5.0
# A point that was only redrawn differs by rounding.
_MOVED_VOXELS = 1e-3

Floats = npt.NDArray[np.float64]


def insertion_layer(viewer: "Viewer", case: str) -> "Points | None":
    """Give the points layer of a case's insertion points, or None.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.

    Returns
    -------
    Points or None
        Its ``metadata["scarnet"]["marked"]`` holds what the user marked: (y, x) by slice.
    """
    return next(iter(find_layers(viewer, "insertion", case=case)), None)


def marked_insertions(viewer: "Viewer", case: str) -> list[Insertion]:
    """Give the insertion points that the user marked.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.

    Returns
    -------
    list of Insertion
        In the order of the slices; none where all are estimated.
    """
    layer = insertion_layer(viewer, case)
    marked = {} if layer is None else layer_meta(layer)["marked"]
    return [Insertion(z, *marked[z]) for z in sorted(marked)]


def show_insertion(viewer: "Viewer", case: str, measures: StudyMeasures) -> "Points | None":
    """Add or update the points of a case.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.
    measures : StudyMeasures
        The measures, with the estimate or what follows from the user's marks.

    Returns
    -------
    Points or None
        The layer; None where there is no wall to put a point on, or no image.
    """
    viewer, image = unwrap(viewer), image_layer_of(viewer, case)
    layer = insertion_layer(viewer, case)
    if image is None:
        return layer
    marked = {} if layer is None else layer_meta(layer)["marked"]
    points = measures.insertion_points.copy()
    for z, place in marked.items():
        points[z] = place
    slices = np.flatnonzero(~np.isnan(points).any(axis=1))
    data = np.column_stack([slices, points[slices]])[:, -image.ndim :]
    states = ["marked" if z in marked else "follows" if marked else "estimated" for z in slices]
    if layer is None:
        if not slices.size:
            return None
        layer = _add(viewer, image, case)
    meta = layer_meta(layer)
    if _same(meta["shown"], data) and meta["states"] == states and _same(layer.data, data):
        return layer
    # A copy: napari moves points within the array it is given.
    meta["shown"], meta["states"] = data.copy(), states
    with layer.events.data.blocker(), layer.events.features.blocker():
        layer.selected_data = set()
        layer.data = data
        layer.features = {"text": [_TEXTS[state] for state in states]}
        if len(data):
            layer.face_color = [_COLOURS[state] for state in states]
            # Without it, a point that the user adds is shown in the last one's colour.
            layer.current_face_color = _MARKED
        layer.text = _text()
    layer.refresh()
    return layer


def take_moved_points(layer: "Points", shape: Sequence[int]) -> bool:
    """Note the points that the user moved, added or took away since the layer was drawn.

    Parameters
    ----------
    layer : Points
        The layer from :func:`show_insertion`.
    shape : sequence of int
        The study's, (Z, Y, X); points beside it do not count.

    Returns
    -------
    bool
        Whether anything is different. Draw the layer again in any case: it may hold two points on a slice, or none.
    """
    meta = layer_meta(layer)
    drawn, now = (_with_slices(points, layer.ndim) for points in (meta["shown"], layer.data))
    slices = np.rint(now[:, 0]).astype(int)
    marked = {z: place for z, place in meta["marked"].items() if z in slices}
    for z, (_, y, x) in zip(slices, now, strict=True):
        moved = not (np.abs(drawn - (z, y, x)).max(axis=1) < _MOVED_VOXELS).any()
        if moved and 0 <= z < shape[0] and -0.5 <= y <= shape[1] - 0.5 and -0.5 <= x <= shape[2] - 0.5:
            marked[int(z)] = (float(y), float(x))
    changed = marked != meta["marked"]
    meta["marked"] = marked
    return bool(changed)


def forget_marks(layer: "Points") -> None:
    """Go back to the estimate.

    Parameters
    ----------
    layer : Points
        The layer from :func:`show_insertion`; draw it again.
    """
    layer_meta(layer)["marked"] = {}


def _with_slices(points: npt.ArrayLike, ndim: int) -> Floats:
    """Give points as (z, y, x), shape (N, 3), also those of a single slice's 2D layer."""
    places = np.asarray(points, dtype=np.float64).reshape(-1, ndim)
    return places if ndim == 3 else np.column_stack([np.zeros(len(places)), places])


def _text() -> dict[str, Any]:
    # The septum lies to the left of the heart as slices are usually displayed; there the text covers no wall.
    return {"string": "{text}   ", "size": 9, "color": "white", "anchor": "lower_right"}


def _add(viewer: Any, image: Any, case: str) -> Any:
    meta = {**make_meta("insertion", case), "marked": {}, "shown": np.zeros((0, image.ndim)), "states": []}
    in_plane = float(np.mean(np.abs(image.scale[-2:])))
    with selection_kept(viewer):
        layer = viewer.add_points(
            np.zeros((0, image.ndim)),
            ndim=image.ndim,
            name=f"{case} · RV insertion",
            metadata={"scarnet": meta},
            size=_SIZE_MM / in_plane,
            symbol="disc",
            border_color="black",
            border_width=0.12,
            features={"text": np.zeros(0, dtype=object)},
            **placement(image),
        )
    return layer


def _same(one: npt.ArrayLike, other: npt.ArrayLike) -> bool:
    first, second = np.asarray(one), np.asarray(other)
    return first.shape == second.shape and bool(np.allclose(first, second, atol=_MOVED_VOXELS))

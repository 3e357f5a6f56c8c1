"""The 3D view: wall and scar as surfaces in mm, seen as they lie in the patient, and the way back."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np
import numpy.typing as npt
from napari.utils.camera_orientations import DepthAxisOrientation, Handedness
from psygnal import Signal

from napari_scarnet.inspect_grid import fig3_for
from napari_scarnet.label_layers import selection_kept
from napari_scarnet.measure_surfaces import Mesh
from napari_scarnet.metadata import find_layers, image_layer_of, make_meta, placement, unwrap
from napari_scarnet.per_viewer import PerViewer
from scarnet.classes import CLASS_COLOURS, TissueClass
from scarnet.errors import ScarNetError
from scarnet.measure import Orientation, StudyMeasures

if TYPE_CHECKING:
    from napari.viewer import Viewer

__all__ = ["HeartView", "heart_view_for", "is_right_handed"]

_CAMERA = ("angles", "center", "zoom", "perspective", "orientation")
_OPACITY = {"wall": 0.35, "scar": 1.0}
_TISSUE = {"wall": TissueClass.MYOCARDIUM, "scar": TissueClass.SCAR}
# In-plane angle of each side from the insertion, in the direction of numbering: the middles of segments.
_SIDES_DEG = {"anterior": -30.0, "septal": 60.0, "inferior": 150.0, "lateral": 240.0}
_BESIDE_MM = 8.0
# Seen from the front and a little from above and the left side, base on top: how much of each direction.
_LOOK = {"inferior": 1.0, "septal": 0.35, "apex": 0.3}


def is_right_handed(orientation: Orientation) -> bool:
    """Tell whether the stack's voxel axes (x, y, z) are right-handed in the patient.

    Parameters
    ----------
    orientation : Orientation
        How the stack lies on the ventricle.

    Returns
    -------
    bool
        Anterior, septal, inferior, lateral is a right-handed turn about the axis from base to apex in every patient, so
        the direction in which segments are numbered tells. Where the file knows the patient, this is the sign of the
        affine's determinant.
    """
    return orientation.direction * (1 if orientation.base_first else -1) > 0


class HeartView:
    """Shows the surfaces of a case, until it is left again; get it with :func:`heart_view_for`.

    Parameters
    ----------
    viewer : Viewer
        The viewer.

    Attributes
    ----------
    changed : Signal
        The view was entered (True) or left (False).
    """

    changed = Signal(bool)

    def __init__(self, viewer: "Viewer") -> None:
        self._viewer_ref = ref(unwrap(viewer))
        self._case: str | None = None
        self._before: dict[str, Any] = {}
        self._busy = False
        unwrap(viewer).dims.events.ndisplay.connect(self._on_ndisplay)

    @property
    def _viewer(self) -> Any:
        return self._viewer_ref()

    @property
    def case(self) -> str | None:
        """The case on show, or None."""
        return self._case

    def enter(self, case: str, measures: StudyMeasures, meshes: Mapping[str, Mesh]) -> None:
        """Show surfaces; newer ones of the case on show take the place of the older, and the camera stays.

        Parameters
        ----------
        case : str
            The case.
        measures : StudyMeasures
            Its measures.
        meshes : Mapping of str to Mesh
            ``"wall"`` and ``"scar"``.

        Raises
        ------
        ScarNetError
            There is no wall, or no stack of slices.
        """
        viewer, image = self._viewer, image_layer_of(self._viewer, case)
        if image is None or image.ndim != 3:
            raise ScarNetError(f"{case}: a 3D view needs a stack of slices; this study has a single one.")
        if "wall" not in meshes:
            raise ScarNetError(f"{case}: there is no myocardium in the labels, so there is nothing to show in 3D.")
        again = self._case == case
        if not again:
            self.leave()
            fig3_for(viewer).leave()
            self._before = {
                "visible": {layer: layer.visible for layer in viewer.layers},
                "active": viewer.layers.selection.active,
                "ndisplay": viewer.dims.ndisplay,
                "camera": {name: getattr(viewer.scene.camera, name) for name in _CAMERA},
            }
        self._busy = True
        try:
            self._take_away()
            if not again:
                for layer in viewer.layers:
                    layer.visible = False
            self._case = case
            with selection_kept(viewer):
                self._add_surfaces(case, image, measures, meshes)
                self._add_landmarks(case, image, measures)
            viewer.dims.ndisplay = 3
            if not again:
                self._look(measures, image, meshes["wall"])
        finally:
            self._busy = False
        if not again:
            self.changed.emit(True)

    def leave(self) -> None:
        """Take the surfaces away and put back what was there; layers that came or went meanwhile stay so."""
        if self._case is None:
            return
        viewer, before = self._viewer, self._before
        self._case, self._before, self._busy = None, {}, True
        try:
            self._take_away()
            viewer.dims.ndisplay = before["ndisplay"]
            for name, value in before["camera"].items():
                setattr(viewer.scene.camera, name, value)
            for layer, visible in before["visible"].items():
                if layer in viewer.layers:
                    layer.visible = visible
            if before["active"] in viewer.layers:
                viewer.layers.selection.active = before["active"]
        finally:
            self._busy = False
        self.changed.emit(False)

    def _take_away(self) -> None:
        for kind in ("surface", "landmark"):
            for layer in find_layers(self._viewer, kind):
                self._viewer.layers.remove(layer)

    def _add_surfaces(self, case: str, image: Any, measures: StudyMeasures, meshes: Mapping[str, Mesh]) -> None:
        # From where the heart is first looked at, and from above.
        light = -_view(measures) - 0.8 * _directions(measures)["apex"]
        # The scar comes first: what is see-through must be drawn over it.
        for name in ("scar", "wall"):
            if name not in meshes:
                continue
            mesh, tissue = meshes[name], _TISSUE[name]
            place = placement(image)
            place["scale"] = np.ones(3)
            self._viewer.add_surface(
                (mesh.vertices, mesh.faces),
                name=f"{case} · {name} surface",
                metadata={"scarnet": make_meta("surface", case, tissue)},
                opacity=_OPACITY[name],
                # napari lights surfaces from behind where the camera is turned to the other handedness.
                shading="none",
                blending="translucent",
                vertex_colors=_lit(CLASS_COLOURS[tissue], mesh.normals, light),
                **place,
            )

    def _add_landmarks(self, case: str, image: Any, measures: StudyMeasures) -> None:
        """Name the sides, so that nobody has to guess which way the heart is turned."""
        places = _landmarks(measures, tuple(image.scale))
        self._viewer.add_points(
            np.array(list(places.values())),
            name=f"{case} · directions",
            metadata={"scarnet": make_meta("landmark", case)},
            features={"name": list(places)},
            text={"string": "{name}", "color": "white", "size": 10, "anchor": "center"},
            size=0.2,
            face_color="transparent",
            border_color="transparent",
            blending="translucent_no_depth",
            **placement(image),
        )

    def _look(self, measures: StudyMeasures, image: Any, wall: Mesh) -> None:
        camera = self._viewer.scene.camera
        # napari shows (z, y, x) in the handedness it names, so (x, y, z) in the other one.
        wanted = Handedness.LEFT if is_right_handed(measures.orientation) else Handedness.RIGHT
        if camera.handedness != wanted:
            depth, *in_plane = camera.orientation
            towards, away = DepthAxisOrientation.TOWARDS, DepthAxisOrientation.AWAY
            camera.orientation = (away if depth == towards else towards, *in_plane)
        camera.set_view_direction(tuple(_view(measures)), tuple(-_directions(measures)["apex"]))
        ends = (wall.vertices.min(axis=0), wall.vertices.max(axis=0))
        corners = np.array([image.data_to_world(end / image.scale) for end in ends])
        camera.center = tuple(corners.mean(axis=0))
        size = np.array(self._viewer.canvas.viewbox_size(self._viewer.layers), dtype=float)
        camera.zoom = float(0.72 * size.min() / np.linalg.norm(np.ptp(corners, axis=0)))

    def _on_ndisplay(self, event: Any = None) -> None:
        if self._case is not None and not self._busy and self._viewer.dims.ndisplay == 2:
            self.leave()


def _directions(measures: StudyMeasures) -> dict[str, Any]:
    """Give unit vectors (z, y, x) in mm along the stack's axes, towards each side and the apex."""
    there = ~np.isnan(measures.chords.outer_mm).all(axis=1)
    start = float(measures.insertion.angles_rad[np.flatnonzero(there)[there.sum() // 2]])
    found = {"apex": np.array([1.0 if measures.orientation.base_first else -1.0, 0.0, 0.0])}
    for name, degrees in _SIDES_DEG.items():
        angle = start + measures.orientation.direction * math.radians(degrees)
        found[name] = np.array([0.0, math.sin(angle), math.cos(angle)])
    return found


def _view(measures: StudyMeasures) -> Any:
    """Give the unit vector (z, y, x) along which the heart is first looked at."""
    sides = _directions(measures)
    view = sum(part * sides[name] for name, part in _LOOK.items())
    return view / np.linalg.norm(view)


def _lit(colour: tuple[float, ...], normals: npt.NDArray[np.float32], light: Any) -> npt.NDArray[np.float32]:
    """Give each vertex its colour under a soft light from a direction; what lies in the shade stays visible."""
    bright = 0.35 + 0.65 * ((1 + normals @ (light / np.linalg.norm(light))) / 2) ** 2
    lit = np.ones((len(normals), 4), dtype=np.float32)
    # A little paler than the labels, whose blue is dark on black.
    lit[:, :3] = (0.7 * np.asarray(colour[:3]) + 0.3) * bright[:, None]
    return lit


def _landmarks(measures: StudyMeasures, spacing_mm: tuple[float, ...]) -> dict[str, Any]:
    """Give places (z, y, x) in voxels: base and apex beyond the wall's ends, and its sides half way."""
    slices = np.flatnonzero(~np.isnan(measures.chords.outer_mm).all(axis=1))
    middle = int(slices[len(slices) // 2])
    sides, scale = _directions(measures), np.array(spacing_mm)
    first, last = (int(slices[0]), int(slices[-1]))
    basal, apical = (first, last) if measures.orientation.base_first else (last, first)
    found = {}
    for name, z, sign in (("base", basal, -1.0), ("apex", apical, 1.0)):
        centre = np.array([z, *measures.chords.centre[z]])
        found[name] = centre + sign * sides["apex"] * (spacing_mm[0] / 2 + _BESIDE_MM) / scale
    radius = float(np.nanmean(measures.chords.outer_mm[middle]))
    for name in _SIDES_DEG:
        centre = np.array([middle, *measures.chords.centre[middle]])
        found[name] = centre + sides[name] * (radius + _BESIDE_MM) / scale
    return found


heart_view_for = PerViewer(HeartView)
"""Gives the 3D view of a viewer."""

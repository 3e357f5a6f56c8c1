"""Bullseye, profile, unwrapped wall and 3D view, on a heart whose sides are known by construction."""

import math

import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF, Qt

from napari_scarnet.measure_surfaces import surface_of
from napari_scarnet.metadata import find_layers

LEFT = Qt.MouseButton.LeftButton


def test_bullseye_has_the_standard_s_places_and_leads_to_the_slice_as_the_profile_does(bench, qtbot):
    eye = bench.measure.bullseye
    middle, radius = eye._circle()

    def at(share, degrees):
        angle = math.radians(degrees)
        return middle + QPointF(math.cos(angle), -math.sin(angle)) * (radius * share)

    # Anterior on top, the septum on the left, basal outside: Cerqueira et al. 2002, figure 4.
    places = {(0.9, 90): 1, (0.9, 150): 2, (0.9, 210): 3, (0.9, 270): 4, (0.9, 330): 5, (0.9, 30): 6, (0.6, 90): 7}
    places |= {(0.6, 30): 12, (0.4, 90): 13, (0.4, 180): 14, (0.4, 270): 15, (0.4, 0): 16, (0.1, 0): 17}
    assert {place: eye.segment_at(at(*place)) for place in places} == places
    assert eye.segment_at(at(1.1, 90)) is None
    # The scar is in the lateral wall.
    assert {number for number, value in enumerate(eye.values, 1) if value and value > 20} == {5, 6, 11, 12, 16}
    picture = eye.grab().toImage()
    ratio = picture.devicePixelRatio()

    def colour(share, degrees):
        place = at(share, degrees) * ratio
        return picture.pixelColor(round(place.x()), round(place.y()))

    assert colour(0.95, 20).lightness() < colour(0.95, 200).lightness() - 40
    qtbot.mouseClick(eye, LEFT, pos=at(0.4, 0).toPoint())
    assert bench.viewer.dims.current_step[0] in (5, 6, 7)
    bench.click(bench.measure.depth_button)
    assert eye.quantity == "transmurality_percent"
    assert eye.values[15] == bench.measure.measures.values["segments"][15]["transmurality_percent"]

    profile = bench.measure.profile
    left, step = profile._steps()
    for z in (1, 6):
        qtbot.mouseClick(profile, LEFT, pos=QPoint(round(left + (z + 0.5) * step), 40))
        assert bench.viewer.dims.current_step[0] == profile.current == z
        assert bench.measure.numbers.slice_title.text() == f"Slice {z + 1} of {len(bench.labels.data)}"
    qtbot.keyClick(profile, Qt.Key.Key_Left)
    assert profile.current == bench.viewer.dims.current_step[0] == 5


def test_unwrapped_wall_has_the_scar_in_its_segments_through_the_whole_depth(bench, qtbot):
    bench.click(bench.measure.sections["polar"].header)
    strips = bench.measure.polar.strips
    scar = strips.labels == 3
    # Slice 5 is in the middle third: anteroseptal first, anterior last; the scar is about the lateral wall.
    assert list(dict.fromkeys(strips.segments.tolist())) == [8, 9, 10, 11, 12, 7]
    assert set(strips.segments[scar.mean(axis=0) > 0.9].tolist()) == {11, 12}
    assert np.nanmean(strips.image[scar]) > 200
    assert np.nanmean(strips.image[strips.labels == 1]) < 90
    bench.labels.data[4] = 0
    qtbot.waitUntil(lambda: bench.measure.polar.strips is None)


def test_surface_of_an_ellipsoid():
    spacing, radii, centre = (8.0, 1.5, 1.25), (40.0, 24.0, 20.0), (7, 25, 28)
    places = (np.indices((15, 52, 60)) - np.reshape(centre, (3, 1, 1, 1))) * np.reshape(spacing, (3, 1, 1, 1))
    mask = ((places / np.reshape(radii, (3, 1, 1, 1))) ** 2).sum(axis=0) <= 1
    mesh = surface_of(mask, spacing)
    corners = mesh.vertices[mesh.faces].astype(float)
    volume = abs(np.einsum("ni,ni->n", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum()) / 6
    assert volume == pytest.approx(4 / 3 * math.pi * np.prod(radii), rel=0.04)
    middle = np.multiply(centre, spacing)
    assert np.allclose((mesh.vertices.max(0) + mesh.vertices.min(0)) / 2, middle, atol=0.5)
    assert (np.einsum("ni,ni->n", mesh.normals, mesh.vertices - middle) > 0).mean() > 0.99
    assert surface_of(np.zeros((3, 4, 5), bool), spacing) is None
    one = np.zeros((3, 4, 5), bool)
    one[1, 2, 3] = True
    assert np.allclose(surface_of(one, spacing).vertices.mean(0), np.multiply((1, 2, 3), spacing), atol=0.1)


@pytest.mark.parametrize("mirrored", [False, True])
def test_3d_view_is_the_patient_s_not_its_mirror_image(make_napari_viewer, qtbot, hearts, mirrored):
    """Looked at from the front with the base on top, the lateral wall is on the right, whatever the voxels' order."""
    stack, labels = hearts.known(mirrored=mirrored)
    assert np.sign(np.linalg.det(stack.affine)) == (1 if mirrored else -1)
    bench = hearts.bench(make_napari_viewer(show=True), qtbot, stack, labels)
    camera = bench.viewer.scene.camera
    before = (camera.center, camera.zoom, camera.orientation)
    bench.click(bench.measure.view3d_button)
    qtbot.waitUntil(lambda: bench.viewer.dims.ndisplay == 3, timeout=20000)
    assert [layer.name for layer in bench.viewer.layers if layer.visible] == [
        "heart A · scar surface",
        "heart A · wall surface",
        "heart A · directions",
    ]
    # Plates before the anterior and the inferior wall, as wide as the heart: the nearer one hides the other.
    (landmarks,) = find_layers(bench.viewer, "landmark")
    landmarks.visible = False
    z, x = np.array([0.0, 7.0, 7.0, 0.0]), np.array([20.0, 20.0, 67.0, 67.0])
    sides = {}
    for name, y in (("anterior", 3.0), ("inferior", 68.0)):
        corners = np.stack([z, np.full(4, y), x], axis=1)
        sides[name] = bench.viewer.add_surface((corners, np.array([[0, 1, 2], [0, 2, 3]])), scale=stack.spacing_mm)
        sides[name].vertex_colors = np.tile((1.0, 0, 0, 1) if name == "anterior" else (0, 1.0, 0, 1), (4, 1))
        sides[name].shading, sides[name].blending = "none", "opaque"
    shot = bench.viewer.screenshot(flash=False)[..., :3].astype(int)
    red, green = shot[..., 0] > shot[..., 1] + 100, shot[..., 1] > shot[..., 0] + 100
    assert red.sum() > 3 * green.sum()
    for layer in sides.values():
        layer.visible = False
    shot = bench.viewer.screenshot(flash=False)[..., :3].astype(int)
    wall, scar = shot[..., 2] > shot[..., 0] + 25, shot[..., 0] > shot[..., 2] + 25
    assert scar.sum() > 500
    assert np.nonzero(scar)[1].mean() > np.nonzero(wall | scar)[1].mean() + 20
    heart = wall | scar
    rows = np.flatnonzero(heart.any(axis=1))
    quarter = len(rows) // 4
    assert heart[rows[:quarter]].sum() > 1.1 * heart[rows[-quarter:]].sum()

    # New labels, new surfaces; the user's own way of looking stays.
    camera.angles = (10.0, 20.0, 30.0)
    angles, (surface,) = camera.angles, find_layers(bench.viewer, "surface", 3)
    bench.labels.data[:, :36][bench.labels.data[:, :36] == 3] = 1
    qtbot.waitUntil(lambda: find_layers(bench.viewer, "surface", 3) != [surface], timeout=20000)
    assert np.allclose(camera.angles, angles)
    assert bench.measure.view3d_button.text() == "Back to slices"
    bench.viewer.dims.ndisplay = 2
    assert not find_layers(bench.viewer, "surface") + find_layers(bench.viewer, "landmark")
    assert bench.labels.visible
    assert bench.image.visible
    assert (camera.center, camera.zoom, camera.orientation) == before
    assert bench.measure.view3d_button.text() == "3D view"

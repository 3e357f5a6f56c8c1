import math

import numpy as np
import pytest

from scarnet.phantom.geometry import LeftVentricle, polar
from scarnet.phantom.scar import Scar, draw_scar
from scarnet.phantom.texture import Ripple

ELLIPSOID = LeftVentricle(length_mm=90, radius_mm=32, wall_mm=9, apex_wall_mm=6)


def grid(step=1.0):
    axis = np.arange(-40, 40, step, dtype=np.float32) + step / 2
    z = (np.arange(0, 95, step, dtype=np.float32) + step / 2)[:, None, None]
    y, x = axis[None, :, None], axis[None, None, :]
    r, theta = polar(x, y)
    return np.broadcast_to(r, (len(z), len(axis), len(axis))), theta, z


def test_smooth_ventricle_has_the_volume_of_half_ellipsoids():
    r, theta, z = grid()
    depth = ELLIPSOID.depth(r, theta, z)
    outer, inner = 2 / 3 * math.pi * 32**2 * 90, 2 / 3 * math.pi * 23**2 * 84
    assert (depth < 0).sum() == pytest.approx(inner, rel=0.01)
    assert ((depth >= 0) & (depth < 1)).sum() == pytest.approx(outer - inner, rel=0.01)


def test_angles_run_from_lateral_to_anterior_and_anterior_is_up():
    _, theta = polar(np.array([1.0, 0.0, -1.0, 0.0]), np.array([0.0, -1.0, 0.0, 1.0]))
    assert np.rad2deg(theta) == pytest.approx([0, 90, -180, -90])


def test_depth_is_the_fraction_of_the_wall_and_continuous_into_the_apex():
    theta = np.zeros(5, np.float32)
    # At the base the wall runs from 23 to 32 mm.
    depth = ELLIPSOID.depth(np.array([10, 23, 27.5, 31.9, 33], np.float32), theta, np.zeros(5, np.float32))
    assert depth[0] < 0
    assert depth[1:4] == pytest.approx([0, 0.5, 0.989], abs=0.01)
    assert depth[4] > 1
    r = np.full(2, 5.0, np.float32)
    around_tip = ELLIPSOID.depth(r, np.zeros(2, np.float32), np.array([83.999, 84.001], np.float32))
    assert around_tip[0] == pytest.approx(around_tip[1], abs=0.02)
    beyond = ELLIPSOID.depth(r, np.zeros(2, np.float32), np.array([-1, 91], np.float32))
    assert (beyond > 1).all()


def test_thinning_gives_wall_to_the_cavity():
    r, theta, z = grid()
    before, after = ELLIPSOID.depth(r, theta, z), ELLIPSOID.depth(r, theta, z, thinning=0.5)
    assert ((after < 0) & (z < 80)).sum() > 1.15 * ((before < 0) & (z < 80)).sum()
    assert ((after < 1) == (before < 1)).all()


@pytest.mark.parametrize("transmurality", [0.3, 0.6, 1.0])
def test_wavefront_reaches_the_asked_for_depth_and_starts_at_the_cavity(transmurality):
    scar = Scar(((1.0, 0.8, 40.0, 25.0),), 0.0, transmurality)
    depth = np.linspace(0.0005, 0.9995, 1000, dtype=np.float32)
    at_centre, core = scar.masks(np.full(1000, 1.0, np.float32), np.full(1000, 40.0, np.float32), depth)
    assert at_centre.mean() == pytest.approx(transmurality, abs=0.005)
    assert at_centre[0]
    assert not core.any()
    near_border, _ = scar.masks(np.full(1000, 1.76, np.float32), np.full(1000, 40.0, np.float32), depth)
    assert 0 < near_border.mean() < 0.7 * transmurality
    assert near_border[0]
    outside, _ = scar.masks(np.full(1000, 1.9, np.float32), np.full(1000, 40.0, np.float32), depth)
    assert not outside.any()


def test_patches_wrap_around_the_circle():
    scar = Scar(((math.pi, 0.5, 40.0, 20.0),), 0.0, 1.0)
    theta = np.array([math.pi - 0.3, -math.pi + 0.3, 0.0], np.float32)
    found, _ = scar.masks(theta, np.full(3, 40.0, np.float32), np.full(3, 0.5, np.float32))
    assert found.tolist() == [True, True, False]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("pattern", ["ischaemic", "non-ischaemic"])
def test_scar_stays_in_the_wall_and_no_reflow_inside_the_scar(seed, pattern):
    rng = np.random.default_rng(seed)
    r, theta, z = grid(1.5)
    depth = ELLIPSOID.depth(r, theta, z)
    territory = ("LAD", "LCX", "RCA")[seed % 3]
    scar = draw_scar(rng, pattern, territory, 0.8, 0.7, pattern == "ischaemic", 90.0)
    infarct, core = scar.masks(theta, z, depth)
    wall = (depth >= 0) & (depth < 1)
    assert infarct.any()
    assert not (infarct & ~wall).any()
    if pattern == "ischaemic":
        assert core.any()
        assert not (core & ~infarct).any()
        # Enhanced rim on the cavity's side: the innermost tenth of the wall is never core.
        assert not (core & (depth < 0.1)).any()
    else:
        assert not core.any()
        # Non-ischaemic scar spares the subendocardium.
        assert not (infarct & (depth < 0.15)).any()


@pytest.mark.parametrize(("territory", "low", "high"), [("LAD", 75, 150), ("LCX", -45, 25), ("RCA", -135, -75)])
def test_territories_lie_where_the_arteries_run(territory, low, high):
    for seed in range(20):
        scar = draw_scar(np.random.default_rng(seed), "ischaemic", territory, 0.5, 0.5, False, 90.0)
        assert low <= np.rad2deg(scar.patches[0][0]) <= high


def test_no_scar_pattern_has_no_patches():
    scar = draw_scar(np.random.default_rng(0), "none", "LAD", 0.5, 0.5, False, 90.0)
    assert scar.patches == ()


def test_ripple_is_periodic_in_the_angle():
    ripple = Ripple(np.random.default_rng(0), 6)
    theta = np.linspace(-3, 3, 50)
    assert ripple(theta, 10.0) == pytest.approx(ripple(theta + 2 * math.pi, 10.0), abs=1e-4)

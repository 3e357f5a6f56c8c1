"""Numbers against formulas, at several spacings and rotations, with errors that shrink with the voxels."""

import numpy as np
import pytest

from scarnet.measure import measure_study

COARSE_TO_FINE = [(8.0, 2.0, 2.0), (8.0, 1.0, 1.0), (8.0, 0.5, 0.5)]
UNLIKE = (6.0, 0.8, 1.5)
SHIFTS = [(0.0, 0.0), (0.31, 0.12), (0.44, 0.27), (0.17, 0.49)]


def measure(made, **options):
    return measure_study(made.labels, made.stack, thresholds=False, **options).values


def mean_error(ventricle, spacing, number, truth, **shape):
    """Relative error, averaged over where the centre lies between voxels."""
    found = [number(measure(ventricle(spacing=spacing, shift=shift, **shape))) for shift in SHIFTS]
    return float(np.mean(np.abs(np.array(found) / truth - 1)))


def volume(values):
    return values["myocardium_volume_ml"]


def border(values):
    return values["scar_border_length_mm"]


@pytest.mark.parametrize("spacing", [*COARSE_TO_FINE, UNLIKE])
def test_a_cylinder(ventricle, make_wedge, spacing):
    made = ventricle(20, 30, make_wedge(10, 100), slices=4, spacing=spacing)
    values = measure(made)
    length = 4 * spacing[0]
    wall = np.pi * (30**2 - 20**2) * length / 1000
    assert values["myocardium_volume_ml"] == pytest.approx(wall, rel=0.02)
    assert values["myocardium_mass_g"] == pytest.approx(1.05 * wall, rel=0.02)
    assert values["blood_pool_volume_ml"] == pytest.approx(np.pi * 20**2 * length / 1000, rel=0.02)
    assert values["scar_percent_myocardium"] == pytest.approx(25, abs=0.6)


def test_errors_of_volume_shrink_with_the_voxels(ventricle):
    truth = np.pi * (30**2 - 20**2) * 3 * 8 / 1000
    coarse, middle, fine = (mean_error(ventricle, s, volume, truth) for s in COARSE_TO_FINE)
    assert fine < middle < coarse
    assert fine < 0.001


def test_a_paraboloid(ventricle):
    # r² = z: slices of thickness h hold exactly the volume under the parabola, as r² grows evenly.
    thickness = 5.0
    heights = (np.arange(12) + 0.5) * thickness
    made = ventricle(np.sqrt(8 * heights), np.sqrt(18 * heights), slices=12, spacing=(thickness, 0.7, 0.7))
    values = measure(made)
    assert values["blood_pool_volume_ml"] == pytest.approx(np.pi * 8 * 60**2 / 2 / 1000, rel=0.005)
    assert values["myocardium_volume_ml"] == pytest.approx(np.pi * 10 * 60**2 / 2 / 1000, rel=0.005)


@pytest.mark.parametrize("turn", [0, 33, 171])
@pytest.mark.parametrize("spacing", [(8.0, 1.0, 1.0), UNLIKE])
def test_transmurality_extent_and_pattern(ventricle, make_wedge, spacing, turn):
    # Inner 40 % of the wall over 90°, all of it over another 36°.
    sector, whole = make_wedge(turn, turn + 90), make_wedge(turn + 180, turn + 216)
    made = ventricle(20, 30, lambda r, a: (sector(r, a) & (r < 24)) | whole(r, a), spacing=spacing)
    values = measure(made)
    depth = values["transmurality"]
    assert depth["chords"] == 300
    assert depth["mean_percent_of_scarred"] == pytest.approx((40 * 90 + 100 * 36) / 126, abs=4)
    assert depth["mean_percent_of_all"] == pytest.approx((0.4 * 90 + 36) / 3.6, abs=1)
    shares = depth["quartiles_percent_of_circumference"]
    assert shares["26-50"] == pytest.approx(25, abs=3)
    assert shares["76-100"] == pytest.approx(10, abs=1.1)
    assert shares["1-25"] + shares["51-75"] < 4
    # A chord that touches scar counts: half a voxel more on each of four edges.
    assert values["scar_extent_percent_circumference"] == pytest.approx(35, abs=2.5)
    assert values["slices"][1]["scar_extent_deg"] == pytest.approx(126, abs=9)
    assert values["pattern"]["dominant"] == "endocardial"
    assert values["pattern"]["transmural_percent"] == pytest.approx(100 * 36 / 126, abs=3)
    assert values["components"]["count"] == 2


@pytest.mark.parametrize(
    ("reach", "name"),
    [((20, 24), "endocardial"), ((23, 27), "mid_wall"), ((26, 30), "epicardial"), ((20, 30), "transmural")],
)
def test_the_pattern_tells_where_in_the_wall_scar_lies(ventricle, make_wedge, reach, name):
    sector = make_wedge(40, 140)
    values = measure(ventricle(20, 30, lambda r, a: sector(r, a) & (r >= reach[0]) & (r < reach[1])))
    assert values["pattern"]["dominant"] == name
    assert values["pattern"][f"{name}_percent"] > 95
    assert [one["pattern"] for one in values["slices"]] == [name] * 3


def test_errors_of_transmurality_shrink_with_the_voxels(ventricle):
    def depth(values):
        return values["transmurality"]["mean_percent_of_all"]

    ring = {"scar": lambda r, a: r < 26, "inner": 20, "outer": 30}
    coarse, _, fine = (mean_error(ventricle, s, depth, 60, **ring) for s in COARSE_TO_FINE)
    assert fine < coarse / 2
    assert fine < 0.004


@pytest.mark.parametrize("turn", [0, 22.5, 60, 117])
@pytest.mark.parametrize("spacing", [(8.0, 0.7, 0.7), UNLIKE])
def test_the_border_of_a_wedge_is_its_two_sides(ventricle, make_wedge, spacing, turn):
    values = measure(ventricle(20, 30, make_wedge(turn, turn + 80), spacing=spacing))
    assert border(values) == pytest.approx(3 * 2 * 10, rel=0.06)


def test_the_border_of_a_ring_is_its_circumference(ventricle):
    ring = {"scar": lambda r, a: r < 25, "inner": 20, "outer": 30}
    coarse, middle, fine = (mean_error(ventricle, s, border, 3 * 2 * np.pi * 25, **ring) for s in COARSE_TO_FINE)
    assert fine < middle < coarse
    assert fine < 0.002
    assert mean_error(ventricle, UNLIKE, border, 3 * 2 * np.pi * 25, **ring) < 0.02


def test_scar_beside_blood_or_outside_has_no_border_there(ventricle):
    assert border(measure(ventricle(20, 30, lambda r, a: r > 0))) == 0


def test_percentages_do_not_depend_on_spacing(ventricle, make_wedge):
    sector = make_wedge(20, 130)
    made = ventricle(20, 30, lambda r, a: sector(r, a) & (r < 26))
    larger = ventricle(20, 30, spacing=(13.6, 1.7, 1.7)).stack
    scaled = measure_study(
        made.labels, type(larger)(made.stack.pixels, larger.spacing_mm, larger.affine, "scaled"), thresholds=False
    ).values
    plain = measure(made)
    for key in ("scar_percent_myocardium", "scar_extent_percent_circumference"):
        assert scaled[key] == pytest.approx(plain[key])
    depth = scaled["transmurality"]["mean_percent_of_all"]
    assert depth == pytest.approx(plain["transmurality"]["mean_percent_of_all"])
    assert [s["scar_percent"] for s in scaled["segments"]] == pytest.approx(
        [s["scar_percent"] for s in plain["segments"]]
    )
    assert scaled["scar_volume_ml"] == pytest.approx(plain["scar_volume_ml"] * 1.7**3)
    assert scaled["scar_border_length_mm"] == pytest.approx(plain["scar_border_length_mm"] * 1.7)


def test_true_positions_count(ventricle):
    # Distances of 8, 10, 8 and 24 mm: uneven, and two slices missing at the end.
    made = ventricle(slices=5, spacing=(8.0, 1.0, 1.0), positions=(0.0, 8.0, 18.0, 26.0, 50.0))
    values = measure(made)
    area = values["slices"][0]["myocardium_area_mm2"]
    thickness = [one["myocardium_volume_ml"] * 1000 / area for one in values["slices"]]
    assert thickness == pytest.approx([8, 9, 9, 8, 8])
    assert values["gaps"]["missing_slices"] == 2
    assert values["gaps"]["myocardium_volume_ml_filled"] == pytest.approx(area * (50 + 8) / 1000)
    assert any("2 slices seem to be missing" in note for note in values["notes"])

"""The 17 segments: shares, numbering whichever way the stack lies, levels, the apex, the insertion."""

import numpy as np
import pytest

from scarnet.errors import ScarNetError
from scarnet.measure import Insertion, MeasureSettings, insertion_at_patient, measure_study
from scarnet.phantom import PhantomSettings, make_phantom
from scarnet.stack import LGEStack

# Seen from the apex with the septum on the left, rows downwards: the anterior insertion at 240° of atan2(down, right),
# and segments numbered against the angle.
INSERTION_DEG = 240


def scars(values):
    return {one["segment"]: one["scar_percent"] for one in values["segments"]}


def marked(made, degrees=INSERTION_DEG, z=1):
    dy, dx = made.stack.spacing_mm[1:]
    y = made.centre[0] + 25 * np.sin(np.radians(degrees)) / dy
    return Insertion(z, y, made.centre[1] + 25 * np.cos(np.radians(degrees)) / dx)


@pytest.mark.parametrize("turn", [0, 77])
@pytest.mark.parametrize("number", [1, 3, 5])
def test_scar_in_one_segment(ventricle, make_wedge, number, turn):
    # Segment 2 begins at the insertion; each next one 60° further against the angle.
    start = INSERTION_DEG + turn - 60 * (number - 2)
    made = ventricle(20, 30, make_wedge(start - 60, start), slices=3, spacing=(8.0, 0.6, 0.9))
    values = measure_study(
        made.labels, made.stack, thresholds=False, insertions=[marked(made, INSERTION_DEG + turn)]
    ).values
    found = scars(values)
    for segment in range(1, 13):
        assert found[segment] == pytest.approx(100 if segment in (number, number + 6) else 0, abs=3)
    shares = [one["myocardium_volume_ml"] for one in values["segments"]]
    assert shares[:12] == pytest.approx([shares[0]] * 12, rel=0.02)
    assert shares[12:16] == pytest.approx([1.5 * shares[0]] * 4, rel=0.02)
    assert shares[16] == 0
    assert sum(shares) == pytest.approx(values["myocardium_volume_ml"])
    depth = {one["segment"]: one["transmurality_percent"] for one in values["segments"]}
    assert depth[number] == pytest.approx(100, abs=7)
    assert depth[(number + 2) % 6 + 1] == pytest.approx(0, abs=1)


def flipped(stack, labels, axes):
    """The same patient with rows, columns or slices stored in the other order."""
    affine = stack.affine.copy()
    for axis in axes:
        column = 2 - axis
        affine[:3, 3] += affine[:3, column] * (labels.shape[axis] - 1)
        affine[:3, column] *= -1
    return LGEStack(np.flip(stack.pixels, axes), stack.spacing_mm, affine, stack.case), np.flip(labels, axes)


def turned(stack, labels):
    """The same patient lying otherwise in the scanner."""
    a, b = np.radians(20), np.radians(-15)
    about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    motion = np.eye(4)
    motion[:3, :3], motion[:3, 3] = about_x @ about_z, (5, -7, 11)
    return LGEStack(stack.pixels, stack.spacing_mm, motion @ stack.affine, stack.case), labels, motion


@pytest.fixture(scope="module")
def patient():
    """A phantom with scar of the anterior descending artery, and its measures with a point marked in the patient."""
    made = make_phantom(
        5, PhantomSettings(pattern="ischaemic", territory="LAD", slices=6, matrix=(96, 96), spacing_mm=(2.0, 1.8))
    )
    point = made.stack.affine @ [40.3, 31.7, 2, 1]
    values = measure_study(made.labels, made.stack, insertions=[insertion_at_patient(point[:3], made.stack)]).values
    return made, point, values


def assert_same(found, expected, backwards):
    """Everything but the order of the slices is the same."""
    for key in ("scar_volume_ml", "scar_border_length_mm", "scar_extent_percent_circumference", "myocardium_mass_g"):
        assert found[key] == pytest.approx(expected[key], rel=1e-6), key
    assert found["transmurality"]["mean_percent_of_all"] == pytest.approx(
        expected["transmurality"]["mean_percent_of_all"], rel=0.005
    )
    for one, other in zip(found["segments"], expected["segments"], strict=True):
        assert one["myocardium_volume_ml"] == pytest.approx(other["myocardium_volume_ml"], abs=0.02)
        assert one["scar_volume_ml"] == pytest.approx(other["scar_volume_ml"], abs=0.02)
    for name, one in expected["thresholds"].items():
        assert found["thresholds"][name]["scar_volume_ml"] == pytest.approx(one["scar_volume_ml"], rel=0.02, abs=0.05)
    slices = found["slices"][::-1] if backwards else found["slices"]
    assert [s["level"] for s in slices] == [s["level"] for s in expected["slices"]]


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 2), (0, 1, 2)])
def test_the_order_of_rows_columns_and_slices_changes_nothing(patient, axes):
    made, point, expected = patient
    stack, labels = flipped(made.stack, made.labels, axes)
    found = measure_study(labels, stack, insertions=[insertion_at_patient(point[:3], stack)]).values
    assert_same(found, expected, backwards=0 in axes)


def test_how_the_patient_lies_changes_nothing(patient):
    made, point, expected = patient
    stack, labels, motion = turned(made.stack, made.labels)
    found = measure_study(labels, stack, insertions=[insertion_at_patient((motion @ point)[:3], stack)]).values
    assert_same(found, expected, backwards=False)


@pytest.mark.parametrize("view", ["conventional", "turned"])
@pytest.mark.parametrize(
    ("territory", "segments"),
    [("LAD", {1, 2, 7, 8, 13, 14, 17}), ("RCA", {3, 4, 9, 10, 15}), ("LCX", {5, 6, 11, 12, 16})],
)
def test_an_arterys_scar_is_in_its_segments(territory, segments, view):
    settings = PhantomSettings(
        pattern="ischaemic",
        territory=territory,
        view=view,
        slices=6,
        matrix=(88, 88),
        spacing_mm=(2.2, 2.2),
        rotation_deg=20,
    )
    made = make_phantom(2, settings)
    found = measure_study(made.labels, made.stack, thresholds=False)
    assert found.insertion.source == "image"
    inside = sum(one["scar_volume_ml"] for one in found.values["segments"] if one["segment"] in segments)
    # Territories of arteries and the phantom's wedges are not cut at the same degree.
    assert inside > 0.7 * found.values["scar_volume_ml"]
    assert any("estimated from where the image shows" in note for note in found.values["notes"])
    # Without an image to look at, where septums usually lie has to do.
    blind = LGEStack(np.zeros(made.stack.shape), made.stack.spacing_mm, made.stack.affine, "blind")
    found = measure_study(made.labels, blind, thresholds=False)
    assert found.insertion.source == "patient axes"
    inside = sum(one["scar_volume_ml"] for one in found.values["segments"] if one["segment"] in segments)
    assert inside > 0.7 * found.values["scar_volume_ml"]


def test_without_geometry_slices_are_taken_as_displayed(ventricle, make_wedge):
    # Septum on the left, anterior wall at the top: scar at the top left is anteroseptal.
    made = ventricle([24, 20, 14], 30, make_wedge(182, 238), affine=np.diag([-1.0, -1, 8, 1]))
    found = measure_study(made.labels, made.stack, thresholds=False)
    assert (found.orientation.base_source, found.orientation.direction_source) == ("blood pool", "display")
    assert max(scars(found.values), key=lambda n: scars(found.values)[n] or 0) in (2, 8)
    upside = measure_study(made.labels[::-1], made.stack, thresholds=False)
    assert [one["level"] for one in upside.values["slices"]] == ["apical", "mid", "basal"]
    assert scars(upside.values)[2] == pytest.approx(scars(found.values)[2], abs=1e-9)
    assert any("seen from the apex" in note for note in found.values["notes"])
    assert any("septum on the left" in note for note in found.values["notes"])


@pytest.mark.parametrize("side_deg", [-90, 20, 135])
def test_the_septum_is_where_there_is_blood_beyond_the_wall(ventricle, make_wedge, side_deg):
    # A right ventricle as bright as the left one around a third of the circumference, lung around the rest.
    around = make_wedge(side_deg - 60, side_deg + 60)

    def image(labels, radius, angle):
        outside = np.where(around(radius, angle), 200.0, 20.0)
        noise = np.random.default_rng(0).normal(0, 8, labels.shape)
        return np.where(labels == 0, outside, np.choose(labels, [0, 60.0, 200.0, 190.0])) + noise

    made = ventricle([24, 20, 14], 30, margin=20, image=image, affine=np.diag([-1.0, -1, 8, 1]))
    for seen_from, direction in (("apex", -1), ("base", 1)):
        found = measure_study(made.labels, made.stack, MeasureSettings(seen_from=seen_from), thresholds=False)
        assert (found.insertion.source, found.orientation.direction) == ("image", direction)
        off = np.degrees(found.insertion.angles_rad[0]) - (side_deg - direction * 60)
        assert (off + 180) % 360 - 180 == pytest.approx(0, abs=8)


def test_the_base_can_be_given_and_doubt_is_told(ventricle, make_affine):
    made = ventricle([14, 20, 24], 30)
    found = measure_study(made.labels, made.stack, thresholds=False)
    assert found.orientation.base_first
    assert any("check which end is the base" in note for note in found.values["notes"])
    given = measure_study(made.labels, made.stack, MeasureSettings(base="last"), thresholds=False)
    assert given.orientation.base_source == "given"
    assert given.orientation.direction == -found.orientation.direction
    assert given.levels == ["apical", "mid", "basal"]


@pytest.mark.parametrize(
    ("slices", "levels"),
    [
        (3, ["basal", "mid", "apical"]),
        (4, ["basal", "mid", "mid", "apical"]),
        (8, ["basal"] * 3 + ["mid"] * 2 + ["apical"] * 3),
        (9, ["basal"] * 3 + ["mid"] * 3 + ["apical"] * 3),
    ],
)
def test_levels_are_thirds_of_the_length(ventricle, slices, levels):
    made = ventricle(slices=slices)
    assert measure_study(made.labels, made.stack, thresholds=False).levels == levels


def test_levels_follow_true_positions(ventricle):
    made = ventricle(slices=4, positions=(0.0, 8.0, 16.0, 60.0))
    assert measure_study(made.labels, made.stack, thresholds=False).levels == ["basal", "basal", "basal", "apical"]


def test_an_apical_slice_without_cavity_is_segment_17(ventricle):
    made = ventricle([20, 18, 12, 0], [30, 28, 24, 15], scar=lambda r, a: r < 6, slices=4)
    found = measure_study(made.labels, made.stack, thresholds=False)
    assert found.levels == ["basal", "mid", "apical", "apex"]
    apex = found.values["segments"][16]
    assert apex["scar_percent"] == pytest.approx(100 * 36 / 225, rel=0.05)
    assert apex["transmurality_percent"] is None
    assert any("no cavity on slice 4" in note for note in found.values["notes"])


def test_the_nearest_marked_point_counts_on_each_slice(ventricle):
    made = ventricle(slices=4)
    found = measure_study(
        made.labels, made.stack, thresholds=False, insertions=[marked(made, 240, 0), marked(made, 200, 3)]
    )
    assert np.degrees(found.insertion.angles_rad) % 360 == pytest.approx([240, 240, 200, 200], abs=0.3)
    assert not found.insertion.estimated
    y, x = found.insertion_points[0] - made.centre
    assert np.degrees(np.arctan2(y, x)) % 360 == pytest.approx(240, abs=1)
    assert np.hypot(y, x) == pytest.approx(30, abs=1)


@pytest.mark.parametrize(
    ("point", "told"),
    [
        (Insertion(9, 10, 10), "outside the stack of 4"),
        (Insertion(0, 10, float("nan")), "outside the stack"),
        (Insertion(3, 10, 10), "no heart in its labels"),
    ],
)
def test_impossible_points_are_refused(ventricle, point, told):
    made = ventricle(slices=4)
    made.labels[3] = 0
    with pytest.raises(ScarNetError, match=told):
        measure_study(made.labels, made.stack, thresholds=False, insertions=[point])
    with pytest.raises(ScarNetError, match="outside the stack"):
        insertion_at_patient((500, 0, 0), made.stack)

"""Labels that are odd or empty: a number or a sentence, never NaN."""

import json

import numpy as np
import pytest

from scarnet.measure import LEVELS, measure_study, unwrap


def nothing(made):
    made.labels[:] = 0


def no_scar(made):
    made.labels[made.labels == 3] = 1


def no_blood(made):
    made.labels[made.labels == 2] = 0


def open_ring(made):
    made.labels[:, (np.abs(made.angle) < 0.6) & (made.radius >= 20)] = 0


def open_without_blood(made):
    open_ring(made)
    no_blood(made)


def scar_outside(made):
    made.labels[1, :3, :3] = 3


def one_voxel(made):
    made.labels[:] = 0
    made.labels[1, 20, 20] = 3


def all_scar(made):
    made.labels[made.labels == 1] = 3


def at_the_edge(made):
    made.labels[:, 0] = 1
    made.labels[:, :, 0] = 3


CASES = {
    nothing: "no myocardium in the labels",
    no_scar: "no scar in the labels",
    no_blood: "what the wall encloses is taken for the cavity",
    open_ring: "open on slices 1, 2, 3",
    open_without_blood: "No slice has a cavity",
    scar_outside: "lie apart from the wall, on slice 2",
    one_voxel: "All of the wall is scar",
    all_scar: "All of the wall is scar",
    at_the_edge: "apart from the wall",
}


@pytest.mark.parametrize(("change", "told"), CASES.items(), ids=lambda value: getattr(value, "__name__", ""))
@pytest.mark.parametrize("flat", [True, False])
def test_odd_labels_get_a_number_or_a_sentence(ventricle, make_wedge, change, told, flat):
    random = np.random.default_rng(0)
    image = None if flat else (lambda labels, *_: random.normal(100, 10, labels.shape) + 80 * (labels > 1))
    made = ventricle(20, 30, make_wedge(100, 190), image=image)
    change(made)
    probabilities = None if flat else np.stack([made.labels == c for c in range(4)]).astype(np.float32)
    with np.errstate(divide="raise", invalid="raise"):
        found = measure_study(made.labels, made.stack, probabilities=probabilities)
    # JSON refuses NaN; what is missing is None and has its sentence.
    assert json.loads(json.dumps(found.values, allow_nan=False)) == found.values
    assert any(told in note for note in found.values["notes"])
    wall = np.isin(made.labels, (1, 3))
    assert (found.values["scar_percent_myocardium"] is None) == (not wall.any())
    assert np.array_equal(found.segments > 0, wall)
    assert len(found.values["segments"]) == 17
    assert len(found.values["slices"]) == 3
    assert set(found.levels) <= {*LEVELS, None}
    if found.values["transmurality"]["mean_percent_of_all"] is None:
        assert any("cavity" in note or "no myocardium" in note for note in found.values["notes"])


def test_a_single_slice(ventricle, make_wedge):
    made = ventricle(20, 30, make_wedge(0, 90), slices=1)
    found = measure_study(made.labels, made.stack)
    assert found.levels == ["mid"]
    assert found.values["scar_percent_myocardium"] == pytest.approx(25, abs=0.6)
    assert any("single slice" in note for note in found.values["notes"])
    json.dumps(found.values, allow_nan=False)


def test_labels_of_the_wall_alone_have_the_same_transmurality(ventricle, make_wedge):
    sector = make_wedge(100, 190)
    made = ventricle(20, 30, lambda r, a: sector(r, a) & (r < 25))
    whole = measure_study(made.labels, made.stack, thresholds=False).values
    no_blood(made)
    assert measure_study(made.labels, made.stack, thresholds=False).values["transmurality"] == whole["transmurality"]


def test_the_wall_unwraps_into_a_strip(ventricle):
    made = ventricle([20, 18, 0], [30, 29, 14], image=lambda labels, radius, angle: radius + 0 * labels)
    found = measure_study(made.labels, made.stack, thresholds=False)
    strip = unwrap(made.stack.pixels, found.chords, made.stack.spacing_mm, depths=10)
    assert strip.shape == (3, 10, 100)
    assert strip[0, :, 7] == pytest.approx(20 + np.arange(10) + 0.5, abs=0.7)
    assert np.ptp(strip[1].mean(axis=0)) < 1.2
    labels = unwrap(found.segments, found.chords, made.stack.spacing_mm, order=0)
    # The first chords belong to the anteroseptal segment, the last to the anterior one.
    assert (labels[0, 3:-3, 1] == 2).all()
    assert (labels[0, 3:-3, -2] == 1).all()
    empty = measure_study(np.zeros_like(made.labels), made.stack, thresholds=False)
    assert np.isnan(unwrap(made.stack.pixels, empty.chords, made.stack.spacing_mm)).all()

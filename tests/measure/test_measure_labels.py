"""Volumes, masses and percentages against numbers worked out by hand."""

import json

import numpy as np
import pytest

from scarnet.errors import ScarNetError
from scarnet.measure import measure_labels
from scarnet.stack import LGEStack

SPACING_MM = (10.0, 2.0, 1.0)  # A voxel is 20 mm³ = 0.02 ml and 2 mm² in its slice.


def stack(shape=(3, 10, 10), positions=None):
    made = LGEStack.from_array(np.zeros(shape), SPACING_MM, case="hand-made")
    return LGEStack(made.pixels, made.spacing_mm, made.affine, made.case, slice_positions_mm=positions)


def labels():
    volume = np.zeros((3, 10, 10), np.uint8)
    volume[0, :3, :10] = 1  # 30 voxels of healthy wall
    volume[1, :1, :10] = 3  # 10 of scar
    volume[1, 1:2, :10] = 1  # 10 of healthy wall
    volume[1, 5:7, :10] = 2  # 20 of blood
    return volume


def test_volumes_and_masses_count_scar_as_wall():
    found = measure_labels(labels(), stack())
    assert found["myocardium_volume_ml"] == pytest.approx(50 * 0.02)
    assert found["myocardium_mass_g"] == pytest.approx(50 * 0.02 * 1.05)
    assert found["scar_volume_ml"] == pytest.approx(10 * 0.02)
    assert found["scar_mass_g"] == pytest.approx(10 * 0.02 * 1.05)
    assert found["blood_pool_volume_ml"] == pytest.approx(20 * 0.02)
    assert found["scar_percent_myocardium"] == pytest.approx(20.0)
    assert found["note"] is None


def test_each_slice_has_its_own_numbers():
    slices = measure_labels(labels(), stack())["slices"]
    assert [entry["index"] for entry in slices] == [0, 1, 2]
    assert [entry["position_mm"] for entry in slices] == [0.0, 10.0, 20.0]
    assert slices[1]["myocardium_area_mm2"] == pytest.approx(40)
    assert slices[1]["scar_area_mm2"] == pytest.approx(20)
    assert slices[1]["blood_pool_area_mm2"] == pytest.approx(40)
    assert slices[1]["scar_volume_ml"] == pytest.approx(0.2)
    assert [entry["scar_percent_myocardium"] for entry in slices] == [0.0, pytest.approx(50.0), None]


def test_slices_add_up_to_the_whole():
    found = measure_labels(labels(), stack())
    for tissue in ("myocardium", "scar", "blood_pool"):
        assert sum(s[f"{tissue}_volume_ml"] for s in found["slices"]) == pytest.approx(found[f"{tissue}_volume_ml"])


def test_a_gap_between_slices_is_not_counted_as_tissue():
    with_gap = measure_labels(labels(), stack(positions=(-5.0, 5.0, 35.0)))
    assert with_gap["myocardium_volume_ml"] == pytest.approx(50 * 0.02)
    assert [entry["position_mm"] for entry in with_gap["slices"]] == [-5.0, 5.0, 35.0]


def test_without_myocardium_there_is_a_note_and_never_nan():
    found = measure_labels(np.zeros((3, 10, 10), np.uint8), stack())
    assert found["scar_percent_myocardium"] is None
    assert "no myocardium" in found["note"]
    json.dumps(found, allow_nan=False)


def test_scar_alone_is_all_of_the_wall():
    assert measure_labels(np.full((3, 10, 10), 3), stack())["scar_percent_myocardium"] == pytest.approx(100.0)


def test_results_are_plain_json_values():
    found = measure_labels(labels(), stack())
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_labels_of_another_grid_are_refused():
    with pytest.raises(ScarNetError, match=r"hand-made: the labels have shape \(3, 9, 10\)"):
        measure_labels(labels()[:, :9], stack())


@pytest.mark.parametrize("bad", [4, -1, 0.5])
def test_values_that_are_no_class_are_refused(bad):
    volume = labels().astype(np.float32)
    volume[0, 0, 0] = bad
    with pytest.raises(ScarNetError, match=f"no class \\({bad:g}\\)"):
        measure_labels(volume, stack())

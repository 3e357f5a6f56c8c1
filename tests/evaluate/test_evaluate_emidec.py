"""Real hearts: a reference against itself and against known changes of it."""

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from scarnet.evaluate import CLASSES, evaluate_case, summarise
from scarnet.evaluate.case import class_mask
from scarnet.io import read_labels, read_study

CASES = ("N013", "P001", "P010")


@pytest.fixture(scope="module")
def hearts(shared_data):
    folder = shared_data / "emidec"
    loaded = {}
    for case in CASES:
        stack = read_study(folder / "imagesTr" / f"emidec_{case}_0000.nii.gz")
        loaded[case] = (read_labels(folder / "labelsTr" / f"emidec_{case}.nii.gz", stack), stack.spacing_mm)
    return loaded


def test_a_reference_agrees_with_itself(hearts):
    cases = [evaluate_case(labels, labels, spacing, case) for case, (labels, spacing) in hearts.items()]
    summary = summarise(cases)
    for name in CLASSES:
        found = summary["classes"][name]
        assert found["dice"]["min"] == found["slice_dice"]["min"] == 1
        assert found["hd95_mm"]["max"] == found["hd_mm"]["max"] == found["assd_mm"]["max"] == 0
    assert summary["classes"]["scar"]["dice"]["n"] == 2
    assert (summary["false_alarms"]["patients_without_scar"], summary["false_alarms"]["patients"]) == (1, 0)
    assert (summary["scar_percent"]["bias"], summary["scar_percent"]["sd"]) == (0, 0)
    assert summary["scar_percent"]["r2"] == pytest.approx(1)


@pytest.mark.parametrize("axis", [1, 2])
def test_a_shifted_copy_is_one_voxel_away(hearts, axis):
    for case, (labels, spacing) in hearts.items():
        result = evaluate_case(labels, np.roll(labels, 1, axis), spacing, case)
        for name in ("myocardium", "blood_pool"):
            assert result.classes[name].distances.hd_mm == pytest.approx(spacing[axis])
            assert result.classes[name].reference_ml == pytest.approx(result.classes[name].predicted_ml)
            assert 0.5 < result.classes[name].dice < 1


def test_a_missing_slice_is_a_slice_distance_away(hearts):
    for case, (labels, spacing) in hearts.items():
        cut = labels.copy()
        cut[np.flatnonzero((labels == 2).any(axis=(1, 2)))[-1]] = 0
        result = evaluate_case(labels, cut, spacing, case)
        assert result.classes["blood_pool"].distances.hd_mm >= spacing[0] - 1e-6
        assert result.classes["blood_pool"].distances.hd_mm < 2.5 * spacing[0]


def test_an_eroded_copy_equals_monai(hearts):
    torch = pytest.importorskip("torch")
    metrics = pytest.importorskip("monai.metrics")
    in_plane = np.array([[[0, 1, 0], [1, 1, 1], [0, 1, 0]]], dtype=bool)
    for case, (labels, spacing) in hearts.items():
        pool = class_mask(labels, "blood_pool")
        eroded = labels.copy()
        eroded[pool & ~binary_erosion(pool, in_plane)] = 1
        found = evaluate_case(labels, eroded, spacing, case).classes["blood_pool"]
        first, second = (torch.from_numpy(one == 2)[None, None].float() for one in (labels, eroded))
        options = {"include_background": True, "spacing": spacing}
        hd95 = metrics.compute_hausdorff_distance(second, first, percentile=95, **options).item()
        assd = metrics.compute_average_surface_distance(second, first, symmetric=True, **options).item()
        assert found.distances.hd95_mm == pytest.approx(hd95, rel=1e-5)
        assert found.distances.assd_mm == pytest.approx(assd, rel=1e-5)
        kept, whole = (eroded == 2).sum(), pool.sum()
        assert found.dice == pytest.approx(2 * kept / (kept + whole))

"""Dice and surface distances against MONAI, against hand-computed values, and on degenerate masks."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from scarnet.errors import ScarNetError
from scarnet.evaluate.overlap import dice, slice_dice
from scarnet.evaluate.surface import SurfaceDistances, surface_distances, surface_voxels

SPACING = (9.7, 1.72, 0.91)
SHAPE = (7, 24, 26)


def blob(seed, shape=SHAPE, level=0.0):
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=shape), (0.8, 2.5, 2.5))
    return noise > level * noise.std()


def box(*bounds, shape=SHAPE):
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(*pair) for pair in bounds)] = True
    return mask


def voxel(z, y, x):
    return box((z, z + 1), (y, y + 1), (x, x + 1))


RANDOM = {f"random {seed}": (blob(seed), blob(seed + 100, level=seed / 4)) for seed in range(6)}
RANDOM["speckle"] = tuple(np.random.default_rng(seed).random(SHAPE) > 0.8 for seed in (7, 8))
DEGENERATE = {
    "one voxel each": (voxel(1, 2, 3), voxel(5, 20, 4)),
    "the same voxel": (voxel(1, 2, 3), voxel(1, 2, 3)),
    "one voxel against a blob": (voxel(6, 23, 25), blob(3)),
    "whole volumes": (np.ones(SHAPE, dtype=bool), np.ones(SHAPE, dtype=bool)),
    "whole volume against one voxel": (np.ones(SHAPE, dtype=bool), voxel(0, 0, 0)),
    "whole volume against a blob": (np.ones(SHAPE, dtype=bool), blob(4)),
    "at opposite borders": (box((0, 1), (0, 24), (0, 26)), box((6, 7), (0, 24), (0, 26))),
    "touching the border": (box((0, 3), (0, 10), (0, 12)), box((1, 3), (2, 10), (0, 14))),
    "one inside the other": (box((0, 7), (2, 22), (2, 22)), box((2, 5), (8, 16), (8, 16))),
    "a shell and what it holds": (box((0, 7), (2, 22), (2, 22)) & ~box((1, 6), (4, 20), (4, 20)), voxel(3, 12, 12)),
}
PAIRS = RANDOM | DEGENERATE


@pytest.mark.parametrize("name", PAIRS)
def test_distances_equal_monai(name):
    torch = pytest.importorskip("torch")
    metrics = pytest.importorskip("monai.metrics")
    reference, predicted = PAIRS[name]
    first, second = (torch.from_numpy(mask)[None, None].float() for mask in (reference, predicted))
    options = {"include_background": True, "spacing": SPACING}
    found = surface_distances(reference, predicted, SPACING)
    hd = metrics.compute_hausdorff_distance(second, first, **options).item()
    hd95 = metrics.compute_hausdorff_distance(second, first, percentile=95, **options).item()
    assd = metrics.compute_average_surface_distance(second, first, symmetric=True, **options).item()
    assert (found.hd_mm, found.hd95_mm, found.assd_mm) == pytest.approx((hd, hd95, assd), rel=1e-5, abs=1e-5)
    assert found.undefined is None


@pytest.mark.parametrize("name", PAIRS)
def test_dice_equals_monai(name):
    torch = pytest.importorskip("torch")
    metrics = pytest.importorskip("monai.metrics")
    reference, predicted = PAIRS[name]
    first, second = (torch.from_numpy(mask)[None, None].float() for mask in (reference, predicted))
    assert dice(reference, predicted) == pytest.approx(metrics.compute_dice(second, first).item(), abs=1e-6)


@pytest.mark.parametrize("name", PAIRS)
def test_neither_mask_comes_first(name):
    reference, predicted = PAIRS[name]
    there, back = surface_distances(reference, predicted, SPACING), surface_distances(predicted, reference, SPACING)
    assert (there.hd_mm, there.hd95_mm) == (back.hd_mm, back.hd95_mm)
    assert there.assd_mm == pytest.approx(back.assd_mm)
    assert dice(reference, predicted) == dice(predicted, reference)


@pytest.mark.parametrize(("axis", "step"), [(0, 1), (0, 2), (1, 3), (2, 1)])
def test_a_shift_is_as_far_as_it_is_in_mm(axis, step):
    mask = box((2, 4), (8, 14), (8, 16))
    found = surface_distances(mask, np.roll(mask, step, axis), SPACING)
    assert found.hd_mm == pytest.approx(step * SPACING[axis])
    assert found.assd_mm <= found.hd95_mm <= found.hd_mm


def test_one_far_voxel_moves_the_hausdorff_distance_only():
    mask = box((2, 5), (4, 16), (4, 16))
    found = surface_distances(mask, mask | voxel(2, 4, 25), SPACING)
    assert found.hd_mm == pytest.approx(10 * SPACING[2])
    assert found.hd95_mm == 0
    assert 0 < found.assd_mm < 0.1


def test_each_direction_has_its_own_percentile():
    # A single voxel against a plate: one direction holds one distance, the other many.
    plate, point = box((3, 4), (0, 24), (0, 26)), voxel(3, 0, 0)
    there = [np.hypot(y * SPACING[1], x * SPACING[2]) for y in range(24) for x in range(26)]
    found = surface_distances(point, plate, SPACING)
    assert found.hd95_mm == pytest.approx(np.percentile(there, 95))
    assert found.assd_mm == pytest.approx(np.sum(there) / (len(there) + 1))


def test_equal_masks_are_not_apart():
    for mask in (blob(1), voxel(0, 0, 0), np.ones(SHAPE, dtype=bool)):
        assert surface_distances(mask, mask.copy(), SPACING) == SurfaceDistances(0.0, 0.0, 0.0)
        assert dice(mask, mask.copy()) == 1


def test_an_empty_mask_has_no_distance_and_the_reason_is_told():
    empty, full = np.zeros(SHAPE, dtype=bool), blob(2)
    assert surface_distances(empty, empty, SPACING) == SurfaceDistances(undefined="both empty")
    assert surface_distances(empty, full, SPACING) == SurfaceDistances(undefined="reference empty")
    assert surface_distances(full, empty, SPACING) == SurfaceDistances(undefined="prediction empty")
    assert dice(empty, empty) is None
    assert dice(empty, full) == dice(full, empty) == 0


def test_the_surface_is_a_layer_of_voxels_also_at_the_border():
    assert surface_voxels(np.ones((3, 5, 5), dtype=bool)).sum() == 75 - 9
    inner = box((1, 6), (5, 10), (5, 10))
    np.testing.assert_array_equal(surface_voxels(inner), inner & ~box((2, 5), (6, 9), (6, 9)))


def test_dice_by_slice_leaves_out_what_is_empty_in_both():
    first, second = box((0, 2), (0, 4), (0, 4)), box((1, 3), (0, 4), (0, 2))
    assert slice_dice(first, second) == [0, pytest.approx(2 * 8 / (16 + 8)), 0, None, None, None, None]


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (1.0, 0.0, 1.0), (1.0, float("nan"), 1.0), (1.0, -1.0, 1.0)])
def test_a_spacing_that_is_none_is_refused(spacing):
    with pytest.raises(ScarNetError, match="not 3 positive numbers in mm"):
        surface_distances(blob(0), blob(1), spacing)


def test_masks_that_do_not_fit_are_refused():
    with pytest.raises(ScarNetError, match="cannot be compared"):
        dice(blob(0), blob(0)[1:])
    with pytest.raises(ScarNetError, match="boolean"):
        dice(blob(0).astype(np.uint8), blob(0).astype(np.uint8))
    with pytest.raises(ScarNetError, match="cannot be compared"):
        surface_distances(blob(0), blob(0)[1:], SPACING)

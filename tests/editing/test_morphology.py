"""Growing, shrinking, smoothing and filling keep a heart a heart."""

import numpy as np
import pytest

from scarnet.editing import fill_holes, grow, mask_to_labels, polygon_mask, shrink, smooth


def radius_of(mask):
    return np.sqrt(mask.sum() / np.pi)


def test_the_blood_pool_grows_by_a_voxel_and_comes_back(heart):
    before = radius_of(heart[1] == 2)
    larger = grow(heart, 2)
    # A step over faces moves the outline by 1 along the axes and by 1/√2 on the diagonals.
    assert 0.7 < radius_of(larger[1] == 2) - before < 1.0
    assert np.array_equal(larger > 0, heart > 0)
    back = shrink(larger, 2)
    # The outline is back but for its finest corners, and what the pool gave up is wall again.
    assert radius_of(back[1] == 2) == pytest.approx(before, abs=0.3)
    assert np.array_equal(back > 0, heart > 0)


def test_scar_grows_only_in_the_wall_unless_it_is_let_out(heart):
    kept, free = grow(heart, 3), grow(heart, 3, scar_in_wall=False)
    wall = np.isin(heart, (1, 3))
    assert (kept == 3).sum() > (heart == 3).sum()
    assert not ((kept == 3) & ~wall).any()
    assert ((free == 3) & ~wall).any()
    assert np.array_equal(np.isin(shrink(heart, 3), (1, 3)), wall)


def test_the_wall_is_one_thing_with_its_scar(heart):
    thicker, thinner = grow(heart, 1), shrink(heart, 1)
    assert np.array_equal(thicker == 2, heart == 2)
    assert np.array_equal(thicker == 3, heart == 3)
    assert radius_of(thicker[0] > 0) - radius_of(heart[0] > 0) > 0.7
    # Thinner from both sides: outside background takes over, inside blood.
    assert radius_of(heart[0] > 0) - radius_of(thinner[0] > 0) > 0.7
    assert radius_of(thinner[0] == 2) - radius_of(heart[0] == 2) > 0.7
    assert (thinner == 3).sum() < (heart == 3).sum()


def test_only_the_chosen_voxels_change(heart):
    where = np.zeros(heart.shape, bool)
    where[1, :, 30:] = True
    for change in (grow, shrink, smooth, fill_holes):
        changed = change(heart, 2, where) != heart
        assert not changed[~where].any(), change.__name__


def test_smoothing_takes_spikes_and_keeps_areas(heart):
    rough = heart.copy()
    rough[1, 5:14, 30] = 1
    rough[1, 30, 20:24] = 1
    for cls in (1, 2):
        even = smooth(rough, cls)
        assert abs((even == 2).sum() / (heart == 2).sum() - 1) < 0.03
        assert abs((even > 0).sum() / (heart > 0).sum() - 1) < 0.03
    assert not smooth(rough, 1)[1, 5:9, 30].any()
    assert (smooth(rough, 2)[1, 30, 20:24] == 2).any()


def test_holes_are_filled_with_the_tissue_around_them(heart):
    holed = heart.copy()
    holed[1, 30, 30] = 1  # a papillary muscle in the pool
    holed[1, 30, 15] = 1  # a dark core in the scar
    holed[1, 30, 45] = 0  # a gap in the wall
    filled = [fill_holes(holed, cls) for cls in (1, 2, 3)]
    assert filled[0][1, 30, 45] == 1
    assert filled[1][1, 30, 30] == 2
    assert filled[2][1, 30, 15] == 3
    # The wall's own hole is the cavity, and stays it.
    assert np.array_equal(filled[0] == 2, holed == 2)
    assert np.array_equal(filled[2][heart == 2], holed[heart == 2])


@pytest.mark.parametrize("cls", [1, 2, 3])
def test_empty_and_full_slices_are_no_trouble(cls):
    for value in (0, cls):
        labels = np.full((2, 8, 8), value, np.uint8)
        for change in (grow, shrink, smooth, fill_holes):
            assert np.array_equal(change(labels, cls), labels)


def test_a_mask_means_its_tissue(heart):
    outline = np.zeros(heart.shape, bool)
    outline[1] = heart[1] > 0
    outline[1, 28:33, 50:56] = True
    wall = mask_to_labels(heart, outline, 1)
    assert (wall[1, 28:33, 50:56] == 1).all()
    assert np.array_equal(wall[heart > 0], heart[heart > 0])
    # A threshold decides over its region: what it leaves out is healthy.
    region = np.zeros(heart.shape, bool)
    region[1, :, :20] = True
    scar = mask_to_labels(heart, outline & region, 3, within=region)
    assert not ((scar == 3) & ~np.isin(heart, (1, 3))).any()
    none = mask_to_labels(heart, np.zeros_like(region), 3, within=region)
    assert not (none[region] == 3).any()
    assert np.array_equal(none[~region], heart[~region])
    assert np.array_equal(none[region & (heart == 3)], np.ones((region & (heart == 3)).sum()))


def test_a_polygon_fills_its_own_slice():
    square = [[1.2, 2.5, 2.5], [1.2, 2.5, 7.5], [1.2, 7.5, 7.5], [1.2, 7.5, 2.5]]
    mask = polygon_mask((3, 10, 10), [square, [[9, 0, 0], [9, 0, 5], [9, 5, 5]]])
    assert mask[1, 3:8, 3:8].all()
    assert mask.sum() == 25

"""Slices between two drawn ones have shapes between theirs."""

import numpy as np
import pytest

from scarnet.editing import interpolate_slices
from scarnet.errors import ScarNetError


def disc(radius, centre=(40.0, 40.0), spacing=(1.0, 1.0), size=(81, 81)):
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.hypot((rows - centre[0]) * spacing[0], (columns - centre[1]) * spacing[1]) < radius


def test_radii_and_centres_lie_in_between():
    labels = np.zeros((5, 81, 81), np.uint8)
    for z, (outer, inner, centre) in {0: (20, 10, (40, 36)), 4: (30, 18, (40, 44))}.items():
        labels[z][disc(outer, centre)] = 1
        labels[z][disc(inner, centre)] = 2
    result = interpolate_slices(labels, 4, 0)
    assert np.array_equal(result[[0, 4]], labels[[0, 4]])
    for z, (outer, inner, x) in {1: (22.5, 12, 38), 2: (25, 14, 40), 3: (27.5, 16, 42)}.items():
        # Discs that are shifted by 8 and interpolated by distance are not quite round.
        assert np.sqrt((result[z] > 0).sum() / np.pi) == pytest.approx(outer, abs=0.7)
        assert np.sqrt((result[z] == 2).sum() / np.pi) == pytest.approx(inner, abs=0.7)
        assert np.argwhere(result[z] > 0).mean(axis=0) == pytest.approx((40, x), abs=0.7)


def test_positions_and_oblong_pixels_count():
    labels = np.zeros((4, 41, 81), np.uint8)
    for z, radius in {0: 20.0, 3: 32.0}.items():
        labels[z][disc(radius, (20, 40), (2.0, 1.0), (41, 81))] = 1
    result = interpolate_slices(labels, 0, 3, (2.0, 1.0), positions_mm=(0.0, 10.0, 40.0, 40.0 + 1e-9))
    assert np.sqrt((result[1] > 0).sum() * 2 / np.pi) == pytest.approx(23, abs=0.7)
    assert np.sqrt((result[2] > 0).sum() * 2 / np.pi) == pytest.approx(32, abs=0.7)


def test_a_scar_of_one_slice_ends_half_way_and_stays_in_the_wall():
    labels = np.zeros((5, 81, 81), np.uint8)
    labels[[0, 4]] = np.where(disc(30), 1, 0)
    labels[[0, 4]] = np.where(disc(18), 2, labels[[0, 4]])
    labels[0][disc(6, (40, 16))] = 3
    scar = (interpolate_slices(labels, 0, 4) == 3).sum(axis=(1, 2))
    assert scar[0] > scar[1] > 0
    assert not scar[2:].any()
    assert ((interpolate_slices(labels, 0, 4) == 2).sum(axis=(1, 2)) == (labels[0] == 2).sum()).all()


def test_nothing_to_go_by_is_said():
    labels = np.zeros((5, 9, 9), np.uint8)
    with pytest.raises(ScarNetError, match="both empty"):
        interpolate_slices(labels, 0, 4)
    with pytest.raises(ScarNetError, match="none between"):
        interpolate_slices(labels, 1, 2)

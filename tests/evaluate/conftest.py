"""Small hearts to compare."""

import numpy as np
import pytest

from scarnet.evaluate import evaluate_case

SPACING = (10.0, 2.0, 1.0)
HEART = (6, 40, 40)


def heart(scar=30, shift=0, shape=HEART):
    """A ring of wall around a pool on all slices but the outer two; scar is its first `scar` voxels on each."""
    z, y, x = np.indices(shape)
    radius = np.hypot(y - 20, x - 20 - shift)
    labels = np.where(radius < 8, 2, np.where(radius < 13, 1, 0)).astype(np.uint8)
    labels[(z == 0) | (z == shape[0] - 1)] = 0
    for one in labels[1:-1]:
        wall = np.flatnonzero(one == 1)
        one.ravel()[wall[:scar]] = 3
    return labels


def case_of(name, reference, predicted, **options):
    """Compare two hearts given by their numbers of scar voxels a slice."""
    return evaluate_case(heart(reference), heart(predicted), SPACING, name, **options)


@pytest.fixture
def make_heart():
    return heart


@pytest.fixture
def make_case():
    return case_of

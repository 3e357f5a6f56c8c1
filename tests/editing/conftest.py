"""A heart of rings: blood pool in a wall with a scar in it, three slices."""

import numpy as np
import pytest


def ring_heart(slices=3, size=61, inner=10.0, outer=18.0):
    rows, columns = np.mgrid[:size, :size] - size // 2
    radius = np.hypot(rows, columns)
    labels = np.zeros((slices, size, size), np.uint8)
    labels[:, radius < outer] = 1
    labels[:, radius < inner] = 2
    labels[:, (radius < outer) & (radius >= inner) & (columns < -8)] = 3
    return labels


@pytest.fixture
def heart():
    return ring_heart()

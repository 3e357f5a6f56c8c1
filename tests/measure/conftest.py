"""Ventricles whose measures are known from their formulas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from scarnet.stack import LGEStack

# Columns: across the image, down the image, base to apex; right-handed, as a short-axis stack lies in a chest.
LATERAL = np.array([-0.64, -0.70, 0.10])
LONG_AXIS = np.array([-0.72, 0.58, -0.38]) / np.linalg.norm([-0.72, 0.58, -0.38])


def oblique(spacing_mm: tuple[float, float, float], base_first: bool = True) -> np.ndarray:
    """An affine seen from the apex with the septum on the left, the first slice at the base or at the apex."""
    across = LATERAL - LONG_AXIS * (LATERAL @ LONG_AXIS)
    across /= np.linalg.norm(across)
    down = np.cross(-LONG_AXIS, across)
    affine = np.eye(4)
    along = LONG_AXIS if base_first else -LONG_AXIS
    z, y, x = spacing_mm
    affine[:3, 0], affine[:3, 1], affine[:3, 2], affine[:3, 3] = across * x, down * y, along * z, (10, -20, 30)
    return affine


@dataclass
class Ventricle:
    """Labels on a stack, and each voxel's place."""

    stack: LGEStack
    labels: np.ndarray
    radius: np.ndarray
    angle: np.ndarray
    centre: tuple[float, float]


Build = Callable[..., Ventricle]


@pytest.fixture
def ventricle() -> Build:
    """Build a hollow ventricle of circular slices.

    `inner` and `outer` are radii in mm, one a slice or one for all; `scar(radius, angle)` says where scar is in the
    wall, with the angle atan2(down, right) of the slice; `shift` moves the centre by parts of a voxel; `margin`
    is the space around in mm.
    """

    def build(
        inner=20.0,
        outer=30.0,
        scar=None,
        slices=3,
        spacing=(8.0, 1.0, 1.0),
        shift=(0.3, 0.1),
        affine=None,
        image=None,
        positions=None,
        margin=4,
    ):
        inner, outer = (np.broadcast_to(np.asarray(r, float), slices) for r in (inner, outer))
        n = [int(np.ceil(2 * (max(outer) + margin) / d)) for d in spacing[1:]]
        centre = ((n[0] - 1) / 2 + shift[0], (n[1] - 1) / 2 + shift[1])
        down = (np.arange(n[0]) - centre[0])[:, None] * spacing[1]
        right = (np.arange(n[1]) - centre[1])[None] * spacing[2]
        radius, angle = np.hypot(down, right), np.arctan2(down, right)
        labels = np.zeros((slices, *n), np.uint8)
        for z in range(slices):
            wall = (radius >= inner[z]) & (radius < outer[z])
            labels[z][radius < inner[z]] = 2
            labels[z][wall] = 1
            if scar is not None:
                labels[z][wall & scar(radius, angle)] = 3
        pixels = np.zeros(labels.shape) if image is None else image(labels, radius, angle)
        affine = oblique(spacing) if affine is None else affine
        stack = LGEStack(pixels, spacing, affine, "made", slice_positions_mm=positions)
        return Ventricle(stack, labels, radius, angle, centre)

    return build


def wedge(start_deg: float, stop_deg: float):
    """Scar between two angles, counted in the sense of rising atan2(down, right)."""

    def scar(radius, angle):
        return (np.degrees(angle) - start_deg) % 360 < stop_deg - start_deg

    return scar


@pytest.fixture
def make_wedge():
    """`wedge(start, stop)` for the tests."""
    return wedge


@pytest.fixture
def make_affine():
    """`oblique(spacing_mm, base_first)` for the tests."""
    return oblique

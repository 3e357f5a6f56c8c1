"""A parametric left ventricle with what touches it: right ventricle, papillary muscles, fat.

Heart coordinates: ``x`` from the septum to the lateral wall, ``y`` from the anterior to the inferior wall, ``z`` from
the base (0) to the apex, all in mm from the left ventricle's axis. Angles are measured from the lateral wall towards
the anterior wall, so that the septum is at 180 degrees.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from scarnet.phantom.texture import Ripple

__all__ = ["LeftVentricle", "RightVentricle", "papillary_mask", "polar"]

Array = npt.NDArray[np.floating]


def polar(x: Array, y: Array) -> tuple[Array, Array]:
    """Turn heart coordinates into radius in mm and angle in radians (anterior is +90 degrees)."""
    return np.hypot(x, y), np.arctan2(-y, x)


@dataclass(frozen=True)
class LeftVentricle:
    """Outer and inner surface of the left ventricle.

    Attributes
    ----------
    length_mm : float
        From the base to the outside of the apex.
    radius_mm : float
        Largest outer radius.
    wall_mm, apex_wall_mm : float
        Thickness at the largest radius and at the apex.
    roundness : float
        Exponent of the profile along the axis; 2 is an ellipsoid.
    base_narrowing : float
        Relative loss of radius at the base.
    ellipticity, ellipse_angle : float
        Relative amplitude and direction (radians) of an elliptic cross-section.
    outer_ripple, inner_ripple : Ripple or None
        Irregularity of the surfaces; None is smooth.
    ripple : float
        Relative amplitude of the irregularity.
    """

    length_mm: float
    radius_mm: float
    wall_mm: float
    apex_wall_mm: float
    roundness: float = 2.0
    base_narrowing: float = 0.0
    ellipticity: float = 0.0
    ellipse_angle: float = 0.0
    outer_ripple: Ripple | None = field(default=None, repr=False)
    inner_ripple: Ripple | None = field(default=None, repr=False)
    ripple: float = 0.0

    def _base_factor(self, z: Array) -> Array:
        q = np.clip(1.0 - z / (0.35 * self.length_mm), 0.0, 1.0)
        return 1.0 - self.base_narrowing * q * q

    def outer_radius(self, theta: Array, z: Array) -> Array:
        """Give the epicardial radius in mm; 0 beyond the apex."""
        q = np.clip(z / self.length_mm, 0.0, 1.0)
        radius = self.radius_mm * np.sqrt(1.0 - q**self.roundness) * self._base_factor(z)
        radius = radius * (1.0 + self.ellipticity * np.cos(2 * (theta - self.ellipse_angle)))
        if self.outer_ripple is not None:
            radius = radius * (1.0 + self.ripple * self.outer_ripple(theta, z))
        return radius

    def inner_squared(self, theta: Array | np.floating, z: Array) -> Array:
        """Give the squared endocardial radius in mm²; below zero in the solid cap of the apex."""
        q = np.maximum(z, 0.0) / (self.length_mm - self.apex_wall_mm)
        radius = (self.radius_mm - self.wall_mm) * self._base_factor(z)
        radius = radius * (1.0 + 1.3 * self.ellipticity * np.cos(2 * (theta - self.ellipse_angle)))
        if self.inner_ripple is not None:
            radius = radius * (1.0 + 1.6 * self.ripple * self.inner_ripple(theta, z))
        return radius * radius * (1.0 - q**self.roundness)

    def depth(self, r: Array, theta: Array, z: Array, thinning: Array | float = 0.0) -> Array:
        """Give the position in the wall: 0 at the cavity, 1 at the outer surface.

        Parameters
        ----------
        r, theta, z : ndarray
            Polar heart coordinates: mm, radians, mm.
        thinning : array_like
            Part of the wall, 0 to 1, that is lost to the cavity there.

        Returns
        -------
        ndarray
            Below 0 in the cavity, above 1 outside; above 1 everywhere beyond apex and base.
        """
        outer = self.outer_radius(theta, z)
        squared = self.inner_squared(theta, z)
        inner = np.minimum(np.sqrt(np.maximum(squared, 0.0)), np.maximum(outer - 2.5, 0.0))
        inner = inner + np.where(squared > 0, thinning, 0.0) * (outer - inner)
        cap = np.maximum(-squared, 0.0)
        in_wall = (r - inner) / np.maximum(outer - inner, 1e-3)
        in_cap = np.sqrt((r * r + cap) / np.maximum(outer * outer + cap, 1e-3))
        depth = np.where(cap > 0, in_cap, in_wall)
        return np.where((z < 0) | (z >= self.length_mm) | (r >= outer), np.maximum(depth, 1.001), depth)


@dataclass(frozen=True)
class RightVentricle:
    """A crescent around the septum.

    Attributes
    ----------
    width_mm, height_mm : float
        Semi-axes at the base, along and across the line from the septum outwards.
    offset_mm : float
        From the left ventricle's axis to the ellipse's centre.
    length_mm : float
        From the base to its apex.
    wall_mm : float
        Thickness of the free wall.
    angle : float
        Direction of its centre from the left ventricle's axis, radians (180 degrees is straight septal).
    """

    width_mm: float
    height_mm: float
    offset_mm: float
    length_mm: float
    wall_mm: float
    angle: float

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """Give about the distance in mm inside the outer surface; negative outside."""
        q = np.clip(z / self.length_mm, 0.0, 0.999)
        scale = np.sqrt(1.0 - q**2.2)
        c, s = math.cos(self.angle), -math.sin(self.angle)
        along = x * c + y * s - self.offset_mm * (0.45 + 0.55 * scale)
        across = -x * s + y * c
        a, b = self.width_mm * scale + 1e-3, self.height_mm * scale + 1e-3
        rho = np.sqrt((along / a) ** 2 + (across / b) ** 2)
        inside = (1.0 - rho) * np.minimum(a, b)
        return np.where(z >= self.length_mm, -99.0, inside)


def papillary_mask(
    x: Array, y: Array, z: Array, left: LeftVentricle, muscles: tuple[tuple[float, float, float], ...]
) -> npt.NDArray[np.bool_]:
    """Mark the papillary muscles, which stand free in the cavity.

    Parameters
    ----------
    x, y, z : ndarray
        Heart coordinates in mm.
    left : LeftVentricle
        The ventricle they stand in.
    muscles : tuple of (angle, position, radius)
        Radians, fraction of the inner radius, mm.

    Returns
    -------
    ndarray of bool
        True inside a muscle.
    """
    mask = np.zeros(np.broadcast_shapes(x.shape, y.shape, z.shape), dtype=bool)
    q = z / left.length_mm
    for angle, position, radius in muscles:
        belly = np.clip(1.0 - ((q - 0.52) / 0.3) ** 2, 0.0, 1.0)
        inner = np.sqrt(np.maximum(left.inner_squared(np.float32(angle), z), 0.0))
        # Towards the apex the muscle runs into the wall.
        at = inner * np.clip(position + 0.35 * (q - 0.45), 0.0, 0.95)
        c, s = math.cos(angle), -math.sin(angle)
        cx, cy = at * c, at * s
        along, across = (x - cx) * c + (y - cy) * s, -(x - cx) * s + (y - cy) * c
        mask |= (along / 1.35) ** 2 + across**2 < (radius**2) * belly
    return mask

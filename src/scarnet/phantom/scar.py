"""Scar in the wall: wavefronts from the cavity, no-reflow cores, non-ischaemic patterns."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from scarnet.phantom.texture import Ripple

__all__ = ["TERRITORIES", "Pattern", "Scar", "Territory", "draw_scar"]

Array = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]
Pattern = Literal["ischaemic", "non-ischaemic", "none"]
Territory = Literal["LAD", "LCX", "RCA"]

# Centre's angle (degrees from lateral towards anterior) and its spread, height (base 0, apex 1) and its spread.
TERRITORIES: dict[str, tuple[float, float, float, float]] = {
    "LAD": (115.0, 20.0, 0.62, 0.15),
    "LCX": (-10.0, 22.0, 0.42, 0.13),
    "RCA": (-105.0, 18.0, 0.38, 0.13),
}


@dataclass(frozen=True)
class Scar:
    """Where in the wall scar is, as a function of wall coordinates.

    Attributes
    ----------
    patches : tuple of (angle, half width, height, half length)
        Ellipses on the wall's surface: radians, radians, mm, mm.
    inner, outer : float
        Depths in the wall between which the patches' centre is scar; 0 is the cavity, 1 the outer surface.
    no_reflow : bool
        Whether the patches have a dark core.
    thinning : float
        Part of the wall's thickness lost at the patches' centre.
    edge : Ripple or None
        Irregularity of the border; None is smooth.
    roughness : float
        Relative amplitude of the irregularity.
    """

    patches: tuple[tuple[float, float, float, float], ...] = ()
    inner: float = 0.0
    outer: float = 0.0
    no_reflow: bool = False
    thinning: float = 0.0
    edge: Ripple | None = field(default=None, repr=False)
    roughness: float = 0.0

    def reach(self, theta: Array, z: Array) -> Array:
        """Give how far a place on the wall is from a patch's centre: 0 there, 1 at its border."""
        nearest = np.full(np.broadcast_shapes(theta.shape, z.shape), 9.0, dtype=np.float32)
        for angle, width, height, length in self.patches:
            turn = np.remainder(theta - angle + np.pi, 2 * np.pi) - np.pi
            nearest = np.minimum(nearest, np.hypot(turn / width, (z - height) / length))
        if self.edge is not None and self.patches:
            nearest = nearest * (1.0 + self.roughness * self.edge(theta, z))
        return nearest

    def thinned(self, theta: Array, z: Array) -> Array:
        """Give the part of the wall that is lost, 0 to ``thinning``."""
        return self.thinning * np.exp(-(self.reach(theta, z) ** 2))

    def masks(self, theta: Array, z: Array, depth: Array) -> tuple[Mask, Mask]:
        """Mark scar, and the no-reflow inside it.

        Parameters
        ----------
        theta, z : ndarray
            Angle in radians and height in mm.
        depth : ndarray
            Position in the wall, see :meth:`LeftVentricle.depth`.

        Returns
        -------
        tuple of ndarray of bool
            Scar including no-reflow; no-reflow.
        """
        reach = self.reach(theta, z)
        # Full depth over most of the patch and thin at its border: an ischaemic wavefront.
        front = np.clip(1.0 - np.maximum(reach, 0.0) ** 5, 0.0, 1.0)
        if self.edge is not None:
            front = front * (1.0 + 0.5 * self.roughness * self.edge(2 * theta + 1.0, z))
        inner, outer = self._bounds(front)
        wall = (depth >= 0) & (depth < 1) & (reach < 1)
        scar = wall & (depth >= inner) & (depth < outer)
        if not self.no_reflow:
            return scar, np.zeros_like(scar)
        core = scar & (reach < 0.65) & (depth > 0.2 * outer) & (depth < 0.78 * outer)
        return scar, core

    def _bounds(self, front: Array) -> tuple[Array, Array]:
        if self.inner <= 0:
            return np.zeros_like(front), np.where(self.outer >= 1, np.minimum(2 * front, 1.0), self.outer * front)
        if self.outer >= 1:
            return 1.0 - (1.0 - self.inner) * front, np.ones_like(front)
        middle, half = (self.inner + self.outer) / 2, (self.outer - self.inner) / 2
        return middle - half * front, middle + half * front


def draw_scar(
    rng: np.random.Generator,
    pattern: Pattern,
    territory: Territory,
    transmurality: float,
    extent: float,
    no_reflow: bool,
    length_mm: float,
) -> Scar:
    """Draw a scar of a given kind.

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    pattern : {"ischaemic", "non-ischaemic", "none"}
        Kind of scar.
    territory : {"LAD", "LCX", "RCA"}
        Coronary territory of an infarct.
    transmurality : float
        Depth of an infarct at its centre, as a fraction of the wall.
    extent : float
        0 for the smallest and 1 for the largest area.
    no_reflow : bool
        Whether an infarct has a dark core.
    length_mm : float
        Length of the ventricle.

    Returns
    -------
    Scar
        The scar; without patches for ``"none"``.
    """
    edge = Ripple(rng, orders=9, wavelength_mm=30.0)
    if pattern == "none":
        return Scar()
    if pattern == "ischaemic":
        angle, angle_spread, height, height_spread = TERRITORIES[territory]
        angle += angle_spread * rng.uniform(-1, 1)
        height += height_spread * rng.uniform(-1, 1)
        width = np.deg2rad(36 + 64 * extent) * rng.uniform(0.9, 1.1)
        length = (0.32 + 0.46 * extent) * length_mm * rng.uniform(0.9, 1.1)
        patch = (float(np.deg2rad(angle)), float(width), float(height * length_mm), float(length))
        # Old, transmural infarcts thin the wall; fresh ones do not.
        thinning = float(rng.uniform(0, 0.45) * transmurality * (0 if no_reflow else 1))
        return Scar((patch,), 0.0, transmurality, no_reflow, thinning, edge, 0.12)
    if rng.random() < 0.5:
        width, length = np.deg2rad(25 + 35 * extent), (0.2 + 0.25 * extent) * length_mm
        patch = (float(np.deg2rad(180 + rng.uniform(-20, 20))), float(width), 0.35 * length_mm, float(length))
        half = rng.uniform(0.13, 0.2)
        return Scar((patch,), 0.5 - half, 0.5 + half, False, 0.0, edge, 0.15)
    patches = tuple(
        (
            float(np.deg2rad(rng.uniform(-75, 25))),
            float(np.deg2rad(rng.uniform(12, 18 + 14 * extent))),
            float(rng.uniform(0.2, 0.65) * length_mm),
            float(rng.uniform(0.12, 0.16 + 0.12 * extent) * length_mm),
        )
        for _ in range(int(rng.integers(2, 4)))
    )
    return Scar(patches, float(rng.uniform(0.45, 0.65)), 1.0, False, 0.0, edge, 0.15)

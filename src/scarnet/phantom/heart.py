"""One phantom's heart, drawn slice by slice at high resolution."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scarnet.phantom.contrast import Contrast
from scarnet.phantom.geometry import LeftVentricle, RightVentricle, papillary_mask, polar
from scarnet.phantom.scar import Scar, draw_scar
from scarnet.phantom.settings import PhantomSettings
from scarnet.phantom.texture import Ripple, smooth_field, soften

__all__ = ["SUB_SLICES", "Heart"]

SUB_SLICES = 6
IN_PLANE = 2

Array = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Heart:
    """Shapes of one phantom's heart.

    Attributes
    ----------
    left, right : LeftVentricle, RightVentricle
        The ventricles.
    scar : Scar
        Where scar is.
    papillary : tuple of (angle, position, radius)
        Papillary muscles, see :func:`scarnet.phantom.geometry.papillary_mask`.
    tilt : tuple of float
        Drift of the axis in the plane, mm per mm of height.
    fat_mm, fluid_mm : float
        Thickness of pericardial fat and fluid where there is most.
    fat_ripple, fluid_ripple : Ripple
        Where there is most.
    trabeculae : float
        Density of muscle strands in the cavities, 0 to 1.
    """

    left: LeftVentricle
    right: RightVentricle
    scar: Scar
    papillary: tuple[tuple[float, float, float], ...]
    tilt: tuple[float, float]
    fat_mm: float
    fluid_mm: float
    fat_ripple: Ripple
    fluid_ripple: Ripple
    trabeculae: float

    @classmethod
    def draw(cls, rng: np.random.Generator, settings: PhantomSettings) -> "Heart":
        """Draw a heart for resolved settings."""
        radius, wall, length = settings.radius_mm or 0.0, settings.wall_mm or 0.0, settings.length_mm or 0.0
        u = rng.uniform
        left = LeftVentricle(
            length,
            radius,
            wall,
            apex_wall_mm=wall * u(0.5, 0.8),
            roundness=u(2.0, 2.9),
            base_narrowing=u(0.0, 0.14),
            ellipticity=u(0.0, 0.05),
            ellipse_angle=u(0, math.pi),
            outer_ripple=Ripple(rng, 5, 60),
            inner_ripple=Ripple(rng, 7, 45),
            ripple=u(0.008, 0.028),
        )
        right = RightVentricle(
            width_mm=radius * u(0.85, 1.25),
            height_mm=radius * u(1.0, 1.3),
            offset_mm=radius * u(0.62, 0.85),
            length_mm=length * u(0.82, 0.98),
            wall_mm=u(2.0, 3.5),
            angle=math.radians(180 + u(-18, 18)),
        )
        papillary = [
            (math.radians(35 + u(-18, 18)), u(0.6, 0.78), u(2.5, 4.8)),
            (math.radians(-70 + u(-22, 22)), u(0.6, 0.78), u(2.5, 4.8)),
        ]
        papillary += [(math.radians(u(-120, 80)), u(0.6, 0.9), u(1.2, 2.6)) for _ in range(int(rng.integers(0, 4)))]
        scar = draw_scar(
            rng,
            settings.pattern or "none",
            settings.territory or "LAD",
            settings.transmurality or 0.5,
            settings.extent or 0.0,
            bool(settings.no_reflow),
            length,
        )
        return cls(
            left,
            right,
            scar,
            tuple(papillary),
            tilt=(u(-0.12, 0.12), u(-0.12, 0.12)),
            fat_mm=u(1.5, 8),
            fluid_mm=u(2, 6) if rng.random() < 0.4 else 0.0,
            fat_ripple=Ripple(rng, 5, 50),
            fluid_ripple=Ripple(rng, 3, 60),
            trabeculae=u(0, 1),
        )

    def draw_slice(
        self,
        x: Array,
        y: Array,
        height: float,
        thickness: float,
        around: Array,
        contrast: Contrast,
        texture: float,
        spacing: tuple[float, float],
        axes: Array,
        rng: np.random.Generator,
    ) -> tuple[Array, Array]:
        """Draw one slice: geometry at high resolution, averaged.

        Parameters
        ----------
        x, y : ndarray, shape (Y, X)
            Heart coordinates of the pixels' centres in mm.
        height, thickness : float
            The slice's centre, and how far it reaches, from base to apex in mm.
        around : ndarray, shape (Y, X)
            Signal where there is no heart.
        contrast : Contrast
            Times and T1.
        texture : float
            Strength of the variation inside tissues.
        spacing : tuple of float
            Pixel spacing (y, x) in mm.
        axes : ndarray, shape (2, 2)
            From millimetres along (columns, rows) of the image to heart coordinates (x, y).
        rng : Generator
            Source of randomness.

        Returns
        -------
        tuple of ndarray
            Signal, shape (Y, X); and the fraction of each voxel, shape (5, Y, X), that is outside (left 0),
            myocardium, blood pool, scar with no-reflow, no-reflow alone.
        """
        box = self._box(x, y)
        parts = np.zeros((5, *x.shape), dtype=np.float32)
        signal = np.array(around, dtype=np.float32)
        if box is None:
            return signal, parts
        fx, fy = self._refine(x[box], spacing, axes[0]), self._refine(y[box], spacing, axes[1])
        steps = (np.arange(SUB_SLICES) + 0.5) / SUB_SLICES - 0.5
        z = (height + thickness * steps).astype(np.float32)[:, None, None]
        fx = fx[None] - np.float32(self.tilt[0]) * (z - np.float32(0.4 * self.left.length_mm))
        fy = fy[None] - np.float32(self.tilt[1]) * (z - np.float32(0.4 * self.left.length_mm))
        values, classes = self._tissues(fx, fy, z, contrast, texture, float(np.mean(spacing)) / IN_PLANE, rng)
        inside = np.isfinite(values)
        share = _mean(inside)
        total = _mean(np.where(inside, values, 0.0))
        signal[box] = (1.0 - share) * signal[box] + total
        for k, mask in enumerate(classes, start=1):
            parts[k][box] = _mean(mask)
        return signal, parts

    def _box(self, x: Array, y: Array) -> tuple[slice, slice] | None:
        r = self.left.radius_mm * 1.15 + 14
        septal = self.right.offset_mm + self.right.width_mm + 12
        near = (x > -septal - 6) & (x < r + 4) & (np.abs(y) < max(r, self.right.height_mm * 1.1 + 12) + 4)
        rows, cols = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
        if len(rows) == 0:
            return None
        return np.s_[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]

    @staticmethod
    def _refine(coordinate: Array, spacing: tuple[float, float], axis: Array) -> Array:
        rows, cols = coordinate.shape
        across, down = float(axis[0]), float(axis[1])
        part = (np.arange(IN_PLANE) + 0.5) / IN_PLANE - 0.5
        offset = down * spacing[0] * part[:, None] + across * spacing[1] * part[None, :]
        fine = coordinate[:, None, :, None] + offset.astype(np.float32)[None, :, None, :]
        return np.asarray(fine, dtype=np.float32).reshape(rows * IN_PLANE, cols * IN_PLANE)

    def _tissues(
        self,
        x: Array,
        y: Array,
        z: Array,
        contrast: Contrast,
        texture: float,
        pixel_mm: float,
        rng: np.random.Generator,
    ) -> tuple[Array, list[npt.NDArray[np.bool_]]]:
        shape = (x.shape[1], x.shape[2])
        rough, fine = smooth_field(rng, shape, 12 / pixel_mm), smooth_field(rng, shape, 3.0 / pixel_mm)
        strands = smooth_field(rng, shape, 2.6 / pixel_mm)
        r, theta = polar(x, y)
        thinning = self.scar.thinned(theta, z) if self.scar.thinning else 0.0
        depth = self.left.depth(r, theta, z, thinning)
        within = (z >= 0) & (z < self.left.length_mm)
        wall = (depth >= 0) & (depth < 1) & within
        cavity = (depth < 0) & within
        scar, core = self.scar.masks(theta, z, depth) if self.scar.patches else (np.zeros_like(wall),) * 2
        muscle = papillary_mask(x, y, z, self.left, self.papillary) & cavity
        near_wall = soften(r - 0.72 * np.sqrt(np.maximum(self.left.inner_squared(theta, z), 0)), 6.0)
        muscle |= cavity & (strands + 0.5 * near_wall > 2.3 - 0.9 * self.trabeculae * near_wall)
        right = self.right.distance(x, y, z)
        outside = r - self.left.outer_radius(theta, z)
        fat = self.fat_mm * np.clip(0.25 + 0.5 * self.fat_ripple(theta, z), 0.0, 1.5)
        surface = np.minimum(outside, -right)
        fat_shell = surface < fat * np.where(z < self.left.length_mm + 4, 1.0, 0.0)
        soft = np.asarray(texture * (0.02 * rough + 0.014 * fine), dtype=np.float32)

        def of(tissue: str, scale: float = 1.0, shift: float = 0.0) -> Array:
            return contrast.signal(tissue, scale * soft + shift).astype(np.float32)[None]

        values = np.full(wall.shape, np.nan, dtype=np.float32)
        if self.fluid_mm:
            fluid = self.fluid_mm * np.clip(self.fluid_ripple(theta, z) - 0.7, 0.0, 1.2)
            values = np.where(surface < fat + fluid, of("fluid"), values)
        values = np.where(surface < fat + 1.0, of("pericardium"), values)
        values = np.where(fat_shell, of("fat", 3.0), values)
        values = np.where(right > 0, of("remote", 1.0), values)
        values = np.where(right > self.right.wall_mm, of("blood", 0.8), values)
        strand = (right > self.right.wall_mm) & (strands > 2.1 - 0.5 * self.trabeculae)
        values = np.where(strand, of("remote", 0.8), values)
        atrium = (z < 0) & (r < 0.85 * self.left.radius_mm)
        values = np.where(atrium, of("remote"), values)
        values = np.where(atrium & (r < 0.85 * self.left.radius_mm - 2.5), of("blood"), values)
        values = np.where(cavity, of("blood", 0.8), values)
        values = np.where(muscle, of("remote", 1.0), values)
        values = np.where(wall, of("remote", 1.3), values)
        values = np.where(scar, of("infarct", 2.0), values)
        values = np.where(core, of("no_reflow", 1.0), values)
        return values, [wall & ~scar, cavity, scar, core]


def _mean(values: Array | npt.NDArray[np.bool_]) -> Array:
    z, rows, cols = values.shape
    grouped = values.reshape(z, rows // IN_PLANE, IN_PLANE, cols // IN_PLANE, IN_PLANE)
    return grouped.mean(axis=(0, 2, 4), dtype=np.float32)

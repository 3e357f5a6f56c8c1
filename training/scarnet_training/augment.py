"""Random views of a slice: where it is seen from, and how it was acquired."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["AugmentSettings", "random_intensity", "random_pose", "random_warp", "warp"]


@dataclass(frozen=True)
class AugmentSettings:
    """How far random views go.

    Attributes
    ----------
    rotation_deg : float
        Largest rotation either way.
    scale : float
        Largest relative change of size.
    shift_mm : float
        Largest shift of the centre along each axis; covers the localiser's error.
    flips : bool
        Mirror along each axis half of the time.
    intensity : bool
        Change contrast, gamma, bias field, blur and noise.
    """

    rotation_deg: float = 45.0
    scale: float = 0.2
    shift_mm: float = 10.0
    flips: bool = True
    intensity: bool = True


def _uniform(generator: torch.Generator, low: float, high: float, *shape: int) -> Tensor:
    return torch.rand(shape, generator=generator) * (high - low) + low


def random_pose(settings: AugmentSettings, generator: torch.Generator) -> tuple[Tensor, tuple[float, float]]:
    """Draw a pose for :func:`scarnet.predict.sampling.to_grid`.

    Parameters
    ----------
    settings : AugmentSettings
        How far it goes.
    generator : torch.Generator
        Source of chance.

    Returns
    -------
    transform : Tensor, shape (2, 2)
        Rotation, flips and scale.
    shift_mm : tuple of float
        Shift of the centre, (y, x).
    """
    angle = math.radians(float(_uniform(generator, -1, 1)) * settings.rotation_deg)
    scale = 1 + float(_uniform(generator, -1, 1)) * settings.scale
    mirror = torch.where(torch.rand(2, generator=generator) < 0.5 * settings.flips, -1.0, 1.0)
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    shift = _uniform(generator, -1, 1, 2) * settings.shift_mm
    return scale * turn @ torch.diag(mirror), (float(shift[0]), float(shift[1]))


def random_intensity(images: Tensor, generator: torch.Generator, strength: float = 1.0) -> Tensor:
    """Change the look of z-scored images as another scanner or another day would.

    Parameters
    ----------
    images : Tensor, shape (B, 1, H, W)
        Z-scored images.
    generator : torch.Generator
        Source of chance.
    strength : float
        How far it goes; 0 changes nothing.

    Returns
    -------
    Tensor, shape (B, 1, H, W)
        The images with other gamma, bias field, sharpness and noise, each half of the time; z-scored again.
    """
    n = len(images)

    def sometimes(changed: Tensor, original: Tensor) -> Tensor:
        chosen = torch.rand(n, 1, 1, 1, generator=generator) < 0.5
        return torch.where(chosen, changed, original)

    low, high = images.amin((1, 2, 3), keepdim=True), images.amax((1, 2, 3), keepdim=True)
    span = (high - low).clamp_min(1e-6)
    unit = (images - low) / span
    images = sometimes(unit.pow(_uniform(generator, 0.65, 1.5, n, 1, 1, 1) ** strength) * span + low, images)
    coarse = torch.randn(n, 1, 4, 4, generator=generator)
    bias = 1 + 0.15 * strength * functional.interpolate(
        coarse, size=images.shape[-2:], mode="bicubic", align_corners=False
    )
    images = sometimes((images - low) * bias + low, images)
    blurred = functional.avg_pool2d(images, 3, stride=1, padding=1, count_include_pad=False)
    images = sometimes(torch.lerp(images, blurred, strength * _uniform(generator, -0.4, 0.8, n, 1, 1, 1)), images)
    noise = torch.randn(images.shape, generator=generator) * _uniform(generator, 0.0, 0.2 * strength, n, 1, 1, 1)
    images = sometimes(images + noise, images)
    mean, deviation = images.mean((2, 3), keepdim=True), images.std((2, 3), keepdim=True)
    return ((images - mean) / deviation.clamp_min(1e-6)).clamp(-5, 5)


def random_warp(n: int, generator: torch.Generator, rotation_deg: float = 12.0, scale: float = 0.1) -> Tensor:
    """Draw small affine warps for maps of any resolution.

    Parameters
    ----------
    n : int
        How many.
    generator : torch.Generator
        Source of chance.
    rotation_deg, scale : float
        Largest rotation and relative change of size either way; shifts go to 4 % of the side.

    Returns
    -------
    Tensor, shape (n, 2, 3)
        For :func:`warp`.
    """
    angle = torch.deg2rad(_uniform(generator, -rotation_deg, rotation_deg, n))
    size = _uniform(generator, 1 - scale, 1 + scale, n)
    cos, sin = size * torch.cos(angle), size * torch.sin(angle)
    shift = _uniform(generator, -0.08, 0.08, n, 2)
    return torch.stack([torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1)], 1)


def warp(maps: Tensor, transforms: Tensor) -> Tensor:
    """Warp maps bilinearly, repeating their border.

    Parameters
    ----------
    maps : Tensor, shape (B, C, H, W)
        Images, one-hot labels or embeddings.
    transforms : Tensor, shape (B, 2, 3)
        From :func:`random_warp`.

    Returns
    -------
    Tensor, shape (B, C, H, W)
        The warped maps.
    """
    positions = functional.affine_grid(transforms, list(maps.shape), align_corners=False).to(maps.dtype)
    return functional.grid_sample(maps, positions, padding_mode="border", align_corners=False)

"""Random views of slices: where they are seen from, and how they were acquired; whole batches, on any device."""

import math
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor
from torch.nn import functional

from scarnet.classes import N_CLASSES
from scarnet.network.medsam import unit_range
from scarnet.predict.sampling import likeliest_class, normalise, one_hot
from scarnet_training.settings import AugmentationSettings

__all__ = ["RandomViews", "draw_views", "random_intensity", "sample_views", "view_batch"]


@dataclass(frozen=True, eq=False)
class RandomViews:
    """How each of n views looks; every tensor has n entries along its first axis.

    Attributes
    ----------
    turn : Tensor, shape (n, 2, 2)
        From the view's offsets to the slice's, in mm (x, y): rotation, flips and scale.
    shift_mm : Tensor, shape (n, 2)
        Shift of the centre, (x, y).
    elastic_mm : Tensor, shape (n, 2, 5, 5), or None
        Displacements (x, y) at coarse places, interpolated between them.
    reverse : Tensor of bool, shape (n,)
        Whether neighbouring slices change sides.
    chance : Tensor, shape (n, 7)
        Below 0.5 a change of looks is made: gamma, bias, sharpness, noise, ghosting, contrast, brightness.
    amount : Tensor, shape (n, 7)
        How far each goes, 0 to 1.
    bias : Tensor, shape (n, 1, 4, 4)
        Coarse normal values of the bias field.
    noise : Tensor, shape (n, C, g, g)
        Standard normal.
    """

    turn: Tensor
    shift_mm: Tensor
    elastic_mm: Tensor | None
    reverse: Tensor
    chance: Tensor
    amount: Tensor
    bias: Tensor
    noise: Tensor

    def __getitem__(self, rows: slice) -> "RandomViews":
        """Give some of the views."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return replace(self, **{name: value[rows] for name, value in values.items() if value is not None})


def draw_views(
    n: int, channels: int, grid: int, settings: AugmentationSettings, generator: torch.Generator
) -> RandomViews:
    """Draw how views look.

    Parameters
    ----------
    n : int
        How many.
    channels, grid : int
        Slices of a view, and pixels along each of its sides.
    settings : AugmentationSettings
        How far they go.
    generator : torch.Generator
        Source of chance; its device is the views'.

    Returns
    -------
    RandomViews
        The draw. It does not depend on how a batch is then shared out, so that one process and several see the same.
    """
    device = generator.device

    def uniform(*shape: int) -> Tensor:
        return 2 * torch.rand(n, *shape, generator=generator, device=device) - 1

    angle = math.radians(settings.rotation_deg) * uniform()
    scale = 1 + settings.scale * uniform()
    mirror = torch.where(uniform(2) < 0, -1.0, 1.0) if settings.flips else torch.ones(n, 2, device=device)
    cos, sin = scale * torch.cos(angle), scale * torch.sin(angle)
    turn = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1) * mirror[:, None]
    return RandomViews(
        turn,
        settings.shift_mm * uniform(2),
        settings.elastic_mm * torch.randn(n, 2, 5, 5, generator=generator, device=device)
        if settings.elastic_mm
        else None,
        (uniform() < 0) if settings.flips else torch.zeros(n, dtype=torch.bool, device=device),
        (uniform(7) + 1) / 2,
        (uniform(7) + 1) / 2,
        torch.randn(n, 1, 4, 4, generator=generator, device=device),
        torch.randn(n, channels, grid, grid, generator=generator, device=device),
    )


def sample_views(maps: Tensor, spacing_mm: float, views: RandomViews, grid: int, grid_spacing_mm: float) -> Tensor:
    """Sample maps bilinearly as views see them, repeating their border.

    Parameters
    ----------
    maps : Tensor, shape (n, C, S, S)
        Images, one-hot labels or embeddings, on square grids with a common centre.
    spacing_mm : float
        Their pixel spacing.
    views : RandomViews
        From where they are seen.
    grid : int
        Pixels along each side of a view.
    grid_spacing_mm : float
        A view's pixel spacing.

    Returns
    -------
    Tensor, shape (n, C, grid, grid)
        The views.
    """
    half_extent = maps.shape[-1] * spacing_mm / 2
    theta = torch.cat([views.turn * (grid * grid_spacing_mm / 2), views.shift_mm[:, :, None]], dim=2) / half_extent
    positions = functional.affine_grid(theta, [len(maps), 1, grid, grid], align_corners=False)
    if views.elastic_mm is not None:
        displacement = functional.interpolate(views.elastic_mm, (grid, grid), mode="bicubic", align_corners=True)
        positions = positions + displacement.movedim(1, -1) / half_extent
    return functional.grid_sample(maps, positions.to(maps.dtype), padding_mode="border", align_corners=False)


def view_batch(
    images: Tensor,
    labels: Tensor,
    spacing_mm: float,
    views: RandomViews,
    grid: int,
    grid_spacing_mm: float,
    settings: AugmentationSettings,
) -> tuple[Tensor, Tensor]:
    """See slices as a training step does.

    Parameters
    ----------
    images : Tensor, shape (n, C, S, S)
        Slices with their neighbours.
    labels : Tensor of int64, shape (n, S, S)
        Class of each pixel.
    spacing_mm : float
        Their pixel spacing.
    views : RandomViews
        What was drawn for them.
    grid, grid_spacing_mm
        The network's.
    settings : AugmentationSettings
        What they were drawn with.

    Returns
    -------
    images : Tensor, shape (n, C, grid, grid)
        Z-scored, but for the paper's contrast and brightness.
    labels : Tensor of int64, shape (n, grid, grid)
        Class of each pixel: interpolated memberships, then the largest, which is never a class that was not there.
    """
    seen = sample_views(images, spacing_mm, views, grid, grid_spacing_mm)
    truth = sample_views(one_hot(labels, N_CLASSES), spacing_mm, views, grid, grid_spacing_mm)
    return random_intensity(normalise(seen), views, settings), likeliest_class(truth)


def random_intensity(images: Tensor, views: RandomViews, settings: AugmentationSettings) -> Tensor:
    """Change the look of images as another scanner or another day would.

    Parameters
    ----------
    images : Tensor, shape (n, C, H, W)
        Z-scored images.
    views : RandomViews
        What was drawn for them.
    settings : AugmentationSettings
        How far it goes.

    Returns
    -------
    Tensor, shape (n, C, H, W)
        Z-scored again, then with the paper's contrast and brightness, which z-scoring would undo.
    """

    def sometimes(change: int, changed: Tensor, original: Tensor) -> Tensor:
        return torch.where(views.chance[:, change, None, None, None] < 0.5, changed, original)

    def between(change: int, low: float, high: float) -> Tensor:
        return low + (high - low) * views.amount[:, change, None, None, None]

    strength = settings.intensity
    if strength:
        unit = unit_range(images)
        unit = sometimes(0, unit.pow(between(0, 0.65, 1.5) ** strength), unit)
        field = functional.interpolate(views.bias, images.shape[-2:], mode="bicubic", align_corners=False)
        unit = sometimes(1, unit * (1 + 0.15 * strength * field), unit)
        blurred = functional.avg_pool2d(unit, 3, stride=1, padding=1, count_include_pad=False)
        unit = sometimes(2, torch.lerp(unit, blurred, strength * between(2, -0.4, 0.8)), unit)
        images = normalise(unit)
        images = sometimes(3, images + views.noise * between(3, 0.0, 0.2 * strength), images)
    if settings.ghosting:
        # Motion between excitations repeats the image along the phase axis, a part of the field of view away.
        ghost = images.roll(images.shape[-2] // 3, dims=-2)
        images = sometimes(4, images + ghost * between(4, 0.0, settings.ghosting), images)
    if strength or settings.ghosting:
        images = normalise(images)
    if settings.contrast or settings.brightness:
        contrast = 1 + settings.contrast * between(5, -1, 1)
        images = sometimes(5, images * contrast, images)
        brightness = 1 + settings.brightness * between(6, -1, 1)
        low = images.amin((2, 3), keepdim=True)
        images = sometimes(6, (images - low) * brightness + low, images)
    return images

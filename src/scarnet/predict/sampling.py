"""Between a stack's own grid and the square grid a network sees; shared by prediction and training.

Positions are indices of pixel centres, (y, x). The square grid has its centre at ``centre`` and its axes along the
image's, unless a transform turns, flips or scales it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["from_grid", "grid_window", "likeliest_class", "normalise", "one_hot", "to_grid", "with_neighbours"]


def _sampling_positions(
    size: tuple[int, int],
    spacing_yx: tuple[float, float],
    centre_yx: tuple[float, float],
    grid: int,
    grid_spacing: float,
    transform: Tensor | None,
) -> Tensor:
    """Where in the image, in grid_sample's normalised (x, y), each place of the grid lies: (1, grid, grid, 2)."""
    along = (torch.arange(grid, dtype=torch.float32) - (grid - 1) / 2) * grid_spacing
    offsets = torch.stack(torch.meshgrid(along, along, indexing="ij"), dim=-1)
    if transform is not None:
        offsets = offsets @ transform.T
    index = offsets / torch.tensor(spacing_yx) + torch.tensor(centre_yx)
    normalised = (2 * index + 1) / torch.tensor(size) - 1
    return normalised.flip(-1)[None]


def to_grid(
    images: Tensor,
    spacing_yx: tuple[float, float],
    centre_yx: tuple[float, float],
    grid: int,
    grid_spacing: float,
    transform: Tensor | None = None,
) -> Tensor:
    """Resample slices to the square grid.

    Parameters
    ----------
    images : Tensor, shape (N, C, H, W)
        Slices on their own grid.
    spacing_yx : tuple of float
        Their pixel spacing in mm.
    centre_yx : tuple of float
        The index that comes to the middle of the grid.
    grid : int
        Pixels along each side of the grid.
    grid_spacing : float
        The grid's pixel spacing in mm.
    transform : Tensor, shape (2, 2), optional
        From the grid's offsets to the image's, both in mm (y, x): rotation, flips and scale.

    Returns
    -------
    Tensor, shape (N, C, grid, grid)
        The slices; outside the image its border is repeated.
    """
    height, width = images.shape[-2:]
    positions = _sampling_positions((height, width), spacing_yx, centre_yx, grid, grid_spacing, transform)
    # Bilinear interpolation skips pixels when it goes far coarser, so they are averaged first.
    coarser = [round(n * min(1.0, s / grid_spacing)) for n, s in zip((height, width), spacing_yx, strict=True)]
    if any(n > 1.4 * max(c, 1) for n, c in zip((height, width), coarser, strict=True)):
        images = functional.interpolate(images, size=[max(c, 1) for c in coarser], mode="bilinear", antialias=True)
    positions = positions.to(images.device).expand(images.shape[0], -1, -1, -1)
    return functional.grid_sample(images, positions, padding_mode="border", align_corners=False)


def grid_window(
    shape: Sequence[int], spacing_yx: tuple[float, float], centre_yx: tuple[float, float], extent_mm: float
) -> tuple[int, int, int, int]:
    """Find the pixels whose centres lie on the grid.

    Parameters
    ----------
    shape : sequence of int
        Height and width of the image.
    spacing_yx : tuple of float
        Its pixel spacing in mm.
    centre_yx : tuple of float
        The index in the middle of the grid.
    extent_mm : float
        Length of the grid's side in mm.

    Returns
    -------
    tuple of int
        (y0, y1, x0, x1), half-open, clipped to the image.
    """
    window = []
    for n, spacing, centre in zip(shape, spacing_yx, centre_yx, strict=True):
        half = extent_mm / 2 / spacing
        low = min(max(int(-(-(centre - half) // 1)), 0), n - 1)
        window += [low, max(min(int((centre + half) // 1) + 1, n), low + 1)]
    y0, y1, x0, x1 = window
    return y0, y1, x0, x1


def from_grid(
    logits: Tensor,
    shape: tuple[int, int],
    spacing_yx: tuple[float, float],
    centre_yx: tuple[float, float],
    grid_spacing: float,
) -> Tensor:
    """Bring logits back to the slices' own grid.

    Parameters
    ----------
    logits : Tensor, shape (N, C, grid, grid)
        Logits on the square grid.
    shape : tuple of int
        Height and width of the slices.
    spacing_yx, centre_yx, grid_spacing
        As they were given to :func:`to_grid`.

    Returns
    -------
    Tensor, shape (N, C, y1 - y0, x1 - x0)
        The logits inside :func:`grid_window`; outside it nothing was computed.
    """
    grid = logits.shape[-1]
    y0, y1, x0, x1 = grid_window(shape, spacing_yx, centre_yx, grid * grid_spacing)
    axes = [
        (torch.arange(low, high, dtype=torch.float32) - centre) * spacing / (grid * grid_spacing / 2)
        for low, high, centre, spacing in zip((y0, x0), (y1, x1), centre_yx, spacing_yx, strict=True)
    ]
    positions = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).flip(-1)[None].to(logits.device)
    return functional.grid_sample(
        logits, positions.expand(logits.shape[0], -1, -1, -1), padding_mode="border", align_corners=False
    )


def normalise(images: Tensor) -> Tensor:
    """Z-score each image over its pixels (Algorithm 1, step 1).

    Parameters
    ----------
    images : Tensor, shape (N, 1, H, W)
        Intensities.

    Returns
    -------
    Tensor, shape (N, 1, H, W)
        Mean 0 and standard deviation 1, cut at ±5 so that a single hot pixel cannot squeeze the rest; a constant
        image is all 0.
    """
    mean = images.mean(dim=(-2, -1), keepdim=True)
    deviation = images.std(dim=(-2, -1), keepdim=True, correction=0)
    return ((images - mean) / deviation.clamp_min(1e-6 * mean.abs().clamp_min(1e-6))).clamp(-5, 5)


def with_neighbours(images: Tensor, context: int) -> Tensor:
    """Put each slice's neighbours beside it as further channels.

    Parameters
    ----------
    images : Tensor, shape (Z, 1, H, W)
        The slices of one stack, in order.
    context : int
        How many neighbours on either side.

    Returns
    -------
    Tensor, shape (Z, 1 + 2 · context, H, W)
        The slice itself, then those one before and one after, two before and two after, and so on; at the stack's
        ends its last slice is repeated.
    """
    last = len(images) - 1
    z = torch.arange(len(images))
    seen = [z] + [(z + sign * step).clamp(0, last) for step in range(1, context + 1) for sign in (-1, 1)]
    return torch.cat([images[index] for index in seen], dim=1)


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """Give one channel a class.

    Parameters
    ----------
    labels : Tensor of int, shape (N, H, W)
        Class of each pixel.
    classes : int
        Number of classes C.

    Returns
    -------
    Tensor of float32, shape (N, C, H, W)
        1 where the pixel has the class, else 0.
    """
    return functional.one_hot(labels.long(), classes).movedim(-1, 1).float()


def likeliest_class(memberships: Tensor) -> Tensor:
    """Turn interpolated memberships back into labels: smooth borders, and never a class that was not there.

    Parameters
    ----------
    memberships : Tensor, shape (N, C, H, W)
        What became of :func:`one_hot` in a resampling.

    Returns
    -------
    Tensor of int64, shape (N, H, W)
        Class of each pixel.
    """
    # Over memory that lies together this takes a CPU a tenth of the time.
    return memberships.movedim(1, -1).contiguous().argmax(dim=-1)

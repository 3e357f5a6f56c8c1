"""The slices a training draws from, resampled once around the heart and kept in memory, or in a file."""

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from scarnet.classes import N_CLASSES, TissueClass
from scarnet.errors import ScarNetError
from scarnet.files import make_folder
from scarnet.network.config import ScarNetConfig
from scarnet.predict.sampling import likeliest_class, normalise, one_hot, to_grid, with_neighbours
from scarnet.progress import Progress, silent
from scarnet_training.host_memory import free_memory
from scarnet_training.labelled_case import LabelledCase
from scarnet_training.settings import AugmentationSettings

__all__ = ["Slices", "collect_slices", "heart_slices", "reference_centre"]

# Finer than the network's grid, so that resampling twice costs little sharpness.
FINER = 0.8
# What a cache may take of the memory that is free for this process.
SHARE_OF_MEMORY = 0.4


@dataclass(frozen=True, eq=False)
class Slices:
    """Slices on one square grid, from which views are sampled.

    Attributes
    ----------
    images : Tensor of float16, shape (N, K, S, S)
        Z-scored slices; K is 1 where neighbours are looked up, else 1 + 2 · context.
    labels : Tensor of uint8, shape (N, S, S)
        Class of each pixel.
    neighbours : Tensor of int64, shape (N, 1 + 2 · context), or None
        Which slices are the channels of each: itself, then its neighbours in the stack.
    spacing_mm : float
        Pixel spacing of the grid.
    embeddings : Tensor of bfloat16, shape (N, 256, h, w), or None
        The frozen encoder's output for the slices, where these are views that stay as they are.
    """

    images: Tensor
    labels: Tensor
    neighbours: Tensor | None
    spacing_mm: float
    embeddings: Tensor | None = None

    def __len__(self) -> int:
        """Give the number of slices."""
        return len(self.labels)

    @property
    def with_scar(self) -> Tensor:
        """Which slices hold scar, (N,) of bool."""
        return torch.stack([(labels == TissueClass.SCAR).any() for labels in self.labels])

    def take(self, chosen: Tensor, reverse: Tensor, device: str) -> tuple[Tensor, Tensor]:
        """Give slices on a device.

        Parameters
        ----------
        chosen : Tensor of int64, shape (n,)
            Which.
        reverse : Tensor of bool, shape (n,)
            Whose neighbours change sides, as if the stack ran the other way.
        device : str
            Where to.

        Returns
        -------
        images : Tensor of float32, shape (n, 1 + 2 · context, S, S)
            The slices with their neighbours.
        labels : Tensor of int64, shape (n, S, S)
            Class of each pixel.
        """
        if self.neighbours is None:
            images = self.images[chosen].to(device)
        else:
            rows = self.neighbours[chosen]
            images = self.images[rows.flatten(), 0].to(device)
            images = images.reshape(*rows.shape, *images.shape[-2:])
        swapped = torch.arange(images.shape[1], device=images.device)
        swapped[1:] = (swapped[1:] - 1 ^ 1) + 1  # before and after stand side by side
        images = torch.where(reverse.to(device)[:, None, None, None], images[:, swapped], images)
        return images.float(), self.labels[chosen].to(device).long()

    def to(self, device: str) -> "Slices":
        """Put the slices on a device, so that batches need not be sent there."""
        return replace(self, images=self.images.to(device), labels=self.labels.to(device))


def reference_centre(case: LabelledCase) -> tuple[float, float]:
    """Give the centre of the labelled ventricle, (y, x), or of the image where there is none."""
    _, ys, xs = np.nonzero(case.labels)
    if ys.size == 0:
        return image_centre(case)
    return float(ys.mean()), float(xs.mean())


def image_centre(case: LabelledCase) -> tuple[float, float]:
    """Give the centre of the image, (y, x)."""
    return (case.labels.shape[1] - 1) / 2, (case.labels.shape[2] - 1) / 2


def heart_slices(
    cases: Sequence[LabelledCase],
    config: ScarNetConfig,
    augmentation: AugmentationSettings,
    folder: Path | None = None,
    progress: Progress = silent,
) -> Slices:
    """Collect slices for the network, around the heart where it has a localiser, else around the image's centre.

    Parameters
    ----------
    cases : sequence of LabelledCase
        The cases.
    config : ScarNetConfig
        The network's grid.
    augmentation : AugmentationSettings
        How far views go, which the slices must reach.
    folder : Path, optional
        Where to keep them if they do not fit into memory.
    progress : Progress
        Called before each case.

    Returns
    -------
    Slices
        In the order of cases and slices.
    """
    reach = config.grid * config.spacing_mm * math.sqrt(2) * (1 + augmentation.scale) + 2 * augmentation.shift_mm
    spacing = FINER * config.spacing_mm
    centres = [reference_centre(case) if config.localiser_width else image_centre(case) for case in cases]
    return collect_slices(cases, centres, math.ceil(reach / spacing), spacing, config.context, folder, progress)


def collect_slices(
    cases: Sequence[LabelledCase],
    centres: Sequence[tuple[float, float]],
    size: int,
    spacing_mm: float,
    context: int = 0,
    folder: Path | None = None,
    progress: Progress = silent,
) -> Slices:
    """Resample all slices of all cases to one square grid.

    Parameters
    ----------
    cases : sequence of LabelledCase
        The cases.
    centres : sequence of tuple of float
        The index in each case's slices, (y, x), that comes to the middle of the grid.
    size : int
        Pixels along each side of the grid.
    spacing_mm : float
        Its pixel spacing.
    context : int
        Neighbours on either side.
    folder : Path, optional
        Where to keep them if they do not fit into memory; without it they are kept in memory.
    progress : Progress
        Called before each case.

    Returns
    -------
    Slices
        In the order of cases and slices.

    Raises
    ------
    ScarNetError
        They fit neither into memory nor on the disk.
    """
    count = sum(case.stack.shape[0] for case in cases)
    needed = 3 * count * size**2
    on_disk = folder if needed > SHARE_OF_MEMORY * free_memory() else None
    if on_disk:
        _make_room(on_disk, needed)
    images = _empty((count, 1, size, size), torch.float16, on_disk / "images.dat" if on_disk else None)
    labels = _empty((count, size, size), torch.uint8, on_disk / "labels.dat" if on_disk else None)
    neighbours, first = [], 0
    for done, (case, centre) in enumerate(zip(cases, centres, strict=True)):
        progress(done, len(cases), "Preparing slices")
        depth = case.stack.shape[0]
        pose = (case.stack.spacing_mm[1:], centre, size, spacing_mm)
        pixels = torch.from_numpy(np.array(case.stack.pixels))[:, None]
        images[first : first + depth] = normalise(to_grid(pixels, *pose)).half()
        truth = one_hot(torch.from_numpy(np.array(case.labels)), N_CLASSES)
        labels[first : first + depth] = likeliest_class(to_grid(truth, *pose)).to(torch.uint8)
        index = torch.arange(first, first + depth)[:, None, None, None]
        neighbours.append(with_neighbours(index, context)[:, :, 0, 0])
        first += depth
    return Slices(images, labels, torch.cat(neighbours), spacing_mm)


def _make_room(folder: Path, needed: int) -> None:
    """Make an empty folder on a disk with so many bytes free: a mapped file that cannot grow kills the process."""
    shutil.rmtree(folder, ignore_errors=True)
    free = shutil.disk_usage(make_folder(folder)).free
    if free < needed:
        raise ScarNetError(
            f"The slices fit neither into memory nor on the disk of {folder}: {needed / 1e9:.1f} GB are needed and "
            f"{free / 1e9:.1f} GB free; make room, or choose a folder on another disk."
        )


def _empty(shape: tuple[int, ...], kind: torch.dtype, path: Path | None) -> Tensor:
    """Make a tensor in memory, or one that lives in a file."""
    if path is None:
        return torch.empty(shape, dtype=kind)
    return torch.from_file(str(path), shared=True, size=math.prod(shape), dtype=kind).reshape(shape)

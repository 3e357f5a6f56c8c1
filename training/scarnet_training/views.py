"""Training views: slices resampled around the heart, with the frozen encoder's output kept beside them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from scarnet.classes import N_CLASSES
from scarnet.network.medsam import encoder_input
from scarnet.network.scarnet import ScarNet
from scarnet.predict.sampling import normalise, one_hot, to_grid
from scarnet.progress import Progress, silent
from scarnet_training.augment import AugmentSettings, random_intensity, random_pose
from scarnet_training.data import LabelledCase

__all__ = ["Views", "embed", "make_views", "reference_centre"]


@dataclass(frozen=True, eq=False)
class Views:
    """One view of each slice.

    Attributes
    ----------
    images : Tensor of float16, shape (N, 1, g, g)
        Z-scored images.
    labels : Tensor of uint8, shape (N, g, g)
        Class of each pixel.
    embeddings : Tensor of bfloat16, shape (N, 256, h, w), or None
        The encoder's output, where it is frozen.
    """

    images: Tensor
    labels: Tensor
    embeddings: Tensor | None


def reference_centre(case: LabelledCase) -> tuple[float, float]:
    """Give the centre of the labelled ventricle, (y, x), or of the image where there is none."""
    _, ys, xs = np.nonzero(case.labels)
    if ys.size == 0:
        return (case.labels.shape[1] - 1) / 2, (case.labels.shape[2] - 1) / 2
    return float(ys.mean()), float(xs.mean())


def embed(network: ScarNet, images: Tensor, device: str, progress: Progress = silent) -> Tensor:
    """Run the encoder.

    Parameters
    ----------
    network : ScarNet
        The network, on the device.
    images : Tensor, shape (N, 1, g, g)
        Z-scored images.
    device : str
        Where to run.
    progress : Progress
        Called between batches.

    Returns
    -------
    Tensor of bfloat16, shape (N, 256, h, w)
        Embeddings, on the CPU.
    """
    parts: list[Tensor] = []
    done = 0
    with torch.inference_mode(), torch.autocast(device, torch.bfloat16):
        for batch in images.split(16):
            progress(done, len(images), "Encoding views")
            seen = encoder_input(batch.float().to(device)).contiguous(memory_format=torch.channels_last)
            parts.append(network.encoder(seen).to("cpu", torch.bfloat16))
            done += len(batch)
    return torch.cat(parts).clone()


def make_views(
    cases: Sequence[LabelledCase],
    network: ScarNet,
    seed: int,
    augment: AugmentSettings,
    device: str = "cpu",
    keep_embeddings: bool = True,
    progress: Progress = silent,
) -> Views:
    """See each slice once, from a random pose.

    Parameters
    ----------
    cases : sequence of LabelledCase
        The cases.
    network : ScarNet
        Its configuration gives the grid, its encoder the embeddings.
    seed : int
        Seed of the poses.
    augment : AugmentSettings
        How far the poses go.
    device : str
        Where the encoder runs.
    keep_embeddings : bool
        Run the encoder.
    progress : Progress
        Called between batches.

    Returns
    -------
    Views
        In the order of cases and slices.
    """
    generator = torch.Generator().manual_seed(seed)
    config = network.config
    images, labels = [], []
    for case in cases:
        spacing_yx = case.stack.spacing_mm[1:]
        pixels = torch.from_numpy(np.array(case.stack.pixels))[:, None]
        truth = one_hot(torch.from_numpy(np.array(case.labels)), N_CLASSES)
        centre = reference_centre(case)
        for z in range(len(pixels)):
            transform, shift = random_pose(augment, generator)
            moved = (centre[0] + shift[0] / spacing_yx[0], centre[1] + shift[1] / spacing_yx[1])
            pose = (spacing_yx, moved, config.grid, config.spacing_mm, transform)
            images.append(normalise(to_grid(pixels[z : z + 1], *pose)))
            # Interpolated memberships, then the largest: smooth borders, and never a class that was not there.
            labels.append(to_grid(truth[z : z + 1], *pose).argmax(dim=1).to(torch.uint8))
    seen = torch.cat(images)
    if augment.intensity:
        seen = random_intensity(seen, generator)
    embeddings = embed(network, seen, device, progress) if keep_embeddings else None
    return Views(seen.half(), torch.cat(labels), embeddings)

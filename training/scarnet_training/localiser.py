"""Training the localiser: heart or not, in coarse views of whole slices."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from scarnet.network.scarnet import ScarNet
from scarnet.predict.sampling import normalise, to_grid
from scarnet.progress import Progress, silent
from scarnet_training.augment import AugmentSettings, random_intensity, random_pose
from scarnet_training.data import LabelledCase

__all__ = ["train_localiser"]

# Whole slices come from any field of view, so poses go further than around the heart.
POSES = AugmentSettings(rotation_deg=40.0, scale=0.3, shift_mm=50.0, flips=True)


def _coarse_views(cases: Sequence[LabelledCase], network: ScarNet, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    grid, spacing = network.config.localiser_grid, network.config.localiser_spacing_mm
    images, hearts = [], []
    for case in cases:
        spacing_yx = case.stack.spacing_mm[1:]
        pixels = torch.from_numpy(np.array(case.stack.pixels))[:, None]
        heart = torch.from_numpy((case.labels > 0).astype(np.float32))[:, None]
        height, width = pixels.shape[-2:]
        for z in range(len(pixels)):
            transform, shift = random_pose(POSES, generator)
            middle = ((height - 1) / 2 + shift[0] / spacing_yx[0], (width - 1) / 2 + shift[1] / spacing_yx[1])
            pose = (spacing_yx, middle, grid, spacing, transform)
            images.append(to_grid(pixels[z : z + 1], *pose))
            hearts.append(to_grid(heart[z : z + 1], *pose))
    return random_intensity(normalise(torch.cat(images)), generator), torch.cat(hearts)


def train_localiser(
    network: ScarNet, cases: Sequence[LabelledCase], epochs: int, seed: int, device: str, progress: Progress = silent
) -> list[float]:
    """Train the network's localiser in place.

    Parameters
    ----------
    network : ScarNet
        A network with a localiser, on the device.
    cases : sequence of LabelledCase
        Training cases.
    epochs : int
        Passes.
    seed : int
        Seed of poses and order.
    device : str
        Where to train.
    progress : Progress
        Called before each pass.

    Returns
    -------
    list of float
        Mean loss of each pass.
    """
    localiser = network.localiser
    if localiser is None:
        return []
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(localiser.parameters(), lr=2e-3, weight_decay=1e-3)
    losses: list[float] = []
    localiser.train()
    for epoch in range(epochs):
        progress(epoch, epochs, "Training the localiser")
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * (1 + np.cos(np.pi * epoch / epochs)) / 2
        images, hearts = _coarse_views(cases, network, generator)
        total, batches = 0.0, 0
        for batch in torch.randperm(len(images), generator=generator).split(16):
            truth = hearts[batch].to(device)
            with torch.autocast(device, torch.bfloat16):
                logits = localiser(images[batch].to(device).contiguous(memory_format=torch.channels_last))
            seen = torch.sigmoid(logits.float())
            dice = 1 - (2 * (seen * truth).sum() + 1) / (seen.sum() + truth.sum() + 1)
            loss = dice + functional.binary_cross_entropy_with_logits(logits.float(), truth)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            total, batches = total + float(loss.detach()), batches + 1
        losses.append(total / batches)
    # What is left would count when the gradients of the other parts are clipped.
    optimizer.zero_grad(set_to_none=True)
    localiser.eval()
    return losses

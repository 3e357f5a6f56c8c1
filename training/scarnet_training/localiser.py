"""Training the localiser: heart or not, in coarse views of whole slices."""

import math
import zlib
from collections.abc import Sequence

import torch
from torch.nn import functional
from torch.nn.utils import clip_grad_norm_

from scarnet.network.scarnet import ScarNet
from scarnet.progress import Progress, silent
from scarnet_training.augment import draw_views, view_batch
from scarnet_training.batches import plan_epoch
from scarnet_training.labelled_case import LabelledCase, name_slices, slice_names
from scarnet_training.lost_numbers import lost_number
from scarnet_training.settings import AugmentationSettings
from scarnet_training.slices import collect_slices, image_centre

__all__ = ["train_localiser"]

# Whole slices come from any field of view, so poses go further than around the heart.
POSES = AugmentationSettings(rotation_deg=40.0, scale=0.3, shift_mm=50.0, intensity=1.0)
LEARNING_RATE = 2e-3
BATCH = 16


def train_localiser(
    network: ScarNet,
    cases: Sequence[LabelledCase],
    epochs: int,
    seed: int,
    device: str,
    precision: torch.dtype = torch.float32,
    progress: Progress = silent,
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
    precision : torch.dtype
        Of the arithmetic; 32 bits are taken for fp16.
    progress : Progress
        Called before each pass.

    Returns
    -------
    list of float
        Mean loss of each pass.

    Raises
    ------
    ScarNetError
        The loss or its gradient is no longer a number.
    """
    localiser = network.localiser
    if localiser is None or not epochs:
        return []
    grid, spacing = network.config.localiser_grid, network.config.localiser_spacing_mm
    slices = collect_slices(cases, [image_centre(case) for case in cases], grid, spacing)
    optimizer = torch.optim.AdamW(localiser.parameters(), lr=LEARNING_RATE, weight_decay=1e-3)
    generator = torch.Generator(device).manual_seed(seed)
    everything, none = torch.arange(len(slices)), torch.arange(0)
    losses: list[float] = []
    localiser.requires_grad_(True).train()
    for epoch in range(epochs):
        progress(epoch, epochs, "Training the localiser")
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * (1 + math.cos(math.pi * epoch / epochs)) / 2
        order_seed = zlib.crc32(f"{seed} localiser {epoch}".encode())
        batches = plan_epoch(everything, none, none.bool(), min(BATCH, len(slices)), 0.0, 0.0, order_seed)
        measured = []
        for batch in batches:
            drawn = draw_views(len(batch), 1, grid, POSES, generator)
            images, labels = slices.take(batch, drawn.reverse, device)
            images, labels = view_batch(images, labels, spacing, drawn, grid, spacing, POSES)
            truth = (labels > 0).float()[:, None]
            # In fp16 small gradients are lost without a scaler, and the localiser takes too little to want one.
            with torch.autocast(device, torch.bfloat16, enabled=precision == torch.bfloat16):
                logits = localiser(images.contiguous(memory_format=torch.channels_last))
            seen = torch.sigmoid(logits.float())
            dice = 1 - (2 * (seen * truth).sum() + 1) / (seen.sum() + truth.sum() + 1)
            loss = dice + functional.binary_cross_entropy_with_logits(logits.float(), truth)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            # Without a limit this only measures.
            norm = clip_grad_norm_(localiser.parameters(), math.inf)
            optimizer.step()
            measured.append(torch.stack([loss.detach(), norm]))
        # After the pass, so that a GPU need not be waited for in each step.
        values = torch.stack(measured).tolist()
        for step, (value, norm_value) in enumerate(values):
            if not math.isfinite(value + norm_value):
                what = "gradient" if math.isfinite(value) else "loss"
                where = f"epoch {epoch + 1} of {epochs} of the localiser, step {step + 1}"
                raise lost_number(what, where, name_slices(slice_names(cases), batches[step].tolist()))
        losses.append(sum(value for value, _ in values) / len(batches))
    # What is left would count when the gradients of the other parts are clipped.
    optimizer.zero_grad(set_to_none=True)
    localiser.eval()
    return losses

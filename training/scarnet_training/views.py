"""Views kept with the frozen encoder's output, which costs a CPU more than all of the rest."""

import zlib
from dataclasses import replace

import torch
from torch import Tensor

from scarnet.network.scarnet import ScarNet
from scarnet.progress import Progress, silent
from scarnet_training.augment import draw_views, view_batch
from scarnet_training.run_folder import RunFolder
from scarnet_training.settings import AugmentationSettings
from scarnet_training.slices import Slices

__all__ = ["ViewBank", "embed_views", "small_poses"]


def small_poses(augmentation: AugmentationSettings) -> AugmentationSettings:
    """Say how far a kept view is turned and moved once more in each step, together with its embedding."""
    return replace(
        augmentation,
        rotation_deg=min(12.0, augmentation.rotation_deg),
        scale=min(0.1, augmentation.scale),
        shift_mm=min(5.0, augmentation.shift_mm),
        flips=False,
        elastic_mm=0.0,
    )


def embed_views(
    slices: Slices,
    network: ScarNet,
    augmentation: AugmentationSettings,
    seed: int,
    device: str,
    precision: torch.dtype,
    progress: Progress = silent,
) -> Slices:
    """See each slice once from a random pose, with its own looks, and run the encoder on it.

    Parameters
    ----------
    slices : Slices
        The slices.
    network : ScarNet
        Its configuration gives the grid, its encoder the embeddings; on the device.
    augmentation : AugmentationSettings
        How far the poses go.
    seed : int
        Seed of the poses.
    device : str
        Where to run.
    precision : torch.dtype
        Of the encoder.
    progress : Progress
        Called between batches.

    Returns
    -------
    Slices
        The views, in the order of the slices, on the CPU, with their embeddings.
    """
    config = network.config
    poses = replace(augmentation, intensity=0.0, ghosting=0.0, brightness=0.0, contrast=0.0)
    generator = torch.Generator(device).manual_seed(seed)
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    for chosen in torch.arange(len(slices)).split(16):
        progress(int(chosen[0]), len(slices), "Encoding views")
        drawn = draw_views(len(chosen), 1 + 2 * config.context, config.grid, poses, generator)
        images, labels = slices.take(chosen, drawn.reverse, device)
        images, labels = view_batch(images, labels, slices.spacing_mm, drawn, config.grid, config.spacing_mm, poses)
        with torch.inference_mode(), torch.autocast(device, precision, enabled=precision != torch.float32):
            embedding = network.embed(images.contiguous(memory_format=torch.channels_last))
        assert embedding is not None
        parts.append((images.half().cpu(), labels.to("cpu", torch.uint8), embedding.to("cpu", torch.bfloat16)))
    seen, truth, embeddings = (torch.cat(tensors).clone() for tensors in zip(*parts, strict=True))
    return Slices(seen, truth, None, config.spacing_mm, embeddings)


class ViewBank:
    """The views of the last epochs; a new one of each slice every so many epochs.

    Parameters
    ----------
    run : RunFolder
        Where they are kept for a run that is resumed.
    views, refresh_epochs : int
        How many are kept, and how often a new one is made.
    seed : int
        Seed of their poses.
    """

    def __init__(self, run: RunFolder, views: int, refresh_epochs: int, seed: int) -> None:
        self.run, self.views, self.refresh_epochs, self.seed = run, views, refresh_epochs, seed
        self._kept: dict[int, Slices] = {}

    def at(
        self,
        epoch: int,
        slices: Slices,
        network: ScarNet,
        augmentation: AugmentationSettings,
        device: str,
        precision: torch.dtype,
        progress: Progress,
    ) -> list[Slices]:
        """Give the views of an epoch, which it makes or reads back where they are not at hand.

        Parameters
        ----------
        epoch : int
            Passes over the whole network so far.
        slices, network, augmentation, device, precision, progress
            As :func:`embed_views` takes them.

        Returns
        -------
        list of Slices
            Up to `views` views of every slice, oldest first.
        """
        made = 1 + epoch // self.refresh_epochs
        wanted = range(max(0, made - self.views), made)
        self._kept = {index: view for index, view in self._kept.items() if index in wanted}
        for index in wanted:
            if index in self._kept:
                continue
            stored = self.run.load_tensors(f"{index:03}")
            if stored is None:
                seed = zlib.crc32(f"{self.seed} view {index}".encode())
                view = embed_views(slices, network, augmentation, seed, device, precision, progress)
                stored = {"images": view.images, "labels": view.labels, "embeddings": view.embeddings}
                self.run.save_tensors(f"{index:03}", stored)
                # Mapped from the file, they take memory only while they are looked at.
                stored = self.run.load_tensors(f"{index:03}") or stored
            self._kept[index] = Slices(
                stored["images"], stored["labels"], None, network.config.spacing_mm, stored["embeddings"]
            )
        self.run.drop_tensors(before=f"{wanted.start:03}")
        return [self._kept[index] for index in sorted(self._kept)]

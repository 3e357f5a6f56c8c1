"""What the training loop is fed with: batches of random views, from the slices or from views kept with embeddings."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from scarnet.network.scarnet import ScarNet
from scarnet.progress import Progress
from scarnet_training.augment import RandomViews, draw_views, sample_views, view_batch
from scarnet_training.batches import plan_epoch, replayed_slices, steps_an_epoch
from scarnet_training.cohort import Cohort
from scarnet_training.labelled_case import name_slices, slice_names
from scarnet_training.recipe import Recipe
from scarnet_training.run_folder import RunFolder
from scarnet_training.settings import AugmentationSettings
from scarnet_training.slices import Slices, heart_slices
from scarnet_training.views import ViewBank, small_poses

__all__ = ["Feed", "Seen"]

# Of the GPU's free memory; the rest is the network's.
SHARE_OF_GPU = 0.25


class Seen(NamedTuple):
    """A micro-batch as :class:`scarnet_training.objective.Objective` takes it."""

    images: Tensor
    labels: Tensor
    embeddings: Tensor | None


class Feed:
    """Gives the batches of each epoch, the same ones for the same seed.

    Parameters
    ----------
    recipe : Recipe
        Batch size, augmentation, replay.
    cohort : Cohort
        The cases.
    run : RunFolder
        Where views with embeddings are kept.
    device : str
        Where views are made.
    precision : torch.dtype
        Of the frozen encoder.

    Attributes
    ----------
    steps : int
        Batches an epoch.
    slices : int
        Slices to train on and to show again.
    """

    def __init__(self, recipe: Recipe, cohort: Cohort, run: RunFolder, device: str, precision: torch.dtype) -> None:
        self.recipe, self.cohort, self.run, self.device, self.precision = recipe, cohort, run, device, precision
        settings = recipe.training
        self.bank = ViewBank(run, settings.views, settings.refresh_epochs, settings.seed)
        cases = [*cohort.training, *cohort.replayed]
        self._names = slice_names(cases)
        self.slices = len(self._names)
        own = sum(case.stack.shape[0] for case in cohort.training)
        self._own, self._replayed = torch.arange(own), torch.arange(own, len(self._names))
        again = replayed_slices(settings.batch_size, recipe.start.replay_share) if len(self._replayed) else 0
        self.steps = max(steps_an_epoch(own, settings.batch_size - again), settings.least_steps)

    def load(self, process: int, progress: Progress) -> None:
        """Resample the slices once; a process keeps what does not fit into memory in a file of its own."""
        cases = [*self.cohort.training, *self.cohort.replayed]
        cache = self.run.cache / str(process)
        self._slices = heart_slices(cases, self.recipe.network, self.recipe.augmentation, cache, progress)
        self._scar = self._slices.with_scar
        if self.device == "cuda":
            size = self._slices.images.nbytes + self._slices.labels.nbytes
            if size < SHARE_OF_GPU * torch.cuda.mem_get_info()[0]:
                self._slices = self._slices.to(self.device)
        self._sources: Sequence[Slices] = [self._slices]

    def begin_epoch(self, epoch: int, network: ScarNet, keep_embeddings: bool, progress: Progress) -> None:
        """Get ready for an epoch of the whole network (counted from 0), or of one that needs no embeddings kept."""
        self._sources = [self._slices]
        self._augmentation = self.recipe.augmentation
        if keep_embeddings:
            augmentation, device, precision = self._augmentation, self.device, self.precision
            self._sources = self.bank.at(epoch, self._slices, network, augmentation, device, precision, progress)
            self._augmentation = small_poses(augmentation)

    def batches(self, seed: int) -> list[Tensor]:
        """Give the batches of an epoch as indices of slices."""
        settings, share = self.recipe.training, self.recipe.start.replay_share
        slices = (self._own, self._replayed, self._scar)
        return plan_epoch(*slices, settings.batch_size, share, settings.scar_share, seed, settings.least_steps)

    def views(self, batch: Tensor, seed: int) -> Callable[[slice], Seen]:
        """Draw the views of a batch.

        Parameters
        ----------
        batch : Tensor of int64, shape (n,)
            The slices.
        seed : int
            Seed of their views.

        Returns
        -------
        callable
            Gives the views of some of its rows; what they are does not depend on how the rows are parted.
        """
        config = self.recipe.network
        generator = torch.Generator(self.device).manual_seed(seed)
        drawn = draw_views(len(batch), 1 + 2 * config.context, config.grid, self._augmentation, generator)
        # A seed of its own: the same one would tie the choice of a view to its pose.
        which = torch.randint(len(self._sources), (len(batch),), generator=torch.Generator().manual_seed(seed + 1))

        def seen(rows: slice) -> Seen:
            sources = [self._sources[int(index)] for index in which[rows]]
            return self._seen(batch[rows], sources, drawn[rows], self._augmentation)

        return seen

    def _seen(
        self, batch: Tensor, sources: Sequence[Slices], drawn: RandomViews, augmentation: AugmentationSettings
    ) -> Seen:
        config, reverse = self.recipe.network, drawn.reverse
        embeddings = None
        if len(self._sources) == 1:
            images, labels = sources[0].take(batch, reverse, self.device)
        else:
            each = list(zip(sources, batch, strict=True))
            stacked = (torch.stack([s.images[i] for s, i in each]), torch.stack([s.labels[i] for s, i in each]))
            views = Slices(*stacked, None, sources[0].spacing_mm)
            images, labels = views.take(torch.arange(len(batch)), reverse, self.device)
        kept = [s.embeddings[i] for s, i in zip(sources, batch, strict=True) if s.embeddings is not None]
        if kept:
            maps = torch.stack(kept).to(self.device).float()
            side = maps.shape[-1]
            spacing = config.spacing_mm * config.grid / side
            # The same small pose for image, labels and embedding makes new views without running the encoder again.
            embeddings = sample_views(maps, spacing, drawn, side, spacing)
            embeddings = embeddings.contiguous(memory_format=torch.channels_last)
        images, labels = view_batch(
            images, labels, sources[0].spacing_mm, drawn, config.grid, config.spacing_mm, augmentation
        )
        return Seen(images.contiguous(memory_format=torch.channels_last), labels, embeddings)

    def named(self, batch: Tensor) -> str:
        """Name the slices of a batch by case, for a message."""
        return name_slices(self._names, batch.tolist())

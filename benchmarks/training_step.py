"""One training step: our trainer's, and the plain PyTorch loop it is measured against."""

import os
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from scarnet.network.config import ScarNetConfig
from scarnet.progress import silent
from scarnet_training.averaged import AveragedNetwork
from scarnet_training.cohort import Cohort
from scarnet_training.feed import Seen
from scarnet_training.labelled_case import LabelledCase
from scarnet_training.loop import Loop
from scarnet_training.loss import CompositeLoss
from scarnet_training.objective import Objective
from scarnet_training.recipe import Recipe, find_recipe, load_recipe
from scarnet_training.run_folder import RunFolder
from scarnet_training.schedule import build_optimizer
from scarnet_training.settings import DataSettings, StartSettings
from scarnet_training.slices import Slices
from scarnet_training.updates import LARGEST_GRADIENT, Measured, Updates

__all__ = ["PLAIN", "PLAIN_EMA", "TRAINER", "Works", "phantom_recipe", "start_trainer", "step_works", "take_works"]

Works = dict[str, Callable[[], object]]

PLAIN = "plain PyTorch loop, ready batch"
PLAIN_EMA = "plain PyTorch loop, ready batch, PyTorch's EMA"
TRAINER = "our trainer, views and averaged weights"


def phantom_recipe(name: str, network: ScarNetConfig | None = None, unet_alone: bool = False) -> Recipe:
    """Give a recipe as it trains, but on phantoms, from random weights, without a localiser or a validation.

    Parameters
    ----------
    name : str
        The recipe.
    network : ScarNetConfig, optional
        The network, where the recipe takes that of a model to start from.
    unet_alone : bool
        Train the U-Net branch alone, as the recipe's first passes do.

    Returns
    -------
    Recipe
        Network, batch, loss and augmentation are the recipe's.
    """
    recipe = load_recipe(find_recipe(name))
    training = replace(
        recipe.training,
        unet_epochs=int(unet_alone),
        epochs=1,
        localiser_epochs=0,
        encoder_weights="",
        validate_every=0,
        choose_scar_shift=False,
    )
    data, start = DataSettings(phantoms=1), StartSettings()
    return replace(recipe, data=data, start=start, network=network or recipe.network, training=training)


def start_trainer(recipe: Recipe, cases: list[LabelledCase], folder: Path, accelerator: Accelerator) -> Loop:
    """Bring our trainer to where its first step is next, with as many kept views as late in a training.

    Parameters
    ----------
    recipe : Recipe
        From :func:`phantom_recipe`.
    cases : list of LabelledCase
        Whom to train on.
    folder : Path
        An empty folder for the run.
    accelerator : Accelerator
        Where.

    Returns
    -------
    Loop
        The trainer.
    """
    loop = Loop(recipe, Cohort(cases, [], []), None, RunFolder(folder, False), accelerator)
    loop.prepare(silent)
    settings = recipe.training
    keep = loop.frozen_encoder and settings.views > 0 and not settings.unet_epochs
    late = settings.refresh_epochs * max(settings.views - 1, 0)
    loop.feed.begin_epoch(late, loop.network.eval(), keep, silent)
    loop.network.train()
    if loop.frozen_encoder and loop.network.encoder is not None:
        loop.network.encoder.eval()
    return loop


class _ReadyFeed:
    """Gives the same views again and again, at no cost."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen

    def views(self, batch: Tensor, seed: int) -> Callable[[slice], Seen]:
        """Give the ready views, whatever is asked for."""
        return lambda rows: _rows(self.seen, rows)


def _rows(seen: Seen, rows: slice) -> Seen:
    embeddings = None if seen.embeddings is None else seen.embeddings[rows]
    return Seen(seen.images[rows], seen.labels[rows], embeddings)


@dataclass
class _TrainerStep:
    """What the trainer's loop does in a step: update, average, and tell of the step before."""

    run: RunFolder
    updates: Updates
    batch: Tensor
    averaged: AveragedNetwork | None

    def __post_init__(self) -> None:
        self._number = count()
        self._pending: Measured | None = None

    def __call__(self) -> None:
        number = next(self._number)
        measured = self.updates.step(self.batch, number)
        if self.averaged is not None:
            self.averaged.update_parameters(self.updates.network)
        if self._pending is not None:
            terms = dict(zip(self._pending.names, self._pending.terms.tolist(), strict=True))
            self.run.event("step", step=number, gradient_norm=float(self._pending.gradient_norm), **terms)
        self._pending = measured


class _PlainStep:
    """The same network, loss, optimizer and precision in a loop as tutorials write it."""

    def __init__(self, loop: Loop, seen: Seen, unet_alone: bool, ema: bool) -> None:
        recipe = loop.recipe
        network = deepcopy(loop.network)
        loss = CompositeLoss(recipe.loss).to(loop.device)
        self.optimizer = build_optimizer(network, loss, recipe, unet_alone)
        self.objective = Objective(network, loss, recipe.training.branch_weight)
        self.trained = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        self.averaged = None
        if ema:
            average = get_ema_multi_avg_fn(recipe.training.ema)
            self.averaged = AveragedModel(network, multi_avg_fn=average, use_buffers=True)
        micro = recipe.training.micro_batch or len(seen.images)
        self.parts = [_rows(seen, slice(first, first + micro)) for first in range(0, len(seen.images), micro)]
        self.alone, self.device, self.precision = unet_alone, loop.device, loop.precision
        self.network = network

    def __call__(self) -> None:
        for part in self.parts:
            with torch.autocast(self.device, self.precision, enabled=self.precision != torch.float32):
                loss, _ = self.objective(*part, self.alone)
            (loss / len(self.parts)).backward()
        torch.nn.utils.clip_grad_norm_(self.trained, LARGEST_GRADIENT)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.averaged is not None:
            self.averaged.update_parameters(self.network)


def step_works(loop: Loop) -> tuple[Works, Callable[[], object]]:
    """Give steps to compare.

    Parameters
    ----------
    loop : Loop
        From :func:`start_trainer`.

    Returns
    -------
    works : dict of str to callable
        A step each: the plain loop's first, the whole trainer's last.
    views : callable
        Makes the views of one batch, which is what augmentation and data loading cost in a step.
    """
    alone, size = loop.updates.alone, loop.recipe.training.batch_size
    batch = loop.feed.batches(0)[0]
    numbers = count()

    def views() -> Seen:
        return loop.feed.views(batch, next(numbers))(slice(0, size))

    seen = views()
    ready = Updates(loop.network, loop.loss, loop.recipe, _ReadyFeed(seen), loop.run, loop.accelerator)  # type: ignore[arg-type]
    ready.begin_part(alone)
    works: Works = {
        PLAIN: _PlainStep(loop, seen, alone, ema=False),
        "our trainer, ready batch": _TrainerStep(loop.run, ready, batch, None),
        "our trainer, views": _TrainerStep(loop.run, loop.updates, batch, None),
        PLAIN_EMA: _PlainStep(loop, seen, alone, ema=True),
        "our trainer, ready batch, averaged weights": _TrainerStep(loop.run, ready, batch, loop.averaged),
        TRAINER: _TrainerStep(loop.run, loop.updates, batch, loop.averaged),
    }
    return works, views


def take_works(slices: Slices, batch_size: int, folder: Path, device: str) -> Works:
    """Give ways of taking a batch of slices: from memory, and from a file mapped into it.

    Parameters
    ----------
    slices : Slices
        The slices, in memory.
    batch_size : int
        How many are taken.
    folder : Path
        Where to put the file.
    device : str
        Where the slices are taken to.

    Returns
    -------
    dict of str to callable
        One way each. What is read anew is dropped from the system's cache before, where the system can do that.
    """
    chosen = torch.randint(len(slices), (batch_size,), generator=torch.Generator().manual_seed(0))
    reverse = torch.arange(batch_size) % 2 == 0

    def mapped(prefix: str) -> Slices:
        images = _mapped(slices.images, folder / f"{prefix}-images")
        return replace(slices, images=images, labels=_mapped(slices.labels, folder / f"{prefix}-labels"))

    def written(prefix: str) -> Slices:
        there = mapped(prefix)
        there.images.copy_(slices.images)
        there.labels.copy_(slices.labels)
        return there

    def read_anew() -> object:
        for name in ("images", "labels"):
            _drop_from_cache(folder / f"anew-{name}")
        return mapped("anew").take(chosen, reverse, device)

    kept = written("kept")
    written("anew")
    works: Works = {
        "slices taken from memory": lambda: slices.take(chosen, reverse, device),
        "slices taken from a mapped file, cached": lambda: kept.take(chosen, reverse, device),
    }
    if hasattr(os, "posix_fadvise"):
        works["slices taken from a mapped file, read anew"] = read_anew
    if device == "cuda":
        there = slices.to(device)
        works["slices taken from the GPU's memory"] = lambda: there.take(chosen, reverse, device)
    return works


def _mapped(like: Tensor, path: Path) -> Tensor:
    return torch.from_file(str(path), shared=True, size=like.numel(), dtype=like.dtype).reshape(like.shape)


def _drop_from_cache(path: Path) -> None:
    """Have the system forget a file's contents, so that the next reading comes from the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

"""The training loop: parts, epochs, checkpoints, and what a validation decides."""

import math
import time
import zlib
from typing import Any, NamedTuple

import psutil
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from torch import Tensor

from scarnet.models.store import Model
from scarnet.network.scarnet import ScarNet
from scarnet.progress import Progress
from scarnet_training.averaged import AveragedNetwork
from scarnet_training.cohort import Cohort
from scarnet_training.correction import Correction, carried_correction
from scarnet_training.disk import disk_bytes, tell_disk
from scarnet_training.feed import Feed
from scarnet_training.finishing import end_passes
from scarnet_training.localiser import train_localiser
from scarnet_training.loss import CompositeLoss
from scarnet_training.lost_numbers import NumberWatch
from scarnet_training.norms import hold_norm_statistics
from scarnet_training.parts import choose_parts, trains_encoder
from scarnet_training.processes import working_precision
from scarnet_training.recipe import Recipe
from scarnet_training.run_folder import RunFolder
from scarnet_training.schedule import set_learning_rate, trained_parts
from scarnet_training.start import starting_network
from scarnet_training.telling import told
from scarnet_training.updates import Measured, Updates

__all__ = ["Loop"]


class _Step(NamedTuple):
    """A step that was done and is not told yet."""

    number: int
    batch: Tensor
    measured: Measured
    learning_rate: float


class Loop:
    """The moving parts of one run.

    Parameters
    ----------
    recipe : Recipe
        How to train.
    cohort : Cohort
        On whom.
    base : Model or None
        What to start from.
    run : RunFolder
        Where checkpoints and events go.
    accelerator : Accelerator
        The processes and their device.

    Attributes
    ----------
    epoch : int
        Passes done, those of the U-Net branch alone included.
    averaged : AveragedNetwork
        The averaged weights.
    """

    def __init__(
        self, recipe: Recipe, cohort: Cohort, base: Model | None, run: RunFolder, accelerator: Accelerator
    ) -> None:
        self.recipe, self.settings, self.cohort, self.run = recipe, recipe.training, cohort, run
        self._end_passes = end_passes(recipe, base.card if base else None)
        self.accelerator, self.device = accelerator, accelerator.device.type
        self.precision = working_precision(accelerator)
        torch.manual_seed(self.settings.seed)
        self.network = starting_network(recipe, base)
        correction = carried_correction(base.card) if base is not None else Correction()
        correction.undo(self.network)
        parts = trained_parts(recipe)
        choose_parts(self.network, parts)
        self.network.to(accelerator.device)
        for parameter in self.network.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        self.loss = CompositeLoss(recipe.loss).to(accelerator.device)
        # Where a shift is chosen at the end, it is chosen for the network without one.
        kept = Correction() if self.settings.choose_scar_shift else correction
        self.averaged = AveragedNetwork(self.network, self.settings.ema, kept)
        self.frozen_encoder = self.network.encoder is not None and not trains_encoder(self.network, parts)
        self.feed = Feed(recipe, cohort, run, self.device, self.precision)
        self.updates = Updates(self.network, self.loss, recipe, self.feed, run, accelerator)
        self._watch = NumberWatch(scaled=self.precision == torch.float16)
        self.epoch, self.judged, self.best, self.without_better = 0, 0, -1.0, 0

    def prepare(self, progress: Progress) -> None:
        """Collect the slices; train the localiser, or take everything up from the checkpoint."""
        state = self.run.load_checkpoint() if self.run.resumed else None
        if state is not None:
            self.run.forget_events_after(state["events_length"])
        self.run.event(
            "start",
            recipe=self.recipe.to_dict(),
            resumed=self.run.resumed,
            training=len(self.cohort.training),
            validation=len(self.cohort.validation),
            replayed=len(self.cohort.replayed),
            steps_an_epoch=self.feed.steps,
            end_passes=self._end_passes,
            device=torch.cuda.get_device_name() if self.device == "cuda" else self.device,
            processes=self.accelerator.num_processes,
            precision=self.accelerator.mixed_precision,
        )
        for text in self.cohort.warnings:
            # Those of a run that goes on stand in its events already.
            self.run.warn(text) if state is None else self.run.show("warning", text)
        self.feed.load(self.accelerator.process_index, progress)
        if state is not None:
            self._take_up(state)
            return
        keeps_views = self.frozen_encoder and self.settings.views > 0 and self.settings.epochs > 0
        tell_disk(self.run, disk_bytes(self.network, self.recipe, self.feed.slices, keeps_views))
        cases, telling = [*self.cohort.training, *self.cohort.replayed], told(self.run, "localiser", progress)
        epochs, seed = self.settings.localiser_epochs, self.settings.seed
        losses = train_localiser(self.network, cases, epochs, seed, self.device, self.precision, telling)
        self.run.event("localiser", losses=[round(loss, 4) for loss in losses])
        self.averaged.module.load_state_dict(self.network.state_dict())
        self.updates.begin_part(self._alone)
        self._save()

    def _take_up(self, state: dict[str, Any]) -> None:
        self.epoch, self.judged = state["epoch"], state["judged"]
        self.best, self.without_better = state["best"], state["without_better"]
        self.updates.lowered = state["micro_batch"]
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.loss.load_state_dict(state["loss"])
        self.updates.begin_part(self._alone)
        # A part that is about to begin keeps its own optimizer.
        if self.epoch != self.settings.unet_epochs:
            self.updates.optimizer.load_state_dict(state["optimizer"])

    def _save(self) -> None:
        self.run.save_checkpoint(
            {
                "network": self.network.state_dict(),
                "averaged": self.averaged.state_dict(),
                "loss": self.loss.state_dict(),
                "optimizer": self.updates.optimizer.state_dict(),
                "epoch": self.epoch,
                "judged": self.judged,
                "best": self.best,
                "without_better": self.without_better,
                "micro_batch": self.updates.lowered,
            }
        )

    @property
    def _alone(self) -> bool:
        """Whether the U-Net branch alone is trained next."""
        return self.epoch < self.settings.unet_epochs

    @property
    def at_the_end(self) -> bool:
        """Whether all epochs are done."""
        return self.epoch == self.settings.unet_epochs + self.settings.epochs

    @property
    def last_epoch(self) -> int:
        """The number of the last epoch within its part, as events have it, from 0."""
        return self.epoch - 1 - (self.settings.unet_epochs if self.epoch > self.settings.unet_epochs else 0)

    @property
    def out_of_patience(self) -> bool:
        """Whether the last validations were no better than one before."""
        return bool(self.settings.patience) and self.without_better >= self.settings.patience

    @property
    def validation_due(self) -> bool:
        """Whether the weights as they are now are to be validated; not twice, nor missed by a run that was killed."""
        settings = self.settings
        if not self.cohort.validation or not settings.validate_every or self.judged == self.epoch:
            return False
        # What is kept is chosen among validations, so the last weights are validated too.
        if self.at_the_end and settings.keep == "best":
            return True
        done = self.epoch - settings.unet_epochs if settings.epochs else self.epoch
        return done > 0 and done % settings.validate_every == 0

    def run_epoch(self, progress: Progress) -> None:
        """Pass once over every slice; the first passes train the U-Net branch alone."""
        start, settings, alone = time.time(), self.settings, self._alone
        begun, length = (0, settings.unet_epochs) if alone else (settings.unet_epochs, settings.epochs)
        epoch, telling = self.epoch - begun, told(self.run, "views", progress)
        if epoch == 0:
            if begun:
                self.updates.begin_part(alone)
            self.averaged.begin_anew()  # parts that have not been trained before start their average anew
        keep = self.frozen_encoder and settings.views > 0 and not alone
        self.feed.begin_epoch(epoch, self.network.eval(), keep, telling)
        views_seconds = time.time() - start
        self._train_mode()
        batches = self.feed.batches(self._seed(self.epoch))
        what = f"{'U-Net epoch' if alone else 'Epoch'} {epoch + 1} of {length}"
        totals: dict[str, float] = {}
        pending: _Step | None = None
        for number, batch in enumerate(batches):
            done = epoch * len(batches) + number
            progress(done, length * len(batches), what)
            optimizer = self.updates.optimizer
            set_learning_rate(optimizer, settings, done, length * len(batches), length)
            measured = self.updates.step(batch, self._seed(self.epoch, number))
            self.averaged.update_parameters(self.network)
            # One step late, so that a GPU has its next work before the CPU asks for the last result.
            if pending is not None:
                self._tell(pending, epoch, what, totals)
            pending = _Step(number, batch, measured, optimizer.param_groups[-1]["lr"])
        assert pending is not None
        self._tell(pending, epoch, what, totals)
        for buffer in self.averaged.module.buffers():
            broadcast(buffer)
        self.epoch += 1
        self.run.event(
            "unet_epoch" if alone else "epoch",
            epoch=epoch,
            epochs=length,
            seconds=round(time.time() - start, 2),
            views_seconds=round(views_seconds, 2),
            memory_gb=round(self._memory_gb(), 2),
            **{name: round(value / len(batches), 5) for name, value in totals.items()},
        )
        self._save()

    def judge(self, figures: dict[str, Any]) -> None:
        """Keep the weights if they are the best so far.

        The measure is the mean 3D scar Dice of the patients with scar, or that of the myocardium, or the blood pool,
        where no patient to validate on has scar, or a wall; the last weights where none has any label.
        """
        keys = ("dice_scar", "dice_myocardium", "dice_blood_pool")
        mean = next((figures[key]["mean"] for key in keys if key in figures), None)
        better = mean is None or mean > self.best
        self.judged = self.epoch
        self.without_better = 0 if better else self.without_better + 1
        self.run.event("validation", epoch=self.last_epoch, best=better, **figures)
        if better:
            self.best = mean or 0.0
            self.run.save_checkpoint({"averaged": self.averaged.module.state_dict(), "epoch": self.epoch}, best=True)
        self._save()

    def chosen_network(self) -> ScarNet:
        """Give the network that becomes the model: the best validated one or the last."""
        if self.settings.keep == "best" and self.best >= 0:
            return self.averaged.plain(self.run.load_checkpoint(best=True)["averaged"])
        return self.averaged.plain()

    def _train_mode(self) -> None:
        self.network.train()
        if self.frozen_encoder and self.network.encoder is not None:
            self.network.encoder.eval()
        if self.network.localiser is not None:
            self.network.localiser.eval()
        if self.recipe.start.model and self.recipe.start.hold_norms:
            hold_norm_statistics(self.network)

    def _tell(self, step: _Step, epoch: int, what: str, totals: dict[str, float]) -> None:
        """Write a step's terms down; a loss or a gradient that is no longer a number ends the training."""
        terms = dict(zip(step.measured.names, step.measured.terms.tolist(), strict=True))
        norm = float(step.measured.gradient_norm)
        where = f"{what if self._alone else what.lower()}, step {step.number + 1}"
        self._watch.check(terms.values(), norm, where, lambda: self.feed.named(step.batch))
        self.run.event(
            "unet_step" if self._alone else "step",
            epoch=epoch,
            step=step.number,
            learning_rate=float(f"{step.learning_rate:.3g}"),
            gradient_norm=float(f"{norm:.3g}") if math.isfinite(norm) else None,
            **{name: round(value, 5) for name, value in terms.items()},
        )
        for name, value in terms.items():
            totals[name] = totals.get(name, 0.0) + value

    def _seed(self, *place: int) -> int:
        return zlib.crc32(f"{self.settings.seed} {self._alone} {place}".encode())

    def _memory_gb(self) -> float:
        used = torch.cuda.max_memory_allocated() if self.device == "cuda" else psutil.Process().memory_info().rss
        return used / 1e9

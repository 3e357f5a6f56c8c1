"""The training loop: epochs, steps, averaged weights, checkpoints; what is done when memory or the loss gives out."""

import math
import time
import zlib
from collections.abc import Sequence
from contextlib import nullcontext
from copy import deepcopy
from typing import Any

import psutil
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from scarnet.errors import ScarNetError
from scarnet.memory import is_out_of_memory
from scarnet.models.store import Model
from scarnet.network.adapters import merge_adapters
from scarnet.network.encoder import load_encoder_weights
from scarnet.network.scarnet import ScarNet
from scarnet.progress import Progress
from scarnet_training.batches import micro_batches
from scarnet_training.cohort import Cohort
from scarnet_training.feed import Feed
from scarnet_training.localiser import train_localiser
from scarnet_training.loss import CompositeLoss
from scarnet_training.norms import hold_norm_statistics
from scarnet_training.objective import Objective
from scarnet_training.parts import choose_parts, trains_encoder
from scarnet_training.processes import working_precision
from scarnet_training.recipe import Recipe
from scarnet_training.run_folder import RunFolder
from scarnet_training.schedule import build_optimizer, set_learning_rate, trained_parts

__all__ = ["Loop"]

LARGEST_GRADIENT = 5.0


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
    """

    def __init__(
        self, recipe: Recipe, cohort: Cohort, base: Model | None, run: RunFolder, accelerator: Accelerator
    ) -> None:
        self.recipe, self.settings, self.cohort, self.run = recipe, recipe.training, cohort, run
        self.accelerator, self.device = accelerator, accelerator.device.type
        self.precision = working_precision(accelerator)
        torch.manual_seed(self.settings.seed)
        self.network = ScarNet(recipe.network)
        if base is not None:
            self.network.load_state_dict(base.network.state_dict())
        elif self.settings.encoder_weights and self.network.encoder is not None:
            load_encoder_weights(self.network.encoder, self.settings.encoder_weights)
        choose_parts(self.network, trained_parts(recipe))
        self.network.to(accelerator.device)
        for parameter in self.network.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        self.loss = CompositeLoss(recipe.loss).to(accelerator.device)
        self.averaged = AveragedModel(self.network, multi_avg_fn=self._average, use_buffers=True)
        self.frozen_encoder = self.network.encoder is not None and not trains_encoder(
            self.network, trained_parts(recipe)
        )
        self.feed = Feed(recipe, cohort, run, self.device, self.precision)
        self.micro_batch = self.settings.micro_batch
        self.epoch, self.best, self.without_better = 0, -1.0, 0

    def prepare(self, progress: Progress) -> None:
        """Collect the slices; train the localiser, or take everything up from the checkpoint."""
        resumed = self.run.resumed
        state = self.run.load_checkpoint() if resumed else None
        if state is not None:
            self.run.forget_events_after(state["events_length"])
        self.run.event(
            "start",
            recipe=self.recipe.to_dict(),
            resumed=resumed,
            training=len(self.cohort.training),
            validation=len(self.cohort.validation),
            replayed=len(self.cohort.replayed),
            steps_an_epoch=self.feed.steps,
            device=self._device_name(),
            processes=self.accelerator.num_processes,
            precision=self.accelerator.mixed_precision,
        )
        for text in self.cohort.warnings:
            self.run.event("warning", text=text)
        self.feed.load(self.accelerator.process_index, progress)
        if state is None:
            cases = [*self.cohort.training, *self.cohort.replayed]
            epochs = self.settings.localiser_epochs
            losses = train_localiser(
                self.network, cases, epochs, self.settings.seed, self.device, self.precision, progress
            )
            self.run.event("localiser", losses=[round(loss, 4) for loss in losses])
            self.averaged.module.load_state_dict(self.network.state_dict())
        self._begin_part(state)
        if state is None:
            self._save()

    def _begin_part(self, state: dict[str, Any] | None) -> None:
        """Make the optimizer of the part that is due, the U-Net's own or the whole network's."""
        self.alone = self.epoch < self.settings.unet_epochs
        if state is not None:
            self.epoch, self.best, self.without_better = state["epoch"], state["best"], state["without_better"]
            self.micro_batch = state["micro_batch"] if not self.settings.micro_batch else self.settings.micro_batch
            self.network.load_state_dict(state["network"])
            self.averaged.load_state_dict(state["averaged"])
            self.loss.load_state_dict(state["loss"])
            self.alone = self.epoch < self.settings.unet_epochs
        optimizer = build_optimizer(self.network, self.loss, self.recipe, self.alone)
        # A part that is about to begin keeps its own optimizer.
        if state is not None and self.epoch != self.settings.unet_epochs:
            optimizer.load_state_dict(state["optimizer"])
        objective = Objective(self.network, self.loss, self.settings.branch_weight)
        self.objective, self.optimizer = self.accelerator.prepare(objective, optimizer)

    def run_epoch(self, progress: Progress) -> None:
        """Pass once over every slice; the first passes train the U-Net branch alone."""
        start, settings, epoch = time.time(), self.settings, self.epoch
        begun, length = (
            (0, settings.unet_epochs) if epoch < settings.unet_epochs else (settings.unet_epochs, settings.epochs)
        )
        if epoch == begun:
            if epoch:
                self._begin_part(None)
            self.averaged.n_averaged.zero_()  # parts that have not been trained before start their average anew
        keep = self.frozen_encoder and settings.views > 0 and not self.alone
        self.feed.begin_epoch(epoch - begun, self.network.eval(), keep, progress)
        views_seconds = time.time() - start
        self._train_mode()
        batches = self.feed.batches(self._seed(epoch))
        what = f"{'U-Net epoch' if self.alone else 'Epoch'} {epoch - begun + 1} of {length}"
        totals: dict[str, float] = {}
        pending: tuple[int, Tensor, Tensor, list[str], float] | None = None
        for step, batch in enumerate(batches):
            done = (epoch - begun) * len(batches) + step
            progress(done, length * len(batches), what)
            set_learning_rate(self.optimizer, settings, done / (length * len(batches)), length)
            names, terms = self._surviving_memory(batch, self._seed(epoch, step))
            # One step late, so that a GPU has its next work before the CPU asks for the last result.
            if pending is not None:
                self._tell(pending, epoch - begun, what, totals)
            pending = (step, batch, terms, names, self.optimizer.param_groups[-1]["lr"])
        assert pending is not None
        self._tell(pending, epoch - begun, what, totals)
        self.epoch = epoch + 1
        for buffer in self.averaged.module.buffers():
            broadcast(buffer)
        self.run.event(
            "unet_epoch" if self.alone else "epoch",
            epoch=epoch - begun,
            epochs=length,
            seconds=round(time.time() - start, 2),
            views_seconds=round(views_seconds, 2),
            memory_gb=round(self._memory_gb(), 2),
            **{name: round(value / len(batches), 5) for name, value in totals.items()},
        )
        self._save()

    def judge(self, figures: dict[str, Any]) -> bool:
        """Keep the weights if they are the best so far, and say whether to stop early.

        The measure is the mean 3D scar Dice of the patients with scar, or that of the myocardium where no patient to
        validate on has scar.
        """
        measure = figures.get("dice_scar") or figures["dice_myocardium"]
        better = measure["mean"] > self.best
        self.without_better = 0 if better else self.without_better + 1
        self.run.event("validation", epoch=self.epoch - 1, best=better, **figures)
        if better:
            self.best = measure["mean"]
            self.run.save_checkpoint({"averaged": self.averaged.module.state_dict(), "epoch": self.epoch}, best=True)
        self._save()
        return bool(self.settings.patience) and self.without_better >= self.settings.patience

    def averaged_network(self) -> ScarNet:
        """Give a copy of the averaged network, adapters merged, in evaluation mode."""
        return self._plain(self.averaged.module)

    def chosen_network(self) -> ScarNet:
        """Give the network that becomes the model: the best validated one or the last."""
        if self.settings.keep == "best" and self.best >= 0:
            chosen = deepcopy(self.averaged.module)
            chosen.load_state_dict(self.run.load_checkpoint(best=True)["averaged"])
            return self._plain(chosen)
        return self.averaged_network()

    def _plain(self, network: torch.nn.Module) -> ScarNet:
        copy = deepcopy(network).cpu()
        assert isinstance(copy, ScarNet)
        merge_adapters(copy)
        plain = ScarNet(self.recipe.network)
        plain.load_state_dict(copy.state_dict())
        return plain.eval()

    def _train_mode(self) -> None:
        self.network.train()
        if self.frozen_encoder and self.network.encoder is not None:
            self.network.encoder.eval()
        if self.network.localiser is not None:
            self.network.localiser.eval()
        if self.recipe.start.model and self.recipe.start.hold_norms:
            hold_norm_statistics(self.network)

    def _surviving_memory(self, batch: Tensor, seed: int) -> tuple[list[str], Tensor]:
        """Do a step; out of memory halves what is in memory at a time, and the step is done again."""
        while True:
            try:
                return self._step(batch, seed)
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                now = self.micro_batch or -(-len(batch) // self.accelerator.num_processes)
                if now == 1 or self.accelerator.num_processes > 1:
                    # Other processes wait in the middle of this step, so it cannot be done again.
                    raise ScarNetError(
                        f"Out of memory with {now} slice(s) at a time; set training.micro_batch lower, or the grid or "
                        "the U-Net's width."
                    ) from error
                self.micro_batch = -(-now // 2)
            self.optimizer.zero_grad(set_to_none=True)
            if self.device == "cuda":
                torch.cuda.empty_cache()
            self.run.event(
                "warning",
                text=f"Out of memory: goes on with {self.micro_batch} slices at a time, the rest accumulated.",
                micro_batch=self.micro_batch,
            )

    def _step(self, batch: Tensor, seed: int) -> tuple[list[str], Tensor]:
        processes = self.accelerator.num_processes
        views = self.feed.views(batch, seed)
        parts = micro_batches(len(batch), self.micro_batch, self.accelerator.process_index, processes)
        names: list[str] = []
        total: Tensor | None = None
        for position, rows in enumerate(parts):
            share = (rows.stop - rows.start) / len(batch)
            last = position == len(parts) - 1
            with nullcontext() if last else self.accelerator.no_sync(self.objective):
                loss, terms = self.objective(*views(rows), self.alone)
                # Accelerate averages gradients over processes; a share of the batch each is what is wanted.
                self.accelerator.backward(loss * (share * processes))
            names = list(terms)
            values = share * torch.stack([terms[name].float() for name in names])
            total = values if total is None else total + values
        assert total is not None
        trained = [p for group in self.optimizer.param_groups for p in group["params"]]
        self.accelerator.clip_grad_norm_(trained, LARGEST_GRADIENT)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.averaged.update_parameters(self.network)
        return names, self.accelerator.reduce(total, "sum")

    def _tell(
        self, pending: tuple[int, Tensor, Tensor, list[str], float], epoch: int, what: str, totals: dict[str, float]
    ) -> None:
        """Write a step's terms down; a loss that is no longer a number ends the training."""
        step, batch, terms, names, rate = pending
        values = dict(zip(names, terms.tolist(), strict=True))
        if not all(math.isfinite(value) for value in values.values()):
            raise ScarNetError(
                f"The loss is no longer a number in {what[0].lower() + what[1:]}, step {step + 1}, whose batch held "
                f"{self.feed.named(batch)}; stopped. Look at these slices, or lower the learning rate."
            )
        kind = "unet_step" if self.alone else "step"
        self.run.event(
            kind,
            epoch=epoch,
            step=step,
            learning_rate=float(f"{rate:.3g}"),
            **{name: round(value, 5) for name, value in values.items()},
        )
        for name, value in values.items():
            totals[name] = totals.get(name, 0.0) + value

    def _seed(self, *place: int) -> int:
        return zlib.crc32(f"{self.settings.seed} {self.alone} {place}".encode())

    def _average(self, averaged: Sequence[Tensor], current: Sequence[Tensor], steps: Tensor | int) -> None:
        """Move the averaged weights towards the current ones, faster while few steps were averaged."""
        decay = min(self.settings.ema, (1 + int(steps)) / (10 + int(steps)))
        for kept, new in zip(averaged, current, strict=True):
            kept.lerp_(new, 1 - decay) if kept.is_floating_point() else kept.copy_(new)

    def _device_name(self) -> str:
        return torch.cuda.get_device_name() if self.device == "cuda" else self.device

    def _memory_gb(self) -> float:
        used = torch.cuda.max_memory_allocated() if self.device == "cuda" else psutil.Process().memory_info().rss
        return used / 1e9

    def _save(self) -> None:
        self.run.save_checkpoint(
            {
                "network": self.network.state_dict(),
                "averaged": self.averaged.state_dict(),
                "loss": self.loss.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "epoch": self.epoch,
                "best": self.best,
                "without_better": self.without_better,
                "micro_batch": self.micro_batch,
            }
        )

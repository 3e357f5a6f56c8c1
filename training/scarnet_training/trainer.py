"""Training a ScarNet from a recipe."""

import math
import shutil
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from scarnet.classes import N_CLASSES
from scarnet.errors import ScarNetError
from scarnet.models.store import Model
from scarnet.network.encoder import load_encoder_weights
from scarnet.network.medsam import encoder_input
from scarnet.network.scarnet import ScarNet
from scarnet.predict.predictor import available_devices
from scarnet.predict.sampling import one_hot
from scarnet.progress import Progress, silent
from scarnet_training.augment import AugmentSettings, random_intensity, random_warp, warp
from scarnet_training.data import LabelledCase, load_dataset, load_phantoms, split_patients
from scarnet_training.finishing import make_card, write_model
from scarnet_training.localiser import train_localiser
from scarnet_training.loss import PRESETS, CompositeLoss
from scarnet_training.recipe import Recipe
from scarnet_training.run_folder import RunFolder
from scarnet_training.schedule import build_optimizer, set_learning_rate
from scarnet_training.validation import validate_model
from scarnet_training.views import Views, make_views

__all__ = ["train"]


def train(recipe: Recipe, out: Path | str, resume: bool = False, progress: Progress = silent) -> Path:
    """Train a model and write it with its card.

    Parameters
    ----------
    recipe : Recipe
        What to train, on what, and how.
    out : Path or str
        Folder for ``model.safetensors``, ``events.jsonl``, ``splits.json`` and ``checkpoints/``.
    resume : bool
        Go on from the last checkpoint in the folder.
    progress : Progress
        Called between batches; may raise :class:`scarnet.errors.Cancelled`, after which the run can be resumed from
        its last epoch.

    Returns
    -------
    Path
        The model's file.

    Raises
    ------
    ScarNetError
        The data or the folder are not fit, or the loss is no longer a number.
    """
    if not recipe.data.datasets:
        raise ScarNetError("The recipe names no dataset; set data.datasets.")
    if recipe.training.threads:
        torch.set_num_threads(recipe.training.threads)
    cases = [case for folder in recipe.data.datasets for case in load_dataset(folder, progress)]
    training, validation = split_patients(cases, recipe.data.validation_fraction, recipe.training.seed)
    training += load_phantoms(recipe.data.phantoms, 1000 * (recipe.training.seed + 1), progress)
    if recipe.training.choose_scar_shift and sum(case.has_scar for case in validation) < 2:
        raise ScarNetError("Fewer than two held-out patients have scar; set training.choose_scar_shift = false.")
    run = RunFolder(out, resume)
    run.keep_the_same(recipe, [{"train": _names(training), "val": _names(validation)}])
    run.event("start", recipe=recipe.to_dict(), resumed=resume, training=len(training), validation=len(validation))
    trainer = _Trainer(recipe, training, run, available_devices()[0])
    trainer.prepare(resume, progress)
    unet_epochs, epochs = recipe.training.unet_epochs, recipe.training.epochs
    for epoch in range(trainer.epoch, unet_epochs + epochs):
        trainer.run_epoch(epoch, progress)
        whole = epoch + 1 - unet_epochs
        if 0 < whole < epochs and whole % recipe.training.validate_every == 0:
            figures = validate_model(trainer.averaged_model(), validation, progress=progress)
            run.event("validation", epoch=epoch, **figures["summary"])
    path = Path(out) / "model.safetensors"
    card = make_card(recipe, training, validation)
    summary = write_model(path, trainer.averaged_model().network, recipe, card, validation, progress)
    run.event("end", **summary)
    shutil.rmtree(run.views, ignore_errors=True)
    return path


def _names(cases: list[LabelledCase]) -> list[str]:
    return [case.stack.case for case in cases]


class _Trainer:
    """The moving parts of one run."""

    def __init__(self, recipe: Recipe, cases: list[LabelledCase], run: RunFolder, device: str) -> None:
        self.recipe, self.settings, self.cases, self.run, self.device = recipe, recipe.training, cases, run, device
        torch.manual_seed(self.settings.seed)
        self.network = ScarNet(recipe.network)
        if self.settings.encoder_weights:
            load_encoder_weights(self.network.encoder, self.settings.encoder_weights)
        self.network.encoder.requires_grad_(self.settings.train_encoder)
        self.network.to(device)
        for parameter in self.network.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        self.averaged = AveragedModel(self.network, multi_avg_fn=self._average, use_buffers=True)
        self.optimizer = build_optimizer(self.network, self.settings, alone=self.settings.unet_epochs > 0)
        self.loss = CompositeLoss(PRESETS[self.settings.loss])
        self.generator = torch.Generator().manual_seed(self.settings.seed + 1)
        self.bank: dict[int, Views] = {}
        self.epoch = 0
        self.slices = sum(case.stack.shape[0] for case in cases)

    def prepare(self, resume: bool, progress: Progress) -> None:
        """Train the localiser, or take everything up from the checkpoint."""
        if resume:
            state = self.run.load_checkpoint()
            self.network.load_state_dict(state["network"])
            self.averaged.load_state_dict(state["averaged"])
            self.epoch = state["epoch"]
            # A part that is about to begin makes its own optimizer.
            if self.epoch != self.settings.unet_epochs:
                alone = self.epoch < self.settings.unet_epochs
                self.optimizer = build_optimizer(self.network, self.settings, alone)
                self.optimizer.load_state_dict(state["optimizer"])
            self.generator.set_state(state["generator"])
            return
        losses = train_localiser(
            self.network, self.cases, self.settings.localiser_epochs, self.settings.seed, self.device, progress
        )
        self.run.event("localiser", losses=[round(loss, 4) for loss in losses])
        self.averaged.module.load_state_dict(self.network.state_dict())
        self._save()

    def run_epoch(self, epoch: int, progress: Progress) -> None:
        """Pass once over every slice, each in one of its views; the first passes train the U-Net branch alone."""
        start = time.time()
        alone = epoch < self.settings.unet_epochs
        bank = [self._make_views(f"u{epoch}", progress)] if alone else self._keep_views(epoch, progress)
        views_seconds = time.time() - start
        begun = 0 if alone else self.settings.unet_epochs
        length = self.settings.unet_epochs if alone else self.settings.epochs
        if epoch == begun:
            self.averaged.n_averaged.zero_()  # parts that have not been trained before start their average anew
            self.optimizer = build_optimizer(self.network, self.settings, alone)
        self.network.train()
        if not self.settings.train_encoder:
            self.network.encoder.eval()
        totals: dict[str, float] = {}
        steps = math.ceil(self.slices / self.settings.batch_size)
        what = f"{'U-Net epoch' if alone else 'Epoch'} {epoch - begun + 1} of {length}"
        for step, (images, labels, embeddings) in enumerate(self._batches(bank)):
            done = (epoch - begun) * steps + step
            progress(done, length * steps, what)
            set_learning_rate(self.optimizer, done / (length * steps))
            terms = self._step(images, labels, embeddings, alone)
            if not math.isfinite(terms["loss"]):
                raise ScarNetError(
                    f"The loss is no longer a number in {what[0].lower() + what[1:]}, step {step + 1}; stopped."
                )
            for name, value in terms.items():
                totals[name] = totals.get(name, 0.0) + value / steps
        self.epoch = epoch + 1
        self._save()
        self.run.event(
            "unet_epoch" if alone else "epoch",
            epoch=epoch - begun,
            seconds=round(time.time() - start, 1),
            views_seconds=round(views_seconds, 1),
            **{name: round(value, 5) for name, value in totals.items()},
        )

    def averaged_model(self) -> Model:
        """Give the averaged network as a model, which has no figures yet."""
        network = ScarNet(self.recipe.network)
        network.load_state_dict(self.averaged.module.state_dict())
        return Model(network.eval(), make_card(self.recipe, self.cases, []), "", self.recipe.model.name)

    def _average(self, averaged: Sequence[Tensor], current: Sequence[Tensor], steps: Tensor | int) -> None:
        """Move the averaged weights towards the current ones, faster while few steps were averaged."""
        decay = min(self.settings.ema, (1 + int(steps)) / (10 + int(steps)))
        for kept, new in zip(averaged, current, strict=True):
            kept.lerp_(new, 1 - decay) if kept.is_floating_point() else kept.copy_(new)

    def _make_views(self, name: str, progress: Progress, embed: bool = False) -> Views:
        """See each slice from a new pose; the same name gives the same poses."""
        return make_views(
            self.cases,
            self.network.eval(),
            seed=zlib.crc32(f"{self.settings.seed} {name}".encode()),
            augment=AugmentSettings(intensity=self.settings.view_intensity),
            device=self.device,
            keep_embeddings=embed,
            progress=progress,
        )

    def _keep_views(self, epoch: int, progress: Progress) -> list[Views]:
        """Give the views of an epoch; their embeddings are read where a run before this one has made them."""
        made = 1 + (epoch - self.settings.unet_epochs) // self.settings.refresh_epochs
        for index in range(max(0, made - self.settings.views), made):
            if index in self.bank:
                continue
            kept = self.run.load_tensors(f"{index:03}")
            if kept is None:
                views = self._make_views(f"{index}", progress, embed=not self.settings.train_encoder)
                kept = {"images": views.images, "labels": views.labels}
                if views.embeddings is not None:
                    kept["embeddings"] = views.embeddings
                self.run.save_tensors(f"{index:03}", kept)
            self.bank[index] = Views(kept["images"], kept["labels"], kept.get("embeddings"))
            self.bank.pop(index - self.settings.views, None)
        return [self.bank[index] for index in sorted(self.bank)]

    def _batches(self, bank: list[Views]) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        order = torch.randperm(self.slices, generator=self.generator)
        chosen = torch.randint(len(bank), (self.slices,), generator=self.generator)
        for batch in order.split(self.settings.batch_size):
            if len(batch) < 2:  # BatchNorm needs two images
                continue
            views = [(bank[int(chosen[i])], int(i)) for i in batch]
            images = torch.stack([view.images[i] for view, i in views]).float()
            labels = torch.stack([view.labels[i] for view, i in views])
            embeddings = [view.embeddings[i] for view, i in views if view.embeddings is not None]
            yield images, labels, torch.stack(embeddings) if embeddings else None

    def _step(self, images: Tensor, labels: Tensor, embeddings: Tensor | None, alone: bool) -> dict[str, float]:
        transforms = random_warp(len(images), self.generator)
        truth = labels.long()
        if not alone:
            # The same small warp of image, labels and embedding makes new poses without running the encoder again.
            images, truth = warp(images, transforms), warp(one_hot(labels, N_CLASSES), transforms).argmax(dim=1)
        images = random_intensity(images, self.generator, self.settings.step_intensity)
        images, truth = images.to(self.device).contiguous(memory_format=torch.channels_last), truth.to(self.device)
        with torch.autocast(self.device, torch.bfloat16):
            if alone:
                scored = [(1.0, self.network.unet_head(self.network.unet_branch(images)))]
            else:
                if embeddings is None:
                    embeddings = self.network.encoder(encoder_input(images))
                else:
                    embeddings = warp(embeddings.float(), transforms).to(self.device)
                outputs = self.network.decode(images, embeddings.contiguous(memory_format=torch.channels_last))
                branch = self.settings.branch_weight
                scored = [(1.0, outputs.logits), (branch, outputs.medsam_logits), (branch, outputs.unet_logits)]
        measured = [(weight, *self.loss(logits, truth)) for weight, logits in scored]
        loss = torch.stack([weight * value for weight, value, _ in measured]).sum()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        self.averaged.update_parameters(self.network)
        return {"loss": float(loss.detach()), **measured[0][2]}

    def _save(self) -> None:
        state: dict[str, Any] = {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "epoch": self.epoch,
        }
        self.run.save_checkpoint(state)

"""Training a ScarNet from a recipe."""

import math
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from scarnet.classes import N_CLASSES
from scarnet.errors import ScarNetError
from scarnet.models.card import ModelCard
from scarnet.models.store import Model, read_model, save_model
from scarnet.network.encoder import load_encoder_weights
from scarnet.network.medsam import encoder_input
from scarnet.network.scarnet import ScarNet, ScarNetOutput
from scarnet.predict.predictor import available_devices
from scarnet.predict.sampling import one_hot
from scarnet.progress import Progress, silent
from scarnet_training.augment import AugmentSettings, random_intensity, random_warp, warp
from scarnet_training.data import LabelledCase, load_dataset, load_phantoms, split_patients
from scarnet_training.localiser import train_localiser
from scarnet_training.loss import PRESETS, CompositeLoss
from scarnet_training.recipe import Recipe
from scarnet_training.run_folder import RunFolder, code_commit
from scarnet_training.validation import validate_model
from scarnet_training.views import Views, make_views

__all__ = ["train"]

WARM_UP = 0.03


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
    run = RunFolder(out, resume)
    run.write_json("splits.json", [{"train": _names(training), "val": _names(validation)}])
    run.event("start", recipe=recipe.to_dict(), resumed=resume, training=len(training), validation=len(validation))
    trainer = _Trainer(recipe, training, run, available_devices()[0])
    trainer.prepare(resume, progress)
    for epoch in range(trainer.epoch, recipe.training.epochs):
        trainer.run_epoch(epoch, progress)
        if (epoch + 1) % recipe.training.validate_every == 0 and epoch + 1 < recipe.training.epochs:
            figures = validate_model(trainer.averaged_model(), validation, progress=progress)
            run.event("validation", epoch=epoch, **figures["summary"])
    path = Path(out) / "model.safetensors"
    card = _card(recipe, training, validation)
    save_model(path, trainer.averaged_model().network, card, half=recipe.model.half)
    # The figures are those of the file as it was written, rounding of the weights included.
    figures = validate_model(read_model(path), validation, progress=progress)
    save_model(path, read_model(path).network, replace(card, validation=figures), half=recipe.model.half)
    run.event("end", **figures["summary"])
    shutil.rmtree(run.views, ignore_errors=True)
    return path


def _names(cases: list[LabelledCase]) -> list[str]:
    return [case.stack.case for case in cases]


def _card(recipe: Recipe, training: list[LabelledCase], validation: list[LabelledCase]) -> ModelCard:
    settings = recipe.model
    real = [case for case in training if not case.synthetic]
    return ModelCard(
        name=settings.name,
        description=settings.description,
        config=recipe.network,
        licence=settings.licence,
        data=(
            *settings.data,
            f"Trained on {len(real)} patients and {len(training) - len(real)} synthetic phantoms; "
            f"validated on {len(validation)} other patients.",
        ),
        # Card readers look for test_time_flips at the top of the recipe.
        recipe={**recipe.to_dict(), "test_time_flips": settings.test_time_flips},
        commit=code_commit(),
        limitations=settings.limitations,
    )


class _Trainer:
    """The moving parts of one run."""

    def __init__(self, recipe: Recipe, cases: list[LabelledCase], run: RunFolder, device: str) -> None:
        self.recipe, self.settings, self.cases, self.run, self.device = recipe, recipe.training, cases, run, device
        torch.manual_seed(self.settings.seed)
        self.network = ScarNet(recipe.network)
        if self.settings.encoder_weights:
            load_encoder_weights(self.network.encoder, self.settings.encoder_weights)
        if self.settings.initial_model:
            initial = read_model(self.settings.initial_model)
            if initial.card.config != recipe.network:
                raise ScarNetError(f"The initial model {initial.name!r} is another network than the recipe's.")
            self.network.load_state_dict(initial.network.state_dict())
        self.network.encoder.requires_grad_(self.settings.train_encoder)
        self.network.to(device)
        for parameter in self.network.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        self.averaged = AveragedModel(
            self.network, multi_avg_fn=get_ema_multi_avg_fn(self.settings.ema), use_buffers=True
        )
        trainable = [p for n, p in self.network.named_parameters() if p.requires_grad and not n.startswith("localiser")]
        self.optimizer = torch.optim.AdamW(
            trainable, lr=self.settings.learning_rate, weight_decay=self.settings.weight_decay
        )
        self.loss = CompositeLoss(PRESETS[self.settings.loss])
        self.generator = torch.Generator().manual_seed(self.settings.seed + 1)
        self.bank: list[Views] = []
        self.epoch = 0
        self.slices = sum(case.stack.shape[0] for case in cases)

    def prepare(self, resume: bool, progress: Progress) -> None:
        """Train the localiser, or take everything up from the checkpoint."""
        if resume:
            state = self.run.load_checkpoint()
            self.network.load_state_dict(state["network"])
            self.averaged.load_state_dict(state["averaged"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.generator.set_state(state["generator"])
            self.epoch = state["epoch"]
            for index in range(self._views_made(self.epoch)):
                self._add_views(index, progress)
            return
        losses = train_localiser(
            self.network, self.cases, self.settings.localiser_epochs, self.settings.seed, self.device, progress
        )
        self.run.event("localiser", losses=[round(loss, 4) for loss in losses])
        self.averaged.module.load_state_dict(self.network.state_dict())
        self._save()

    def run_epoch(self, epoch: int, progress: Progress) -> None:
        """Pass once over every slice, each in one of its views."""
        start = time.time()
        for index in range(len(self.bank), self._views_made(epoch + 1)):
            self._add_views(index, progress)
        views_seconds = time.time() - start
        self.network.train()
        if not self.settings.train_encoder:
            self.network.encoder.eval()
        totals: dict[str, float] = {}
        steps = math.ceil(self.slices / self.settings.batch_size)
        what = f"Epoch {epoch + 1} of {self.settings.epochs}"
        for step, (images, labels, embeddings) in enumerate(self._batches()):
            progress(epoch * steps + step, self.settings.epochs * steps, what)
            for group in self.optimizer.param_groups:
                group["lr"] = self._learning_rate((epoch * steps + step) / (self.settings.epochs * steps))
            terms = self._step(images, labels, embeddings)
            if not math.isfinite(terms["loss"]):
                raise ScarNetError(f"The loss is no longer a number in epoch {epoch + 1}, step {step + 1}; stopped.")
            for name, value in terms.items():
                totals[name] = totals.get(name, 0.0) + value / steps
        self.epoch = epoch + 1
        self._save()
        self.run.event(
            "epoch",
            epoch=epoch,
            seconds=round(time.time() - start, 1),
            views_seconds=round(views_seconds, 1),
            **{name: round(value, 5) for name, value in totals.items()},
        )

    def averaged_model(self) -> Model:
        """Give the averaged network as a model, which has no figures yet."""
        network = ScarNet(self.recipe.network)
        network.load_state_dict(self.averaged.module.state_dict())
        return Model(network.eval(), _card(self.recipe, self.cases, []), "", self.recipe.model.name)

    def _views_made(self, epochs: int) -> int:
        return 0 if epochs == 0 else 1 + (epochs - 1) // self.settings.refresh_epochs

    def _add_views(self, index: int, progress: Progress) -> None:
        """Make the views numbered `index`, or read them where a run before this one has made them."""
        kept = self.run.load_tensors(f"{index:03}")
        if kept is None:
            views = make_views(
                self.cases,
                self.network.eval(),
                seed=100_003 * (self.settings.seed + 1) + index,
                augment=AugmentSettings(intensity=self.settings.view_intensity),
                device=self.device,
                keep_embeddings=not self.settings.train_encoder,
                progress=progress,
            )
            kept = {"images": views.images, "labels": views.labels}
            if views.embeddings is not None:
                kept["embeddings"] = views.embeddings
            self.run.save_tensors(f"{index:03}", kept)
        self.bank.append(Views(kept["images"], kept["labels"], kept.get("embeddings")))
        if len(self.bank) > self.settings.views:
            # Kept in the list, so that indices stay, but no longer drawn from or held in memory.
            self.bank[index - self.settings.views] = self.bank[index]

    def _batches(self) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        order = torch.randperm(self.slices, generator=self.generator)
        chosen = torch.randint(len(self.bank), (self.slices,), generator=self.generator)
        for batch in order.split(self.settings.batch_size):
            if len(batch) < 2:  # BatchNorm needs two images
                continue
            views = [(self.bank[int(chosen[i])], int(i)) for i in batch]
            images = torch.stack([view.images[i] for view, i in views]).float()
            labels = torch.stack([view.labels[i] for view, i in views])
            embeddings = None
            if not self.settings.train_encoder:
                embeddings = torch.stack([view.embeddings[i] for view, i in views if view.embeddings is not None])
            yield images, labels, embeddings

    def _step(self, images: Tensor, labels: Tensor, embeddings: Tensor | None) -> dict[str, float]:
        # The same small warp of image, labels and embedding makes new poses without running the encoder again.
        transforms = random_warp(len(images), self.generator)
        images = random_intensity(warp(images, transforms), self.generator, self.settings.step_intensity).to(
            self.device
        )
        truth = warp(one_hot(labels, N_CLASSES), transforms).argmax(dim=1).to(self.device)
        images = images.to(self.device).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device, torch.bfloat16):
            if embeddings is None:
                embeddings = self.network.encoder(encoder_input(images))
            else:
                embeddings = warp(embeddings.float(), transforms).to(self.device)
            outputs: ScarNetOutput = self.network.decode(
                images, embeddings.contiguous(memory_format=torch.channels_last)
            )
        loss, terms = self.loss(outputs.logits, truth)
        for branch in (outputs.medsam_logits, outputs.unet_logits):
            loss = loss + self.settings.branch_weight * self.loss(branch, truth)[0]
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        self.averaged.update_parameters(self.network)
        return {"loss": float(loss.detach()), **terms}

    def _learning_rate(self, part: float) -> float:
        peak = self.settings.learning_rate
        if part < WARM_UP:
            return peak * part / WARM_UP
        return peak * (1 + math.cos(math.pi * (part - WARM_UP) / (1 - WARM_UP))) / 2

    def _save(self) -> None:
        state: dict[str, Any] = {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "epoch": self.epoch,
        }
        self.run.save_checkpoint(state)

"""Training a ScarNet from a recipe: from scratch or from a model, in one process or several."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from scarnet.errors import Cancelled, ScarNetError
from scarnet.models import load_model
from scarnet.models.store import Model
from scarnet.progress import Progress, silent
from scarnet_training.cohort import Cohort, load_cohort
from scarnet_training.finishing import make_card, write_model
from scarnet_training.loop import Loop
from scarnet_training.processes import start_accelerator
from scarnet_training.recipe import Recipe
from scarnet_training.run_folder import RunFolder
from scarnet_training.validation import summarise, validate_model

__all__ = ["train"]


def train(recipe: Recipe, out: Path | str, resume: bool = False, progress: Progress = silent) -> Path:
    """Train a model and write it with its card.

    Started by ``torchrun`` or ``accelerate launch`` as several processes, they share every batch.

    Parameters
    ----------
    recipe : Recipe
        What to train, on what, and how.
    out : Path or str
        Folder for ``model.safetensors``, ``events.jsonl``, ``splits.json`` and ``checkpoints/``.
    resume : bool
        Go on from the last checkpoint in the folder.
    progress : Progress
        Called between steps; may raise :class:`scarnet.errors.Cancelled`, after which the run can be resumed from
        its last epoch.

    Returns
    -------
    Path
        The model's file.

    Raises
    ------
    ScarNetError
        The data or the folder are not fit, or the loss is no longer a number.

    Notes
    -----
    On a CPU a run that was killed and resumed ends with the weights of one that was not: all chance comes from the
    seed, the epoch and the step.
    """
    if recipe.training.threads:
        torch.set_num_threads(recipe.training.threads)
    accelerator = start_accelerator(recipe.training.precision)
    base = load_model(recipe.start.model, progress) if recipe.start.model else None
    if base is not None:
        recipe = replace(recipe, network=base.card.config)
    cohort = load_cohort(recipe, progress)
    run = RunFolder(out, resume, accelerator.is_main_process)
    try:
        run.keep_the_same(recipe, cohort.names(), base.sha256 if base else "")
        return _train_in(run, recipe, cohort, base, accelerator, progress)
    except ScarNetError as error:
        run.event("failed", reason=str(error))
        raise
    except (Cancelled, KeyboardInterrupt):
        run.event("cancelled")
        raise
    finally:
        run.release()


def _train_in(
    run: RunFolder, recipe: Recipe, cohort: Cohort, base: Model | None, accelerator: Accelerator, progress: Progress
) -> Path:
    loop = Loop(recipe, cohort, base, run, accelerator)
    loop.prepare(progress)
    settings = recipe.training
    while loop.epoch < settings.unet_epochs + settings.epochs:
        loop.run_epoch(progress)
        done = loop.epoch - settings.unet_epochs if settings.epochs else loop.epoch
        due = settings.validate_every and done > 0 and done % settings.validate_every == 0
        at_the_end = loop.epoch == settings.unet_epochs + settings.epochs
        # What is kept is chosen among validations, so the last weights are validated too.
        if cohort.validation and (due or (at_the_end and settings.keep == "best" and settings.validate_every)):
            figures = _validate(loop, recipe, cohort, accelerator, progress)
            if loop.judge(figures) and not at_the_end:
                run.event("early_stop", epoch=loop.epoch - 1, validations=settings.patience)
                break
    path = run.folder / "model.safetensors"
    if accelerator.is_main_process:
        card = make_card(recipe, cohort.training, cohort.validation, cohort.replayed)
        summary = write_model(path, loop.chosen_network(), recipe, card, cohort.validation, progress)
        run.event("end", **summary)
        shutil.rmtree(run.views, ignore_errors=True)
        shutil.rmtree(run.folder / "cache", ignore_errors=True)
    accelerator.wait_for_everyone()
    return path


def _validate(
    loop: Loop, recipe: Recipe, cohort: Cohort, accelerator: Accelerator, progress: Progress
) -> dict[str, Any]:
    """Validate the averaged weights, each process on its share of the patients."""
    own: Sequence[Any] = cohort.validation[accelerator.process_index :: accelerator.num_processes]
    # Four times the work for a point of Dice is left to the end.
    card = replace(make_card(recipe, cohort.training, []), recipe={})
    model = Model(loop.averaged_network(), card, "", recipe.model.name)
    patients = validate_model(model, own, accelerator.device.type, progress)["patients"] if own else {}
    shares = gather_object([patients])
    return summarise({name: figures for share in shares for name, figures in share.items()})

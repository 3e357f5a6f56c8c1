"""Training a ScarNet from a recipe: from scratch or from a model, in one process or several."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from scarnet.errors import Cancelled, ScarNetError
from scarnet.memory import is_out_of_memory
from scarnet.models import ModelCard, load_model
from scarnet.models.store import Model
from scarnet.progress import Progress, silent
from scarnet_training.card import make_card
from scarnet_training.cohort import Cohort, load_cohort
from scarnet_training.dataset_report import listed
from scarnet_training.finishing import against_base, write_model
from scarnet_training.folder_check import check_run_folder
from scarnet_training.loop import Loop
from scarnet_training.processes import start_accelerator
from scarnet_training.recipe import Recipe
from scarnet_training.run_folder import Remark, RunFolder
from scarnet_training.start import check_encoder_weights, starting_config
from scarnet_training.telling import told
from scarnet_training.validation import summarise, validate_model

__all__ = ["train"]


def train(
    recipe: Recipe,
    out: Path | str,
    resume: bool = False,
    progress: Progress = silent,
    device: str = "auto",
    remark: Remark | None = None,
) -> Path:
    """Train a model and write it with its card.

    Started by ``torchrun`` or ``accelerate launch`` as several processes, they share every batch.

    Parameters
    ----------
    recipe : Recipe
        What to train, on what, and how.
    out : Path or str
        Folder for ``model.safetensors``, ``events.jsonl``, ``splits.json`` and ``checkpoints/``.
    resume : bool
        Go on from the last checkpoint in the folder; a run that was ended before its first one begins anew.
    progress : Progress
        Called between steps; may raise :class:`scarnet.errors.Cancelled`, after which the run can be resumed from
        its last epoch.
    device : {"auto", "cuda", "mps", "cpu"}
        Where to train; auto takes the best there is.
    remark : callable, optional
        Called with ``"warning"`` or ``"note"`` and a sentence; warnings stand in the events, too.

    Returns
    -------
    Path
        The model's file.

    Raises
    ------
    ScarNetError
        The data or the folder are not fit, memory or the disk are full, or the loss is no longer a number.

    Notes
    -----
    On a CPU a run that was killed and resumed ends with the weights of one that was not: all chance comes from the
    seed, the epoch and the step.
    """
    check_run_folder(out, resume)
    check_encoder_weights(recipe)
    if recipe.training.threads:
        torch.set_num_threads(recipe.training.threads)
    accelerator = start_accelerator(recipe.training.precision, device)
    if not accelerator.is_main_process:
        progress = silent
    base = load_model(recipe.start.model, progress) if recipe.start.model else None
    recipe = replace(recipe, network=starting_config(recipe, base))
    cohort = load_cohort(recipe, progress)
    if base is not None:
        cohort = replace(cohort, warnings=(*cohort.warnings, *_known_before(base.card, cohort)))
    run = RunFolder(out, resume, accelerator.is_main_process, remark)
    try:
        run.keep_the_same(recipe, cohort.names(), cohort.digests(), base.sha256 if base else "")
        return _train_and_tell(run, recipe, cohort, base, accelerator, progress)
    finally:
        run.release()


def _known_before(base: ModelCard, cohort: Cohort) -> list[str]:
    """Warn where the model to start from was trained on those who are to measure the new one."""
    known = [case.stack.case for case in cohort.validation if base.saw_in_training(case.stack.case)]
    if not known:
        return []
    return [
        f"{base.name}, which it starts from, was trained on cases named like held-out ones: {listed(known)}; if they "
        "are the same, figures flatter both models."
    ]


def _train_and_tell(
    run: RunFolder, recipe: Recipe, cohort: Cohort, base: Model | None, accelerator: Accelerator, progress: Progress
) -> Path:
    """Train; where that is ended early, say so in the run's events."""
    try:
        return _train_in(run, recipe, cohort, base, accelerator, progress)
    except (Cancelled, KeyboardInterrupt):
        run.last_event("cancelled")
        raise
    except Exception as error:
        if is_out_of_memory(error) and not isinstance(error, ScarNetError):
            error = ScarNetError(
                "There is not enough memory for this training; set training.micro_batch or training.views lower, or "
                "network.grid."
            ).with_traceback(error.__traceback__)
        # What went wrong unforeseen may have a patient's name in its words.
        told = str(error) if isinstance(error, ScarNetError) else f"{type(error).__name__}, which is a bug"
        run.last_event("failed", reason=told)
        raise error


def _train_in(
    run: RunFolder, recipe: Recipe, cohort: Cohort, base: Model | None, accelerator: Accelerator, progress: Progress
) -> Path:
    loop = Loop(recipe, cohort, base, run, accelerator)
    loop.prepare(progress)
    while True:
        # First, because a run that was killed between an epoch and its validation goes on here.
        if loop.validation_due:
            telling = told(run, "validation", progress)
            loop.judge(_validate(loop, recipe, cohort, base, accelerator, telling))
        if loop.at_the_end:
            break
        if loop.out_of_patience:
            run.event("early_stop", epoch=loop.last_epoch, validations=recipe.training.patience)
            break
        loop.run_epoch(progress)
    path = run.folder / "model.safetensors"
    if accelerator.is_main_process:
        card = make_card(recipe, cohort.training, cohort.validation, cohort.replayed, base.card if base else None)
        network, device = loop.chosen_network(), accelerator.device.type
        choose, half = recipe.training.choose_scar_shift, recipe.model.half
        telling = told(run, "end", progress, 1 + choose + (base is not None))
        figures = write_model(path, network, card, cohort.validation, choose, half, device, telling, base)
        for text in against_base(figures):
            run.warn(text)
        run.event("end", **figures.get("summary", {}), **{"base": figures["base"]} if "base" in figures else {})
        run.drop_caches()
    accelerator.wait_for_everyone()
    return path


def _validate(
    loop: Loop, recipe: Recipe, cohort: Cohort, base: Model | None, accelerator: Accelerator, progress: Progress
) -> dict[str, Any]:
    """Validate the averaged weights, each process on its share of the patients."""
    own: Sequence[Any] = cohort.validation[accelerator.process_index :: accelerator.num_processes]
    # A card that asks for no flips: four times the work for a point of Dice is left to the end.
    smallest = base.card.smallest_scar_ml if base else 0.0
    card = ModelCard(recipe.model.name, "", recipe.network, smallest_scar_ml=smallest)
    model = Model(loop.averaged.plain(), card, "", recipe.model.name)
    patients = validate_model(model, own, accelerator.device.type, progress)["patients"] if own else {}
    shares = gather_object([patients])
    return summarise({name: figures for share in shares for name, figures in share.items()})

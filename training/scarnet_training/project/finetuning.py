"""Fine-tunings of a project: started as jobs, and found again."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from scarnet.errors import ScarNetError
from scarnet.project import Project, model_path
from scarnet.project.accepted import AcceptedDataset
from scarnet.project.layout import CASES, JOBS
from scarnet.project.new_folder import new_folder
from scarnet.project.stored import read_json, write_json
from scarnet_training.jobs import ENDED, Job, JobOptions
from scarnet_training.jobs.options import Where
from scarnet_training.jobs.status import exists
from scarnet_training.jobs.submission import submit_with
from scarnet_training.jobs.task import RECIPE, TRAIN
from scarnet_training.project.plan import FinetunePlan

if TYPE_CHECKING:
    from scarnet_training.recipe import Recipe

__all__ = [
    "FinetuneJob",
    "find_finetune",
    "finetune_jobs",
    "prepare_finetune",
    "resume_finetune",
    "start_finetune",
]

_PLAN, _RUN, _DATA, _SPLITS = "plan.json", "run", "dataset", "splits.json"


@dataclass(frozen=True)
class FinetuneJob:
    """A fine-tuning of a project.

    Attributes
    ----------
    name : str
        Its name, and its model's.
    plan : FinetunePlan
        What it does.
    run : Path
        The run's folder: the job, once it was started.
    """

    name: str
    plan: FinetunePlan
    run: Path

    @property
    def job(self) -> Job:
        """The job, to watch, cancel and read the log of."""
        return Job(self.run)

    @property
    def started(self) -> bool:
        """Whether there is a job; else it was prepared only."""
        return exists(self.run)


def prepare_finetune(
    project: Project,
    plan: FinetunePlan,
    *,
    epochs: int | None = None,
    parts: str | None = None,
    learning_rate: float | None = None,
    replay_phantoms: int | None = None,
    recipe: "Recipe | None" = None,
) -> "tuple[FinetuneJob, Recipe]":
    """Freeze a plan's model, cases and split in a job's folder, and make its recipe.

    Parameters
    ----------
    project : Project
        The project.
    plan : FinetunePlan
        From :func:`scarnet_training.project.plan.plan_finetune`.
    epochs, parts, learning_rate, replay_phantoms, recipe : optional
        As in :func:`scarnet_training.finetune.finetune_recipe`, with `recipe` for its base.

    Returns
    -------
    job : FinetuneJob
        Not started yet.
    recipe : Recipe
        Its paths start at the project's folder, so that a moved project's jobs go on.

    Raises
    ------
    ScarNetError
        A case is not accepted any more, the job is there already, a value is impossible, or nothing can be written.
    """
    from scarnet_training.finetune import finetune_recipe
    from scarnet_training.splits import write_splits

    with project.writing():
        folder = project.folder / JOBS / plan.name
        if folder.exists():
            raise ScarNetError(f"There is a job {plan.name!r} already; choose another name.")
        if refused := [c for c in (*plan.training, *plan.validation) if project.row(c).status != "accepted"]:
            raise ScarNetError(f"{', '.join(refused)} is not accepted any more; plan the fine-tuning anew.")
        base = model_path(project, plan.base)
        made = finetune_recipe(
            [folder / _DATA],
            str(base),
            name=plan.name,
            epochs=epochs,
            parts=parts,
            learning_rate=learning_rate,
            replay_phantoms=replay_phantoms,
            splits=folder / _SPLITS,
            seed=plan.seed,
            base=recipe,
        )
        here = Path(JOBS) / plan.name
        made = replace(
            made,
            data=replace(made.data, datasets=((here / _DATA).as_posix(),), splits=(here / _SPLITS).as_posix()),
            start=replace(made.start, model=(here / base.name).as_posix()),
        )
        with new_folder(folder) as fresh:
            # Its weights may be discarded in the project while the job waits, or before it is resumed.
            shutil.copyfile(base, fresh / base.name)
            frozen = AcceptedDataset(project.folder, fresh / _DATA)
            for case in plan.patients:
                frozen.add(case, project.folder / CASES / case)
            frozen.describe(plan.patients)
            write_splits(fresh / _SPLITS, [(list(plan.training), list(plan.validation))])
            write_json(fresh / _PLAN, plan.to_dict())
        return FinetuneJob(plan.name, plan, folder / _RUN), made


def start_finetune(
    project: Project,
    plan: FinetunePlan,
    where: Where = "local",
    *,
    gpus: int | None = None,
    minutes: int | None = None,
    partition: str | None = None,
    cpus: int | None = None,
    memory_gb: int | None = None,
    epochs: int | None = None,
    parts: str | None = None,
    learning_rate: float | None = None,
    replay_phantoms: int | None = None,
    recipe: "Recipe | None" = None,
) -> FinetuneJob:
    """Start a fine-tuning as a job of its own, which outlives this process.

    Parameters
    ----------
    project : Project
        The project.
    plan : FinetunePlan
        What to train on and to hold out.
    where, gpus, minutes, partition, cpus, memory_gb : optional
        As in :func:`scarnet_training.jobs.submit`.
    epochs, parts, learning_rate, replay_phantoms, recipe : optional
        As in :func:`prepare_finetune`.

    Returns
    -------
    FinetuneJob
        The job.

    Raises
    ------
    ScarNetError
        As for :func:`prepare_finetune`, or the job cannot be started; nothing is left of it then.
    """
    options = JobOptions(where, gpus, 1, minutes, partition, cpus, memory_gb)
    job, made = prepare_finetune(
        project,
        plan,
        epochs=epochs,
        parts=parts,
        learning_rate=learning_rate,
        replay_phantoms=replay_phantoms,
        recipe=recipe,
    )
    try:
        submit_with(made, job.run, options, resume=False, train=TRAIN, directory=project.folder)
    except ScarNetError:
        shutil.rmtree(job.run.parent, ignore_errors=True)
        raise
    base = project.state.model(plan.base)
    project.log_action("start fine-tuning", model=base.name, sha256=base.sha256, note=plan.name)
    return job


def finetune_jobs(project: Project) -> list[FinetuneJob]:
    """Find a project's fine-tunings.

    Parameters
    ----------
    project : Project
        The project.

    Returns
    -------
    list of FinetuneJob
        By name; also those that have ended. What was prepared and never started is none.
    """
    names = sorted(path.parent.name for path in (project.folder / JOBS).glob(f"*/{_PLAN}"))
    return [found for name in names if (found := find_finetune(project, name)).started]


def find_finetune(project: Project, name: str) -> FinetuneJob:
    """Find one fine-tuning.

    Raises
    ------
    ScarNetError
        There is none of that name, or its plan is damaged.
    """
    folder = project.folder / JOBS / name
    if not (folder / _PLAN).is_file():
        raise ScarNetError(f"The project has no fine-tuning {name!r}; 'scarnet project status' lists what there is.")
    return FinetuneJob(name, FinetunePlan.from_dict(read_json(folder / _PLAN)), folder / _RUN)


def resume_finetune(project: Project, name: str) -> FinetuneJob:
    """Go on with a fine-tuning that was interrupted or cancelled, also in a project that was moved since.

    Parameters
    ----------
    project : Project
        The project.
    name : str
        The fine-tuning.

    Returns
    -------
    FinetuneJob
        The job.

    Raises
    ------
    ScarNetError
        It runs, or is done, or cannot be started.
    """
    from scarnet_training.recipe import load_recipe

    found = find_finetune(project, name)
    if not found.started:
        raise ScarNetError(f"The fine-tuning {name!r} was prepared but never started; start another one.")
    status = found.job.status()
    if status.state == "done" or status.state not in ENDED:
        raise ScarNetError(f"The fine-tuning {name!r} is {status.state}; there is nothing to resume.")
    recipe = load_recipe(found.run / RECIPE)
    submit_with(recipe, found.run, status.options, resume=True, train=status.train or TRAIN, directory=project.folder)
    return found

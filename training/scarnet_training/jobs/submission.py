"""Starting a job: as a process of this machine, or in Slurm's queue."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scarnet.errors import ScarNetError
from scarnet.files import make_folder
from scarnet_training.jobs import slurm
from scarnet_training.jobs.foreground import is_taken
from scarnet_training.jobs.job import Job
from scarnet_training.jobs.options import JobOptions, Where
from scarnet_training.jobs.status import ENDED, Status, exists, locked, update_status, write_status
from scarnet_training.jobs.surroundings import check_gpus
from scarnet_training.jobs.task import CANCEL, RECIPE, TRAIN, TrainingTask
from scarnet_training.jobs.truth import CHECKPOINT, MODEL, current_status, is_finished

if TYPE_CHECKING:
    from scarnet_training.recipe import Recipe

__all__ = ["MOST_TIMEOUTS", "SUBMITIT", "submit", "submit_with"]

SUBMITIT = ".submitit"
"""Folder in a job's folder that is submitit's own."""

MOST_TIMEOUTS = 10**6
"""How often a job may reach its time limit; submitit wants a number."""

_LAUNCH_SECONDS = 120
_OF_ANOTHER_JOB = ("MASTER_ADDR", "MASTER_PORT", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")


def submit(
    recipe: "Recipe",
    folder: Path | str,
    where: Where = "local",
    *,
    gpus: int | None = None,
    nodes: int = 1,
    minutes: int | None = None,
    partition: str | None = None,
    cpus: int | None = None,
    memory_gb: int | None = None,
    resume: bool = False,
    train: str = TRAIN,
) -> Job:
    """Start a training that outlives this process.

    Parameters
    ----------
    recipe : Recipe
        What to train. Relative paths in it start at the current folder, also when the job is resumed from another.
    folder : Path or str
        Folder of the run, made where it is missing; the job is this folder.
    where : {"local", "slurm"}
        A process on this machine at lower priority, or a job in Slurm's queue.
    gpus : int, optional
        GPUs a node, one process each; 0 for the CPU alone. Without it one process takes a GPU where it finds one, and
        Slurm is asked for none.
    nodes : int
        Machines (Slurm).
    minutes : int, optional
        Time limit; a job that reaches it is started again and goes on from its last checkpoint.
    partition : str, optional
        Slurm's partition.
    cpus, memory_gb : int, optional
        CPUs a process, and memory a node in GB (Slurm).
    resume : bool
        Go on with the run in the folder; one without a checkpoint begins anew.
    train : str
        What trains, as ``module:function`` with the signature of :func:`scarnet_training.trainer.train`.

    Returns
    -------
    Job
        The job.

    Raises
    ------
    ScarNetError
        The options are not possible, a run is there and was not to be resumed or still runs, the folder cannot be
        written to, or Slurm refused.
    """
    options = JobOptions(where, gpus, nodes, minutes, partition, cpus, memory_gb)
    return submit_with(recipe, folder, options, resume=resume, train=train, directory=Path.cwd())


def submit_with(
    recipe: "Recipe", folder: Path | str, options: JobOptions, *, resume: bool, train: str, directory: Path
) -> Job:
    """Do as :func:`submit`, with the options in one.

    Parameters
    ----------
    recipe : Recipe
        What to train.
    folder : Path or str
        The job's folder.
    options : JobOptions
        Where, and on how much of it.
    resume : bool
        Go on with the run in the folder.
    train : str
        What trains.
    directory : Path
        Folder where the recipe's relative paths start.

    Returns
    -------
    Job
        The job.

    Raises
    ------
    ScarNetError
        As :func:`submit`.
    """
    _check_machine(options)
    folder = make_folder(folder).resolve()
    if "%" in str(folder):
        raise ScarNetError(f"A job's folder must not have a % in its path, which Slurm would replace: {folder}.")
    _claim(recipe, folder, options, resume, Status("queued", options, directory=str(directory), train=train))
    try:
        make_folder(folder / SUBMITIT)
        start = _start_in_slurm if options.where == "slurm" else _start_local
        start(folder, options)
    except ScarNetError as error:
        update_status(folder, state="failed", sentence=str(error), ended=round(time.time(), 3))
        raise
    return Job(folder)


def _check_machine(options: JobOptions) -> None:
    if os.name != "posix":
        raise ScarNetError("Jobs need Linux or macOS; on Windows train without one: scarnet train RECIPE -o OUT.")
    if options.where == "slurm" and (shutil.which("sbatch") is None or shutil.which("srun") is None):
        raise ScarNetError("There is no Slurm on this machine (no sbatch); submit from a login node, or run locally.")
    if options.where == "local":
        check_gpus(options)


def _claim(recipe: "Recipe", folder: Path, options: JobOptions, resume: bool, status: Status) -> None:
    """Take a folder for a job, so that no second one begins in it."""
    from scarnet_training.recipe import write_recipe

    with locked(folder):
        starts = 0
        if exists(folder):
            before = current_status(folder)
            if before.state not in ENDED:
                raise ScarNetError(f"The job in {folder} is {before.state}; cancel it first, or choose another folder.")
            starts = before.starts
        _check_free(folder)
        if resume and is_finished(folder):
            raise ScarNetError(f"The run in {folder} is finished; there is nothing to resume.")
        if not resume and ((folder / CHECKPOINT).exists() or (folder / MODEL).exists()):
            raise ScarNetError(f"{folder} holds a run already; resume it, or choose another folder.")
        write_recipe(recipe, folder / RECIPE)
        (folder / CANCEL).unlink(missing_ok=True)
        now = round(time.time(), 3)
        write_status(folder, Status(**{**vars(status), "submitted": now, "starts": starts}))


def _check_free(folder: Path) -> None:
    """Refuse a folder that a training without a job works in."""
    try:
        taken = is_taken(folder)
    except OSError as error:
        raise ScarNetError(f"Cannot write to {folder}: {error.strerror}.") from error
    if taken:
        raise ScarNetError(f"Another process trains in {folder}; wait for it, or choose another folder.")


def _start_local(folder: Path, options: JobOptions) -> None:
    """Start the local launcher in a session of its own, so that what ends us does not end the job."""
    command = [sys.executable, "-m", "scarnet_training.jobs.launch", str(folder)]
    said = folder / SUBMITIT / "launch.txt"
    with said.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        status = process.wait(_LAUNCH_SECONDS)
    except subprocess.TimeoutExpired as error:
        process.kill()
        raise ScarNetError(f"The job's process did not start within {_LAUNCH_SECONDS} s; see {said}.") from error
    if status:
        lines = said.read_text(encoding="utf-8", errors="replace").splitlines()
        told = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        raise ScarNetError(told[-1] if told else f"The job's process could not be started; see {said}.")


def _start_in_slurm(folder: Path, options: JobOptions) -> None:
    """Put the job into Slurm's queue."""
    from submitit import SlurmExecutor
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    minutes = options.minutes or slurm.partition_minutes(options.partition)
    # Since 22.05 srun does not take over what sbatch was given of this.
    cpus = [f"--cpus-per-task={options.cpus}"] if options.cpus else []
    executor = SlurmExecutor(folder / SUBMITIT, max_num_timeout=MOST_TIMEOUTS)
    executor.update_parameters(
        job_name="scarnet",
        time=minutes,
        nodes=options.nodes,
        ntasks_per_node=options.tasks_per_node,
        gpus_per_node=options.gpus or None,
        partition=options.partition,
        cpus_per_task=options.cpus,
        mem=f"{options.memory_gb}GB" if options.memory_gb else None,
        signal_delay_s=options.warning_seconds,
        srun_args=["--kill-on-bad-exit=1", *cpus],
        additional_parameters={"requeue": True},
    )
    with _environment_of_its_own():
        try:
            job = executor.submit(TrainingTask(folder))
        except (FailedJobError, FailedSubmissionError) as error:
            raise ScarNetError(f"Slurm did not take the job: {slurm.complaint(str(error))}.") from error
        except OSError as error:
            raise ScarNetError(f"Cannot write to {folder}: {error.strerror}.") from error
    update_status(folder, place={"job_id": job.job_id})


@contextmanager
def _environment_of_its_own() -> Iterator[None]:
    """Hide what belongs to a job that we ourselves run in; the cluster's address and the user's defaults stay."""
    hidden = {
        name: os.environ.pop(name)
        for name in list(os.environ)
        if name in _OF_ANOTHER_JOB or (name.startswith(("SLURM_", "SUBMITIT_")) and name != "SLURM_CONF")
    }
    try:
        yield
    finally:
        os.environ.update(hidden)

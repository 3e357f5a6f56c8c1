"""Finding jobs, and trainings without one."""

import os
from pathlib import Path

from scarnet.errors import ScarNetError
from scarnet_training.jobs.foreground import is_run
from scarnet_training.jobs.job import Job
from scarnet_training.jobs.status import exists, read_status

__all__ = ["list_jobs", "read_job"]

_DEPTH = 4


def read_job(folder: Path | str) -> Job:
    """Give the job in a folder, or the training without a job.

    Parameters
    ----------
    folder : Path or str
        The job's folder.

    Returns
    -------
    Job
        The job.

    Raises
    ------
    ScarNetError
        There is neither, or its status cannot be read.
    """
    folder = Path(folder).absolute()
    if exists(folder) or not is_run(folder):
        read_status(folder)
    return Job(folder)


def list_jobs(root: Path | str) -> list[Job]:
    """Find the jobs, and the trainings without one, in a folder and in those below it.

    Parameters
    ----------
    root : Path or str
        The folder to look in, four levels deep; it may be a job itself.

    Returns
    -------
    list of Job
        The jobs in the order of their paths, also those whose status cannot be read.

    Raises
    ------
    ScarNetError
        There is no such folder.
    """
    root = Path(root).absolute()
    if not root.is_dir():
        raise ScarNetError(f"There is no folder {root}.")
    jobs = []
    for folder, below, _ in os.walk(root):
        here = Path(folder)
        if exists(here) or is_run(here):
            jobs.append(Job(here))
            below.clear()
        elif len(here.relative_to(root).parts) >= _DEPTH:
            below.clear()
        else:
            below[:] = sorted(name for name in below if not name.startswith("."))
    return sorted(jobs, key=lambda job: job.folder)

"""``python -m scarnet_training.jobs.launch FOLDER``: hands a local job to submitit, from a session of its own."""

import os
import sys
from pathlib import Path

from scarnet.errors import ScarNetError
from scarnet_training.jobs import processes
from scarnet_training.jobs.status import read_status, update_status
from scarnet_training.jobs.submission import MOST_TIMEOUTS, SUBMITIT
from scarnet_training.jobs.surroundings import remember_gpus
from scarnet_training.jobs.task import TrainingTask

__all__ = ["launch"]

_NICE = 10


def launch(folder: Path) -> None:
    """Start a local job and note its process; submitit's controller lives on when this process ends.

    Parameters
    ----------
    folder : Path
        The job's folder, with its status.

    Raises
    ------
    ScarNetError
        The status or the folder cannot be used.
    """
    from submitit import LocalExecutor

    options = read_status(folder).options
    os.nice(_NICE)  # the viewer comes first
    remember_gpus()
    executor = LocalExecutor(folder / SUBMITIT, max_num_timeout=MOST_TIMEOUTS)
    executor.update_parameters(
        timeout_min=options.local_minutes,
        tasks_per_node=options.tasks_per_node,
        gpus_per_node=options.gpus or 0,
        signal_delay_s=options.warning_seconds,
    )
    job = executor.submit(TrainingTask(folder))
    update_status(folder, place=processes.describe(int(job.job_id)))


def main() -> int:
    """Launch the job of the command line.

    Returns
    -------
    int
        0, or 2 after ``error:`` and a sentence.
    """
    try:
        launch(Path(sys.argv[1]))
    except ScarNetError as error:
        print(f"error: {error}", flush=True)
        return 2
    except OSError as error:
        print(f"error: Cannot start a process for the job: {error.strerror}.", flush=True)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

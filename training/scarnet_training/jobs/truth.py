"""Whether a job is still what it last said: asked of the machine or of Slurm, from any process."""

import json
import time
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any

from scarnet_training.jobs import processes, slurm
from scarnet_training.jobs.foreground import EVENTS, foreground_status, is_run
from scarnet_training.jobs.status import ENDED, Status, exists, read_status

__all__ = ["CHECKPOINT", "LOG", "MODEL", "current_status", "is_finished", "last_event", "last_said", "log_tail"]

CHECKPOINT = Path("checkpoints") / "last.pt"
LOG = "log.txt"
MODEL = "model.safetensors"

# Between the note that a job is queued and the one where it runs lies the start of a Python, or sbatch's answer.
_STARTING_SECONDS = 90
# A job tells its last event before it tells its end; machines' clocks differ by less than this.
_AFTER_SECONDS = 5.0
_TAIL_BYTES = 65536


def current_status(folder: Path) -> Status:
    """Give a job's status as it is, whatever became of the process that should have kept it.

    Parameters
    ----------
    folder : Path
        The job's folder.

    Returns
    -------
    Status
        What the job said last, with the state and the sentence put right.

    Raises
    ------
    ScarNetError
        There is neither a job nor a run, or its status cannot be read.
    """
    status = last_said(folder)
    if status.foreground:
        return status
    found = _look(folder, status)
    if found.state in ENDED and status.state not in ENDED:
        # It may have ended, and said so, just while we looked.
        again = read_status(folder)
        if again != status:
            return again if again.state in ENDED else _look(folder, again)
    return found


def last_said(folder: Path) -> Status:
    """Give what a job last said of itself, or of a training without a job what its folder tells.

    Parameters
    ----------
    folder : Path
        The folder of the job or the run.

    Returns
    -------
    Status
        It may not be so any more, unless it is ``foreground``.

    Raises
    ------
    ScarNetError
        There is neither a job nor a run, or the status cannot be read.
    """
    if not exists(folder) and is_run(folder):
        return foreground_status(folder)
    status = read_status(folder)
    if status.state in ENDED and status.state != "done":
        told = (last_event(folder) or {}).get("time")
        # A job that has ended may be gone on with in a terminal.
        if isinstance(told, int | float) and told > (status.updated or 0.0) + _AFTER_SECONDS:
            return foreground_status(folder)
    return status


def _look(folder: Path, status: Status) -> Status:
    if status.state in ENDED:
        return status
    if status.options.where == "slurm":
        return _look_in_slurm(folder, status)
    return _look_at_processes(folder, status)


def _look_at_processes(folder: Path, status: Status) -> Status:
    place = status.place
    if "pid" not in place:
        return _not_placed(folder, status)
    if not processes.here(place):
        return replace(status, sentence=f"Only on {place['host']}, where it runs, can be seen whether it still does.")
    if processes.alive(place):
        return status
    if "worker_pid" not in place:
        return replace(
            status,
            state="failed",
            sentence="Its process ended before the training began; the files in its folder .submitit say why.",
        )
    return _gone(folder, status, "Its process was gone before its end")


def _look_in_slurm(folder: Path, status: Status) -> Status:
    job_id = status.place.get("job_id")
    if job_id is None:
        return _not_placed(folder, status)
    view = slurm.look_up(str(job_id))
    if view.phase == "unknown":
        return replace(status, sentence=f"Slurm cannot be asked about job {job_id} here; this is what it last said.")
    if view.phase == "queued":
        return replace(status, state="queued", sentence=f"It waits in Slurm: {view.reason}." if view.reason else "")
    if view.phase == "running":
        return replace(status, state="running", sentence="")
    if view.phase == "cancelled":
        return replace(status, state="cancelled", sentence="It was cancelled in Slurm.")
    if view.word:
        return _gone(folder, status, f"Slurm ended it ({view.word}) before its end")
    return _gone(folder, status, "Slurm knows it no more, and it left no end")


def _not_placed(folder: Path, status: Status) -> Status:
    """Judge a job whose starter never said where it runs."""
    if time.time() - (status.updated or 0.0) < _STARTING_SECONDS:
        return status
    return _gone(folder, status, "It was never started")


def _gone(folder: Path, status: Status, what: str) -> Status:
    """Judge a job that nothing runs for and that did not say how it ended."""
    if is_finished(folder):
        return replace(status, state="done", sentence="")
    error = _last_error(folder)
    why = f"; the last it said: {error}" if error else "."
    return replace(status, state="interrupted", sentence=what + why)


def is_finished(folder: Path) -> bool:
    """Whether a run reached its end.

    Parameters
    ----------
    folder : Path
        The run's folder.

    Returns
    -------
    bool
        True where the model is written and the last event says so.
    """
    return (folder / MODEL).is_file() and (last_event(folder) or {}).get("event") == "end"


def last_event(folder: Path) -> dict[str, Any] | None:
    """Give the latest event near the end of ``events.jsonl``.

    Parameters
    ----------
    folder : Path
        The run's folder.

    Returns
    -------
    dict or None
        The event; None where there is none.
    """
    for line in reversed(_last_lines(folder / EVENTS)):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and isinstance(event.get("event"), str):
            return event
    return None


def log_tail(folder: Path, lines: int) -> list[str]:
    """Give the end of a job's log.

    Parameters
    ----------
    folder : Path
        The job's folder.
    lines : int
        How many lines at most.

    Returns
    -------
    list of str
        The lines; empty where there is no log.
    """
    return list(deque(_last_lines(folder / LOG), maxlen=lines))


def _last_error(folder: Path) -> str:
    """Give the sentence of the error that its last start ended with; the disk may have been too full to keep it."""
    for line in reversed(_last_lines(folder / LOG)):
        if line.startswith("==="):
            return ""
        if line.startswith("error: "):
            return line.removeprefix("error: ")
    return ""


def _last_lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    lines = text.splitlines()
    return lines[1:] if size > _TAIL_BYTES else lines

"""Trainings without a job, such as in a terminal: what their run's folder tells of them."""

from pathlib import Path
from typing import Any

from scarnet_training.jobs.milestones import read_milestones
from scarnet_training.jobs.options import JobOptions
from scarnet_training.jobs.status import State, Status

__all__ = ["EVENTS", "LOCK", "foreground_status", "is_run", "is_taken"]

EVENTS = "events.jsonl"
LOCK = ".lock"

_SAID: dict[str, State] = {"end": "done", "cancelled": "cancelled", "failed": "failed"}


def is_run(folder: Path) -> bool:
    """Whether a training has told anything in a folder, as a job or without one.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    bool
        True where there is an ``events.jsonl``.
    """
    return (folder / EVENTS).is_file()


def is_taken(folder: Path) -> bool:
    """Whether a process trains in a folder at this moment.

    Parameters
    ----------
    folder : Path
        The run's folder.

    Returns
    -------
    bool
        True while a training holds the folder's lock.

    Raises
    ------
    OSError
        The lock cannot be looked at: it belongs to somebody else.
    """
    from filelock import FileLock, Timeout

    if not (folder / LOCK).exists():
        return False
    try:
        with FileLock(folder / LOCK, timeout=0):
            return False
    except Timeout:
        return True


def foreground_status(folder: Path) -> Status:
    """Work out the status of a training that nobody keeps one for.

    Parameters
    ----------
    folder : Path
        The run's folder.

    Returns
    -------
    Status
        With ``{"foreground": True}`` for its place.
    """
    events = read_milestones(folder / EVENTS)
    starts = [event.get("time") for event in events if event["event"] == "start"]
    last: dict[str, Any] = events[-1] if events else {"event": ""}
    state, sentence = _SAID.get(last["event"]), str(last.get("reason", ""))
    if state is None:
        try:
            state = "running" if is_taken(folder) else "interrupted"
            sentence = "" if state == "running" else "Its process was gone before its end."
        except OSError:
            state, sentence = "running", "Whether it still runs only the user who started it can see."
    return Status(
        state,
        JobOptions(),
        sentence=sentence,
        place={"foreground": True},
        started=starts[-1] if starts else None,
        ended=None if state == "running" else last.get("time"),
        starts=len(starts),
    )

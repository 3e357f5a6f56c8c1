"""``status.json``: what a job last said about itself."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from scarnet.errors import ScarNetError
from scarnet.files import atomic_path
from scarnet_training.jobs.options import JobOptions

__all__ = ["ENDED", "STATUS", "State", "Status", "exists", "locked", "read_status", "update_status", "write_status"]

STATUS = "status.json"
"""The file's name in a job's folder."""

State = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]

ENDED: frozenset[State] = frozenset({"done", "failed", "cancelled", "interrupted"})
"""States in which nothing happens any more unless the job is resumed."""

_LOCK_SECONDS = 10


@dataclass(frozen=True)
class Status:
    """What a job last said about itself; :mod:`scarnet_training.jobs.truth` says whether it is still so.

    Attributes
    ----------
    state : {"queued", "running", "done", "failed", "cancelled", "interrupted"}
        How far the job is.
    sentence : str
        Why, in one plain sentence; empty where there is nothing to say.
    options : JobOptions
        What the job asked for.
    place : dict
        Where it runs. Local: ``host``, ``pid`` and ``created`` (seconds since 1970) of the process that looks after it,
        ``group`` (its process group), ``worker_pid`` and ``worker_created`` once it trains. Slurm: ``host`` it was
        submitted from, ``job_id``, ``node`` once it trains. ``{"foreground": True}`` for a training without a job.
    directory : str
        Folder the job was submitted from; relative paths in the recipe start there.
    train : str
        What trains, as ``module:function``.
    submitted, started, ended, updated : float or None
        Seconds since 1970. `started` is the last start after a resume or a requeue.
    starts : int
        How often it was started: 1 more than it was requeued or resumed.
    """

    state: State
    options: JobOptions
    sentence: str = ""
    place: dict[str, Any] = field(default_factory=dict)
    directory: str = ""
    train: str = ""
    submitted: float | None = None
    started: float | None = None
    ended: float | None = None
    updated: float | None = None
    starts: int = 0

    @property
    def foreground(self) -> bool:
        """Whether it trains, or trained, without a job."""
        return bool(self.place.get("foreground"))

    def to_dict(self) -> dict[str, Any]:
        """Give the status as JSON values."""
        return {**asdict(self), "options": self.options.to_dict()}


def write_status(folder: Path, status: Status) -> None:
    """Write a job's status whole, or leave the one before.

    Parameters
    ----------
    folder : Path
        The job's folder, which must be there.
    status : Status
        What to say.

    Raises
    ------
    ScarNetError
        The folder is gone or cannot be written to, or the disk is full.
    """
    values = replace(status, updated=round(time.time(), 3)).to_dict()
    with atomic_path(folder / STATUS) as path:
        path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def read_status(folder: Path) -> Status:
    """Read a job's status.

    Parameters
    ----------
    folder : Path
        The job's folder.

    Returns
    -------
    Status
        What the job last said.

    Raises
    ------
    ScarNetError
        There is no job in the folder, or its status cannot be read or understood.
    """
    path = folder / STATUS
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ScarNetError(f"There is no job in {folder}: it has no {STATUS}.") from error
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ScarNetError(f"Cannot read {path}: {why}.") from error
    try:
        return _parse(json.loads(text))
    except (ValueError, TypeError) as error:  # ScarNetError is a ValueError
        raise ScarNetError(
            f"{path} is damaged; delete it and submit the run anew with --resume, and it goes on from its checkpoint."
        ) from error


def update_status(folder: Path, **changes: Any) -> Status:
    """Change some of a job's status, while no other process does.

    Parameters
    ----------
    folder : Path
        The job's folder.
    **changes
        Fields of :class:`Status`; `place` is added to what is there, the others replace it.

    Returns
    -------
    Status
        The status as it is now.

    Raises
    ------
    ScarNetError
        As :func:`read_status` and :func:`write_status`.
    """
    with locked(folder):
        before = read_status(folder)
        if "place" in changes:
            changes["place"] = before.place | changes["place"]
        after = replace(before, **changes)
        write_status(folder, after)
    return after


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes from changing a job's status meanwhile.

    Parameters
    ----------
    folder : Path
        The job's folder.

    Raises
    ------
    ScarNetError
        Another process does not let go, or the folder cannot be written to.
    """
    from filelock import FileLock, Timeout

    try:
        # Only a process that dies holding it would leave the lock, and then the system takes it back.
        with FileLock(folder / ".status.lock", timeout=_LOCK_SECONDS):
            yield
    except Timeout as error:
        raise ScarNetError(f"Another process keeps {folder / STATUS} locked; try again.") from error
    except OSError as error:
        raise ScarNetError(f"Cannot write to {folder}: {error.strerror or 'it cannot be locked'}.") from error


def _parse(values: Any) -> Status:
    """Read JSON values strictly: a job must not be killed or resumed by guess."""
    if not isinstance(values, dict):
        raise TypeError
    known = {f.name for f in fields(Status)}
    if set(values) != known or values["state"] not in get_args(State):
        raise ValueError
    times = [values[name] for name in ("submitted", "started", "ended", "updated")]
    if not all(value is None or isinstance(value, int | float) for value in times):
        raise TypeError
    if not isinstance(values["place"], dict) or type(values["starts"]) is not int:
        raise TypeError
    if not all(isinstance(values[name], str) for name in ("sentence", "directory", "train")):
        raise TypeError
    numbers = ("pid", "created", "group", "worker_pid", "worker_created")
    if not all(isinstance(values["place"].get(name, 0), int | float) for name in numbers):
        raise TypeError
    return Status(**{**values, "options": JobOptions.from_dict(values["options"])})


def exists(folder: Path) -> bool:
    """Whether a folder holds a job.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    bool
        True where there is a ``status.json``, readable or not.
    """
    return os.path.lexists(folder / STATUS)

"""Local jobs' processes: whether they live, and how they are ended."""

import os
import signal
import socket
import time
from collections.abc import Mapping
from typing import Any

import psutil

__all__ = ["alive", "describe", "end", "here", "is_alive"]

# A clock that is set moves every process's time of creation by as much; a pid that is used again differs by far more.
_CLOCK_SECONDS = 5.0


def describe(pid: int) -> dict[str, Any]:
    """Describe a process so that it is known again later.

    Parameters
    ----------
    pid : int
        A process of this machine.

    Returns
    -------
    dict
        ``host``, ``pid``, ``created`` (seconds since 1970) and ``group``, its process group.
    """
    created = psutil.Process(pid).create_time()
    return {"host": socket.gethostname(), "pid": pid, "created": created, "group": os.getpgid(pid)}


def is_alive(pid: int | None, created: float | None) -> bool:
    """Whether a process still runs, and is the one that was meant.

    Parameters
    ----------
    pid : int or None
        Its number; None where it never was.
    created : float or None
        When it was created, in seconds since 1970.

    Returns
    -------
    bool
        False too for a process that has ended and that its parent has not asked after.
    """
    if pid is None or created is None:
        return False
    try:
        process = psutil.Process(int(pid))
        same = abs(process.create_time() - created) < _CLOCK_SECONDS
        return same and process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def here(place: Mapping[str, Any]) -> bool:
    """Whether a local job belongs to this machine, so that its processes can be looked at.

    Parameters
    ----------
    place : mapping
        The job's place.

    Returns
    -------
    bool
        True on the host that started it.
    """
    return bool(place.get("host") == socket.gethostname())


def alive(place: Mapping[str, Any]) -> bool:
    """Whether anything of a local job still runs.

    Parameters
    ----------
    place : mapping
        The job's place, of this machine.

    Returns
    -------
    bool
        True while the process that looks after the job or the one that trains is alive.
    """
    return is_alive(place.get("pid"), place.get("created")) or is_alive(
        place.get("worker_pid"), place.get("worker_created")
    )


def end(place: Mapping[str, Any], seconds: float = 3.0) -> None:
    """End all processes of a local job, politely first.

    Parameters
    ----------
    place : mapping
        The job's place, of this machine.
    seconds : float
        How long they have before they are killed.
    """
    for ending in (signal.SIGINT, signal.SIGKILL):
        group = _group(place)
        if group is None:
            return
        try:
            os.killpg(group, ending)
        except ProcessLookupError:
            return
        until = time.monotonic() + seconds
        while alive(place) and time.monotonic() < until:
            time.sleep(0.05)


def _group(place: Mapping[str, Any]) -> int | None:
    """Give the job's process group, only while one of its own processes is in it."""
    for pid, created in (("pid", "created"), ("worker_pid", "worker_created")):
        if is_alive(place.get(pid), place.get(created)):
            try:
                group = os.getpgid(int(place[pid]))
            except ProcessLookupError:
                continue
            # Never our own group: the job was started in a session of its own.
            if group == place.get("group") and group != os.getpgrp():
                return group
    return None

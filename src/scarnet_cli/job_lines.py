"""How jobs and their events are laid out for a reader."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scarnet_training.jobs import Job, Status

__all__ = ["as_dict", "event_line", "latest", "row", "when", "where"]


def as_dict(job: "Job", status: "Status") -> dict[str, Any]:
    """Give a job as JSON values."""
    return {"folder": str(job.folder), **status.to_dict()}


def row(root: Path, job: "Job", status: "Status") -> tuple[str, str, str, str, str]:
    """Lay a job out for the list: its path below `root`, state, place, time and latest event."""
    name = job.folder.relative_to(root).as_posix()
    since = status.ended or status.started or status.submitted
    return (name if name != "." else root.name, status.state, where(status), when(since), latest(job))


def where(status: "Status") -> str:
    """Say where a job runs."""
    place = status.place
    if status.options.where == "slurm":
        return f"Slurm job {place['job_id']}" if "job_id" in place else "Slurm"
    return str(place.get("host", "local"))


def when(seconds: Any) -> str:
    """Write a time (seconds since 1970) in the local time zone; empty where there is none."""
    if not isinstance(seconds, int | float):
        return ""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def latest(job: "Job") -> str:
    """Lay out the latest event of a job; empty where there is none."""
    from scarnet_training.jobs.truth import last_event

    event = last_event(job.folder)
    return event_line(event) if event else ""


def event_line(event: Mapping[str, Any]) -> str:
    """Lay an event out in a line; texts and figures only, for a start's whole recipe would fill the screen."""
    if event["event"] == "rewound":
        return "went back to its last checkpoint"
    values = {name: value for name, value in event.items() if name not in ("time", "event", "recipe")}
    return "  ".join([str(event["event"]), *_flat(values)])


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, float):
            yield f"{prefix}{name}={value:.4g}"
        elif isinstance(value, str | int):
            yield f"{prefix}{name}={value}"

"""How jobs and their events are laid out for a reader."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scarnet_training.jobs import Job, Status
    from scarnet_training.jobs.pace import TimeLeft

__all__ = ["as_dict", "event_line", "latest", "left", "row", "span", "when", "where"]

Event = Mapping[str, Any]


def as_dict(job: "Job", status: "Status") -> dict[str, Any]:
    """Give a job as JSON values."""
    return {"folder": str(job.folder), **status.to_dict()}


def row(root: Path, job: "Job", status: "Status") -> tuple[str, str, str, str, str]:
    """Lay a job out for the list: its path below `root`, state, place, time and latest event."""
    name = job.folder.relative_to(root).as_posix()
    since = status.ended or status.started or status.submitted
    event, remaining = latest(job, status)
    # The list has room for the first half of a long line; `show` has all of it.
    told = ", ".join(filter(None, (event.split("; ")[0], remaining)))
    return (name if name != "." else root.name, status.state, where(status), when(since), told)


def where(status: "Status") -> str:
    """Say where a job runs."""
    place = status.place
    if status.foreground:
        return "no job"
    if status.options.where == "slurm":
        return f"Slurm job {place['job_id']}" if "job_id" in place else "Slurm"
    return str(place.get("host", "local"))


def when(seconds: Any) -> str:
    """Write a time (seconds since 1970) in the local time zone; empty where there is none."""
    if not isinstance(seconds, int | float):
        return ""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def span(seconds: float) -> str:
    """Write how long something takes, in its two largest units."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"


def left(time: "TimeLeft | None") -> str:
    """Write how long a training still takes; empty where that is not known."""
    return "" if time is None else f"about {span(max(1.0, time.seconds))} left{time.until}"


def latest(job: "Job", status: "Status") -> tuple[str, str]:
    """Lay out the latest event of a job, and how long it still takes; each empty where there is nothing to tell."""
    from scarnet_training.jobs.foreground import EVENTS
    from scarnet_training.jobs.milestones import read_milestones
    from scarnet_training.jobs.pace import time_left

    events = read_milestones(job.folder / EVENTS)
    # What an earlier start told last is not how far this one is.
    begun = {"queued": status.submitted, "running": status.started}.get(status.state)
    if begun and not status.foreground and (not events or events[-1].get("time", begun) < begun):
        return ("waits to be started" if status.state == "queued" else "starts"), ""
    if not events:
        return "", ""
    remaining = time_left(events, time.time()) if status.state == "running" else None
    return event_line({**_epochs(events), **events[-1]}), left(remaining)


def _epochs(events: Sequence[Event]) -> dict[str, int]:
    """Give how many epochs there are in the part that the last event is of, which a step does not tell."""
    name = "unet_epochs" if events[-1]["event"].startswith("unet") else "epochs"
    starts = [event for event in events if event["event"] == "start"]
    settings = starts[-1].get("recipe", {}).get("training", {}) if starts else {}
    return {"epochs": settings[name]} if name in settings else {}


def event_line(event: Event) -> str:
    """Lay an event out in a line; one of an unknown kind with its texts and figures, as they are."""
    kind = str(event["event"])
    if kind in _LINES:
        return _LINES[kind](event)
    values = {name: value for name, value in event.items() if name not in ("time", "event", "recipe")}
    return "  ".join([kind, *_flat(values)])


def _start(event: Event) -> str:
    told = "goes on from its last checkpoint" if event.get("resumed") else "begins"
    parts = [f"{event[key]} {what}" for key, what in _COUNTS.items() if event.get(key)]
    return f"{told}: {', '.join(parts)}" if parts else told


_COUNTS = {
    "training": "cases to train on",
    "validation": "to validate on",
    "replayed": "shown again",
    "steps_an_epoch": "steps an epoch",
}


def _localiser(event: Event) -> str:
    losses = event.get("losses")
    return f"localiser trained, loss {losses[-1]:.3g}" if losses else "localiser trained"


def _progress(event: Event) -> str:
    done, total = event.get("done", 0), event.get("total", 0)
    return {
        "localiser": f"localiser, epoch {done + 1} of {total}",
        "views": f"encoding views, slice {done + 1} of {total}",
        "validation": f"validating, patient {done + 1} of {total}",
        "end": f"measuring the model, patient {done + 1} of {total}",
    }.get(event.get("of", ""), "goes on")


def _epoch(event: Event) -> str:
    number = event.get("epoch", 0) + 1
    told = f"{'U-Net epoch' if event['event'].startswith('unet') else 'epoch'} {number}"
    if "epochs" in event:
        told += f" of {event['epochs']}"
    if "step" in event:
        told += f", step {event['step'] + 1}"
    if "loss" in event:
        told += f", loss {event['loss']:.3g}"
    return told + (f", took {span(event['seconds'])}" if "seconds" in event else "")


def _validation(event: Event) -> str:
    told = "finished" if event["event"] == "end" else f"validation after epoch {event.get('epoch', 0) + 1}"
    from scarnet.classes import MEASURED_CLASSES

    figures = [
        f"{MEASURED_CLASSES.get(name.removeprefix('dice_'), name)} {found['mean']:.2f} (n {found['n']})"
        for name, found in event.items()
        if name.startswith("dice_")
    ]
    if figures:
        told += f": Dice {', '.join(figures)}"
    if event.get("scar_percent_bias") is not None:
        told += f"; scar percentage bias {event['scar_percent_bias']:+.1f} points"
    if event.get("patients_without_scar"):
        told += f"; false alarms {event.get('false_alarms', 0)} of {event['patients_without_scar']}"
    return told + ("; the best so far" if event.get("best") else "")


def _early_stop(event: Event) -> str:
    return f"stops after epoch {event.get('epoch', 0) + 1}: {event.get('validations', 'several')} validations no better"


_LINES: dict[str, Callable[[Event], str]] = {
    "rewound": lambda event: "went back to its last checkpoint",
    "start": _start,
    "warning": lambda event: f"warning: {event.get('text', '')}",
    "progress": _progress,
    "localiser": _localiser,
    "unet_step": _epoch,
    "step": _epoch,
    "unet_epoch": _epoch,
    "epoch": _epoch,
    "validation": _validation,
    "early_stop": _early_stop,
    "end": _validation,
    "cancelled": lambda event: "cancelled",
    "failed": lambda event: f"failed: {event.get('reason', 'it did not say why')}",
}


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, float):
            yield f"{prefix}{name}={value:.4g}"
        elif isinstance(value, str | int):
            yield f"{prefix}{name}={value}"

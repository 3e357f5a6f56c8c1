"""What a run's events come to: all but the many steps, and how long the run may still take."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["is_step", "read_milestones", "time_left"]

_STEPS = (b'"event": "step"', b'"event": "unet_step"')
_EPOCHS = ("epoch", "unet_epoch")
_PACE_EPOCHS = 5


def is_step(event: Mapping[str, Any]) -> bool:
    """Whether an event is one of the many that tell of a single step."""
    return str(event["event"]).endswith("step")


def read_milestones(events: Path) -> list[dict[str, Any]]:
    """Read a run's events but for its steps; the very last event is given whatever it is.

    Parameters
    ----------
    events : Path
        The run's ``events.jsonl``.

    Returns
    -------
    list of dict
        In the file's order; empty where there is no file, or nothing in it yet.
    """
    try:
        lines = events.read_bytes().splitlines()
    except OSError:
        return []
    found = []
    for number, line in enumerate(lines, start=1):
        # Most lines are steps, and reading them all as JSON would take seconds.
        if number < len(lines) and any(words in line for words in _STEPS):
            continue
        try:
            event = json.loads(line)
        except ValueError:  # half-written
            continue
        if isinstance(event, dict) and isinstance(event.get("event"), str):
            found.append(event)
    return found


def time_left(milestones: Iterable[Mapping[str, Any]], now: float) -> float | None:
    """Estimate how long a run that trains still takes, from the pace of its last epochs; it may stop early.

    Parameters
    ----------
    milestones : iterable of mapping
        Its events so far, with or without steps.
    now : float
        Seconds since 1970.

    Returns
    -------
    float or None
        Seconds; None before the first epoch is done, after the last one, and while the U-Net branch trains alone
        before the rest, whose epochs take longer.
    """
    paces: list[float] = []
    part, since, epochs_left, more_follows = "", 0.0, 0, False
    for event in milestones:
        kind, time = event["event"], event.get("time")
        if kind == "start":
            part, since = "", float(time or 0)
            more_follows = bool(event.get("recipe", {}).get("training", {}).get("epochs"))
        elif kind in _EPOCHS and {"time", "seconds", "epochs", "epoch"} <= event.keys():
            # What lies between two epochs, such as a validation, takes its time too.
            pace = event["time"] - since if kind == part else event["seconds"]
            paces = [*paces, pace][-_PACE_EPOCHS:] if kind == part else [pace]
            part, since, epochs_left = kind, event["time"], event["epochs"] - event["epoch"] - 1
            if kind == "unet_epoch" and more_follows:
                epochs_left = 0
        elif kind in ("end", "early_stop"):
            epochs_left = 0
    if not paces or not epochs_left:
        return None
    return max(0.0, epochs_left * sum(paces) / len(paces) - (now - since))

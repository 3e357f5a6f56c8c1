"""A run's events without the many steps."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["is_step", "read_milestones"]

_STEPS = (b'"event": "step"', b'"event": "unet_step"')


def is_step(event: Mapping[str, Any]) -> bool:
    """Whether an event is one of the many that tell of a single step, or of how far a validation is."""
    if event["event"] == "progress":
        return bool(event.get("of") != "localiser")
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

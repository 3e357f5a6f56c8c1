"""What a run's events come to as curves and figures; grows with each reading, and shrinks when a run goes back."""

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["CLASSES", "LOSS_TERMS", "RunRecord"]

LOSS_TERMS = ("dice", "focal_tversky", "cross_entropy", "scar", "myocardium")
"""Parts of the loss that are drawn beside the whole."""

CLASSES = ("myocardium", "blood_pool", "scar")

Series = list[tuple[float, float]]


class RunRecord:
    """A run as far as its events tell.

    Attributes
    ----------
    events : list of dict
        All events that hold.
    steps : list of tuple
        (epochs done, loss) at each step.
    terms : dict of str to list of tuple
        (epochs done, mean of the epoch) of the loss and each of its parts.
    dice : dict of str to list of tuple
        (epochs done, mean validation Dice) by class.
    warnings : list of str
        What the run warned of.
    epochs, steps_an_epoch : int
        How long it is; 0 while that is not known.
    done : float
        Epochs done, with the part of the present one.
    memory_gb : float or None
        Most memory that was in use: of the GPU, or of the process.
    device : str
        Where it trains.
    """

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self._clear()

    def _clear(self) -> None:
        self.steps: Series = []
        self.terms: dict[str, Series] = {}
        self.dice: dict[str, Series] = {}
        self.warnings: list[str] = []
        self.epochs, self.steps_an_epoch, self.done = 0, 0, 0.0
        self.memory_gb: float | None = None
        self.device = ""

    def add(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Take in the events of a reading.

        Parameters
        ----------
        events : iterable of mapping
            As :meth:`scarnet_training.jobs.Job.read_new_events` gives them.
        """
        for event in events:
            if event["event"] == "rewound":
                kept = self.events[: event["kept"]]
                self.events = []
                self._clear()
                self.add(kept)
            else:
                self.events.append(dict(event))
                self._take(event)

    def _take(self, event: Mapping[str, Any]) -> None:
        kind = event["event"]
        if kind == "start":
            settings = event.get("recipe", {}).get("training", {})
            self.epochs = int(settings.get("epochs", 0))
            self.steps_an_epoch = int(event.get("steps_an_epoch") or 0)
            self.device = str(event.get("device", ""))
        elif kind == "step":
            self.done = event["epoch"] + (event["step"] + 1) / max(self.steps_an_epoch, event["step"] + 1)
            self.steps.append((self.done, event["loss"]))
        elif kind == "epoch":
            self.done = event["epoch"] + 1.0
            self.memory_gb = event.get("memory_gb", self.memory_gb)
            for name in ("loss", *LOSS_TERMS):
                if event.get(name) is not None:
                    self.terms.setdefault(name, []).append((self.done, event[name]))
        elif kind == "validation":
            for name in CLASSES:
                found = event.get(f"dice_{name}")
                if found and found.get("mean") is not None:
                    self.dice.setdefault(name, []).append((event["epoch"] + 1.0, found["mean"]))
        elif kind == "warning":
            self.warnings.append(str(event.get("text", "")))

    def sentence(self) -> str:
        """Say how far the run is: epoch, step, loss, and the last validation."""
        if not self.epochs:
            return "It has not begun to train yet."
        epoch = min(int(self.done) + (self.done % 1 > 0 or not self.done), self.epochs)
        parts = [f"epoch {epoch} of {self.epochs}"]
        last = next((event for event in reversed(self.events) if event["event"] == "step"), None)
        if last is not None:
            of = f" of {self.steps_an_epoch}" if self.steps_an_epoch else ""
            parts.append(f"step {last['step'] + 1}{of}, loss {last['loss']:.3f}")
        if self.dice:
            found = ", ".join(f"{name.replace('_', ' ')} {series[-1][1]:.2f}" for name, series in self.dice.items())
            parts.append(f"validation Dice {found}")
        return "; ".join(parts)

"""What a run's events come to as curves and figures; grows with each reading, and shrinks when a run goes back."""

from collections.abc import Iterable, Mapping
from typing import Any

from scarnet.classes import MEASURED_CLASSES

__all__ = ["CLASSES", "LOSS_TERMS", "RunRecord"]

LOSS_TERMS = ("dice", "focal_tversky", "cross_entropy", "scar", "myocardium")
"""Parts of the loss that are drawn beside the whole."""

CLASSES = tuple(MEASURED_CLASSES)
"""What Dice is drawn of, by its name in the events."""

_DOING = {
    "localiser": "training the localiser, epoch",
    "views": "encoding views, slice",
    "validation": "validating, patient",
    "end": "measuring the finished model, patient",
}

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
        (epochs done, mean validation Dice) by class; each validation is without flips at test time.
    final : dict of str to float
        Mean Dice of the finished model by class, with the flips that its card asks for; empty before the end.
    warnings : list of str
        What the run warned of.
    epochs, steps_an_epoch : int
        How long it is; 0 while that is not known.
    done : float
        Epochs done, with the part of the present one.
    doing : tuple of (str, int, int) or None
        What is done beside steps: the localiser, views, a validation or the end; how much of it, and of how much.
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
        self.final: dict[str, float] = {}
        self.warnings: list[str] = []
        self.doing: tuple[str, int, int] | None = None
        self._localiser, self._localised, self._ended = 0, 0.0, 0.0
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
        if kind not in ("progress", "warning"):
            self.doing = None
        if kind == "start":
            settings = event.get("recipe", {}).get("training", {})
            self.epochs = int(settings.get("epochs", 0))
            self._localiser = int(settings.get("localiser_epochs", 0))
            self.steps_an_epoch = int(event.get("steps_an_epoch") or 0)
            self.device = str(event.get("device", ""))
        elif kind == "progress":
            self._take_progress(event)
        elif kind == "localiser":
            self._localised = 1.0
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
        elif kind == "end":
            self._ended = 1.0
            found = {name: (event.get(f"dice_{name}") or {}).get("mean") for name in CLASSES}
            self.final = {name: mean for name, mean in found.items() if mean is not None}

    def _take_progress(self, event: Mapping[str, Any]) -> None:
        of, done, total = str(event.get("of")), int(event.get("done", 0)), int(event.get("total", 0))
        self.doing = (of, done, total) if of in _DOING else None
        if of == "localiser":
            self._localised = done / max(total, 1)
        elif of == "end":
            self._ended = done / max(total, 1)

    @property
    def share(self) -> float:
        """How much of the run is done, from 0 to 1: an epoch of the localiser and the end count as an epoch each."""
        if not self.epochs or self._ended == 1:
            return self._ended
        localised = 1.0 if self.done else self._localised
        parts = self._localiser * localised + self.done + self._ended
        return parts / (self._localiser + self.epochs + 1)

    def sentence(self) -> str:
        """Say how far the run is: epoch, step, loss, what is done beside steps, and Dice on held-out patients."""
        if not self.epochs or not (self.steps or self.done):
            return f"{self._doing().capitalize()}." if self.doing else "It has not begun to train yet."
        epoch = min(int(self.done) + (self.done % 1 > 0 or not self.done), self.epochs)
        parts = [f"epoch {epoch} of {self.epochs}"]
        last = next((event for event in reversed(self.events) if event["event"] == "step"), None)
        if last is not None:
            of = f" of {self.steps_an_epoch}" if self.steps_an_epoch else ""
            parts.append(f"step {last['step'] + 1}{of}, loss {last['loss']:.3f}")
        if self.doing:
            parts.append(self._doing())
        validated = _dices({name: series[-1][1] for name, series in self.dice.items()})
        if self.final:
            parts.append(f"Dice of the finished model {_dices(self.final)}")
            if validated and validated != _dices(self.final):
                parts.append("the curve's are without flips at test time")
        elif validated:
            parts.append(f"validation Dice, without flips at test time, {validated}")
        return "; ".join(parts)

    def _doing(self) -> str:
        of, done, total = self.doing or ("", 0, 0)
        return f"{_DOING[of]} {min(done + 1, total)} of {total}"


def _dices(found: Mapping[str, float]) -> str:
    return ", ".join(f"{MEASURED_CLASSES[name]} {mean:.2f}" for name, mean in found.items())

"""How long a run may still take, from the pace of what it has done: its steps and epochs, and its validations."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

__all__ = ["TimeLeft", "time_left"]

_EPOCHS = {"epoch": "epochs", "unet_epoch": "unet_epochs"}
_STEPS = {"step": "epoch", "unet_step": "unet_epoch"}
_LATEST = 5


class TimeLeft(NamedTuple):
    """An estimate.

    Attributes
    ----------
    seconds : float
        How long.
    until : str
        What it does not count, as words that follow "left"; empty where it counts all.
    """

    seconds: float
    until: str = ""


def time_left(milestones: Iterable[Mapping[str, Any]], now: float) -> TimeLeft | None:
    """Estimate how long a run still takes; it may stop early.

    Parameters
    ----------
    milestones : iterable of mapping
        Its events so far, with or without steps.
    now : float
        Seconds since 1970.

    Returns
    -------
    TimeLeft or None
        None where nothing was timed yet, after the end, and while the U-Net branch trains alone before the rest, whose
        epochs take longer.
    """
    run = _Run()
    for event in milestones:
        run.take(event)
    return run.left(now)


class _Run:
    """What a run's events say of its pace."""

    def __init__(self) -> None:
        self.settings: Mapping[str, Any] = {}
        self.steps = self.patients = self.end_passes = 0
        self.ended = False
        self.part, self.epochs, self.done, self.validated = "", 0, 0, 0
        self.step: tuple[int, int, float, float] | None = None  # epoch, step, seconds a step, when
        self.paces: list[float] = []
        self.checks: list[float] = []
        self.doing: tuple[str, int, int] | None = None
        self.unit: float | None = None  # seconds for one of what is being done
        self.since = self.mark = self.begun = 0.0

    def take(self, event: Mapping[str, Any]) -> None:
        """Take in an event."""
        kind, time = event["event"], float(event.get("time") or 0)
        if kind == "start":
            self.settings = event.get("recipe", {}).get("training", {})
            self.steps, self.patients = int(event.get("steps_an_epoch") or 0), int(event.get("validation") or 0)
            self.end_passes = int(event.get("end_passes") or 0)
            self.part, self.doing, self.step = "", None, None
        elif kind == "progress":
            self._take_progress(event, time)
        elif kind in _STEPS:
            self._take_step(_STEPS[kind], event, time)
        elif kind in _EPOCHS and {"time", "seconds", "epochs", "epoch"} <= event.keys():
            # What lies between two epochs takes its time too; a validation is timed for itself.
            pace = time - self.mark if kind == self.part and self.paces else event["seconds"]
            self.paces = [*(self.paces if kind == self.part else []), pace][-_LATEST:]
            self.part, self.epochs, self.done = kind, event["epochs"], event["epoch"] + 1
        elif kind == "validation":
            self.checks = [*self.checks, time - self.mark][-_LATEST:]
            self.validated = event.get("epoch", 0) + 1
        elif kind == "early_stop":
            self.epochs = self.done
        elif kind == "end":
            self.ended = True
        self.since = time
        if kind in ("start", "validation", *_EPOCHS):
            self.mark, self.step = time, None
        if kind not in ("progress", "warning"):
            self.doing = None

    def _take_progress(self, event: Mapping[str, Any], time: float) -> None:
        of, done, total = str(event.get("of")), int(event.get("done", 0)), int(event.get("total", 0))
        if self.doing is None or self.doing[0] != of or not done:
            self.begun, self.unit = time, None
        elif done:
            self.unit = (time - self.begun) / done
        self.doing = (of, done, total)

    def _take_step(self, part: str, event: Mapping[str, Any], time: float) -> None:
        epoch, step = int(event.get("epoch", 0)), int(event.get("step", 0))
        if part != self.part:
            self.part, self.paces, self.done = part, [], 0
        if self.step is None or self.step[0] != epoch:
            self.begun = self.since
        self.epochs = int(self.settings.get(_EPOCHS[part], 0))
        self.step = (epoch, step, (time - self.begun) / (step + 1), time)

    def left(self, now: float) -> TimeLeft | None:
        """Add up what is left."""
        if self.ended:
            return None
        of, done, total = self.doing or ("", 0, 0)
        of_this = None if self.unit is None else max(0.0, (total - done) * self.unit - (now - self.since))
        if of == "localiser":
            return None if of_this is None else TimeLeft(of_this, " of the localiser")
        if self.part == "unet_epoch" and self.settings.get("epochs"):
            return None
        training = self._training_left(now)
        if training is None:
            return None
        check = sum(self.checks) / len(self.checks) if self.checks else None
        if check is None and of == "validation" and self.unit is not None:
            check = total * self.unit
        if of == "end":
            checks: float | None = of_this
            if of_this is None and check is not None:
                checks = max(0.0, self.end_passes * check - (now - self.mark))
        else:
            count = self._validations_left() + (self.end_passes if self.patients else 0)
            checks = count * check if check is not None else None if count else 0.0
            if checks and self._validates:
                checks -= min(now - self.mark, check or 0.0)
        if checks is None:
            return TimeLeft(training, ", and then a validation") if training else None
        return TimeLeft(training + checks) if training + checks or self._validates else None

    @property
    def _validates(self) -> bool:
        """Whether the latest epoch is being validated now, or the model at the end."""
        return self.doing is not None and self.doing[0] in ("validation", "end")

    def _training_left(self, now: float) -> float | None:
        if self.done and self.done >= self.epochs:
            return 0.0
        if self.paces:
            spent = 0.0 if self._validates else now - self.mark
            return max(0.0, (self.epochs - self.done) * sum(self.paces) / len(self.paces) - spent)
        if self.step is None or not self.steps or not self.epochs:
            return None
        epoch, step, pace, time = self.step
        here = max(0.0, (self.steps - step - 1) * pace - (now - time))
        return here + (self.epochs - epoch - 1) * self.steps * pace

    def _validations_left(self) -> int:
        every = int(self.settings.get("validate_every") or 0)
        if not every or not self.patients:
            return 0
        places = {epoch for epoch in range(1, self.epochs + 1) if epoch % every == 0}
        if self.settings.get("keep") == "best":
            places.add(self.epochs)
        return sum(place > self.validated for place in places)

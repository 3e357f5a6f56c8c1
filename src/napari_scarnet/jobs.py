"""Work in a thread beside Qt: progress, cancel, and nothing that outlives its widget."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from qtpy.QtCore import QObject, Signal

from scarnet.errors import Cancelled
from scarnet.progress import Progress

__all__ = ["Job"]

_RUNNING: set["Job"] = set()


class Job(QObject):
    """One piece of work in a thread of its own.

    Its signals arrive in the thread that made the job; those connected to a widget's methods stop when the widget
    is gone. Exactly one of ``returned``, ``failed`` and ``cancelled`` comes, then ``finished``.

    Parameters
    ----------
    work : callable
        Takes a :data:`scarnet.progress.Progress` and gives the result; runs in the thread, touches no widget.
    name : str
        The thread's name.
    may_be_left : bool
        Whether the program may end while it runs: only for work that writes nothing.
    """

    progressed = Signal(int, int, str)
    returned = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    finished = Signal()

    def __init__(self, work: Callable[[Progress], Any], name: str = "scarnet", *, may_be_left: bool = False) -> None:
        super().__init__()
        self._work = work
        self._cancel = threading.Event()
        self._last_report = 0.0
        self._thread = threading.Thread(target=self._run, name=name, daemon=may_be_left)
        self.finished.connect(self._forget)

    def start(self) -> None:
        """Start the thread."""
        # The thread must not hold the last reference: a QObject is to die where it was made.
        _RUNNING.add(self)
        self._thread.start()

    def cancel(self) -> None:
        """Ask the work to stop at its next report; results that come anyway are dropped."""
        self._cancel.set()

    def stop(self, *_: Any) -> None:
        """Cancel, whatever a signal hands over."""
        self.cancel()

    @property
    def is_running(self) -> bool:
        """Whether the thread still works."""
        return self._thread.is_alive()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the thread, without running Qt's events.

        Parameters
        ----------
        seconds : float, optional
            Longest wait.

        Returns
        -------
        bool
            True when the thread has ended.
        """
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _progress(self, done: int, total: int, what: str) -> None:
        if self._cancel.is_set():
            raise Cancelled
        now = time.monotonic()
        # Thousands of reports a second would fill Qt's queue; the last one always counts.
        if now - self._last_report > 0.03 or done >= total:
            self._last_report = now
            self._emit(self.progressed, done, total, what)

    def _run(self) -> None:
        try:
            result = self._work(self._progress)
        except Cancelled:
            self._emit(self.cancelled)
        except BaseException as error:
            self._emit(self.cancelled) if self._cancel.is_set() else self._emit(self.failed, error)
        else:
            self._emit(self.cancelled) if self._cancel.is_set() else self._emit(self.returned, result)
            del result
        self._emit(self.finished)

    def _emit(self, signal: Any, *values: Any) -> None:
        # When the application has ended, Qt's half of the job is gone and nobody listens.
        with suppress(RuntimeError):
            signal.emit(*values)

    def _forget(self) -> None:
        _RUNNING.discard(self)

"""Work that waits until the user pauses, then runs in a thread; only the newest matters."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_scarnet.jobs import Job
from scarnet.progress import Progress

__all__ = ["LateWork"]

Work = Callable[[Progress], Any]


class LateWork(QObject):
    """Runs the last work it was asked for, a moment after it was asked.

    Parameters
    ----------
    parent : QObject
        Its end stops the work.
    delay_ms : int
        How long to wait for a newer wish.
    name : str
        The thread's name.
    """

    returned = Signal(object)
    """The result of the newest work; results that are overtaken are dropped."""
    failed = Signal(object)
    """The error of the newest work."""

    def __init__(self, parent: QObject, delay_ms: int, name: str) -> None:
        super().__init__(parent)
        self._name = name
        self._work: Work | None = None
        self._job: Job | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(delay_ms)
        self._timer.timeout.connect(self._begin)

    @property
    def pending(self) -> bool:
        """Whether a result is still to come."""
        return self._work is not None or self._job is not None

    def ask(self, work: Work) -> None:
        """Ask for work; what was asked for before is dropped.

        Parameters
        ----------
        work : callable
            Takes a progress callback, gives the result; runs in a thread.
        """
        self._work = work
        if self._job is not None:
            self._job.cancel()
        self._timer.start()

    def stop(self) -> None:
        """Drop what was asked for."""
        self._timer.stop()
        self._work = None
        if self._job is not None:
            self._job.cancel()

    def _begin(self) -> None:
        # A thread that was cancelled may still compute; the next one starts when it has ended.
        if self._work is None or self._job is not None:
            return
        job = Job(self._work, name=self._name)
        self._job, self._work = job, None
        self.destroyed.connect(job.stop)
        job.returned.connect(self._on_returned)
        job.failed.connect(self._on_failed)
        job.finished.connect(self._on_finished)
        job.start()

    def _on_returned(self, result: Any) -> None:
        if self._work is None:
            self.returned.emit(result)

    def _on_failed(self, error: Exception) -> None:
        if self._work is None:
            self.failed.emit(error)

    def _on_finished(self) -> None:
        self._job = None
        if not self._timer.isActive():
            self._begin()

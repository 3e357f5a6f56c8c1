"""Adding and removing a case's layers one by one, so that the window stays alive in between."""

from collections.abc import Callable, Iterator
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_scarnet.smooth import FrozenHeap

__all__ = ["CaseShow"]


class CaseShow(QObject):
    """Runs one row of steps at a time, a step whenever Qt has nothing else to do.

    Parameters
    ----------
    parent : QObject
        Its end is the show's.
    """

    failed = Signal(object)
    """The error that ended the steps."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._steps: Iterator[None] | None = None
        self._done: Callable[[], None] | None = None
        self._heap = FrozenHeap()
        self.destroyed.connect(self._heap.leave)
        # A layer takes napari some 70 ms; the pause lets it paint and other timers run before the next.
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(15)
        self._timer.timeout.connect(self._next)

    @property
    def is_running(self) -> bool:
        """Whether layers are still on their way."""
        return self._steps is not None

    def start(self, steps: Iterator[None], done: Callable[[], Any]) -> None:
        """Begin with other steps; those that still run end.

        Parameters
        ----------
        steps : iterator
            Does a piece of the work at each.
        done : callable
            Called after the last.
        """
        self.stop()
        self._steps, self._done = steps, done
        self._heap.enter()
        self._next()

    def stop(self) -> None:
        """Leave the rest out."""
        self._timer.stop()
        self._steps, self._done = None, None
        self._heap.leave()

    def _next(self) -> None:
        if self._steps is None:
            return
        try:
            next(self._steps)
        except StopIteration:
            done = self._done
            self.stop()
            if done is not None:
                done()
        except Exception as error:
            self.stop()
            self.failed.emit(error)
        else:
            self._timer.start()

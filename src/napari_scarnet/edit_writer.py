"""A thread that writes files: the newest version of each, one after the other, and none half."""

import threading
from collections.abc import Callable, Hashable

__all__ = ["LatestWriter"]


class LatestWriter:
    """Runs jobs by key in a thread of its own; a newer job replaces an older one of its key that has not begun.

    The thread is no daemon: the program does not end before what was handed in is written. It ends by itself when there
    is nothing left.

    Parameters
    ----------
    done : callable
        Told of each job that ran: its key, the job, and its error, None where it went well; called in the thread.
    """

    def __init__(self, done: Callable[[Hashable, Callable[[], None], Exception | None], None]) -> None:
        self._done = done
        self._failed: dict[Hashable, Exception] = {}
        self._lock = threading.Lock()
        self._jobs: dict[Hashable, Callable[[], None]] = {}
        self._counts = False
        self._key: Hashable = None
        self._idle = threading.Event()
        self._idle.set()

    def submit(self, key: Hashable, job: Callable[[], None]) -> None:
        """Hand in a job.

        Parameters
        ----------
        key : hashable
            What it writes.
        job : callable
            Writes it.
        """
        with self._lock:
            self._jobs[key] = job
            if self._idle.is_set():
                self._idle.clear()
                threading.Thread(target=self._run, name="scarnet saving").start()

    @property
    def failures(self) -> dict[Hashable, Exception]:
        """Why files could not be written, by key; empty where the newest job of every key went well."""
        with self._lock:
            return dict(self._failed)

    def forget(self, key: Hashable) -> None:
        """Leave out what waits under a key, and that it failed, or will: a job that runs cannot be stopped.

        Parameters
        ----------
        key : hashable
            What is written elsewhere from now on.
        """
        with self._lock:
            self._jobs.pop(key, None)
            self._failed.pop(key, None)
            if key == self._key:
                self._counts = False

    def wait(self, seconds: float) -> bool:
        """Wait until all is written.

        Parameters
        ----------
        seconds : float
            Longest wait.

        Returns
        -------
        bool
            True when nothing is left.
        """
        return self._idle.wait(seconds)

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._jobs:
                    self._idle.set()
                    return
                key = next(iter(self._jobs))
                job = self._jobs.pop(key)
                self._key, self._counts = key, True
            error: Exception | None = None
            try:
                job()
            except Exception as raised:
                error = raised
            with self._lock:
                self._failed.pop(key, None)
                if error is not None and self._counts:
                    self._failed[key] = error
            self._done(key, job, error)

"""Who has a project open for writing: one process at a time, noticed from other machines too."""

import json
import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout

from scarnet.errors import ScarNetError
from scarnet.files import atomic_path

__all__ = ["LockedElsewhereError", "ProjectLock"]

LOCK, OWNER = ".lock", ".owner.json"

# A clock that is set moves every process's time of creation by as much.
_CLOCK_SECONDS = 5.0


class LockedElsewhereError(ScarNetError):
    """Another process has the project open, or nothing can be written to it; the sentence says which."""


@dataclass(frozen=True)
class _Owner:
    """What the holder of a lock says of itself."""

    host: str
    pid: int
    created: float
    since: float

    @classmethod
    def here(cls) -> "_Owner":
        return cls(socket.gethostname(), os.getpid(), psutil.Process().create_time(), time.time())

    def runs(self) -> bool:
        """Whether the process is alive; it must be of this machine."""
        try:
            return abs(psutil.Process(self.pid).create_time() - self.created) < _CLOCK_SECONDS
        except psutil.NoSuchProcess:
            return False

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.since))
        return f"by process {self.pid} on {self.host}, since {since}"


class ProjectLock:
    """A project's lock: the system's own, which dies with its process, and a note of who holds it.

    The system's lock does not reach every other machine that shares a disk, so a note from another machine counts as
    well, until its process takes it away or somebody says that the machine is done.

    Parameters
    ----------
    folder : Path
        The project.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = FileLock(folder / LOCK, thread_local=False)

    @property
    def held(self) -> bool:
        """Whether it is held."""
        return self._lock.is_locked

    def acquire(self, take_over: bool = False) -> None:
        """Take the lock.

        Parameters
        ----------
        take_over : bool
            Also where another machine's note says that the project is open there.

        Raises
        ------
        LockedElsewhereError
            Another process has it, or the folder takes no files.
        """
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            owner = self._owner()
            by = f" {owner}" if owner else " by another process"
            raise LockedElsewhereError(f"The project is open already,{by}; it is read-only here.") from error
        except OSError as error:
            raise LockedElsewhereError(
                f"Nothing can be written to {self.folder} ({error.strerror or 'it cannot be locked'}); the project is "
                "read-only."
            ) from error
        try:
            self._check_note(take_over)
            with atomic_path(self.folder / OWNER) as path:
                path.write_text(json.dumps(vars(_Owner.here())) + "\n", encoding="utf-8")
        except ScarNetError as error:
            self._lock.release()
            raise LockedElsewhereError(str(error)) from error

    def _check_note(self, take_over: bool) -> None:
        owner = self._owner()
        if owner is None or take_over:
            return
        if owner.host != socket.gethostname():
            raise ScarNetError(
                f"The project was opened {owner}, and not closed there; it is read-only here. If that machine is done "
                "with it, open the project with 'take over'."
            )
        # Where a file system knows no locks, the note is all there is.
        if owner.pid != os.getpid() and owner.runs():
            raise ScarNetError(f"The project is open already, {owner}; it is read-only here.")

    def _owner(self) -> _Owner | None:
        try:
            values: Any = json.loads((self.folder / OWNER).read_text(encoding="utf-8"))
            return _Owner(str(values["host"]), int(values["pid"]), float(values["created"]), float(values["since"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def release(self) -> None:
        """Give the lock back; nothing happens where it is not held."""
        if not self.held:
            return
        # A disk that went away keeps the note; this machine then finds the process of it gone.
        with suppress(OSError):
            (self.folder / OWNER).unlink(missing_ok=True)
        self._lock.release()

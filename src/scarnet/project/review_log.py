"""The review log: who did what to which case, one line of JSON each, only ever added to."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scarnet.errors import ScarNetError

__all__ = ["Changes", "LogEntry", "ReviewLog", "now"]

Changes = Mapping[str, Mapping[str, int]]
"""``{class: {"added": voxels, "removed": voxels}}``."""


def now() -> str:
    """Give the time in UTC, as ISO 8601 to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class LogEntry:
    """A line of the log.

    Attributes
    ----------
    seq : int
        Number of the entry, from 1: what orders the log, since clocks can go backwards.
    time : str
        UTC, ISO 8601.
    who : str
        Who did it.
    action : str
        What was done, such as ``"import"``, ``"predict"``, ``"edit"``, ``"accept"`` or ``"promote"``.
    case : str or None
        The case; None for what concerns the project.
    model, sha256 : str or None
        Name and digest of the model, where one was at work.
    changed : dict
        Voxels that came to and left each class, where labels changed.
    note : str
        What else there is to say.
    reader : str or None
        Whose labels, where they are not the case's own. Logs of earlier versions name that reader in `who`.
    """

    seq: int
    time: str
    who: str
    action: str
    case: str | None = None
    model: str | None = None
    sha256: str | None = None
    changed: Changes = field(default_factory=dict)
    note: str = ""
    reader: str | None = None

    @property
    def deed(self) -> str:
        """What was done, with whose labels where they are a reader's."""
        return f"{self.action} ({self.reader})" if self.reader else self.action


class ReviewLog:
    """The log's file.

    Parameters
    ----------
    path : Path
        ``log.jsonl``; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._last: int | None = None

    def read(self) -> list[LogEntry]:
        """Give the entries in the order they were made.

        Returns
        -------
        list of LogEntry
            Without lines that were torn when a process or a disk ended in the middle of one.

        Raises
        ------
        ScarNetError
            The file cannot be read.
        """
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ScarNetError(f"Cannot read {self.path}: {error.strerror}.") from error
        return sorted((entry for line in lines if (entry := _parse(line))), key=lambda entry: entry.seq)

    def append(self, action: str, who: str, **values: Any) -> LogEntry:
        """Add an entry and wait until it is on the disk.

        Parameters
        ----------
        action, who : str
            As in :class:`LogEntry`.
        **values
            Its other fields but ``seq`` and ``time``.

        Returns
        -------
        LogEntry
            What was written.

        Raises
        ------
        ScarNetError
            It cannot be written; what was there is as it was.
        """
        if self._last is None:
            self._last = max((entry.seq for entry in self.read()), default=0)
        entry = LogEntry(seq=self._last + 1, time=now(), who=who, action=action, **values)
        told = {name: value for name, value in asdict(entry).items() if value not in (None, "", {})}
        line = json.dumps(told, ensure_ascii=False).encode() + b"\n"
        try:
            with self.path.open("ab+") as file:
                # A line that was torn stays as it is, and the next one starts behind it.
                if file.seek(0, os.SEEK_END) and _last_byte(file) != b"\n":
                    line = b"\n" + line
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise ScarNetError(f"Cannot write {self.path}: {error.strerror}.") from error
        self._last = entry.seq
        return entry


def _last_byte(file: Any) -> bytes:
    file.seek(-1, os.SEEK_END)
    last: bytes = file.read(1)
    return last


def _parse(line: bytes) -> LogEntry | None:
    try:
        values = json.loads(line)
        known = {f.name for f in fields(LogEntry)}
        return LogEntry(**{name: value for name, value in values.items() if name in known})
    except (ValueError, TypeError, AttributeError):
        return None

"""Following ``events.jsonl`` while another process writes it, or cuts it back to go on from a checkpoint."""

import json
import zlib
from pathlib import Path
from typing import Any, NamedTuple

from scarnet.errors import ScarNetError

__all__ = ["EventTail"]


class _Line(NamedTuple):
    start: int
    end: int
    crc: int
    counted: bool


class EventTail:
    """Read the events that are new since the last time.

    A run that resumes cuts the file back to its checkpoint and may have written on past the old end before we look
    again, so lines already read are remembered by place and checksum, and compared.

    Parameters
    ----------
    path : Path
        The file; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: list[_Line] = []

    def read_new_events(self) -> list[dict[str, Any]]:
        """Give the events written since the last call; never waits.

        Returns
        -------
        list of dict
            The events. ``{"event": "rewound", "kept": n}`` comes first where the file was cut back: of all the events
            given before only the first `n` still hold.

        Raises
        ------
        ScarNetError
            The file cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(0, 2)
                size = file.tell()
                kept = self._still_there(file, size)
                events: list[dict[str, Any]] = []
                if kept < len(self._lines):
                    del self._lines[kept:]
                    events.append({"event": "rewound", "kept": sum(line.counted for line in self._lines)})
                start = self._lines[-1].end if self._lines else 0
                file.seek(start)
                text = file.read()
        except FileNotFoundError:
            if not self._lines:
                return []
            self._lines.clear()
            return [{"event": "rewound", "kept": 0}]
        except OSError as error:
            raise ScarNetError(f"Cannot read {self.path}: {error.strerror}.") from error
        # What follows the last line's end is still being written.
        for line in text.splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            event = _parse(line)
            self._lines.append(_Line(start, start + len(line), zlib.crc32(line), event is not None))
            start += len(line)
            if event is not None:
                events.append(event)
        return events

    def _still_there(self, file: Any, size: int) -> int:
        """Count the lines from the beginning that are as they were."""
        low, high = 0, len(self._lines)
        if high == 0 or self._same(file, size, self._lines[-1]):
            return high
        # Each event has its time in it, so a line that is the same means that all before it are.
        while low < high:
            middle = (low + high) // 2
            if self._same(file, size, self._lines[middle]):
                low = middle + 1
            else:
                high = middle
        return low

    @staticmethod
    def _same(file: Any, size: int, line: _Line) -> bool:
        if line.end > size:
            return False
        file.seek(line.start)
        return zlib.crc32(file.read(line.end - line.start)) == line.crc


def _parse(line: bytes) -> dict[str, Any] | None:
    """Read a line; None for one that a killed process left half-written."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None

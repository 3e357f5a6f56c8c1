"""Reading and writing the project's small JSON files."""

import json
from pathlib import Path
from typing import Any

from scarnet.errors import ScarNetError
from scarnet.files import atomic_path, reason_of

__all__ = ["read_json", "write_json"]


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        What it holds.

    Raises
    ------
    ScarNetError
        It cannot be read, or holds something else.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScarNetError(f"Cannot read {path}: {reason_of(error)}.") from error
    except ValueError as error:
        raise ScarNetError(f"{path} is damaged: it is no JSON; put it back from a backup.") from error
    if not isinstance(values, dict):
        raise ScarNetError(f"{path} is damaged: it holds no JSON object; put it back from a backup.")
    return values


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write a JSON object whole, or leave the one before.

    Parameters
    ----------
    path : Path
        The file.
    values : dict
        What it is to hold.

    Raises
    ------
    ScarNetError
        It cannot be written.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

"""Edited labels that no project holds: kept in the user's data folder, found again by the study itself."""

import hashlib
import secrets
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from scarnet.errors import ScarNetError
from scarnet.files import make_folder
from scarnet.stack import LGEStack

__all__ = [
    "Recovered",
    "drop_recovered",
    "find_recovered",
    "new_recovery_name",
    "read_recovered",
    "study_key",
    "write_recovered",
]

_KEYS: "WeakKeyDictionary[LGEStack, str]" = WeakKeyDictionary()
_SCRATCH_SECONDS = 60


@dataclass(frozen=True)
class Recovered:
    """Labels that were kept.

    Attributes
    ----------
    path : Path
        The file.
    saved : datetime
        When they were last saved, in local time.
    """

    path: Path
    saved: datetime


def study_key(stack: LGEStack) -> str:
    """Tell studies apart by pixels and geometry, so that no name or identifier is kept.

    Parameters
    ----------
    stack : LGEStack
        The study.

    Returns
    -------
    str
        32 hexadecimal digits; the same however the study was opened.
    """
    if stack not in _KEYS:
        digest = hashlib.sha256(repr(stack.shape).encode())
        # Adding nought makes -0 and 0 the same bytes.
        digest.update((np.round(stack.affine, 3) + 0.0).astype("<f8").tobytes())
        digest.update(np.ascontiguousarray(stack.pixels, dtype="<f4").data)
        _KEYS[stack] = digest.hexdigest()[:32]
    return _KEYS[stack]


def _folder(stack: LGEStack) -> Path:
    import platformdirs

    return platformdirs.user_data_path("scarnet", appauthor=False) / "recovery" / study_key(stack)


def new_recovery_name() -> str:
    """Make a file name that no other session uses.

    Returns
    -------
    str
        The time and a few random digits.
    """
    return f"{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(3)}.nii.gz"


def write_recovered(stack: LGEStack, name: str, labels: npt.NDArray[np.uint8]) -> Path:
    """Keep edited labels; an older version under the same name is replaced at once, never half.

    Parameters
    ----------
    stack : LGEStack
        The study.
    name : str
        From :func:`new_recovery_name`.
    labels : ndarray of uint8, shape (Z, Y, X)
        The labels.

    Returns
    -------
    Path
        The file, a NIfTI on the study's grid that holds nothing else.

    Raises
    ------
    ScarNetError
        It cannot be written; the older version is as it was.
    """
    from scarnet.io import write_labels

    path = make_folder(_folder(stack)) / name
    write_labels(path, labels, stack)
    return path


def read_recovered(path: Path, stack: LGEStack) -> npt.NDArray[np.uint8]:
    """Read labels that were kept.

    Parameters
    ----------
    path : Path
        The file.
    stack : LGEStack
        The study.

    Returns
    -------
    ndarray of uint8, shape (Z, Y, X)
        The labels.

    Raises
    ------
    ScarNetError
        The file is damaged or belongs to another study.
    """
    from scarnet.io import read_labels

    return read_labels(path, stack, names={"background": 0, "myocardium": 1, "blood_pool": 2, "scar": 3})


def drop_recovered(stack: LGEStack, name: str, labels: npt.NDArray[np.uint8]) -> None:
    """Delete a file of kept labels that have found another place.

    A file that holds others, or cannot be read or deleted, stays: it is offered again.

    Parameters
    ----------
    stack : LGEStack
        The study.
    name : str
        From :func:`new_recovery_name`.
    labels : ndarray of uint8, shape (Z, Y, X)
        What has found another place.
    """
    path = _folder(stack) / name
    with suppress(OSError, ScarNetError):
        if path.is_file() and np.array_equal(read_recovered(path, stack), labels):
            path.unlink()


def find_recovered(stack: LGEStack) -> list[Recovered]:
    """Look for labels that were kept of a study.

    Parameters
    ----------
    stack : LGEStack
        The study.

    Returns
    -------
    list of Recovered
        The newest first.
    """
    found = []
    with suppress(OSError):
        for path in _folder(stack).iterdir():
            saved = path.stat().st_mtime
            if path.name.endswith(".nii.gz"):
                found.append(Recovered(path, datetime.fromtimestamp(saved)))
            elif path.name.startswith(".writing-") and time.time() - saved > _SCRATCH_SECONDS:
                # Left behind by a viewer that was killed while it wrote.
                shutil.rmtree(path, ignore_errors=True)
    return sorted(found, key=lambda one: one.saved, reverse=True)

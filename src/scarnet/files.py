"""Writing files so that a reader never sees half of one."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scarnet.errors import ScarNetError

__all__ = ["atomic_path", "make_folder", "reason_of", "scratch_in"]


def reason_of(error: BaseException) -> str:
    """Say in a few words why the system refused to write, however a library wrapped its refusal.

    Parameters
    ----------
    error : BaseException
        What was raised.

    Returns
    -------
    str
        The system's words, such as ``"No space left on device"``.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


@contextmanager
def scratch_in(folder: Path) -> Iterator[Path]:
    """Make a hidden folder for what is being written, which is gone when the block ends.

    Parameters
    ----------
    folder : Path
        Where it is made.

    Yields
    ------
    Path
        The hidden folder.

    Raises
    ------
    ScarNetError
        Nothing can be written to the folder.
    """
    try:
        scratch = tempfile.TemporaryDirectory(dir=folder, prefix=".writing-")
    except OSError as error:
        raise ScarNetError(f"Cannot write to {folder}: {error.strerror}.") from error
    with scratch as name:
        yield Path(name)


@contextmanager
def atomic_path(target: Path | str) -> Iterator[Path]:
    """Give a temporary path beside the target, renamed onto it when the block ends well.

    Parameters
    ----------
    target : Path or str
        Where the finished file belongs; what stands there is replaced only at the end.

    Yields
    ------
    Path
        The path to write to, with the target's suffixes.

    Raises
    ------
    ScarNetError
        The folder cannot be written to, or the disk is full; the target is as it was before.
    """
    target = Path(target)
    # A folder of its own keeps the file's name and suffixes, which some writers look at.
    with scratch_in(target.parent) as folder:
        path = folder / target.name
        try:
            yield path
            with path.open("r+b") as written:  # Windows flushes only what it may write
                os.fsync(written.fileno())
            path.replace(target)
        except OSError as error:
            raise ScarNetError(f"Cannot write {target}: {reason_of(error)}.") from error


def make_folder(folder: Path | str) -> Path:
    """Make a folder and its parents where they are missing.

    Parameters
    ----------
    folder : Path or str
        The folder.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ScarNetError
        It cannot be made.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ScarNetError(f"Cannot make the folder {folder}: {error.strerror}.") from error
    return folder

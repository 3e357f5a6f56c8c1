"""Turning whatever went wrong into the one sentence a user reads."""

import sys
import traceback

from scarnet.errors import ScarNetError

__all__ = ["BAD_INPUT", "BUG", "CANCELLED", "OK", "exit_status", "explain", "report"]

OK, BUG, BAD_INPUT, CANCELLED = 0, 1, 2, 130


def explain(error: BaseException) -> str:
    """Say what went wrong in one sentence.

    Parameters
    ----------
    error : BaseException
        What was raised.

    Returns
    -------
    str
        The sentence. An unforeseen error's own message is left out, since a library may quote a DICOM header in it.
    """
    if isinstance(error, ScarNetError):
        return str(error)
    if isinstance(error, MemoryError):
        return "There is not enough memory for this; close other programs, or try a smaller --batch-size."
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}."
    if isinstance(error, ImportError) and error.name:
        return f"The Python package {error.name!r} cannot be loaded; install napari-scarnet again."
    return f"Something unexpected went wrong ({type(error).__name__}); --debug shows where, please report it."


def exit_status(error: BaseException) -> int:
    """Give the exit status that belongs to an error.

    Parameters
    ----------
    error : BaseException
        What was raised.

    Returns
    -------
    int
        2 for what the user or the machine can put right, 1 for a bug.
    """
    foreseen = (ScarNetError, MemoryError, OSError, ImportError)
    return BAD_INPUT if isinstance(error, foreseen) else BUG


def report(error: BaseException, *, debug: bool, case: str | None = None) -> None:
    """Print ``error: sentence`` on stderr.

    Parameters
    ----------
    error : BaseException
        What was raised.
    debug : bool
        Print its traceback first.
    case : str, optional
        The case of a batch that it belongs to, put before the sentence where that does not name it already.
    """
    if debug:
        traceback.print_exception(error)
    sentence = explain(error)
    if case is not None and not sentence.startswith(f"{case}:"):
        sentence = f"{case}: {sentence}"
    print(f"error: {sentence}", file=sys.stderr, flush=True)

"""How the experiments' command lines end: with what they found, or with one sentence that says what is wrong."""

import argparse
import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

from scarnet.errors import ScarNetError
from scarnet.files import atomic_path

__all__ = ["add_output", "with_status", "write_or_print"]

P = ParamSpec("P")


def with_status(main: Callable[P, None]) -> Callable[P, int]:
    """Make a command line's function give an exit status.

    Parameters
    ----------
    main : callable
        Does the work; may raise ScarNetError.

    Returns
    -------
    callable
        The same, which gives 0, or 2 after ``error:`` and the error's sentence on stderr.
    """

    @functools.wraps(main)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        try:
            main(*args, **kwargs)
        except ScarNetError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        return 0

    return run


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add ``--output``, for :func:`write_or_print`.

    Parameters
    ----------
    parser : ArgumentParser
        The experiment's parser.
    """
    parser.add_argument("-o", "--output", type=Path, help="a Markdown file (default: print)")


def write_or_print(text: str, output: Path | None) -> None:
    """Write what was found to the file that was asked for, or print it.

    Parameters
    ----------
    text : str
        Whole lines.
    output : Path or None
        The file; None prints.

    Raises
    ------
    ScarNetError
        The file cannot be written.
    """
    if output is None:
        print(text, end="")
        return
    with atomic_path(output) as temporary:
        temporary.write_text(text, encoding="utf-8")

"""Opening the project that a command line names."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scarnet.errors import ScarNetError
from scarnet_cli.progress import Bars

if TYPE_CHECKING:
    from scarnet.project import Project

__all__ = ["opened_to_read", "opened_to_write"]


@contextmanager
def opened_to_write(args: argparse.Namespace, bars: Bars) -> "Iterator[Project]":
    """Open a project to change something.

    Parameters
    ----------
    args : Namespace
        The parsed command line.
    bars : Bars
        Prints what there is to know.

    Yields
    ------
    Project
        The project, closed again at the end.

    Raises
    ------
    ScarNetError
        It is no project, or nothing can be written to it.
    """
    from scarnet.project import Project

    with Project.open(args.project, annotator=args.who, take_over=args.take_over) as project:
        if project.why_read_only is not None:
            raise ScarNetError(project.why_read_only.replace("with 'take over'", "with --take-over"))
        for notice in project.notices:
            bars.note(notice)
        yield project


@contextmanager
def opened_to_read(args: argparse.Namespace, bars: Bars) -> "Iterator[Project]":
    """Open a project to look at, also while another program has it open.

    Parameters
    ----------
    args : Namespace
        The parsed command line.
    bars : Bars
        Prints what there is to know.

    Yields
    ------
    Project
        The project, closed again at the end.

    Raises
    ------
    ScarNetError
        It is no project.
    """
    from scarnet.project import Project

    with Project.open(args.project, read_only=True) as project:
        for notice in project.notices:
            bars.note(notice)
        yield project

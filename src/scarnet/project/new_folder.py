"""Folders that are there whole or not at all, and what is left of those that were cut off."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scarnet.errors import ScarNetError
from scarnet.files import make_folder, reason_of
from scarnet.project.layout import CASES, DATASET, JOBS, MODELS

__all__ = ["new_folder", "remove_leftovers"]

# As scarnet.files.scratch_in calls them, too.
_LEFTOVERS = ".writing-*"


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder that takes the target's name when the block ends well.

    Parameters
    ----------
    target : Path
        Where nothing is yet.

    Yields
    ------
    Path
        A folder beside it, of the same name.

    Raises
    ------
    ScarNetError
        It cannot be written; nothing is left of it.
    """
    make_folder(target.parent)
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".writing-") as scratch:
            fresh = Path(scratch) / target.name
            try:
                fresh.mkdir()
                yield fresh
                fresh.replace(target)
            except ScarNetError as error:
                # The user knows the target, not the folder beside it.
                raise ScarNetError(str(error).replace(str(fresh), str(target))) from error
    except OSError as error:
        raise ScarNetError(f"Cannot write {target}: {reason_of(error)}.") from error


def remove_leftovers(project: Path) -> None:
    """Delete what a killed process left half-written in a project that nobody else writes to.

    Parameters
    ----------
    project : Path
        The project. The insides of its jobs, which write on their own, are left alone.
    """
    found = [*project.glob(_LEFTOVERS), *(project / JOBS).glob(_LEFTOVERS)]
    for part in (CASES, MODELS, DATASET):
        found += (project / part).rglob(_LEFTOVERS)
    for folder in found:
        shutil.rmtree(folder, ignore_errors=True)

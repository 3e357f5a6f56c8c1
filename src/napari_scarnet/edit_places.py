"""Where a layer's edits go, and a version of them on its way there."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.errors import ScarNetError

__all__ = ["Place", "Running", "Write", "of_project", "reason_of"]

Write = Callable[[npt.NDArray[np.uint8]], Any]
"""Writes labels (Z, Y, X); called in a thread."""


@dataclass(frozen=True)
class Place:
    """Where a layer's edits go.

    Attributes
    ----------
    key : hashable
        What is written, for :class:`~napari_scarnet.edit_writer.LatestWriter`.
    write : callable
        Writes it.
    """

    key: Hashable
    write: Write

    @property
    def in_project(self) -> bool:
        """Whether that is a case of a project, and not the recovery folder."""
        return of_project(self.key)


@dataclass(frozen=True, eq=False)
class Running:
    """A layer's newest version on its way to the disk.

    Attributes
    ----------
    job : callable
        What the writer was handed.
    layer : Labels
        The layer.
    place : Place
        Where it goes.
    """

    job: Callable[[], None]
    layer: Any
    place: Place


def of_project(key: Hashable) -> bool:
    """Tell whether a place's key is a case's of a project."""
    return isinstance(key, tuple)


def reason_of(error: Exception) -> str:
    """Say why something could not be written; an unexpected error by its type too."""
    return str(error) if isinstance(error, ScarNetError) else f"{type(error).__name__}: {error}"

"""What was saved of a case, and the review log has not been told of yet."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["UnloggedEdit", "UnloggedMerge"]

Labels = npt.NDArray[np.uint8]


@dataclass
class UnloggedEdit:
    """Labels that were saved since the log last told of them.

    Attributes
    ----------
    before : ndarray of uint8, shape (Z, Y, X), or None
        What they were; None for none at all.
    after : ndarray of uint8, shape (Z, Y, X)
        What was saved last.
    edited_before : str or None
        When the labels before had last changed (UTC).
    """

    before: Labels | None
    after: Labels
    edited_before: str | None


@dataclass(frozen=True, eq=False)
class UnloggedMerge:
    """Two readers' labels that were merged into the working ones.

    Attributes
    ----------
    case : str
        The case.
    before, after : ndarray of uint8, shape (Z, Y, X)
        The working labels.
    readers : str
        Whose labels were merged.
    """

    case: str
    before: Labels
    after: Labels
    readers: str

    def is_in(self, saved: Labels) -> bool:
        """Say whether labels that were saved hold most of what the merge changed; strokes may have followed it."""
        changed = self.before != self.after
        return bool(not changed.any() or np.mean(saved[changed] == self.after[changed]) > 0.5)

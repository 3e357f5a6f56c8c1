"""A study with its reference labels: what training and validation take."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scarnet.classes import TissueClass
from scarnet.stack import LGEStack

__all__ = ["LabelledCase", "name_slices", "slice_names"]


@dataclass(frozen=True, eq=False)
class LabelledCase:
    """A study with its reference labels.

    Attributes
    ----------
    stack : LGEStack
        The study.
    labels : ndarray of uint8, shape (Z, Y, X)
        Our classes.
    synthetic : bool
        Whether it is a phantom.
    patient : str
        Whom the study is of; studies of one patient are never parted by a split. The case's name if not given, which
        means one case a patient. It may identify a person, so it is never shown or written.
    """

    stack: LGEStack
    labels: npt.NDArray[np.uint8]
    synthetic: bool = False
    patient: str = ""

    def __post_init__(self) -> None:
        """Take the case's name where no patient is given."""
        object.__setattr__(self, "patient", self.patient or self.stack.case)

    @property
    def has_scar(self) -> bool:
        """Whether any voxel is scar."""
        return bool((self.labels == TissueClass.SCAR).any())

    @property
    def scar_ml(self) -> float:
        """Volume of the reference scar in ml."""
        voxel_mm3 = float(np.prod(self.stack.spacing_mm))
        return int((self.labels == TissueClass.SCAR).sum()) * voxel_mm3 / 1000


def slice_names(cases: Iterable[LabelledCase]) -> list[tuple[str, int]]:
    """Give the case and the number of each slice, in the order of cases and slices."""
    return [(case.stack.case, z) for case in cases for z in range(case.stack.shape[0])]


def name_slices(names: Sequence[tuple[str, int]], chosen: Iterable[int]) -> str:
    """Name some slices by case, for a message.

    Parameters
    ----------
    names : sequence of tuple
        From :func:`slice_names`.
    chosen : iterable of int
        Which, as they stand there.

    Returns
    -------
    str
        Such as ``ann slice 0, 2; bob slice 1``.
    """
    slices: dict[str, list[int]] = {}
    for index in sorted(set(chosen)):
        case, z = names[index]
        slices.setdefault(case, []).append(z)
    return "; ".join(f"{case} slice {', '.join(map(str, zs))}" for case, zs in slices.items())

"""Cases with labels, from nnU-Net's raw layout or from phantoms, and their split by patient."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scarnet.classes import TissueClass
from scarnet.errors import ScarNetError
from scarnet.io import read_labels, read_study
from scarnet.progress import Progress, silent
from scarnet.stack import LGEStack

__all__ = ["LabelledCase", "load_dataset", "load_phantoms", "split_patients"]


@dataclass(frozen=True, eq=False)
class LabelledCase:
    """A study with its reference labels; one case is one patient.

    Attributes
    ----------
    stack : LGEStack
        The study.
    labels : ndarray of uint8, shape (Z, Y, X)
        Our classes.
    synthetic : bool
        Whether it is a phantom.
    """

    stack: LGEStack
    labels: npt.NDArray[np.uint8]
    synthetic: bool = False

    @property
    def has_scar(self) -> bool:
        """Whether any voxel is scar."""
        return bool((self.labels == TissueClass.SCAR).any())


def load_dataset(folder: Path | str, progress: Progress = silent) -> list[LabelledCase]:
    """Read a dataset in nnU-Net's raw layout.

    Parameters
    ----------
    folder : Path or str
        Holds ``dataset.json``, ``imagesTr/CASE_0000.nii.gz`` and ``labelsTr/CASE.nii.gz``.
    progress : Progress
        Called before each case.

    Returns
    -------
    list of LabelledCase
        Sorted by case name; label values are mapped by their names.

    Raises
    ------
    ScarNetError
        The folder is no such dataset, or labels are missing, or a case cannot be read; all missing labels are named.
    """
    folder = Path(folder)
    images = sorted((folder / "imagesTr").glob("*_0000.nii.gz"))
    if not images or not (folder / "dataset.json").is_file():
        raise ScarNetError(f"{folder} is no dataset in nnU-Net's layout (imagesTr/*_0000.nii.gz and dataset.json).")
    try:
        names = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))["labels"]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ScarNetError(f"{folder / 'dataset.json'} holds no 'labels' with names and values.") from error
    pairs = [(image, folder / "labelsTr" / image.name.replace("_0000.nii.gz", ".nii.gz")) for image in images]
    missing = [labels.name for _, labels in pairs if not labels.is_file()]
    if missing:
        raise ScarNetError(f"{folder / 'labelsTr'} lacks {', '.join(missing)}.")
    cases = []
    for done, (image, labels) in enumerate(pairs):
        progress(done, len(pairs), "Reading cases")
        stack = read_study(image)
        cases.append(LabelledCase(stack, read_labels(labels, stack, names)))
    return cases


def load_phantoms(number: int, seed: int, progress: Progress = silent) -> list[LabelledCase]:
    """Make phantom cases.

    Parameters
    ----------
    number : int
        How many.
    seed : int
        The first one's seed; the others follow.
    progress : Progress
        Called before each case.

    Returns
    -------
    list of LabelledCase
        Synthetic cases.
    """
    from scarnet.phantom import make_phantom

    cases = []
    for index in range(number):
        progress(index, number, "Making phantoms")
        phantom = make_phantom(seed + index)
        cases.append(LabelledCase(phantom.stack, phantom.labels, synthetic=True))
    return cases


def split_patients(
    cases: Sequence[LabelledCase], fraction: float, seed: int
) -> tuple[list[LabelledCase], list[LabelledCase]]:
    """Split by patient, keeping the share of patients with scar.

    Parameters
    ----------
    cases : sequence of LabelledCase
        Real cases, one a patient.
    fraction : float
        Share of patients to hold out.
    seed : int
        Seed of the draw.

    Returns
    -------
    training, validation : list of LabelledCase
        Disjoint; together all of the cases.

    Raises
    ------
    ScarNetError
        Two cases have one name, or a side of the split would be empty.
    """
    names = [case.stack.case for case in cases]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ScarNetError(f"Several cases are named {', '.join(repeated)}; patients must not be in a dataset twice.")
    generator = np.random.default_rng(seed)
    held_out: set[str] = set()
    for with_scar in (True, False):
        group = sorted(case.stack.case for case in cases if case.has_scar == with_scar)
        held_out.update(generator.permutation(group)[: round(fraction * len(group))].tolist())
    training = [case for case in cases if case.stack.case not in held_out]
    validation = [case for case in cases if case.stack.case in held_out]
    if not training or not validation:
        raise ScarNetError(f"Holding out {fraction:.0%} of {len(cases)} patients leaves one side of the split empty.")
    return training, validation

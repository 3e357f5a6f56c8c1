"""Cases with labels, from nnU-Net's raw layout or from phantoms."""

from collections.abc import Sequence
from pathlib import Path

from scarnet.progress import Progress, silent
from scarnet_training.dataset_check import examine_datasets
from scarnet_training.dataset_report import DatasetReport
from scarnet_training.labelled_case import LabelledCase
from scarnet_training.splits import split_patients

__all__ = ["LabelledCase", "load_dataset", "load_datasets", "load_phantoms", "split_patients"]


def load_dataset(folder: Path | str, progress: Progress = silent) -> list[LabelledCase]:
    """Read a dataset in nnU-Net's raw layout.

    Parameters
    ----------
    folder : Path or str
        Holds ``dataset.json``, ``imagesTr/CASE_0000.nii.gz`` and ``labelsTr/CASE.nii.gz``; another ``file_ending`` in
        ``dataset.json`` is honoured. Where patients have several cases, ``patients.csv`` (columns ``case`` and
        ``patient``) or ``patients`` (``{case: patient}``) in ``dataset.json`` says which.
    progress : Progress
        Called before each case and at the end.

    Returns
    -------
    list of LabelledCase
        Sorted by case name; label values are mapped by their names.

    Raises
    ------
    ScarNetError
        The folder is no such dataset, or something in it is not fit to train on; the message lists it all.
    """
    return load_datasets([folder], progress)[0]


def load_datasets(
    folders: Sequence[Path | str], progress: Progress = silent
) -> tuple[list[LabelledCase], DatasetReport]:
    """Read several datasets, of which no two may have a case in common.

    Parameters
    ----------
    folders : sequence of Path or str
        As for :func:`load_dataset`.
    progress : Progress
        Called before each case and at the end.

    Returns
    -------
    cases : list of LabelledCase
        In the order of the folders, those of one sorted by name.
    report : DatasetReport
        Its warnings are what one should know before training.

    Raises
    ------
    ScarNetError
        As for :func:`load_dataset`, for all of the datasets at once.
    """
    cases: list[LabelledCase] = []
    report = examine_datasets(folders, cases.append, progress)
    report.raise_problems()
    return cases, report


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

"""Cases with labels, from nnU-Net's raw layout or from phantoms."""

import json
from pathlib import Path

from scarnet.errors import ScarNetError
from scarnet.io import read_labels, read_study
from scarnet.progress import Progress, silent
from scarnet_training.labelled_case import LabelledCase
from scarnet_training.splits import split_patients

__all__ = ["LabelledCase", "load_dataset", "load_phantoms", "split_patients"]


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

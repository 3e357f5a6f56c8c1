"""Which labels, probabilities and insertion points belong to which study."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scarnet.errors import ScarNetError
from scarnet_cli.studies import StudyPath, find_studies

if TYPE_CHECKING:
    from scarnet.measure import Insertion

__all__ = ["LabelledStudies", "LabelledStudy", "find_labelled", "read_insertions"]

_COLUMNS = ("case", "slice", "row", "column")


@dataclass(frozen=True)
class LabelledStudy:
    """A study and what belongs to it.

    Attributes
    ----------
    study : StudyPath
        The study.
    labels : Path or None
        Its labels; None where there are none.
    probabilities : Path or None
        The probabilities that 'scarnet segment' wrote beside them.
    """

    study: StudyPath
    labels: Path | None
    probabilities: Path | None


@dataclass(frozen=True)
class LabelledStudies:
    """What was found.

    Attributes
    ----------
    cases : tuple of LabelledStudy
        In the images' order.
    single : bool
        One study was named, not a folder of them.
    left_over : tuple of str
        Cases with labels but no image.
    """

    cases: tuple[LabelledStudy, ...]
    single: bool
    left_over: tuple[str, ...]


def find_labelled(image: Path, labels: Path, output: Path, case: str | None = None) -> LabelledStudies:
    """Find studies and their labels.

    Parameters
    ----------
    image : Path
        A study, a folder of studies, or an nnU-Net dataset.
    labels : Path
        Its labels, as :func:`scarnet.evaluate.pairing.find_labels` takes them.
    output : Path
        Where results go; not searched.
    case : str, optional
        A name for the only study there is.

    Returns
    -------
    LabelledStudies
        Every study, with or without labels. A single study takes a single file of labels, whatever it is called.

    Raises
    ------
    ScarNetError
        A path does not exist or holds nothing of the kind, or no study has labels.
    """
    from scarnet.evaluate.pairing import find_labels

    studies = find_studies([image], output, case).studies
    found = find_labels(labels)
    single = len(studies) == 1 and studies[0].path == image
    files = found.files
    if single and found.single:
        files = {studies[0].case: next(iter(files.values()))}
    cases = []
    for study in studies:
        file = files.get(study.case)
        beside = None if file is None else file.parent / "probabilities.nii.gz"
        own = beside is not None and file is not None and file.name == "labels.nii.gz" and beside.is_file()
        cases.append(LabelledStudy(study, file, beside if own else None))
    if all(one.labels is None for one in cases):
        names = ", ".join(one.study.case for one in cases[:5]) + (" …" if len(cases) > 5 else "")
        raise ScarNetError(f"{labels} holds no labels of {names}; label files are named after their cases.")
    left_over = () if single else tuple(sorted(files.keys() - {study.case for study in studies}))
    return LabelledStudies(tuple(cases), single, left_over)


def read_insertions(path: Path) -> dict[str, list["Insertion"]]:
    """Read marked insertion points of several cases.

    Parameters
    ----------
    path : Path
        A CSV table with the columns ``case``, ``slice``, ``row`` and ``column``, counted from 0; a row a point.

    Returns
    -------
    dict of str to list of Insertion
        By case.

    Raises
    ------
    ScarNetError
        The file cannot be read, or a row makes no sense.
    """
    from scarnet.measure import Insertion

    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows: Sequence[dict[str, str]] = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ScarNetError(f"{path} cannot be read as a table of insertion points; check the file.") from error
    found: dict[str, list[Insertion]] = {}
    for number, row in enumerate(rows, start=2):
        try:
            point = Insertion(int(row["slice"]), float(row["row"]), float(row["column"]))
            found.setdefault(row["case"], []).append(point)
        except (KeyError, TypeError, ValueError) as error:
            raise ScarNetError(
                f"{path}, line {number}: an insertion point needs the columns {', '.join(_COLUMNS)}, numbers from 0."
            ) from error
    return found

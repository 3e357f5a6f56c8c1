"""Which labels, probabilities and insertion points belong to which study."""

import argparse
import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from scarnet.errors import ScarNetError
from scarnet_cli.case_reports import card_of, origin_of
from scarnet_cli.progress import Bars
from scarnet_cli.studies import StudyPath, check_name, find_studies, read

if TYPE_CHECKING:
    from scarnet.export import LabelOrigin
    from scarnet.measure import Insertion
    from scarnet.models.card import ModelCard
    from scarnet.stack import LGEStack

__all__ = ["CaseContent", "CaseToMeasure", "CasesToMeasure", "find_labelled", "listed", "read_insertions"]

_COLUMNS = ("case", "slice", "row", "column")
_LISTED = 5


@dataclass(frozen=True, eq=False)
class CaseContent:
    """What there is to measure of a case.

    Attributes
    ----------
    stack : LGEStack
        The study.
    labels : ndarray of uint8, shape (Z, Y, X)
        Its labels.
    probabilities : ndarray, shape (C, Z, Y, X), or None
        The network's, where they were kept.
    origin : LabelOrigin
        Who drew the labels.
    card : ModelCard or None
        The card of the model that drew them.
    """

    stack: "LGEStack"
    labels: npt.NDArray[Any]
    probabilities: npt.NDArray[Any] | None
    origin: "LabelOrigin"
    card: "ModelCard | None"


@dataclass(frozen=True)
class CaseToMeasure:
    """A case that was found.

    Attributes
    ----------
    case : str
        Its name.
    read : callable
        Reads it, given where to show progress.
    """

    case: str
    read: Callable[[Bars], CaseContent]


@dataclass(frozen=True)
class CasesToMeasure:
    """What was found.

    Attributes
    ----------
    cases : tuple of CaseToMeasure
        In the images' order.
    single : bool
        One study was named, not a folder of them.
    remarks : tuple of str
        What was left out.
    """

    cases: tuple[CaseToMeasure, ...]
    single: bool
    remarks: tuple[str, ...] = ()


def find_labelled(args: argparse.Namespace) -> CasesToMeasure:
    """Find the studies and labels that a command line names.

    Parameters
    ----------
    args : Namespace
        The parsed command line. A single study takes a single file of labels, whatever it is called.

    Returns
    -------
    CasesToMeasure
        Every study; one without labels says so when it is read.

    Raises
    ------
    ScarNetError
        A path does not exist or holds nothing of the kind, or no study has labels.
    """
    from scarnet.evaluate.pairing import find_labels

    if args.labels is None:
        raise ScarNetError(f"{args.image} is no project, so its labels have to be named: scarnet measure IMAGE LABELS.")
    studies = find_studies([args.image], args.output, args.case).studies
    found = find_labels(args.labels)
    single = len(studies) == 1 and studies[0].path == args.image
    files = found.files
    if single and found.single:
        files = {studies[0].case: next(iter(files.values()))}
    if not files.keys() & {study.case for study in studies}:
        names = listed([study.case for study in studies])
        raise ScarNetError(f"{args.labels} holds no labels of {names}; label files are named after their cases.")
    left_over = [] if single else sorted(files.keys() - {study.case for study in studies})
    remarks = (f"labels without an image, left out: {listed(left_over)}",) if left_over else ()
    cases = (CaseToMeasure(study.case, partial(_read, study, files.get(study.case), args)) for study in studies)
    return CasesToMeasure(tuple(cases), single, remarks)


def listed(names: Sequence[str]) -> str:
    """Name the first of many.

    Parameters
    ----------
    names : sequence of str
        The names.

    Returns
    -------
    str
        At most five of them, and how many more there are.
    """
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _read(study: StudyPath, file: Path | None, args: argparse.Namespace, bars: Bars) -> CaseContent:
    from scarnet.io import read_labels
    from scarnet.io.channels import read_channels

    check_name(study.case)
    if file is None:
        raise ScarNetError(f"there are no labels of this case in {args.labels}; name the file after the case.")
    stack = read(study, bars, series=args.series, phase=args.phase, spacing_mm=args.spacing)
    beside = file.parent / "probabilities.nii.gz"
    own = file.name == "labels.nii.gz" and beside.is_file()
    origin = origin_of(file)
    return CaseContent(
        stack,
        read_labels(file, stack),
        read_channels(beside, stack) if own else None,
        origin,
        card_of(origin.model_sha256),
    )


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

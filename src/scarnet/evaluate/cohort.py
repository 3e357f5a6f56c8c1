"""Reading pairs of label files and comparing them, a whole cohort at a time."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scarnet.errors import ScarNetError
from scarnet.evaluate.case import CaseResult, evaluate_case
from scarnet.evaluate.pairing import Pairs
from scarnet.io import read_labels, read_study
from scarnet.progress import Progress, silent

__all__ = ["Cohort", "evaluate_cohort"]

Spacing = tuple[float, float, float]


@dataclass(frozen=True)
class Cohort:
    """What comparing a cohort gave.

    Attributes
    ----------
    methods : dict of str to tuple of CaseResult
        By the prediction's name, all with the same cases in the same order.
    notes : tuple of str
        What the files said about their geometry that matters to mm, with how many files said so.
    """

    methods: dict[str, tuple[CaseResult, ...]]
    notes: tuple[str, ...]


def evaluate_cohort(
    pairs: Pairs,
    names: Sequence[str],
    *,
    allow_missing: bool = False,
    readers: bool = False,
    distances: bool = True,
    spacing_mm: Spacing | None = None,
    progress: Progress = silent,
) -> Cohort:
    """Read and compare every case of a cohort.

    Parameters
    ----------
    pairs : Pairs
        The cases and their files.
    names : sequence of str
        The predictions' names, in the files' order.
    allow_missing : bool
        Evaluate the cases that everyone has, where others are missing or left over.
    readers : bool
        Two readers are compared, neither of whom is the truth.
    distances : bool
        Measure surface distances too.
    spacing_mm : tuple of float, optional
        (z, y, x) for references that do not tell theirs, such as TIFF.
    progress : Progress
        Called before each case; may raise :class:`scarnet.errors.Cancelled`.

    Returns
    -------
    Cohort
        The comparison.

    Raises
    ------
    ScarNetError
        Cases are missing or left over, files cannot be read, or grids differ: all of it in one message.
    """
    problems = [] if allow_missing else list(pairs.problems)
    remarks: Counter[str] = Counter()
    methods: dict[str, list[CaseResult]] = {name: [] for name in names}
    for done, (case, files) in enumerate(pairs.cases.items()):
        progress(done, len(pairs.cases), "Evaluating")
        read = _read(case, files, spacing_mm, problems, remarks)
        # After the first problem the rest is only read, to name all there are.
        if problems or read is None:
            continue
        spacing, reference, predictions = read
        for name, predicted in zip(names, predictions, strict=True):
            methods[name].append(
                evaluate_case(reference, predicted, spacing, case, distances=distances, readers=readers)
            )
    progress(len(pairs.cases), len(pairs.cases), "Evaluating")
    if problems:
        count = f"{len(problems)} problems, nothing is evaluated: " if len(problems) > 1 else ""
        hint = "" if allow_missing or not pairs.problems else " (--allow-missing evaluates the cases that all have)"
        raise ScarNetError(count + "; ".join(text.removesuffix(".") for text in problems) + hint + ".")
    if not pairs.cases:
        raise ScarNetError(f"There is no case that all have: {'; '.join(pairs.problems)}.")
    notes = tuple(f"{text} ({count} of {len(pairs.cases)} references)" for text, count in remarks.items())
    return Cohort({name: tuple(cases) for name, cases in methods.items()}, notes)


def _read(
    case: str,
    files: Sequence[Path],
    spacing_mm: Spacing | None,
    problems: list[str],
    remarks: Counter[str],
) -> tuple[Spacing, npt.NDArray[np.uint8], list[npt.NDArray[np.uint8]]] | None:
    """Read a case's labels; what is wrong with them is added to the problems."""
    try:
        # Read as a study, the reference's file gives the grid and the distance between slices.
        grid = read_study(files[0], case=case, spacing_mm=spacing_mm)
        reference = read_labels(files[0], grid)
    except ScarNetError as error:
        problems.append(str(error))
        return None
    # A case without labels is nothing odd, and was written for images.
    remarks.update(note for note in grid.source.notes if not note.startswith("Every voxel"))
    predictions = []
    for file in files[1:]:
        try:
            predictions.append(read_labels(file, grid))
        except ScarNetError as error:
            problems.append(str(error))
    if len(predictions) < len(files) - 1:
        return None
    return grid.spacing_mm, reference, predictions

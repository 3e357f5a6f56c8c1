"""Two people's labels of the same cases, compared over a cohort."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scarnet.errors import ScarNetError
from scarnet.evaluate import CaseResult, evaluate_case, summarise
from scarnet.progress import Progress, silent
from scarnet.project.project import Project

__all__ = ["WORKING", "AnnotatorComparison", "compare_annotators"]

WORKING = ""
"""In place of an annotator's name: the working labels."""


@dataclass(frozen=True)
class AnnotatorComparison:
    """Two annotators over the cases that both have labelled.

    Attributes
    ----------
    first, second : str
        Their names; :data:`WORKING` for the working labels.
    cases : tuple of CaseResult
        By case: Dice and volumes by class, with ``readers`` set, since neither is the truth.
    summary : dict
        As :func:`scarnet.evaluate.summarise` gives it, with the Bland–Altman analysis in ``scar_percent``.
    left_out : tuple of str
        Cases that only one of them has labelled.
    """

    first: str
    second: str
    cases: tuple[CaseResult, ...]
    summary: dict[str, Any]
    left_out: tuple[str, ...]


def compare_annotators(
    project: Project, first: str, second: str, cases: Sequence[str] | None = None, progress: Progress = silent
) -> AnnotatorComparison:
    """Compare two annotators' labels.

    Parameters
    ----------
    project : Project
        The project.
    first, second : str
        The annotators; :data:`WORKING` for the working labels.
    cases : sequence of str, optional
        Which; without it all that both have labelled.
    progress : Progress
        Called before each case; may raise :class:`scarnet.errors.Cancelled`.

    Returns
    -------
    AnnotatorComparison
        Case by case, and over the cohort.

    Raises
    ------
    ScarNetError
        There is no case that both have labelled, or labels are damaged.
    """
    if first == second:
        raise ScarNetError("An annotator cannot be compared with himself or herself; name two.")
    wanted = list(project.cases if cases is None else cases)
    results, left_out = [], []
    for number, case in enumerate(wanted):
        progress(number, len(wanted), "Comparing annotators")
        pair = [project.labels(case, name or None) for name in (first, second)]
        if pair[0] is not None and pair[1] is not None:
            spacing = project.stack(case).spacing_mm
            results.append(evaluate_case(pair[0], pair[1], spacing, case, distances=False, readers=True))
        elif pair[0] is not None or pair[1] is not None:
            left_out.append(case)
    progress(len(wanted), len(wanted), "Comparing annotators")
    if not results:
        names = " and ".join(name or "the working labels" for name in (first, second))
        raise ScarNetError(f"There is no case that has labels of both {names}.")
    return AnnotatorComparison(first, second, tuple(results), summarise(results), tuple(left_out))

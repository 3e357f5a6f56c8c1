"""Importing a list of studies and datasets, one failure never stopping the others."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from scarnet.errors import ScarNetError
from scarnet.progress import Progress

if TYPE_CHECKING:
    from scarnet.project import Project

__all__ = ["Imported", "Wish", "import_found", "wishes"]


@dataclass(frozen=True)
class Wish:
    """A study as the user wants to have it.

    Attributes
    ----------
    path : Path
        The study.
    case : str or None
        Its name; None for a generated one.
    keep_name : bool
        Where there is none, call it like its file.
    patient : str
        Studies with the same word are of one patient; empty for a patient of its own.
    series, phase : optional
        As in :func:`scarnet.io.read_study`.
    """

    path: Path
    case: str | None = None
    keep_name: bool = False
    patient: str = ""
    series: str | None = None
    phase: int | None = None

    def chosen(self, series: str | None, phase: int | None) -> Self:
        """Give the same with a series or a phase chosen."""
        return replace(self, series=series, phase=phase)


@dataclass
class Imported:
    """What became of the studies.

    Attributes
    ----------
    cases : list of str
        The new cases.
    failed : list of str
        A sentence for each that could not be imported.
    ambiguous : list of tuple
        Those of which a series or phase has to be chosen, with the error that lists them.
    """

    cases: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    ambiguous: list[tuple[Wish, Any]] = field(default_factory=list)


def wishes(rows: list[tuple[Path, str, str]], cases: Collection[str], keep_names: bool) -> list[Wish]:
    """Check what the user wrote beside the studies.

    Parameters
    ----------
    rows : list of tuple
        Path, case name and patient of each study; the last two may be empty.
    cases : collection of str
        The project's cases.
    keep_names : bool
        Call cases without a name like their files.

    Returns
    -------
    list of Wish
        In the order of the rows.

    Raises
    ------
    ScarNetError
        A name is taken or given twice, or is no name for a case.
    """
    from scarnet.project.naming import check_name

    taken, wanted = list(cases), []
    for path, case, patient in rows:
        if case:
            taken.append(check_name(case, "case", taken))
        wanted.append(Wish(path, case or None, keep_names, patient))
    return wanted


def import_found(
    project: "Project",
    studies: list[Wish],
    datasets: list[Path],
    progress: Progress,
    on_case: Callable[[Path, str], None],
) -> Imported:
    """Import studies and datasets into a project; for a worker.

    Parameters
    ----------
    project : Project
        The project.
    studies : list of Wish
        The studies.
    datasets : list of Path
        Datasets in nnU-Net's layout.
    progress : Progress
        Called before each; may raise :class:`scarnet.errors.Cancelled`: what was imported stays.
    on_case : callable
        Called with each study's path and the case that it became; a dataset's cases are called as they are there.

    Returns
    -------
    Imported
        The cases, and what to tell of the rest.
    """
    from scarnet.io import AmbiguousStudyError
    from scarnet.project import import_study

    report = Imported()
    first_of: dict[str, str] = {case: case for case in project.cases}
    for number, wish in enumerate(studies):
        progress(number, len(studies), f"Importing {wish.path.name}")
        try:
            case = import_study(
                project,
                wish.path,
                case=wish.case,
                keep_name=wish.keep_name,
                series=wish.series,
                phase=wish.phase,
                same_patient_as=first_of.get(wish.patient) if wish.patient else None,
            )
        except AmbiguousStudyError as error:
            report.ambiguous.append((wish, error))
        except ScarNetError as error:
            report.failed.append(f"{wish.path.name}: {error}")
        else:
            report.cases.append(case)
            on_case(wish.path, case)
            if wish.patient:
                first_of.setdefault(wish.patient, case)
    if datasets:
        from scarnet_training.project import import_dataset
    for folder in datasets:
        try:
            taken = import_dataset(project, folder, progress)
        except ScarNetError as error:
            report.failed.append(f"{folder.name}: {error}")
        else:
            report.cases += taken.done
            report.failed += [f"{case}: {why}" for case, why in taken.failed.items()]
    return report

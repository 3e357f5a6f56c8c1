"""Taking a whole dataset in nnU-Net's layout into a project: images, labels by name, and who is whose patient."""

from dataclasses import dataclass, field
from pathlib import Path

from scarnet.errors import Cancelled, ScarNetError
from scarnet.progress import Progress, silent
from scarnet.project import Project, import_labels, import_study
from scarnet.project.naming import fit_name
from scarnet_training.dataset_layout import read_layout
from scarnet_training.dataset_report import DatasetReport

__all__ = ["ImportReport", "import_dataset"]


@dataclass
class ImportReport:
    """What came in.

    Attributes
    ----------
    done : list of str
        Cases that were imported.
    labelled : list of str
        Those of them that brought labels.
    failed : dict of str to str
        The dataset's cases that were not, with a sentence each.
    """

    done: list[str] = field(default_factory=list)
    labelled: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def import_dataset(project: Project, folder: Path | str, progress: Progress = silent) -> ImportReport:
    """Import a dataset's cases under the names they have there.

    Parameters
    ----------
    project : Project
        The project.
    folder : Path or str
        A dataset in nnU-Net's raw layout; labels are optional, and are mapped by the names in its ``dataset.json``.
        Its ``patients.csv`` says which cases are of one patient, also with cases that came in before; the patients'
        keys themselves are not kept.
    progress : Progress
        Called before each case; may raise :class:`scarnet.errors.Cancelled`: what came in stays.

    Returns
    -------
    ImportReport
        What came in; a case that cannot does not stop the others.

    Raises
    ------
    ScarNetError
        The folder is no such dataset, its labels' names mean nothing here, or the project is read-only.
    """
    with project.writing():
        pass
    folder = Path(folder)
    findings = DatasetReport((folder,))
    layout = read_layout(folder, findings)
    problems = [text for kind in ("description", "patients") for text in findings.problems[kind]]
    if layout is None or not layout.images or (layout.labels and problems):
        findings.raise_problems()
        raise ScarNetError(f"{folder} holds no images in nnU-Net's layout.")
    report, first_of = ImportReport(), _known_patients(project, layout.patients)
    for number, (case, path) in enumerate(layout.images.items()):
        progress(number, len(layout.images), "Importing")
        patient = layout.patients.get(case)
        try:
            name = import_study(project, path, case=fit_name(case), same_patient_as=first_of.get(patient or ""))
            if patient:
                first_of.setdefault(patient, name)
            report.done.append(name)
            if case in layout.labels:
                import_labels(project, name, layout.labels[case], names=layout.names)
                report.labelled.append(name)
        except Cancelled:
            raise
        except ScarNetError as error:
            report.failed[case] = str(error)
    progress(len(layout.images), len(layout.images), "Importing")
    return report


def _known_patients(project: Project, patients: dict[str, str]) -> dict[str, str]:
    """Give for each patient's key a case that came in before."""
    return {patient: fit_name(case) for case, patient in patients.items() if fit_name(case) in project.cases}

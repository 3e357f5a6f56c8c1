"""Taking studies and labels into a project: pixels and geometry are kept, identifiers are not."""

from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

import numpy as np

from scarnet.errors import ScarNetError
from scarnet.files import make_folder
from scarnet.io import read_labels, read_study, write_image, write_labels
from scarnet.io.paths import case_name
from scarnet.progress import Progress, silent
from scarnet.project.layout import CASES, IMAGE
from scarnet.project.naming import check_name, fit_name, generated_name, names_a_patient
from scarnet.project.new_folder import new_folder
from scarnet.project.project import Project
from scarnet.project.record import CaseRecord
from scarnet.stack import LGEStack

__all__ = ["export_labels", "import_labels", "import_stack", "import_study", "pixel_digest"]

_LABEL_VALUES = 8


def import_study(
    project: Project,
    path: Path | str,
    *,
    case: str | None = None,
    keep_name: bool = False,
    series: str | None = None,
    phase: int | None = None,
    spacing_mm: tuple[float, float, float] | None = None,
    same_patient_as: str | None = None,
    progress: Progress = silent,
) -> str:
    """Copy a study into a project as a case.

    Parameters
    ----------
    project : Project
        The project.
    path : Path or str
        Anything that :func:`scarnet.io.read_study` reads.
    case : str, optional
        What to call it; without it a name is generated, ``case-001`` and so on.
    keep_name : bool
        Call it like its file or folder instead, unless that holds the patient's name as the study states it.
    series, phase, spacing_mm : optional
        As in :func:`scarnet.io.read_study`.
    same_patient_as : str, optional
        An earlier case of the same patient: the two stay on one side of every split.
    progress : Progress
        Called while reading; may raise :class:`scarnet.errors.Cancelled`.

    Returns
    -------
    str
        The case's name.

    Raises
    ------
    ScarNetError
        The study cannot be read, is in the project already, or holds nothing to see; the name cannot be used; or the
        project cannot be written to.
    """
    path = Path(path)
    if case is not None and names_a_patient(case, path):
        raise ScarNetError("The case name chosen holds what the study says of its patient; choose another one.")
    name = case
    if name is None and keep_name:
        own = fit_name(case_name(path))
        name = own if own and not names_a_patient(own, path) else None
    stack = read_study(path, case="study", series=series, phase=phase, spacing_mm=spacing_mm, progress=progress)
    return import_stack(project, stack, case=name, same_patient_as=same_patient_as)


def import_stack(
    project: Project, stack: LGEStack, *, case: str | None = None, same_patient_as: str | None = None
) -> str:
    """Put a stack into a project as a case.

    Parameters
    ----------
    project : Project
        The project.
    stack : LGEStack
        The study; its own case name, and where it came from, are not kept.
    case : str, optional
        What to call it; without it a name is generated.
    same_patient_as : str, optional
        An earlier case of the same patient.

    Returns
    -------
    str
        The case's name.

    Raises
    ------
    ScarNetError
        As for :func:`import_study`.
    """
    with project.writing():
        taken = {*project.cases, *project.state.cases}
        name = generated_name(taken) if case is None else check_name(case, "case", taken)
        _check_pixels(stack)
        digest = pixel_digest(stack)
        for other, record in project.records.items():
            if record.pixels == digest:
                raise ScarNetError(f"The study is in the project already, as {other}; a study must not be there twice.")
        record = CaseRecord(
            patient=project.record(same_patient_as).patient if same_patient_as else name,
            pixels=digest,
            kind=stack.kind,
            spacing_mm=stack.spacing_mm,
            slice_positions_mm=stack.slice_positions_mm,
            notes=stack.source.notes,
        )
        with new_folder(project.folder / CASES / name) as folder:
            write_image(folder / IMAGE, stack)
            record.write(folder)
        project.records[name] = record
        project.change_state(cases=(*project.state.cases, name))
        project.log_action("import", case=name)
        return name


def import_labels(
    project: Project,
    case: str,
    path: Path | str,
    *,
    names: Mapping[str, int] | None = None,
    annotator: str | None = None,
) -> None:
    """Take labels that exist already for a case's own, or for an annotator's.

    Parameters
    ----------
    project : Project
        The project.
    case : str
        The case.
    path : Path or str
        The labels, on the case's grid; as in :func:`scarnet.io.read_labels`.
    names : Mapping, optional
        ``{label name: value}`` in the file. Without it a ``dataset.json`` beside it says, else the values are ours.
    annotator : str, optional
        Whose labels they are; without it the working labels, which are replaced: the version before is kept.

    Raises
    ------
    ScarNetError
        They cannot be read or do not fit the case, or the project cannot be written to.
    """
    with project.writing():
        labels = read_labels(path, project.stack(case), names)
        project.log_edits(case)
        project.save_labels(case, labels, annotator, as_predicted=True)
        project.log_edits(case, "import labels")


def export_labels(
    project: Project, out: Path | str, cases: list[str] | None = None, annotator: str | None = None
) -> list[str]:
    """Write labels as ``CASE.nii.gz``, for any other tool.

    Parameters
    ----------
    project : Project
        The project.
    out : Path or str
        The folder.
    cases : list of str, optional
        Which; without it all that have labels.
    annotator : str, optional
        Whose; without it the working labels, or the prediction's where nobody edited.

    Returns
    -------
    list of str
        The cases that were written; one without labels is left out.

    Raises
    ------
    ScarNetError
        There is no such case, labels are damaged, or they cannot be written.
    """
    folder, written = make_folder(out), []
    for case in project.cases if cases is None else cases:
        labels = project.labels(case, annotator) if annotator else project.current_labels(case)
        if labels is not None:
            write_labels(folder / f"{case}.nii.gz", labels, project.stack(case))
            written.append(case)
    return written


def _check_pixels(stack: LGEStack) -> None:
    values = np.unique(stack.pixels[len(stack.pixels) // 2])
    if len(values) > _LABEL_VALUES:
        return
    values = np.unique(stack.pixels)
    if len(values) == 1:
        raise ScarNetError("Every pixel of the study has the same value, so there is nothing to segment; check it.")
    if len(values) <= _LABEL_VALUES and np.array_equal(values, values.round()):
        raise ScarNetError(
            f"The file has only {len(values)} different values, as labels have and no image; give the image, and then "
            "its labels to 'scarnet project import-labels'."
        )


def pixel_digest(stack: LGEStack) -> str:
    """Give what tells a study again, whatever it is called: a digest of its grid's shape and its voxels."""
    return blake2b(
        repr(stack.shape).encode() + np.ascontiguousarray(stack.pixels).tobytes(), digest_size=16
    ).hexdigest()

"""The cases of a project as 'scarnet measure' takes them."""

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scarnet.errors import ScarNetError
from scarnet_cli.measure_cases import CaseContent, CasesToMeasure, CaseToMeasure, listed
from scarnet_cli.progress import Bars

if TYPE_CHECKING:
    from scarnet.project import Project

__all__ = ["check_options", "is_project", "project_cases"]

# What belongs to files, or to one study.
_NOT_FOR_PROJECTS = ("case", "series", "phase", "spacing")


def is_project(path: Path) -> bool:
    """Tell whether a folder is a project.

    Parameters
    ----------
    path : Path
        The folder.

    Returns
    -------
    bool
        It is.
    """
    from scarnet.project.layout import PROJECT_FILE

    return (path / PROJECT_FILE).is_file()


def check_options(args: argparse.Namespace) -> None:
    """Refuse what makes no sense for a project.

    Parameters
    ----------
    args : Namespace
        The parsed command line.

    Raises
    ------
    ScarNetError
        Something does not.
    """
    if args.labels is not None:
        raise ScarNetError(f"{args.image} is a project and has labels of its own; leave LABELS out.")
    for name in _NOT_FOR_PROJECTS:
        if getattr(args, name) is not None:
            raise ScarNetError(f"--{name} is about files, but {args.image} is a project; leave it out.")
    if args.dicom:
        raise ScarNetError(
            "A project keeps no DICOM files to refer to; write its labels with 'scarnet project export-labels', and "
            "measure the DICOM study with them and --dicom."
        )
    if args.output.resolve().is_relative_to(args.image.resolve()):
        raise ScarNetError("The results would lie inside the project; choose a folder outside it with -o.")


def project_cases(project: "Project") -> CasesToMeasure:
    """Find the cases of a project.

    Parameters
    ----------
    project : Project
        The project, open while the cases are read.

    Returns
    -------
    CasesToMeasure
        Every case that is labelled and not excluded: its working labels, or the prediction's where nobody edited.

    Raises
    ------
    ScarNetError
        There is none.
    """
    cases, excluded, unlabelled = [], [], []
    for row in project.rows():
        if row.status == "excluded":
            excluded.append(row.case)
        elif row.status == "new":
            unlabelled.append(row.case)
        else:
            cases.append(CaseToMeasure(row.case, partial(_read, project, row.case)))
    if not cases:
        raise ScarNetError(
            f"{project.name} has no labelled case; 'scarnet project predict' labels them, or import labels."
        )
    remarks = [
        f"{what}, left out: {listed(names)}"
        for what, names in (("excluded", excluded), ("without labels", unlabelled))
        if names
    ]
    return CasesToMeasure(tuple(cases), single=False, remarks=tuple(remarks))


def _read(project: "Project", case: str, bars: Bars) -> CaseContent:
    from scarnet.export import LabelOrigin

    bars(0, 1, "Reading the case")
    stack, labels = project.stack(case), project.current_labels(case)
    if labels is None:
        raise ScarNetError("there are no labels of this case any more; look at the project's folder.")
    prediction = project.prediction(case)
    bars(1, 1, "Reading the case")
    if prediction is None:
        return CaseContent(stack, labels, None, LabelOrigin("manual"), None)
    untouched = np.array_equal(labels, prediction.labels)
    origin = LabelOrigin("automatic" if untouched else "semiautomatic", prediction.card.name, prediction.model_sha256)
    return CaseContent(stack, labels, prediction.probabilities, origin, prediction.card)

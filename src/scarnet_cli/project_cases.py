"""``scarnet project init, import, accept, reopen, exclude, include``: what is in a project, and what was decided."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scarnet.errors import ScarNetError
from scarnet.wording import counted
from scarnet_cli.arguments import add_model, add_study_options
from scarnet_cli.failures import BAD_INPUT, OK, report
from scarnet_cli.progress import Bars
from scarnet_cli.project_opening import opened_to_write

if TYPE_CHECKING:
    from scarnet.project import Project

__all__ = ["add_actions"]

_INIT = """
Make a project: a new folder, with a copy of the model that predicts at first.
"""

_INIT_EXAMPLES = """
  scarnet project init heart-study
      with the built-in model
  scarnet project init heart-study --model mine
      with a model of your own
"""

_IMPORT = """
Copy studies into a project: pixels and geometry as they are, nothing that
identifies a patient. STUDY is what 'scarnet segment' takes. Cases get names,
case-001 and so on, and the list of which is which is printed, not kept. An
nnU-Net dataset brings its own names, its labels, mapped by their names in
dataset.json, and which cases are of one patient (patients.csv).
"""

_IMPORT_EXAMPLES = """
  scarnet project import heart-study studies/*
      every study in a folder
  scarnet project import heart-study follow-up/ --same-patient-as case-001
      a second study of a patient: both stay on one side of every split
  scarnet project import heart-study Dataset042_LGE --accept
      a dataset; its labels are accepted as they are
"""

_DECISIONS = {
    "accept": ("accept labels", "Accept the cases' labels, or their predictions as they are: they join the dataset."),
    "reopen": ("take accepted cases back into work", "Take accepted cases out of the dataset; their labels stay."),
    "exclude": ("leave cases out", "Leave cases out of queue and dataset; their labels stay."),
    "include": ("take excluded cases back", "Take excluded cases back into the queue."),
}


def add_actions(actions: Any, add_action: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the actions to the parser of ``scarnet project``.

    Parameters
    ----------
    actions : argparse subparsers
        Where they belong.
    add_action : callable
        Adds one, with what every action has.
    """
    parser = add_action(actions, "init", run_init, "make a project", _INIT, _INIT_EXAMPLES)
    parser.add_argument("--name", help="what to call it (default: the folder's name)")
    add_model(parser)
    parser = add_action(actions, "import", run_import, "copy studies into a project", _IMPORT, _IMPORT_EXAMPLES)
    parser.add_argument(
        "studies", metavar="STUDY", nargs="+", type=Path, help="a study, a folder of them, or a dataset"
    )
    names = parser.add_mutually_exclusive_group()
    names.add_argument(
        "--keep-names", action="store_true", help="call cases like their files, unless that is the patient's name"
    )
    add_study_options(parser, names)
    parser.add_argument("--same-patient-as", metavar="CASE", help="an earlier case of the same patient")
    parser.add_argument("--accept", action="store_true", help="accept the labels that a dataset brings")
    for name, (summary, text) in _DECISIONS.items():
        example = f"  scarnet project {name} heart-study case-001 case-002"
        parser = add_action(actions, name, run_decision, summary, text, example)
        parser.add_argument("cases", metavar="CASE", nargs="+", help="a case")
        parser.set_defaults(decision=name)


def run_init(args: argparse.Namespace) -> int:
    """Make a project; 0."""
    from scarnet.models import DEFAULT_MODEL, find_model
    from scarnet.project import Project, add_model

    with Bars(args.quiet) as bars:
        model = find_model(args.model or DEFAULT_MODEL)
        with Project.create(args.project, name=args.name, annotator=args.who) as project:
            record = add_model(project, model)
            bars.say(f"Made: {project.folder}, with the model {record.name}")
    return OK


def run_import(args: argparse.Namespace) -> int:
    """Import the studies of a command line; 0, or 2 where one could not be."""
    datasets = [path for path in args.studies if (path / "imagesTr").is_dir()]
    others = [path for path in args.studies if path not in datasets]
    if args.accept and others:
        raise ScarNetError("--accept is for datasets, which bring labels; leave it out.")
    failed = 0
    with Bars(args.quiet) as bars, opened_to_write(args, bars) as project:
        for folder in datasets:
            failed += _import_dataset(project, folder, args, bars)
        if others:
            failed += _import_studies(project, others, args, bars)
    return BAD_INPUT if failed else OK


def _import_studies(project: "Project", paths: list[Path], args: argparse.Namespace, bars: Bars) -> int:
    """Import single studies; give how many could not be."""
    from scarnet.io import AmbiguousStudyError
    from scarnet.project import import_study
    from scarnet_cli.studies import find_studies

    # One by one: studies of one file name get names of their own.
    found = [find_studies([path], project.folder) for path in paths]
    studies = [study.path for one in found for study in one.studies]
    if len(studies) > 1 and (args.case or args.same_patient_as):
        option = "--case" if args.case else "--same-patient-as"
        raise ScarNetError(f"{option} is for one study, but there are {len(studies)}; leave it out.")
    if skipped := [path.name for one in found for path in one.skipped]:
        bars.note(f"no study, skipped: {', '.join(skipped)}")
    failed = 0
    for path in studies:
        try:
            case = import_study(
                project,
                path,
                case=args.case,
                keep_name=args.keep_names,
                series=args.series,
                phase=args.phase,
                spacing_mm=args.spacing,
                same_patient_as=args.same_patient_as,
                progress=bars,
            )
        except AmbiguousStudyError as error:
            option = "--series" if error.series else "--phase"
            with bars.cleared():
                report(ScarNetError(f"{str(error).removesuffix('.')}; choose with {option} NUMBER."), debug=args.debug)
            failed += 1
        except ScarNetError as error:
            with bars.cleared():
                report(error, debug=args.debug, case=None if str(path) in str(error) else str(path))
            failed += 1
        else:
            bars.say(f"{case}: {path}")
            for note in project.record(case).notes:
                bars.note(f"{case}: {note}")
    return failed


def _import_dataset(project: "Project", folder: Path, args: argparse.Namespace, bars: Bars) -> int:
    """Import a dataset; give how many of its cases could not be."""
    from scarnet_training.project import import_dataset

    found = import_dataset(project, folder, bars)
    if args.accept:
        for case in found.labelled:
            project.accept(case)
    for case, sentence in found.failed.items():
        with bars.cleared():
            report(ScarNetError(sentence), debug=False, case=case)
    told = f", {len(found.labelled)} of them with labels" if found.labelled else ""
    bars.say(
        f"{counted(len(found.done), 'case')} imported from {folder}{told}{', accepted' if told and args.accept else ''}"
    )
    return len(found.failed)


def run_decision(args: argparse.Namespace) -> int:
    """Decide on cases; 0, or 2 where one could not be decided on."""
    failed = 0
    with Bars(args.quiet) as bars, opened_to_write(args, bars) as project:
        for case in args.cases:
            try:
                getattr(project, args.decision)(case)
            except ScarNetError as error:
                report(error, debug=args.debug, case=case)
                failed += 1
            else:
                bars.say(f"{case}: {project.row(case).status}")
    return BAD_INPUT if failed else OK

"""``scarnet project import-labels, export-labels, annotators``: labels in and out, and two people's compared."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scarnet.errors import ScarNetError
from scarnet.wording import counted
from scarnet_cli.columns import in_columns
from scarnet_cli.failures import BAD_INPUT, OK, report
from scarnet_cli.progress import Bars
from scarnet_cli.project_opening import opened_to_read, opened_to_write

__all__ = ["add_actions"]

_WORKING = "working"

_IMPORT = """
Take labels that exist already for the working labels of cases, or for an
annotator's own. LABELS is a file, a folder of files named CASE.nii.gz, or what
'scarnet segment' wrote. Other label values are mapped by name: with the
dataset.json that lies beside the files, or with --map. Labels that were there
before are kept as the last good version.
"""

_IMPORT_EXAMPLES = """
  scarnet project import-labels heart-study labelsTr/
      a folder of files named like the project's cases
  scarnet project import-labels heart-study seg.nii.gz --case case-001 --map "background=0,myocardium=1,cavity=2,scar=3"
      one file of another tool, with its values named
  scarnet project import-labels heart-study bob/ --annotator bob
      a second reader's labels, kept beside the working labels
"""

_EXPORT = """
Write labels as OUT/CASE.nii.gz, on exactly the image's grid: the working
labels, or the prediction where nobody edited.
"""

_EXPORT_EXAMPLES = """
  scarnet project export-labels heart-study -o labels
      all cases
  scarnet project export-labels heart-study -o bob --annotator bob
      a second reader's labels
"""

_ANNOTATORS = """
Compare two annotators over the cases that both have labelled: Dice by case and
class, and the scar percentage (Bland-Altman). An annotator called 'working'
stands for the working labels.
"""

_ANNOTATORS_EXAMPLES = """
  scarnet project annotators heart-study ann bob
      two readers
  scarnet project annotators heart-study working bob
      the working labels and a reader's
"""


def add_actions(actions: Any, add_action: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the actions to the parser of ``scarnet project``.

    Parameters
    ----------
    actions : argparse subparsers
        Where they belong.
    add_action : callable
        Adds one, with what every action has.
    """
    parser = add_action(actions, "import-labels", run_import, "take in labels", _IMPORT, _IMPORT_EXAMPLES)
    parser.add_argument("labels", metavar="LABELS", type=Path, help="a label file, or a folder of them")
    parser.add_argument("--case", metavar="CASE", help="the case that a single file belongs to (default: its name)")
    parser.add_argument("--annotator", metavar="NAME", help="whose labels they are (default: the working labels)")
    parser.add_argument("--map", metavar="NAMES", type=_names, help="the values in the files: NAME=VALUE,NAME=VALUE,…")
    parser = add_action(actions, "export-labels", run_export, "write labels", _EXPORT, _EXPORT_EXAMPLES)
    parser.add_argument("--cases", metavar="CASE", nargs="+", help="which (default: all that have labels)")
    parser.add_argument("-o", "--output", metavar="OUT", type=Path, required=True, help="folder for the labels")
    parser.add_argument("--annotator", metavar="NAME", help="whose labels (default: the working labels)")
    parser = add_action(
        actions, "annotators", run_annotators, "compare two annotators", _ANNOTATORS, _ANNOTATORS_EXAMPLES
    )
    parser.add_argument("first", metavar="FIRST", help="an annotator, or 'working'")
    parser.add_argument("second", metavar="SECOND", help="the other one")


def run_import(args: argparse.Namespace) -> int:
    """Import labels; 0, or 2 where a file could not be taken."""
    from scarnet.evaluate.pairing import find_labels
    from scarnet.project import import_labels
    from scarnet_cli.measure_cases import listed

    found = find_labels(args.labels)
    if args.case is not None and len(found.files) != 1:
        raise ScarNetError(f"--case is for one file, but {args.labels} holds {len(found.files)}; leave it out.")
    files = dict(zip([args.case], found.files.values(), strict=True)) if args.case else found.files
    if args.annotator == _WORKING:
        raise ScarNetError(f"{_WORKING!r} stands for the working labels; leave --annotator out.")
    failed = 0
    with Bars(args.quiet) as bars, opened_to_write(args, bars) as project:
        foreign = [] if args.case else [case for case in files if case not in project.cases]
        if foreign and len(foreign) == len(files):
            raise ScarNetError(
                f"The project has no case of the name of any file: {listed(foreign)}; rename them CASE.nii.gz, or name "
                "a single file's case with --case."
            )
        if foreign:
            bars.note(f"no case of the project, left out: {listed(foreign)}")
            files = {case: path for case, path in files.items() if case not in foreign}
        for number, (case, path) in enumerate(files.items()):
            bars(number, len(files), "Importing labels")
            try:
                import_labels(project, case, path, names=args.map, annotator=args.annotator)
            except ScarNetError as error:
                with bars.cleared():
                    report(error, debug=args.debug, case=case)
                failed += 1
        bars(len(files), len(files), "Importing labels")
        whose = f" of {args.annotator}" if args.annotator else ""
        bars.say(f"Labels{whose} of {len(files) - failed} of {counted(len(files), 'case')} taken in")
    return BAD_INPUT if failed else OK


def run_export(args: argparse.Namespace) -> int:
    """Write labels; 0."""
    from scarnet.project import export_labels

    with Bars(args.quiet) as bars, opened_to_read(args, bars) as project:
        written = export_labels(project, args.output, args.cases, args.annotator)
        if left_out := [case for case in args.cases or () if case not in written]:
            bars.note(f"no labels, left out: {', '.join(left_out)}")
        bars.say(f"Labels of {counted(len(written), 'case')} written: {args.output}")
    return OK


def run_annotators(args: argparse.Namespace) -> int:
    """Compare two annotators; 0."""
    from scarnet.classes import MEASURED_CLASSES
    from scarnet.project import WORKING, compare_annotators

    with Bars(args.quiet) as bars, opened_to_read(args, bars) as project:
        first, second = (WORKING if name == _WORKING else name for name in (args.first, args.second))
        found = compare_annotators(project, first, second, progress=bars)
        rows = [("CASE", *(f"DICE {words.upper()}" for words in MEASURED_CLASSES.values()), "SCAR % BY EACH")]
        for case in found.cases:
            amounts = f"{_percent(case.scar_percent_reference)} {_percent(case.scar_percent_predicted)}"
            rows.append((case.case, *(_dice(case.classes[name].dice) for name in MEASURED_CLASSES), amounts))
        for line in in_columns(rows):
            bars.say(line)
        percent = found.summary["scar_percent"]
        if percent["bias"] is not None:
            told = f"scar percentage, {args.second} − {args.first}: bias {percent['bias']:+.2f} points"
            limits = percent["loa"]
            bars.say(told + (f", limits {limits[0]:+.1f} to {limits[1]:+.1f}" if limits else ""))
        if found.left_out:
            bars.note(f"labelled by one of them only, left out: {', '.join(found.left_out)}")
    return OK


def _dice(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _names(text: str) -> dict[str, int]:
    """Read ``--map``."""
    from scarnet.classes import class_from_name

    try:
        names = {name.strip(): int(value) for name, value in (part.split("=") for part in text.split(","))}
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE,NAME=VALUE,…") from error
    for name in names:
        try:
            class_from_name(name)
        except ScarNetError as error:
            raise argparse.ArgumentTypeError(str(error).removesuffix(".")) from error
    return names

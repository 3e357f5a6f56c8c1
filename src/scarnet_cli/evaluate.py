"""``scarnet evaluate``: labels against a reference, methods or readers against each other."""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scarnet.errors import ScarNetError
from scarnet_cli.arguments import Parser, add_command, add_quiet, spacing_mm
from scarnet_cli.failures import OK
from scarnet_cli.outputs import check_replaceable, replaced_folder
from scarnet_cli.progress import Bars

if TYPE_CHECKING:
    from scarnet.evaluate.pairing import Pairs

__all__ = ["add"]

_TEXT = """
Compare segmentations with a reference, patient by patient.

REFERENCE and PREDICTION are an nnU-Net dataset (its labelsTr), a folder of
files named CASE.nii.gz, what 'scarnet segment' wrote (CASE/labels.nii.gz), or
one file. Other label values are mapped by name with the dataset.json that
lies beside the files. Several PREDICTIONs are compared with each other by
paired tests over the same patients.

OUT is replaced as a whole and receives:

  cases.csv     Dice (3D), HD95, HD and ASSD in mm, volumes, scar percentage
  slices.csv    Dice and areas per slice
  summary.json  means, medians, Bland-Altman, regression, false alarms, tests
  dice, bland_altman, regression  figures, each as .png and .pdf

Myocardium is the whole wall: healthy myocardium and scar. Patients without
reference scar are left out of scar Dice and counted as false alarms where
scar is claimed. Cases that 'scarnet segment' labelled with a model trained on
them are told. For research use only.
"""

_EXAMPLES = """
  scarnet evaluate Dataset001 results -o evaluation
      what 'scarnet segment Dataset001 -o results' wrote against the labels
  scarnet evaluate Dataset001 old new -o comparison --name before --name after
      two models over the same patients
  scarnet evaluate reader1 reader2 -o interobserver --readers
      two readers, neither of whom is the truth
  scarnet evaluate Dataset001 fold0 -o fold0-evaluation --allow-missing
      the cases that both have
  scarnet evaluate my-cohort results -o evaluation --splits runs/mine/splits.json
      the patients that the training of runs/mine held out

exit status:
  0    everything was evaluated and written
  2    bad input: all missing cases, other grids and unreadable files are
       named in one line on stderr, starting 'error:'; nothing is written
  130  stopped with Ctrl-C; nothing is written
"""


def add(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Add the command to the parser.

    Parameters
    ----------
    commands : argparse subparsers
        Where it belongs.
    """
    parser = add_command(commands, "evaluate", run, "compare segmentations with a reference", _TEXT, _EXAMPLES)
    parser.add_argument("reference", metavar="REFERENCE", type=Path, help="the reference labels, or the first reader's")
    parser.add_argument("predictions", metavar="PREDICTION", nargs="+", type=Path, help="labels to evaluate")
    parser.add_argument("-o", "--output", metavar="OUT", type=Path, required=True, help="folder for the results")
    parser.add_argument(
        "--name",
        action="append",
        dest="names",
        metavar="NAME",
        help="what a PREDICTION is called, once for each; with --readers, what the two readers are called "
        "(default: the PREDICTION's name)",
    )
    parser.add_argument(
        "--readers", action="store_true", help="REFERENCE and PREDICTION are two readers; neither is the truth"
    )
    parser.add_argument(
        "--allow-missing",
        action="store_true",
        help="evaluate the cases that all have, where some are missing or left over",
    )
    parser.add_argument(
        "--splits",
        metavar="FILE",
        type=Path,
        help="evaluate only the patients that a training held out: its run's splits.json",
    )
    parser.add_argument(
        "--spacing",
        metavar="Z,Y,X",
        type=spacing_mm,
        help="voxel spacing in mm for references that do not tell theirs, such as TIFF: slices, rows, columns",
    )
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Evaluate what a command line says.

    Parameters
    ----------
    args : Namespace
        The parsed command line.

    Returns
    -------
    int
        0.
    """
    reference, names = _names(args)
    from scarnet.evaluate.cohort import evaluate_cohort
    from scarnet.evaluate.report import REPORT_FILES, write_report

    check_replaceable(args.output, REPORT_FILES)
    pairs, notes = _pairs(args, reference, names)
    seen = {} if args.readers else _seen(pairs, names)
    with Bars(args.quiet) as bars:
        cohort = evaluate_cohort(
            pairs,
            names,
            allow_missing=args.allow_missing,
            readers=args.readers,
            spacing_mm=args.spacing,
            progress=bars,
        )
        notes += cohort.notes
        if pairs.left_out:
            count = len(pairs.left_out)
            notes.append(
                f"{len(pairs.cases)} cases evaluated; {count} that not everyone has "
                f"{'is' if count == 1 else 'are'} left out, named in summary.json."
            )
        notes += [_told(name, cases, len(pairs.cases)) for name, cases in seen.items()]
        with replaced_folder(args.output, REPORT_FILES) as folder:
            summary = write_report(
                folder,
                cohort.methods,
                reference=reference,
                left_out=pairs.left_out,
                notes=notes,
                seen=seen,
                progress=bars,
            )
        for note in summary["notes"]:
            bars.note(note)
        for line in _lines(summary):
            bars.say(line)
        bars.say(f"Written: {args.output}")
    return OK


def _names(args: argparse.Namespace) -> tuple[str, list[str]]:
    """Name the reference and the predictions."""
    count = len(args.predictions)
    if args.readers:
        if count != 1:
            raise ScarNetError(
                f"--readers compares two readers, REFERENCE and one PREDICTION, but there are {count} PREDICTIONs; "
                "to compare readers with a truth, leave --readers out."
            )
        names = args.names or ["reader 1", "reader 2"]
        wanted, what = 2, "the two readers"
    else:
        names = args.names or [_default_name(path) for path in args.predictions]
        wanted, what = count, "each PREDICTION"
    if len(names) != wanted:
        raise ScarNetError(f"--name is given {len(names)} times; give it {wanted} times, once for {what}.")
    reserved = [] if args.readers else ["reference"]
    repeated = [name for name, number in Counter([*reserved, *names]).items() if number > 1]
    if repeated:
        raise ScarNetError(f"Two are called {repeated[0]!r}; tell them apart with --name, once for {what}.")
    if not all(name.strip() for name in names):
        raise ScarNetError(f"A --name is empty; give a name for {what}.")
    return (names[0], names[1:]) if args.readers else ("reference", names)


def _pairs(args: argparse.Namespace, reference: str, names: list[str]) -> tuple["Pairs", list[str]]:
    """Find the cases to evaluate, and what is to be said of how they were chosen."""
    from scarnet.evaluate.held_out import keep_cases, read_held_out
    from scarnet.evaluate.pairing import find_labels, pair_up

    truth, predictions = find_labels(args.reference), [find_labels(path) for path in args.predictions]
    if args.splits is None:
        return pair_up(truth, predictions, names, reference), []
    held_out = read_held_out(args.splits)
    kept = keep_cases(truth, held_out)
    if not kept.files:
        raise ScarNetError(f"{args.reference} has none of the cases that {args.splits} holds out; is it another's?")
    predictions = [found if found.single else keep_cases(found, held_out) for found in predictions]
    pairs = pair_up(kept, predictions, names, reference)
    missing = [] if truth.single else sorted(set(held_out) - set(kept.files))
    if missing:
        problem = f"{reference} lacks {len(missing)} of the cases that {args.splits} holds out ({', '.join(missing)})"
        pairs = replace(pairs, problems=(problem, *pairs.problems), left_out=(*pairs.left_out, *missing))
    return pairs, [f"Of {len(truth.files)} cases only those held out from a training are evaluated, as --splits says."]


def _seen(pairs: "Pairs", names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Say of each prediction which cases its model was trained on."""
    from scarnet.evaluate.held_out import seen_in_training

    found = {
        name: seen_in_training({case: files[number] for case, files in pairs.cases.items()})
        for number, name in enumerate(names, start=1)
    }
    return {name: cases for name, cases in found.items() if cases}


def _told(name: str, cases: Sequence[str], count: int) -> str:
    """Warn of cases that a model was trained on."""
    return (
        f"The model behind {name} was trained on cases of the same names as {len(cases)} of these {count}, named in "
        "summary.json; their figures say nothing about new patients, and --splits RUN/splits.json leaves them out."
    )


def _default_name(path: Path) -> str:
    """Name a prediction after its folder; ``labelsTr`` and ``labels.nii.gz`` say nothing, so the one above is taken."""
    path = path.absolute()
    if path.is_dir():
        return path.parent.name if path.name.lower().startswith("labels") else path.name
    return path.parent.name if path.name.startswith("labels.") else path.name.split(".")[0]


def _lines(summary: dict[str, Any]) -> list[str]:
    """Say in a few lines what was found."""
    lines = []
    for method, found in summary["methods"].items():
        dice = ", ".join(
            f"{name.replace('_', ' ')} {_number(values['dice']['mean'], '.3f')} (n {values['dice']['n']})"
            for name, values in found["classes"].items()
        )
        lines.append(f"{method}: {found['n']} cases; mean Dice {dice}")
        percent = found["scar_percent"]
        told = f"  scar percentage: bias {_number(percent['bias'], '+.2f')}"
        if percent["loa"] is not None:
            told += f", limits {percent['loa'][0]:+.1f} to {percent['loa'][1]:+.1f}"
        if "false_alarms" in found:
            alarms, missed = found["false_alarms"], found["missed"]
            told += (
                f"; false alarms {alarms['patients']} of {alarms['patients_without_scar']}, "
                f"missed {missed['patients']} of {missed['patients_with_scar']}"
            )
        lines.append(told)
    if len(summary["methods"]) > 1:
        test = summary["comparison"]["dice_scar"]
        for pair in test["wilcoxon"]:
            if pair["mean_difference"] is not None:
                lines.append(
                    f"{pair['second']} − {pair['first']}: scar Dice {pair['mean_difference']:+.3f}"
                    f"{_interval(pair['ci'])}, p {_number(pair['p_holm'], '.3g')} (Wilcoxon, Holm; n {test['n']})"
                )
    return lines


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _interval(ci: Sequence[float] | None) -> str:
    return "" if ci is None else f" (95 % CI {ci[0]:+.3f} to {ci[1]:+.3f})"

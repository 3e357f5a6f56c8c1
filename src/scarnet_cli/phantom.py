"""``scarnet phantom``: a synthetic cohort to try things on."""

import argparse
from pathlib import Path

from scarnet_cli.arguments import Parser, add_command, add_quiet, natural, positive
from scarnet_cli.failures import OK
from scarnet_cli.outputs import replaced_folder
from scarnet_cli.progress import Bars

__all__ = ["add"]

_TEXT = """
Write a cohort of synthetic LGE studies with their true labels in nnU-Net's
layout: imagesTr/, labelsTr/ and dataset.json. As DICOM, each case's images
are a folder of their own instead of imagesTr/. One seed always gives the same
cohort. The studies are made by a formula: no patient is in them, and results
on them say nothing about results on patients.
"""

_EXAMPLES = """
  scarnet phantom cohort --cases 5
      five cases as NIfTI
  scarnet phantom cohort --cases 2 --seed 7 --format dicom
      two other cases, the images as DICOM series
  scarnet segment cohort -o results
      segment them, whichever the format
"""


def add(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Add the command to the parser.

    Parameters
    ----------
    commands : argparse subparsers
        Where it belongs.
    """
    parser = add_command(commands, "phantom", run, "write a synthetic cohort", _TEXT, _EXAMPLES)
    parser.add_argument("output", metavar="OUT", type=Path, help="folder for the cohort; must be new or empty")
    parser.add_argument("--cases", metavar="N", type=positive, default=1, help="number of cases")
    parser.add_argument("--seed", metavar="S", type=natural, default=0, help="which cohort")
    parser.add_argument("--format", choices=("nifti", "dicom"), default="nifti", help="format of the images")
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Write the cohort.

    Parameters
    ----------
    args : Namespace
        The parsed command line.

    Returns
    -------
    int
        0.
    """
    from scarnet.phantom import write_phantom_cohort

    with Bars(args.quiet) as bars:
        with replaced_folder(args.output, may_hold=()) as folder:
            write_phantom_cohort(folder, args.cases, args.seed, format=args.format, progress=bars)
        cases = "1 synthetic case" if args.cases == 1 else f"{args.cases} synthetic cases"
        bars.say(f"{cases}: {args.output}")
    return OK

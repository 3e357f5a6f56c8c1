"""What can be said on the command line of 'scarnet measure'."""

import argparse
import math
from pathlib import Path

from scarnet_cli.arguments import Parser, add_keep_identity, add_quiet, add_study_options

__all__ = ["add_options", "point"]


def add_options(parser: Parser) -> None:
    """Add the arguments and options.

    Parameters
    ----------
    parser : Parser
        Of the command.
    """
    parser.add_argument("image", metavar="IMAGE", type=Path, help="a study, a folder of studies, or a project")
    parser.add_argument(
        "labels",
        metavar="LABELS",
        type=Path,
        nargs="?",
        help="its labels, or a folder of labels; a project has its own",
    )
    parser.add_argument("-o", "--output", metavar="OUT", type=Path, required=True, help="folder for the results")
    parser.add_argument(
        "--insertion",
        metavar="Z,Y,X",
        type=point,
        action="append",
        help="anterior insertion of the right ventricle: slice, row, column, from 0; again for other levels "
        "(default: estimated)",
    )
    parser.add_argument(
        "--insertion-mm",
        metavar="X,Y,Z",
        type=point,
        action="append",
        help="the same in patient coordinates, RAS, in mm; written --insertion-mm=-35.5,20,15",
    )
    parser.add_argument(
        "--insertions", metavar="CSV", type=Path, help="the same for several cases: columns case, slice, row, column"
    )
    parser.add_argument("--base", choices=("first", "last"), help="which end of the stack is the base (default: found)")
    parser.add_argument(
        "--seen-from",
        choices=("apex", "base"),
        default="apex",
        help="side that slices are seen from, for files that do not tell how they lie; from the base they are mirrored",
    )
    parser.add_argument(
        "--smallest", metavar="ML", type=float, default=0.0, help="smaller connected scar counts as healthy wall"
    )
    parser.add_argument(
        "--no-reflow", choices=("scar", "apart"), default="scar", help="count the dark core of scar as scar or not"
    )
    parser.add_argument("--remote", metavar="FILE", type=Path, help="mask of remote myocardium (default: looked for)")
    parser.add_argument(
        "--fwhm-baseline",
        choices=("remote", "zero"),
        default="remote",
        help="half of the maximum is counted from the remote mean or from zero",
    )
    parser.add_argument(
        "--grey-zone", choices=("fwhm", "sd"), default="fwhm", help="35 to 50 %% of the maximum, or 2 to 3 SD"
    )
    parser.add_argument("--no-report", dest="report", action="store_false", help="leave out report.pdf")
    parser.add_argument("--dicom", action="store_true", help="also write DICOM SEG and SR; the study must be DICOM")
    add_keep_identity(parser)
    add_study_options(parser)
    add_quiet(parser)


def point(text: str) -> tuple[float, float, float]:
    """Read a point.

    Parameters
    ----------
    text : str
        Three numbers, such as ``6,90,84``.

    Returns
    -------
    tuple of float
        The numbers.

    Raises
    ------
    argparse.ArgumentTypeError
        They are not three, or not finite.
    """
    try:
        first, second, third = (float(part) for part in text.split(","))
        valid = all(math.isfinite(value) for value in (first, second, third))
    except ValueError:
        valid = False
    if not valid:
        raise argparse.ArgumentTypeError(f"{text!r} is not three numbers such as 6,90,84")
    return first, second, third

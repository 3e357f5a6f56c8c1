"""``scarnet measure``: the numbers a clinician would report, from images and labels."""

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scarnet.errors import Cancelled, ScarNetError
from scarnet.files import make_folder
from scarnet_cli.arguments import Parser, add_command, add_keep_identity, add_quiet, natural, spacing_mm
from scarnet_cli.case_reports import REPORT_FILE, card_of, origin_of, write_dicom_files
from scarnet_cli.failures import BAD_INPUT, OK, report
from scarnet_cli.measure_cases import LabelledStudy, find_labelled, read_insertions
from scarnet_cli.measure_files import MEASURE_FILES, write_measures
from scarnet_cli.outputs import check_replaceable, replaced_folder
from scarnet_cli.progress import Bars
from scarnet_cli.studies import check_name, read

if TYPE_CHECKING:
    from scarnet.measure import Insertion, StudyMeasures
    from scarnet.stack import LGEStack

__all__ = ["add"]

_TEXT = """
Measure wall, blood pool and scar: volume, mass, scar percentage, thresholds
(FWHM, n-SD, Otsu, two Gaussians), grey zone, no-reflow, transmurality, the
17 segments, and how far to trust the volumes.

IMAGE is a study, a folder of studies, or an nnU-Net dataset. LABELS are its
labels: a file, a folder of CASE.nii.gz, an nnU-Net dataset, or what 'scarnet
segment' wrote, whose probabilities then tell how far to trust the volumes.

OUT receives, in a folder CASE of its own where IMAGE holds several:

  measures.json  every number, with its unit in its name; notes on the labels
  slices.csv     a row a slice
  segments.csv   a row a segment
  report.pdf     two pages: slices with contours, bullseye, tables, method
  cohort.csv     for several cases: a row a case

and with --dicom, of a study read from DICOM, segmentation.dcm (DICOM SEG) and
measurements.dcm (DICOM SR), which refer to its images. docs/export.md.

Myocardium is the whole wall, healthy myocardium and scar, and percentages of
scar are of it. docs/measures.md explains each number. For research use only.
"""

_EXAMPLES = """
  scarnet measure patient01/ results/patient01 -o measures/patient01
      a study and what 'scarnet segment patient01/ -o results' made of it
  scarnet measure image.nii.gz labels.nii.gz -o out --insertion 6,90,84
      the anterior insertion of the right ventricle marked by hand
  scarnet measure patient01/ results/patient01 -o measures/patient01 --dicom
      also DICOM SEG and SR; the case's name stands in for the patient's
  scarnet measure Dataset001 Dataset001 -o measures
      an nnU-Net dataset with its own labels, and cohort.csv

exit status:
  0    every case was measured
  2    bad input, or a case failed: one line on stderr for each, starting
       'error:'; the other cases are measured all the same
  130  stopped with Ctrl-C; finished cases stay, nothing is half-written
"""

_COHORT = "cohort.csv"


def add(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Add the command to the parser.

    Parameters
    ----------
    commands : argparse subparsers
        Where it belongs.
    """
    parser = add_command(commands, "measure", run, "measure scar: volumes, thresholds, segments", _TEXT, _EXAMPLES)
    parser.add_argument("image", metavar="IMAGE", type=Path, help="a study, or a folder of studies")
    parser.add_argument("labels", metavar="LABELS", type=Path, help="its labels, or a folder of labels")
    parser.add_argument("-o", "--output", metavar="OUT", type=Path, required=True, help="folder for the results")
    parser.add_argument(
        "--insertion",
        metavar="Z,Y,X",
        type=_point,
        action="append",
        help="anterior insertion of the right ventricle: slice, row, column, from 0; again for other levels "
        "(default: estimated)",
    )
    parser.add_argument(
        "--insertion-mm",
        metavar="X,Y,Z",
        type=_point,
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
    parser.add_argument("--case", metavar="NAME", help="another name for the case, where IMAGE is one study")
    parser.add_argument("--series", metavar="S", help="which series of a study with several: its number")
    parser.add_argument(
        "--phase", metavar="N", type=natural, help="which phase, from 0, where there are several at each position"
    )
    parser.add_argument(
        "--spacing",
        metavar="Z,Y,X",
        type=spacing_mm,
        help="voxel spacing in mm for files that do not tell theirs, such as TIFF: slices, rows, columns",
    )
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Measure what a command line says.

    Parameters
    ----------
    args : Namespace
        The parsed command line.

    Returns
    -------
    int
        0 when every case was measured, else 2.
    """
    if args.keep_identity and not args.dicom:
        raise ScarNetError("--keep-identity is about DICOM files; add --dicom, or leave it out.")
    found = find_labelled(args.image, args.labels, args.output, args.case)
    if not found.single and (args.insertion or args.insertion_mm or args.remote):
        raise ScarNetError(
            "--insertion, --insertion-mm and --remote belong to one study, but IMAGE is a folder of them; use "
            "--insertions, or measure the studies one by one."
        )
    insertions = read_insertions(args.insertions) if args.insertions else {}
    folders = [args.output if found.single else args.output / one.study.case for one in found.cases]
    for folder in folders:
        check_replaceable(folder, MEASURE_FILES)
    rows: list[dict[str, Any]] = []
    with Bars(args.quiet, cases=len(found.cases)) as bars:
        if found.left_over:
            bars.note(f"labels without an image, left out: {', '.join(found.left_over)}")
        for case, folder in zip(found.cases, folders, strict=True):
            row = _measure_or_report(case, folder, insertions, args, bars)
            rows += [] if row is None else [row]
        if not found.single and rows:
            from scarnet.evaluate.tables import write_table

            write_table(make_folder(args.output) / _COHORT, rows)
            bars.say(f"{len(rows)} of {len(found.cases)} measured; {args.output / _COHORT}")
    return OK if len(rows) == len(found.cases) else BAD_INPUT


def _measure_or_report(
    case: LabelledStudy,
    folder: Path,
    insertions: dict[str, list["Insertion"]],
    args: argparse.Namespace,
    bars: Bars,
) -> dict[str, Any] | None:
    """Measure one case and give its row; a failure is printed and must not stop the others."""
    from scarnet.measure.tables import cohort_row

    try:
        check_name(case.study.case)
        stack, measures = _measure(case, insertions.get(case.study.case, []), args, bars)
        with replaced_folder(folder, MEASURE_FILES) as fresh:
            write_measures(fresh, stack, measures)
            _write_reports(fresh, case, stack, measures, args, bars)
    except Cancelled:
        raise
    except Exception as error:
        bars.case_done()
        with bars.cleared():
            report(error, debug=args.debug, case=case.study.case)
        return None
    bars.case_done()
    for remark in (*stack.source.notes, *measures.values["notes"]):
        bars.note(f"{case.study.case}: {remark}")
    bars.say(_summary(measures.values, folder))
    return cohort_row(measures.values)


def _measure(
    case: LabelledStudy, marked: list["Insertion"], args: argparse.Namespace, bars: Bars
) -> tuple["LGEStack", "StudyMeasures"]:
    from scarnet.io import read_labels
    from scarnet.io.channels import read_channels
    from scarnet.measure import Insertion, MeasureSettings, insertion_at_patient, measure_study

    if case.labels is None:
        raise ScarNetError(f"there are no labels of this case in {args.labels}; name the file after the case.")
    settings = MeasureSettings(
        smallest_scar_ml=args.smallest,
        no_reflow=args.no_reflow,
        base=args.base,
        seen_from=args.seen_from,
        fwhm_baseline=args.fwhm_baseline,
        grey_zone=args.grey_zone,
    )
    stack = read(case.study, bars, series=args.series, phase=args.phase, spacing_mm=args.spacing)
    labels = read_labels(case.labels, stack)
    points = [
        *marked,
        *(Insertion(round(z), y, x) for z, y, x in args.insertion or ()),
        *(insertion_at_patient(point, stack) for point in args.insertion_mm or ()),
    ]
    # A mask's values are no classes: what is not background belongs to the region.
    names = {"background": 0, "myocardium": 1}
    remote = None if args.remote is None else read_labels(args.remote, stack, names) > 0
    probabilities = None if case.probabilities is None else read_channels(case.probabilities, stack)
    return stack, measure_study(labels, stack, settings, insertions=points, remote=remote, probabilities=probabilities)


def _write_reports(
    folder: Path,
    case: LabelledStudy,
    stack: "LGEStack",
    measures: "StudyMeasures",
    args: argparse.Namespace,
    bars: Bars,
) -> None:
    if case.labels is None or not (args.report or args.dicom):
        return
    origin = origin_of(case.labels)
    if args.dicom:
        write_dicom_files(folder, stack, measures, origin, keep_identity=args.keep_identity, progress=bars)
    if args.report:
        from scarnet.report import write_report

        write_report(folder / REPORT_FILE, stack, measures, origin, card_of(origin.model_sha256))


def _summary(values: dict[str, Any], folder: Path) -> str:
    """Say in a line what was measured."""
    percent = values["scar_percent_myocardium"]
    if percent is None:
        return f"{values['case']}: no myocardium in the labels; {folder}"
    text = (
        f"scar {values['scar_volume_ml']:.1f} ml, {percent:.1f} % of {values['myocardium_volume_ml']:.1f} ml myocardium"
    )
    interval = values["uncertainty"].get("probabilities", {}).get("scar_volume_ml", {}).get("interval")
    text += f" ({interval[0]:.1f} to {interval[1]:.1f} ml by its probabilities)" if interval else ""
    fwhm = values["thresholds"]["fwhm"]["scar_percent_myocardium"]
    text += "" if fwhm is None else f"; FWHM {fwhm:.1f} %"
    return f"{values['case']}: {text}; {folder}"


def _point(text: str) -> tuple[float, float, float]:
    """Read a point such as ``6,90,84``, for argparse."""
    try:
        first, second, third = (float(part) for part in text.split(","))
        valid = all(math.isfinite(value) for value in (first, second, third))
    except ValueError:
        valid = False
    if not valid:
        raise argparse.ArgumentTypeError(f"{text!r} is not three numbers such as 6,90,84")
    return first, second, third

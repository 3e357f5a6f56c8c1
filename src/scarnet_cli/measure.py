"""``scarnet measure``: the numbers a clinician would report, from images and labels."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scarnet.errors import Cancelled, ScarNetError
from scarnet.files import make_folder
from scarnet_cli.arguments import Parser, add_command
from scarnet_cli.case_reports import MEASURE_FILES, REPORT_FILE, write_dicom_files
from scarnet_cli.failures import BAD_INPUT, OK, report
from scarnet_cli.measure_cases import CaseContent, CasesToMeasure, CaseToMeasure, find_labelled, listed, read_insertions
from scarnet_cli.measure_options import add_options
from scarnet_cli.measure_project import check_options, is_project, project_cases
from scarnet_cli.outputs import check_replaceable, replaced_folder
from scarnet_cli.progress import Bars

if TYPE_CHECKING:
    from scarnet.measure import Insertion, StudyMeasures

__all__ = ["add"]

_TEXT = """
Measure wall, blood pool and scar: volume, mass, scar percentage, thresholds
(FWHM, n-SD, Otsu, two Gaussians), grey zone, no-reflow, transmurality, the
17 segments, and how far to trust the volumes.

IMAGE is a study, a folder of studies, or an nnU-Net dataset. LABELS are its
labels: a file, a folder of CASE.nii.gz, an nnU-Net dataset, or what 'scarnet
segment' wrote, whose probabilities then tell how far to trust the volumes.
A project brings its own: the working labels of each case, or the prediction's
where nobody edited; leave LABELS out.

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
  scarnet measure heart-study -o measures
      all labelled cases of a project, and cohort.csv

exit status:
  0    every case was measured
  2    bad input, or a case failed: one line on stderr for each, starting
       'error:'; the other cases are measured all the same
  130  stopped with Ctrl-C; finished cases stay, also in cohort.csv
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
    add_options(parser)


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
    if not is_project(args.image):
        return _measure_all(find_labelled(args), args)
    check_options(args)

    from scarnet.project import Project

    with Project.open(args.image, read_only=True) as project:
        return _measure_all(project_cases(project), args)


def _measure_all(found: CasesToMeasure, args: argparse.Namespace) -> int:
    """Measure case after case."""
    if not found.single and (args.insertion or args.insertion_mm or args.remote):
        raise ScarNetError(
            "--insertion, --insertion-mm and --remote belong to one study, but IMAGE holds several; use "
            "--insertions, or measure the studies one by one."
        )
    insertions = read_insertions(args.insertions) if args.insertions else {}
    folders = [args.output if found.single else args.output / one.case for one in found.cases]
    for folder in folders:
        check_replaceable(folder, MEASURE_FILES)
    rows: list[dict[str, Any]] = []
    with Bars(args.quiet, cases=len(found.cases)) as bars:
        for remark in found.remarks:
            bars.note(remark)
        if elsewhere := sorted(insertions.keys() - {one.case for one in found.cases}):
            bars.note(f"insertion points of cases that are not measured, left out: {listed(elsewhere)}")
        try:
            for case, folder in zip(found.cases, folders, strict=True):
                row = _measure_or_report(case, folder, insertions, args, bars)
                rows += [] if row is None else [row]
        finally:
            # After Ctrl-C the table is of the finished cases, not of an earlier run.
            if not found.single and rows:
                from scarnet.evaluate.tables import write_table

                write_table(make_folder(args.output) / _COHORT, rows)
        if not found.single and rows:
            bars.say(f"{len(rows)} of {len(found.cases)} measured; {args.output / _COHORT}")
    return OK if len(rows) == len(found.cases) else BAD_INPUT


def _measure_or_report(
    case: CaseToMeasure,
    folder: Path,
    insertions: dict[str, list["Insertion"]],
    args: argparse.Namespace,
    bars: Bars,
) -> dict[str, Any] | None:
    """Measure one case and give its row; a failure is printed and must not stop the others."""
    from scarnet.measure.files import write_measures
    from scarnet.measure.tables import cohort_row

    try:
        content = case.read(bars)
        stack, measures = content.stack, _measure(content, insertions.get(case.case, []), args)
        with replaced_folder(folder, MEASURE_FILES) as fresh:
            write_measures(fresh, stack, measures)
            _write_reports(fresh, content, measures, args, bars)
    except Cancelled:
        raise
    except Exception as error:
        bars.case_done()
        with bars.cleared():
            report(error, debug=args.debug, case=case.case)
        return None
    bars.case_done()
    for remark in (*stack.source.notes, *measures.values["notes"]):
        bars.note(f"{case.case}: {remark}")
    bars.say(_summary(measures.values, folder))
    return cohort_row(measures.values)


def _measure(content: CaseContent, marked: list["Insertion"], args: argparse.Namespace) -> "StudyMeasures":
    from scarnet.io.labels import read_mask
    from scarnet.measure import Insertion, MeasureSettings, insertion_at_patient, measure_study

    settings = MeasureSettings(
        smallest_scar_ml=args.smallest,
        no_reflow=args.no_reflow,
        base=args.base,
        seen_from=args.seen_from,
        fwhm_baseline=args.fwhm_baseline,
        grey_zone=args.grey_zone,
    )
    stack = content.stack
    points = [
        *marked,
        *(Insertion(round(z), y, x) for z, y, x in args.insertion or ()),
        *(insertion_at_patient(point, stack) for point in args.insertion_mm or ()),
    ]
    return measure_study(
        content.labels,
        stack,
        settings,
        insertions=points,
        remote=None if args.remote is None else read_mask(args.remote, stack),
        probabilities=content.probabilities,
    )


def _write_reports(
    folder: Path, content: CaseContent, measures: "StudyMeasures", args: argparse.Namespace, bars: Bars
) -> None:
    if args.dicom:
        write_dicom_files(
            folder, content.stack, measures, content.origin, keep_identity=args.keep_identity, progress=bars
        )
    if args.report:
        from scarnet.report import write_report

        write_report(folder / REPORT_FILE, content.stack, measures, content.origin, content.card)


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
    fwhm = values["thresholds"]["fwhm"]
    # Where a note doubts it, a number alone would mislead.
    text += "" if fwhm["note"] else f"; FWHM {fwhm['scar_percent_myocardium']:.1f} %"
    return f"{values['case']}: {text}; {folder}"

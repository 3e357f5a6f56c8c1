"""``scarnet segment``: studies in, labels, probabilities, logits and measures out."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scarnet.errors import Cancelled, ScarNetError
from scarnet.files import make_folder, scratch_in
from scarnet_cli.arguments import (
    Parser,
    add_command,
    add_device,
    add_keep_identity,
    add_model,
    add_quiet,
    add_study_options,
    positive,
)
from scarnet_cli.failures import BAD_INPUT, OK, report
from scarnet_cli.outputs import CASE_FILES, FURTHER_OUTPUTS, OUTPUTS, check_replaceable, replaced_folder, write_case
from scarnet_cli.progress import Bars
from scarnet_cli.studies import StudyPath, check_name, find_studies, read

if TYPE_CHECKING:
    from scarnet.predict import Prediction, Predictor
    from scarnet.stack import LGEStack

__all__ = ["add"]

_TEXT = """
Segment myocardium, blood pool and scar in LGE short-axis studies.

INPUT is a study (a DICOM folder or file, NIfTI, TIFF or HDF5), a folder of
studies, or an nnU-Net dataset (its imagesTr). A folder that directly holds
DICOM files is one study; of any other folder, each study in it is a case.

Each case is written to OUT/CASE, where CASE is the file's or folder's name
without nnU-Net's _0000:

  labels.nii.gz         0 background, 1 myocardium, 2 blood pool, 3 scar,
                        on exactly the input's grid
  probabilities.nii.gz  (X, Y, Z, class), after softmax
  logits.nii.gz         (X, Y, Z, class), before softmax
  result.json           case, model, device, seconds, spacing, measures, notes

and, where --save asks for them,

  labels_imagej.tif     the labels as TIFF with ImageJ's metadata (tiff)
  segmentation.dcm      the labels as DICOM SEG, of DICOM studies (dicom)

A case that was segmented before is replaced as a whole, once the new one is
complete. For research use only.
"""

_EXAMPLES = """
  scarnet segment patient01/ -o results
      one study, a folder of DICOM files
  scarnet segment cohort/ -o results --save labels
      every study in a folder, labels and result.json only
  scarnet segment Dataset001/imagesTr -o results --device cuda
      an nnU-Net dataset, on the GPU
  scarnet segment patient01/ -o results --save labels,dicom
      the labels as NIfTI and as a DICOM SEG that refers to the images
  scarnet segment patient02/ -o results --series 2
      a folder with several series: without --series they are listed

exit status:
  0    every case was segmented
  2    bad input, or a case failed: one line on stderr for each, starting
       'error:'; the other cases are segmented all the same
  130  stopped with Ctrl-C; finished cases stay, nothing is half-written
"""


_SAVED = (*OUTPUTS, *FURTHER_OUTPUTS)


def add(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Add the command to the parser.

    Parameters
    ----------
    commands : argparse subparsers
        Where it belongs.
    """
    parser = add_command(commands, "segment", run, "segment one study or a folder of them", _TEXT, _EXAMPLES)
    parser.add_argument("inputs", metavar="INPUT", nargs="+", type=Path, help="a study, or a folder of studies")
    parser.add_argument("-o", "--output", metavar="OUT", type=Path, required=True, help="folder for the results")
    add_model(parser)
    add_device(parser)
    parser.add_argument(
        "--save",
        type=_outputs,
        default=OUTPUTS,
        metavar="LIST",
        help=f"what to write besides result.json, separated by commas, of {', '.join(_SAVED)} "
        f"(default: {','.join(OUTPUTS)})",
    )
    add_keep_identity(parser)
    add_study_options(parser)
    parser.add_argument("--batch-size", metavar="N", type=positive, default=8, help="slices at a time")
    parser.add_argument(
        "--flips",
        action=argparse.BooleanOptionalAction,
        help="average over the four flips of each slice: four times the work (default: as the model recommends)",
    )
    parser.add_argument(
        "--no-postprocess",
        dest="postprocess",
        action="store_false",
        help="leave the labels as the network gives them: no holes filled, no specks removed",
    )
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Segment the studies of a command line.

    Parameters
    ----------
    args : Namespace
        The parsed command line.

    Returns
    -------
    int
        0 when every case was segmented, else 2.
    """
    from scarnet.models import DEFAULT_MODEL, load_model

    if args.keep_identity and "dicom" not in args.save:
        raise ScarNetError("--keep-identity is about DICOM files; add dicom to --save, or leave it out.")
    found = find_studies(args.inputs, args.output, args.case)
    studies = found.studies
    make_folder(args.output)
    for study in studies:
        check_replaceable(args.output / study.case, CASE_FILES)
    with scratch_in(args.output):
        pass  # finds out before the work, not after it, that the folder takes no files
    with Bars(args.quiet, cases=len(studies)) as bars:
        if found.skipped:
            bars.note(f"no study, skipped: {', '.join(path.name for path in found.skipped)}")
        model = load_model(args.model or DEFAULT_MODEL, progress=bars)
        from scarnet.predict import Predictor

        predictor = Predictor(model, args.device, args.batch_size, args.flips)
        done = 0
        try:
            for study in studies:
                done += _segment_or_report(study, predictor, args, bars)
        except (KeyboardInterrupt, Cancelled):
            if len(studies) > 1:
                bars.note(f"stopped: {done} of {len(studies)} segmented, the case at work left as it was.")
            raise
        failed = len(studies) - done
        if len(studies) > 1:
            bars.say(f"{done} of {len(studies)} segmented" + (f"; {failed} failed" if failed else ""))
    return BAD_INPUT if failed else OK


def _segment_or_report(study: StudyPath, predictor: "Predictor", args: argparse.Namespace, bars: Bars) -> bool:
    """Segment one study; a failure is printed and must not stop the others."""
    try:
        result = _segment(study, predictor, args, bars)
    except Cancelled:
        raise
    except Exception as error:
        bars.case_done()
        with bars.cleared():
            report(error, debug=args.debug, case=study.case)
        return False
    bars.case_done()
    for remark in (*result["notes"], *result["notices"]):
        bars.note(f"{study.case}: {remark}")
    bars.say(_summary(result, args.output / study.case))
    return True


def _segment(study: StudyPath, predictor: "Predictor", args: argparse.Namespace, bars: Bars) -> dict[str, Any]:
    started = time.perf_counter()
    check_name(study.case)
    stack = read(study, bars, series=args.series, phase=args.phase, spacing_mm=args.spacing)
    read_seconds = time.perf_counter() - started
    if "dicom" in args.save:
        from scarnet.export.source import dicom_source

        dicom_source(stack)  # finds out before the work whether its images can be referred to
    prediction = predictor.predict(stack, postprocess=args.postprocess, progress=bars)
    with replaced_folder(args.output / study.case, CASE_FILES) as folder:
        _write_further(folder, stack, prediction, predictor.model.name, args, bars)
        return write_case(
            folder,
            stack,
            prediction,
            model_name=predictor.model.name,
            read_seconds=read_seconds,
            save=args.save,
        )


def _write_further(
    folder: Path, stack: "LGEStack", prediction: "Prediction", model: str, args: argparse.Namespace, bars: Bars
) -> None:
    if "tiff" in args.save:
        from scarnet.io import write_labels

        write_labels(folder / FURTHER_OUTPUTS["tiff"], prediction.labels, stack)
    if "dicom" in args.save:
        from scarnet.export import LabelOrigin, make_segmentation, write_dicom

        origin = LabelOrigin("automatic", model, prediction.model_sha256)
        segmentation = make_segmentation(
            prediction.labels, stack, origin, keep_identity=args.keep_identity, progress=bars
        )
        write_dicom(folder / FURTHER_OUTPUTS["dicom"], segmentation)


def _summary(result: dict[str, Any], folder: Path) -> str:
    """Say in a line what was found."""
    measures = result["measures"]
    percent = measures["scar_percent_myocardium"]
    seconds = sum(result["seconds"].values())
    found = (
        "no myocardium found"
        if percent is None
        else f"scar {measures['scar_volume_ml']:.1f} ml, {percent:.1f} % of {measures['myocardium_volume_ml']:.1f} ml "
        "myocardium"
    )
    return f"{result['case']}: {found}; {seconds:.1f} s; {folder}"


def _outputs(text: str) -> tuple[str, ...]:
    """Read ``--save``."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in _SAVED]
    if unknown or not names:
        what = f"{unknown[0]!r} is not known" if unknown else "nothing is named"
        raise argparse.ArgumentTypeError(f"{what}; choose from {','.join(_SAVED)}")
    return names

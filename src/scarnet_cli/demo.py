"""``scarnet demo``: the whole job, from DICOM to report, on a synthetic study."""

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from scarnet.classes import CLASS_NAMES, TissueClass
from scarnet_cli.arguments import Parser, add_command, add_device, add_model, add_quiet, natural
from scarnet_cli.case_reports import MEASURE_FILES, REPORT_FILE, write_dicom_files
from scarnet_cli.failures import OK
from scarnet_cli.outputs import CASE_FILES, check_replaceable, replaced_folder, write_case
from scarnet_cli.progress import Bars

if TYPE_CHECKING:
    from scarnet.predict.prediction import Prediction
    from scarnet.stack import LGEStack

__all__ = ["add"]

_CASE = "phantom"
_STUDY = "phantom-dicom"
_RESULT = "phantom-result"
_PICTURES = ("maps.png", "maps.pdf")
_RESULT_FILES = (*CASE_FILES, *_PICTURES, *MEASURE_FILES)
_TISSUES = (TissueClass.MYOCARDIUM, TissueClass.BLOOD_POOL, TissueClass.SCAR)

_TEXT = """
Do the whole job on a built-in synthetic study: write it as DICOM, read it
back, segment it, write labels, probabilities, logits and a picture of the
maps, measure scar, write the numbers, a report as PDF, a DICOM segmentation
and a DICOM report, and compare with the phantom's own labels. Where there is
a display, napari opens with the study afterwards. Needs no data and no
network.
"""

_EXAMPLES = """
  scarnet demo
      everything into demo-output/, then napari
  scarnet demo -o /tmp/scarnet --no-view
      elsewhere, without napari
  scarnet demo --seed 7
      another synthetic patient
"""


def add(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Add the command to the parser.

    Parameters
    ----------
    commands : argparse subparsers
        Where it belongs.
    """
    parser = add_command(commands, "demo", run, "see everything work on a synthetic study", _TEXT, _EXAMPLES)
    parser.add_argument(
        "-o", "--output", metavar="OUT", type=Path, default=Path("demo-output"), help="folder for the results"
    )
    parser.add_argument("--seed", metavar="S", type=natural, default=0, help="which synthetic patient")
    parser.add_argument("--no-view", dest="view", action="store_false", help="do not open napari")
    add_model(parser)
    add_device(parser)
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Do the whole job.

    Parameters
    ----------
    args : Namespace
        The parsed command line.

    Returns
    -------
    int
        0.
    """
    from scarnet.figure import save_maps
    from scarnet.io import read_study
    from scarnet.models import DEFAULT_MODEL, load_model
    from scarnet.phantom import make_phantom, write_dicom_series

    study, result_folder = args.output / _STUDY, args.output / _RESULT
    check_replaceable(study, ("*.dcm",))
    check_replaceable(result_folder, _RESULT_FILES)
    with Bars(args.quiet) as bars:
        model = load_model(args.model or DEFAULT_MODEL, progress=bars)
        from scarnet.predict import Predictor

        predictor = Predictor(model, args.device)
        phantom = make_phantom(seed=args.seed, case=_CASE)
        with replaced_folder(study, ("*.dcm",)) as folder:
            write_dicom_series(folder, phantom.stack)
        started = time.perf_counter()
        stack = read_study(study, case=_CASE, progress=bars)
        read_seconds = time.perf_counter() - started
        prediction = predictor.predict(stack, progress=bars)
        true = _on_grid(phantom.labels, phantom.stack, stack)
        z = _slice_to_show(true)
        with replaced_folder(result_folder, _RESULT_FILES) as folder:
            result = write_case(folder, stack, prediction, model_name=model.name, read_seconds=read_seconds)
            for done, name in enumerate(_PICTURES):
                bars(done, len(_PICTURES), "Drawing the maps")
                save_maps(folder / name, stack, prediction, z, title="Synthetic phantom")
            bars(len(_PICTURES), len(_PICTURES), "Drawing the maps")
            _measure(folder, stack, prediction, bars)
        bars.say(_report(result, prediction.labels, true, stack, args.output, z))
        _view(args, study, bars)
    return OK


def _measure(folder: Path, stack: "LGEStack", prediction: "Prediction", bars: Bars) -> None:
    """Write the numbers, the report and the DICOM objects, as 'scarnet measure --dicom' does."""
    from scarnet.export import LabelOrigin
    from scarnet.measure import measure_study
    from scarnet.measure.files import write_measures
    from scarnet.report import write_report

    measures = measure_study(prediction.labels, stack, probabilities=prediction.probabilities)
    origin = LabelOrigin("automatic", prediction.card.name, prediction.model_sha256)
    write_measures(folder, stack, measures)
    write_dicom_files(folder, stack, measures, origin, keep_identity=False, progress=bars)
    bars(0, 1, "Drawing the report")
    write_report(folder / REPORT_FILE, stack, measures, origin, prediction.card)
    bars(1, 1, "Drawing the report")


def _view(args: argparse.Namespace, study: Path, bars: Bars) -> None:
    """Open napari where somebody can see it."""
    from scarnet_cli.view import open_viewer, why_no_viewer

    if not args.view or os.environ.get("CI"):
        return
    problem = why_no_viewer()
    if problem is not None:
        bars.note(f"napari is left out: {problem}")
        return
    bars.say("Opening napari; close its window to end the demo (--no-view leaves it out).")
    open_viewer(study)


def _on_grid(labels: npt.NDArray[np.uint8], source: "LGEStack", target: "LGEStack") -> npt.NDArray[np.uint8]:
    """Put labels in the order of the slices of the stack that was read back: DICOM sorts them along the normal."""
    to_target = np.linalg.inv(target.affine) @ source.affine
    order = [round(float((to_target @ (0, 0, z, 1))[2])) for z in range(source.shape[0])]
    moved = np.zeros(target.shape, np.uint8)
    moved[order] = labels
    return moved


def _slice_to_show(labels: npt.NDArray[np.uint8]) -> int:
    """Choose the slice with the most scar, or else with the most wall."""
    scar = (labels == TissueClass.SCAR).sum(axis=(1, 2))
    wall = (labels == TissueClass.MYOCARDIUM).sum(axis=(1, 2))
    return int(np.argmax(scar if scar.any() else wall))


def _report(
    result: dict[str, Any],
    found: npt.NDArray[np.uint8],
    true: npt.NDArray[np.uint8],
    stack: "LGEStack",
    output: Path,
    z: int,
) -> str:
    """Tell what was done, what was found and where it is."""
    from scarnet.measure import measure_labels
    from scarnet_training.validation import dice

    measures, truth = result["measures"], measure_labels(true, stack)
    z_mm, y_mm, x_mm = stack.spacing_mm
    lines = [
        f"Study  synthetic phantom, {stack.shape[0]} slices {z_mm:.3g} mm apart, pixels of {y_mm:.3g} × {x_mm:.3g} mm",
        f"Model  {result['model']['name']} (sha256 {result['model']['sha256'][:12]}…) on {result['device']}, "
        f"{result['seconds']['predict']:.1f} s",
        "",
        f"{'':<18}{'found':>10}{'true':>10}{'Dice':>8}",
    ]
    for tissue in _TISSUES:
        name, key = CLASS_NAMES[tissue], tissue.name.lower()
        # Myocardium is the whole wall, as in every number.
        values = (tissue, TissueClass.SCAR) if tissue is TissueClass.MYOCARDIUM else (tissue,)
        overlap = dice(np.isin(found, values), np.isin(true, values))
        volumes = [f"{numbers[f'{key}_volume_ml']:.1f} ml" for numbers in (measures, truth)]
        lines.append(f"{name:<18}{volumes[0]:>10}{volumes[1]:>10}{'-' if overlap is None else f'{overlap:.2f}':>8}")
    shares = [numbers["scar_percent_myocardium"] for numbers in (measures, truth)]
    shown = ["-" if share is None else f"{share:.1f} %" for share in shares]
    lines += [
        f"{'scar, of the wall':<18}{shown[0]:>10}{shown[1]:>10}",
        "",
        "The study is synthetic: this shows that everything works, not how well it works on patients.",
        "",
        f"Files in {output}",
        f"  {_STUDY}/                       the study, {stack.shape[0]} slices",
        f"  {_RESULT}/labels.nii.gz         the labels, on the study's grid",
        f"  {_RESULT}/probabilities.nii.gz  after softmax, one channel a class",
        f"  {_RESULT}/logits.nii.gz         before softmax",
        f"  {_RESULT}/result.json           measures, model, seconds",
        f"  {_RESULT}/maps.png, maps.pdf    image, labels, logits, probabilities of slice {z + 1}",
        f"  {_RESULT}/report.pdf            two pages: slices, bullseye, tables, method, model",
        f"  {_RESULT}/measures.json         every number; slices.csv, segments.csv: tables of them",
        f"  {_RESULT}/segmentation.dcm      the labels as DICOM Segmentation, on the study's images",
        f"  {_RESULT}/measurements.dcm      volumes and masses as DICOM report",
    ]
    return "\n".join(lines)

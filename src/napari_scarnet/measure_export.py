"""Measures, report and labels of a case as files, written in a thread."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_scarnet.inspect_case import prediction_of
from napari_scarnet.label_layers import labels_edited, labels_on_show
from napari_scarnet.measure_input import MeasureInput
from scarnet.files import make_folder
from scarnet.measure import StudyMeasures, measure_study
from scarnet.predict.prediction import Prediction
from scarnet.progress import Progress
from scarnet.stack import LGEStack

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from scarnet.export import LabelOrigin

__all__ = ["ExportChoice", "case_folder", "export_work"]


@dataclass(frozen=True)
class ExportChoice:
    """What to write.

    Attributes
    ----------
    tables : bool
        ``measures.json``, ``slices.csv`` and ``segments.csv``.
    report : bool
        ``report.pdf``.
    labels : bool
        ``labels.nii.gz``, on the study's grid.
    dicom : bool
        ``segmentation.dcm`` and ``measurements.dcm``, of a study read from DICOM.
    """

    tables: bool = True
    report: bool = True
    labels: bool = True
    dicom: bool = False


def case_folder(folder: Path, case: str) -> Path:
    """Give the folder of a case's files.

    Parameters
    ----------
    folder : Path
        What the user chose.
    case : str
        The case.

    Returns
    -------
    Path
        A folder in it, with a name that every file system takes.
    """
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in case).strip("._") or "case"
    return folder / safe


def export_work(
    viewer: "Viewer", case: str, taken: MeasureInput, choice: ExportChoice, folder: Path
) -> Callable[[Progress], list[Path]]:
    """Take what there is of a case now and give the work that writes it, for a thread.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.
    taken : MeasureInput
        What is measured.
    choice : ExportChoice
        What to write.
    folder : Path
        Where to; made where it is missing.

    Returns
    -------
    callable
        Takes a progress callback; gives the paths written, each of them whole. It raises ScarNetError where a file
        cannot be written, or the study does not come from DICOM.
    """
    prediction = prediction_of(viewer, case)
    edited = (layer := labels_on_show(viewer, case)) is None or labels_edited(layer)

    def work(progress: Progress) -> list[Path]:
        # Nothing but the case's name of now may stand in the files.
        stack = replace(taken.stack, case=case)
        progress(0, 0, "Measuring")
        measures = _measures(taken, stack, prediction)
        make_folder(folder)
        written: list[Path] = []
        for chosen, what, write in (
            (choice.tables, "Tables", _write_tables),
            (choice.labels, "Labels", _write_labels),
            (choice.report, "Report", _write_report),
            (choice.dicom, "DICOM", _write_dicom),
        ):
            if chosen:
                progress(0, 0, what)
                written += write(folder, stack, taken, measures, prediction, edited, progress)
        return written

    return work


def _measures(taken: MeasureInput, stack: LGEStack, prediction: Prediction | None) -> StudyMeasures:
    fits = prediction is not None and prediction.whole and prediction.probabilities.shape[1:] == stack.shape
    return measure_study(
        taken.labels,
        stack,
        taken.settings,
        insertions=taken.insertions,
        remote=taken.remote,
        probabilities=prediction.probabilities if fits and prediction is not None else None,
    )


def _write_tables(folder: Path, stack: LGEStack, taken: Any, measures: StudyMeasures, *_: Any) -> list[Path]:
    from scarnet.measure.files import write_measures

    return write_measures(folder, stack, measures)


def _write_labels(folder: Path, stack: LGEStack, taken: MeasureInput, *_: Any) -> list[Path]:
    from scarnet.io import write_labels

    path = folder / "labels.nii.gz"
    write_labels(path, taken.labels.astype(np.uint8), stack)
    return [path]


def _write_report(
    folder: Path,
    stack: LGEStack,
    taken: MeasureInput,
    measures: StudyMeasures,
    prediction: Prediction | None,
    edited: bool,
    progress: Progress,
) -> list[Path]:
    from scarnet.report import write_report

    path = folder / "report.pdf"
    write_report(path, stack, measures, _origin(prediction, edited), None if prediction is None else prediction.card)
    return [path]


def _write_dicom(
    folder: Path,
    stack: LGEStack,
    taken: MeasureInput,
    measures: StudyMeasures,
    prediction: Prediction | None,
    edited: bool,
    progress: Progress,
) -> list[Path]:
    from scarnet.export import make_segmentation, make_structured_report, write_dicom

    # The measures' labels, so that the report's numbers are those of the segmentation it refers to.
    segmentation = make_segmentation(measures.labels, stack, _origin(prediction, edited), progress=progress)
    paths = [folder / "segmentation.dcm", folder / "measurements.dcm"]
    write_dicom(paths[0], segmentation)
    write_dicom(paths[1], make_structured_report(measures.values, segmentation))
    return paths


def _origin(prediction: Prediction | None, edited: bool) -> "LabelOrigin":
    from scarnet.export import LabelOrigin

    if prediction is None:
        return LabelOrigin("manual")
    return LabelOrigin("semiautomatic" if edited else "automatic", prediction.card.name, prediction.model_sha256)

"""A measured case as PDF and as DICOM, and who drew its labels."""

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from scarnet.errors import ScarNetError
from scarnet.export.origin import MODEL_PREFIX

if TYPE_CHECKING:
    from scarnet.export import LabelOrigin
    from scarnet.measure import StudyMeasures
    from scarnet.models.card import ModelCard
    from scarnet.progress import Progress
    from scarnet.stack import LGEStack

__all__ = ["DICOM_FILES", "MEASURE_FILES", "REPORT_FILE", "card_of", "origin_of", "write_dicom_files"]

REPORT_FILE = "report.pdf"
DICOM_FILES = ("segmentation.dcm", "measurements.dcm")
MEASURE_FILES = ("measures.json", "slices.csv", "segments.csv", REPORT_FILE, *DICOM_FILES)
"""What the folder of a measured case can hold."""

_RESULT = "result.json"
_SHA256 = re.compile(r"[0-9a-f]{64}")


def origin_of(labels: Path) -> "LabelOrigin":
    """Say who drew a file of labels, as far as what lies beside it tells.

    Parameters
    ----------
    labels : Path
        The file.

    Returns
    -------
    LabelOrigin
        Labels in a folder that 'scarnet segment' wrote are that model's, though someone may have corrected them since,
        and so are those of a DICOM Segmentation that names one of our models; of others nothing is known.

    Raises
    ------
    ScarNetError
        The ``result.json`` beside them cannot be read.
    """
    from scarnet.export import LabelOrigin

    result = labels.parent / _RESULT
    if not result.is_file():
        return _origin_in_dicom(labels) or LabelOrigin("manual")
    try:
        model = json.loads(result.read_text(encoding="utf-8"))["model"]
        return LabelOrigin("semiautomatic", str(model["name"]), str(model["sha256"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ScarNetError(
            f"{result} does not say which model drew the labels beside it; segment again, or move the labels elsewhere."
        ) from error


def _origin_in_dicom(labels: Path) -> "LabelOrigin | None":
    """Read which of our models a DICOM Segmentation names; None for other files and makers."""
    from scarnet.io.paths import format_of

    if format_of(labels) != "dicom":
        return None

    import pydicom
    from pydicom.errors import InvalidDicomError

    from scarnet.export import LabelOrigin
    from scarnet.export.writing import unquoted

    try:
        with unquoted():
            segment = pydicom.dcmread(labels, specific_tags=["SegmentSequence"]).SegmentSequence[0]
        told = segment.SegmentationAlgorithmIdentificationSequence[0]
        name, version = str(told.AlgorithmName), str(told.AlgorithmVersion)
    except (InvalidDicomError, OSError, AttributeError, IndexError):
        return None
    ours = name.startswith(MODEL_PREFIX) and _SHA256.fullmatch(version)
    return LabelOrigin("semiautomatic", name.removeprefix(MODEL_PREFIX), version) if ours else None


@cache
def card_of(sha256: str) -> "ModelCard | None":
    """Find a model's card in the registry.

    Parameters
    ----------
    sha256 : str
        Digest of its weights.

    Returns
    -------
    ModelCard or None
        The card; None where the model is not in the registry.
    """
    from scarnet.models import list_models

    return next((entry.card for entry in list_models() if entry.sha256 == sha256), None)


def write_dicom_files(
    folder: Path,
    stack: "LGEStack",
    measures: "StudyMeasures",
    origin: "LabelOrigin",
    *,
    keep_identity: bool,
    progress: "Progress",
) -> None:
    """Write the measured labels as DICOM Segmentation and the measures as DICOM report on it.

    Parameters
    ----------
    folder : Path
        An existing folder.
    stack : LGEStack
        The study, read from DICOM.
    measures : StudyMeasures
        Its measures.
    origin : LabelOrigin
        Who drew the labels.
    keep_identity : bool
        Repeat the patient's and the study's identity from the source files.
    progress : Progress
        Called while the source files are read again; may raise Cancelled.

    Raises
    ------
    ScarNetError
        The study is not from DICOM, its files have changed, or a file cannot be written.
    """
    from scarnet.export import make_segmentation, make_structured_report, write_dicom

    # The measured labels, so that the report's numbers are those of the segmentation it refers to.
    segmentation = make_segmentation(measures.labels, stack, origin, keep_identity=keep_identity, progress=progress)
    write_dicom(folder / DICOM_FILES[0], segmentation)
    write_dicom(folder / DICOM_FILES[1], make_structured_report(measures.values, segmentation))

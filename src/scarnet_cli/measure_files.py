"""What 'scarnet measure' writes of a case."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from scarnet.files import atomic_path
from scarnet_cli.case_reports import DICOM_FILES, REPORT_FILE

if TYPE_CHECKING:
    from scarnet.measure import StudyMeasures
    from scarnet.stack import LGEStack

__all__ = ["MEASURE_FILES", "write_measures"]

MEASURE_FILES = ("measures.json", "slices.csv", "segments.csv", REPORT_FILE, *DICOM_FILES)
"""What a case's folder can hold."""


def write_measures(folder: Path, stack: "LGEStack", measures: "StudyMeasures") -> None:
    """Write a case's measures.

    Parameters
    ----------
    folder : Path
        An existing folder.
    stack : LGEStack
        The study.
    measures : StudyMeasures
        What was measured in it.

    Raises
    ------
    ScarNetError
        A file cannot be written.
    """
    from scarnet.evaluate.tables import write_table
    from scarnet.measure.tables import segment_rows, slice_rows

    values = {**measures.values, "source_notes": list(stack.source.notes)}
    with atomic_path(folder / "measures.json") as path:
        path.write_text(json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    write_table(folder / "slices.csv", slice_rows(measures.values))
    write_table(folder / "segments.csv", segment_rows(measures.values))

"""A case's measures as files: JSON for programs, CSV for spreadsheets."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from scarnet.files import atomic_path

if TYPE_CHECKING:
    from scarnet.measure.study import StudyMeasures
    from scarnet.stack import LGEStack

__all__ = ["MEASURE_TABLES", "write_measures"]

MEASURE_TABLES = ("measures.json", "slices.csv", "segments.csv")
"""The files, in a case's folder."""


def write_measures(folder: Path, stack: "LGEStack", measures: "StudyMeasures") -> list[Path]:
    """Write a case's measures.

    Parameters
    ----------
    folder : Path
        An existing folder.
    stack : LGEStack
        The study.
    measures : StudyMeasures
        What was measured in it.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    ScarNetError
        A file cannot be written.
    """
    from scarnet.evaluate.tables import write_table
    from scarnet.measure.tables import segment_rows, slice_rows

    values = {**measures.values, "source_notes": list(stack.source.notes)}
    paths = [folder / name for name in MEASURE_TABLES]
    with atomic_path(paths[0]) as path:
        path.write_text(json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    write_table(paths[1], slice_rows(measures.values))
    write_table(paths[2], segment_rows(measures.values))
    return paths

"""The numbers per patient and per slice as tables."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scarnet.evaluate.case import CLASSES, CaseResult, say_undefined
from scarnet.files import atomic_path

__all__ = ["case_rows", "slice_rows", "write_table"]

Row = dict[str, Any]


def case_rows(methods: Mapping[str, Sequence[CaseResult]]) -> Iterator[Row]:
    """Give a row per method and patient.

    Parameters
    ----------
    methods : Mapping of str to sequence of CaseResult
        By the method's name.

    Yields
    ------
    dict
        ``case``, ``method``; per class ``dice_…``, ``hd95_mm_…``, ``hd_mm_…``, ``assd_mm_…``, ``reference_ml_…``,
        ``predicted_ml_…`` and ``undefined_…`` (which mask is empty); ``scar_percent_reference`` and ``…_predicted`` of
        the whole wall, and ``false_alarm``. For two readers ``reader_1_…`` and ``reader_2_…`` take the place of
        reference and predicted, and there is no ``false_alarm``. A value that is not there is None.
    """
    for method, cases in methods.items():
        for case in cases:
            first, second = _roles(case)
            row: Row = {"case": case.case, "method": method}
            for name in CLASSES:
                result = case.classes[name]
                row[f"dice_{name}"] = result.dice
                for key in ("hd95_mm", "hd_mm", "assd_mm"):
                    row[f"{key}_{name}"] = None if result.distances is None else getattr(result.distances, key)
                row[f"{first}_ml_{name}"], row[f"{second}_ml_{name}"] = result.reference_ml, result.predicted_ml
                row[f"undefined_{name}"] = say_undefined(result.undefined, case.readers)
            row[f"scar_percent_{first}"] = case.scar_percent_reference
            row[f"scar_percent_{second}"] = case.scar_percent_predicted
            if not case.readers:
                row["false_alarm"] = int(case.claims_scar and not case.has_scar)
            yield row


def slice_rows(methods: Mapping[str, Sequence[CaseResult]]) -> Iterator[Row]:
    """Give a row per method, patient and slice.

    Parameters
    ----------
    methods : Mapping of str to sequence of CaseResult
        By the method's name.

    Yields
    ------
    dict
        ``case``, ``method``, ``slice`` (from 0), and per class ``dice_…``, ``reference_mm2_…`` and ``predicted_mm2_…``
        (``reader_1``, ``reader_2`` for two readers).
    """
    for method, cases in methods.items():
        for case in cases:
            first, second = _roles(case)
            for one in case.slices:
                row: Row = {"case": case.case, "method": method, "slice": one.index}
                for name in CLASSES:
                    row[f"dice_{name}"] = one.dice[name]
                    row[f"{first}_mm2_{name}"] = one.reference_mm2[name]
                    row[f"{second}_mm2_{name}"] = one.predicted_mm2[name]
                yield row


def write_table(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as CSV; nothing is left behind where that fails.

    Parameters
    ----------
    path : Path
        Where to; the folder must exist.
    rows : iterable of dict
        At least one, all with the same keys. Numbers get six digits; None becomes an empty cell.

    Raises
    ------
    ScarNetError
        The file cannot be written.
    """
    rows = list(rows)
    with atomic_path(path) as target, target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)


def _roles(case: CaseResult) -> tuple[str, str]:
    return ("reader_1", "reader_2") if case.readers else ("reference", "predicted")


def _cell(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value

"""Which cases of a dataset are of one patient: baseline and follow-up belong on one side of every split."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scarnet_training.dataset_report import DatasetReport, listed

__all__ = ["read_patients"]


def read_patients(
    folder: Path, description: Mapping[str, Any], cases: set[str], report: DatasetReport, where: str
) -> dict[str, str]:
    """Read which cases are of one patient.

    Parameters
    ----------
    folder : Path
        May hold ``patients.csv``, with the columns ``case`` and ``patient``.
    description : Mapping
        The contents of ``dataset.json``; its ``patients``, ``{case: patient}``, is the other place.
    cases : set of str
        The cases that are there.
    report : DatasetReport
        Problems are added to it. They name cases only, since a patient's key may identify a person.
    where : str
        Put before each sentence.

    Returns
    -------
    dict
        ``{case: patient}``; a case that is not in it is a patient's only one.
    """
    problems = report.problems["patients"]
    stored = description.get("patients")
    path = folder / "patients.csv"
    if path.is_file():
        if stored is not None:
            problems.append(f"{where}patients stand both in patients.csv and in dataset.json; keep them in one place.")
        rows = _patient_rows(path)
        source = "patients.csv"
    else:
        rows = list(stored.items()) if isinstance(stored, dict) else None if stored is not None else []
        source = "'patients' in dataset.json"
    if rows is None:
        problems.append(f"{where}{source} does not pair each case with a patient; correct it.")
        return {}
    patients: dict[str, str] = {}
    for case, patient in rows:
        if not isinstance(patient, str | int) or isinstance(patient, bool) or not str(patient).strip():
            problems.append(f"{where}{source} names no patient for {case}; add the patient, or remove the entry.")
        elif patients.setdefault(case, str(patient).strip()) != str(patient).strip():
            problems.append(f"{where}{source} names two patients for {case}; keep one.")
    if unknown := sorted(set(patients) - cases):
        problems.append(f"{where}{source} names cases that are not there: {listed(unknown)}; correct or remove them.")
    return patients


def _patient_rows(path: Path) -> list[tuple[str, Any]] | None:
    """Give the rows of ``patients.csv``; None where it has no such columns."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError):
        return None
    # Spreadsheets of some countries write semicolons.
    delimiter = ";" if lines and ";" in lines[0] else ","
    table = csv.DictReader(lines, delimiter=delimiter)
    if not {"case", "patient"} <= set(table.fieldnames or ()):
        return None
    return [((row["case"] or "").strip(), row["patient"] or "") for row in table]

"""Which cases are of one patient: read from either place, refused by the names of cases only."""

from pathlib import Path
from typing import Any

import pytest

from scarnet_training.dataset_patients import read_patients
from scarnet_training.dataset_report import DatasetReport

CASES = {"c0", "c1", "c2", "c3"}
NONE: dict[str, Any] = {}


@pytest.mark.parametrize("place", ["patients.csv", "patients.csv with semicolons", "dataset.json"])
def test_either_place_is_read(tmp_path: Path, place: str) -> None:
    description: dict[str, Any] = {"patients": {"c0": "x", "c1": 17, "c3": " x "}}
    if place != "dataset.json":
        comma = ";" if "semicolons" in place else ","
        rows = [f"{case}{comma}{patient}" for case, patient in description.pop("patients").items()]
        (tmp_path / "patients.csv").write_text("\n".join([f"case{comma}patient", *rows]), encoding="utf-8-sig")
    report = DatasetReport((tmp_path,))
    assert read_patients(tmp_path, description, CASES, report, "") == {"c0": "x", "c1": "17", "c3": "x"}
    assert report.is_fit


def test_without_either_nobody_has_two_cases(tmp_path: Path) -> None:
    report = DatasetReport((tmp_path,))
    assert read_patients(tmp_path, {}, CASES, report, "") == {}
    assert report.is_fit


@pytest.mark.parametrize(
    ("text", "description", "sentence"),
    [
        ("name,patient\nc0,a\n", NONE, "patients.csv does not pair each case with a patient"),
        ("", NONE, "patients.csv does not pair each case with a patient"),
        ("case,patient\nc0,Jane\nc0,John\n", NONE, "patients.csv names two patients for c0"),
        ("case,patient\nc0\n", NONE, "patients.csv names no patient for c0"),
        ("case,patient\nc8,Jane\nc9,John\n", NONE, "patients.csv names cases that are not there: c8, c9"),
        ("case,patient\nc0,Jane\n", {"patients": {"c0": "Jane"}}, "both in patients.csv and in dataset.json"),
        (None, {"patients": ["Jane"]}, "'patients' in dataset.json does not pair each case"),
        (None, {"patients": {"c0": " "}}, "'patients' in dataset.json names no patient for c0"),
        (None, {"patients": {"c0": ["Jane"]}}, "'patients' in dataset.json names no patient for c0"),
        (None, {"patients": {"c9": "Jane"}}, "'patients' in dataset.json names cases that are not there: c9"),
    ],
)
def test_what_does_not_fit_is_told(
    tmp_path: Path, text: str | None, description: dict[str, Any], sentence: str
) -> None:
    if text is not None:
        (tmp_path / "patients.csv").write_text(text)
    report = DatasetReport((tmp_path,))
    read_patients(tmp_path, description, CASES, report, "")
    (told,) = report.problems["patients"]
    assert sentence in told
    assert "Jane" not in told

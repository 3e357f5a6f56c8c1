"""The accepted cases are a dataset in nnU-Net's layout, at every moment."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from scarnet.io import read_labels, write_labels
from scarnet.project import DATASET, Project, import_stack
from scarnet.project.layout import REMOVED
from scarnet_training.data import load_dataset
from scarnet_training.dataset_check import check_dataset


@pytest.fixture
def accepted(project, labels, draw_stack):
    """A project with two cases of one patient and a third accepted."""
    import_stack(project, draw_stack(7), case="follow-up", same_patient_as="case-001")
    for case in ("case-001", "case-003", "follow-up"):
        project.save_labels(case, labels)
        project.accept(case)
    return project


def test_it_holds_what_was_accepted_and_nothing_else(accepted, labels):
    folder = accepted.folder / DATASET
    report = check_dataset(folder)
    report.raise_problems()
    assert (report.cases, report.patients, report.warnings) == (["case-001", "case-003", "follow-up"], 2, [])
    assert json.loads((folder / "dataset.json").read_text())["numTraining"] == 3
    case = load_dataset(folder)[2]
    assert case.patient == "case-001"
    assert np.array_equal(case.labels, labels)
    assert np.array_equal(case.stack.pixels, accepted.stack("follow-up").pixels)
    accepted.reopen("case-003")
    accepted.exclude("case-001")
    left = check_dataset(folder)
    left.raise_problems()
    assert left.cases == ["follow-up"]


def test_labels_that_nobody_accepted_do_not_stay_accepted_and_none_are_lost(accepted, labels):
    accepted.close()
    folder = accepted.folder / DATASET
    theirs = np.where(labels == 3, 1, labels).astype(np.uint8)
    # Another program in the dataset; and working labels saved, but the viewer killed before it could tell.
    write_labels(folder / "labelsTr" / "case-003.nii.gz", theirs, accepted.stack("case-003"))
    write_labels(accepted.folder / "cases" / "follow-up" / "labels.nii.gz", theirs, accepted.stack("follow-up"))
    (folder / "imagesTr" / "case-001_0000.nii.gz").unlink()
    with Project.open(accepted.folder) as again:
        assert len(again.notices) == 2
        assert all("in progress again" in notice for notice in again.notices)
        check_dataset(folder).raise_problems()
        assert [case.stack.case for case in load_dataset(folder)] == ["case-001"]
        assert {row.case for row in again.rows() if row.status == "in progress"} == {"case-003", "follow-up"}
        assert np.array_equal(again.labels("case-003"), labels)
        assert np.array_equal(read_labels(again.folder / REMOVED / "case-003.nii.gz"), theirs)
        assert np.array_equal(again.labels("follow-up"), theirs)
        assert np.array_equal(read_labels(again.folder / REMOVED / "follow-up.nii.gz"), labels)
    with Project.open(accepted.folder) as settled:
        assert settled.notices == ()


def test_damaged_working_labels_do_not_replace_the_accepted_copy(accepted, labels):
    accepted.close()
    (accepted.folder / "cases" / "case-003" / "labels.nii.gz").write_bytes(b"torn")
    with Project.open(accepted.folder):
        assert np.array_equal(load_dataset(accepted.folder / DATASET)[1].labels, labels)


def test_nnunet_accepts_the_folder_as_it_stands(accepted, monkeypatch):
    verify = pytest.importorskip(
        "nnunetv2.experiment_planning.verify_dataset_integrity", reason="needs nnunetv2, which is not installed"
    )
    for variable in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        monkeypatch.setitem(os.environ, variable, str(accepted.folder))
    verify.verify_dataset_integrity(str(accepted.folder / DATASET), num_processes=1)

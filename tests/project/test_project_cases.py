"""What comes into a project stays as it was, whose it is does not come in, and every decision is kept."""

from __future__ import annotations

import gzip
import shutil
from dataclasses import replace

import numpy as np
import pytest

from scarnet.errors import ScarNetError
from scarnet.project import DATASET, Project, import_labels, import_stack, import_study
from scarnet.project.layout import REMOVED


def status(project, case):
    return project.row(case).status


def test_a_study_keeps_pixels_and_geometry_and_gets_a_name_of_its_own(project, draw_stack):
    stack, read = draw_stack(1), project.stack("case-002")
    assert project.cases == ("case-001", "case-002", "case-003")
    assert np.array_equal(read.pixels, stack.pixels)
    assert np.allclose(read.affine, stack.affine, atol=1e-4)
    assert (read.spacing_mm, read.kind, read.slice_positions_mm) == (stack.spacing_mm, "psir", (0.0, 10.0, 30.0))
    assert read.source.notes == stack.source.notes
    with pytest.raises(ScarNetError, match=r"already, as case-002"):
        import_stack(project, stack)


def test_no_identifier_of_a_dicom_study_comes_in(tmp_path, draw_stack):
    import pydicom

    from scarnet.phantom.dicom import write_dicom_series

    study = tmp_path / "MUSTERMANN Erika"
    write_dicom_series(study, replace(draw_stack(3), slice_positions_mm=None))
    for file in [file for file in study.rglob("*") if file.is_file()]:
        header = pydicom.dcmread(file)
        header.PatientName, header.PatientID, header.PatientBirthDate = "Mustermann^Erika", "8675309", "19511224"
        header.save_as(file)
    with Project.create(tmp_path / "p") as project:
        for name in ("erika-1", "MustermannE", "s8675309b", "of-1951-12-24"):
            with pytest.raises(ScarNetError, match="patient") as refused:
                import_study(project, study, case=name)
            assert name not in str(refused.value)
        assert import_study(project, study, keep_name=True) == "case-001"
    for file in (tmp_path / "p").rglob("*"):
        told = file.read_bytes() if file.is_file() else b""
        told = file.name.encode() + (gzip.decompress(told) if file.suffix == ".gz" else told)
        for secret in (b"ustermann", b"MUSTERMANN", b"rika", b"8675309", b"19511224"):
            assert secret not in told, file


def test_a_pseudonym_may_be_kept(tmp_path, draw_stack, project):
    from scarnet.io import write_image

    write_image(tmp_path / "P017 a_0000.nii.gz", draw_stack(9))
    assert import_study(project, tmp_path / "P017 a_0000.nii.gz", keep_name=True) == "P017-a"
    write_image(tmp_path / "new.nii.gz", draw_stack(10))
    for name in ("p017-A", "../up", ".hidden", "a b", ""):
        with pytest.raises(ScarNetError, match="name"):
            import_study(project, tmp_path / "new.nii.gz", case=name)
    assert len(project.cases) == 4


def test_labels_are_not_taken_for_an_image(project, labels, draw_stack):
    with pytest.raises(ScarNetError, match="only 4 different values, as labels have"):
        import_stack(project, replace(draw_stack(3), pixels=labels.astype(np.float32)))


def test_a_case_goes_from_new_to_accepted_and_back(project, predict, labels):
    assert status(project, "case-001") == "new"
    predict(project, "case-001", labels)
    assert status(project, "case-001") == "predicted"
    assert not project.save_labels("case-001", labels), "what nobody edited is nobody's edit"
    assert status(project, "case-001") == "predicted"
    edited = labels.copy()
    edited[1, 13, 23:26] = 3
    assert project.save_labels("case-001", edited)
    assert status(project, "case-001") == "in progress"
    project.accept("case-001")
    assert status(project, "case-001") == "accepted"
    entries = project.log()
    assert [entry.action for entry in entries[-2:]] == ["edit", "accept"]
    changed = {"blood pool": {"added": 0, "removed": 3}, "scar": {"added": 3, "removed": 0}}
    assert entries[-1].changed == entries[-2].changed == changed
    assert (entries[-1].who, entries[-1].model, entries[-1].sha256) == ("ann", "made-up", "made-up" * 3)

    project.save_labels("case-001", labels)
    assert status(project, "case-001") == "in progress", "accepted labels that change are not accepted any more"
    project.exclude("case-001")
    assert status(project, "case-001") == "excluded"
    project.include("case-001")
    assert status(project, "case-001") == "in progress"
    with pytest.raises(ScarNetError, match="not accepted, but in progress"):
        project.reopen("case-001")
    assert [entry.seq for entry in project.log()] == list(range(1, len(project.log()) + 1))


def test_only_edits_count_as_edits(project, predict, labels):
    predict(project, "case-001", labels)
    project.accept("case-001")
    assert project.row("case-001").edited_at is None, "accepted as it was predicted"
    project.reopen("case-001")
    painted = labels.copy()
    painted[0, 0, 0] = 1
    project.save_labels("case-001", painted)
    assert project.row("case-001").edited_at is not None
    project.save_labels("case-001", labels)
    assert project.row("case-001").edited_at is None, "the stroke was undone"
    project.save_labels("case-001", painted)
    project.log_edits()
    edited = project.row("case-001").edited_at
    project.change_record("case-001", replace(project.record("case-001"), edited_at="2026-01-01T00:00:00Z"))
    for undone in (labels, painted):
        project.save_labels("case-001", undone)
    assert edited is not None
    assert project.row("case-001").edited_at == "2026-01-01T00:00:00Z", "as before the stroke that was undone"


def test_what_cannot_be_accepted_is_refused(project, labels):
    with pytest.raises(ScarNetError, match="no labels"):
        project.accept("case-001")
    project.save_labels("case-001", np.zeros_like(labels))
    with pytest.raises(ScarNetError, match="exclude"):
        project.accept("case-001")
    with pytest.raises(ScarNetError, match="no case"):
        project.accept("case-9")
    with pytest.raises(ScarNetError, match="do not fit"):
        project.save_labels("case-002", labels[:2])
    assert not project.dataset.cases()


def test_labels_are_mapped_by_name_and_annotators_kept_apart(project, tmp_path, labels):
    import nibabel

    values = np.array([0, 5, 7, 9])[labels].astype(np.uint8)
    affine = project.stack("case-001").affine
    nibabel.save(nibabel.Nifti1Image(values.transpose(2, 1, 0), affine), tmp_path / "theirs.nii.gz")
    names = {"background": 0, "myo": 5, "cavity": 7, "infarct": 9}
    import_labels(project, "case-001", tmp_path / "theirs.nii.gz", names=names, annotator="bob")
    assert project.labels("case-001") is None
    assert project.row("case-001").annotators == ("bob",)
    assert np.array_equal(project.labels("case-001", "bob"), labels)
    import_labels(project, "case-001", tmp_path / "theirs.nii.gz", names=names)
    assert np.array_equal(project.labels("case-001"), labels)
    told = [(entry.who, entry.reader) for entry in project.log() if entry.action == "import labels"]
    assert told == [("ann", "bob"), ("ann", None)], "who did it, and whose labels they are"


def test_a_merge_is_told_apart_from_what_was_painted_before_and_since(project, labels):
    painted, merged, painted_again = labels.copy(), labels.copy(), labels.copy()
    painted[0, 0, 0] = merged[0, 0, 0] = painted_again[0, 0, 0] = 1
    merged[1, 0, :2] = painted_again[1, 0, :2] = 3
    painted_again[2, 0, :3] = 2
    project.save_labels("case-001", labels)
    project.log_edits()
    project.save_labels("case-001", painted)
    project.note_merge("case-001", painted, merged, ("case's own", "bob"))
    project.save_labels("case-001", painted_again)
    project.log_edits()
    told = [(entry.who, entry.action, dict(entry.changed), entry.note) for entry in project.log()][-3:]
    assert told == [
        ("ann", "edit", {"myocardium": {"added": 1, "removed": 0}}, ""),
        ("ann", "merge", {"scar": {"added": 2, "removed": 0}}, "case's own and bob"),
        ("ann", "edit", {"blood pool": {"added": 3, "removed": 0}}, ""),
    ]


def test_a_merge_that_was_undone_before_it_was_saved_is_not_told_of(project, labels):
    merged, painted = labels.copy(), labels.copy()
    merged[1, 0, :2], painted[0, 0, 0] = 3, 1
    project.save_labels("case-001", labels)
    project.log_edits()
    project.note_merge("case-001", labels, merged, ("case's own", "bob"))
    project.save_labels("case-001", painted)
    project.log_edits()
    project.save_labels("case-001", merged)
    project.log_edits()
    told = [(entry.action, dict(entry.changed)) for entry in project.log()][-2:]
    assert told == [
        ("edit", {"myocardium": {"added": 1, "removed": 0}}),
        ("edit", {"myocardium": {"added": 0, "removed": 1}, "scar": {"added": 2, "removed": 0}}),
    ]


def test_a_moved_project_opens_with_all_it_had(project, predict, labels, tmp_path):
    predict(project, "case-002", labels)
    project.accept("case-002")
    project.close()
    moved = shutil.move(project.folder, tmp_path / "elsewhere" / "moved")
    with Project.open(moved) as again:
        assert not again.read_only
        assert again.notices == ()
        assert again.progress() == {"new": 2, "predicted": 0, "in progress": 0, "accepted": 1, "excluded": 0}
        assert np.array_equal(again.labels("case-002"), labels)
    for file in (tmp_path / "elsewhere").rglob("*.json*"):
        assert str(tmp_path) not in file.read_text()


def test_a_case_that_was_removed_by_hand_is_told_once(project, predict, labels):
    for case in ("case-001", "case-002"):
        predict(project, case, labels)
        project.accept(case)
    project.close()
    shutil.rmtree(project.folder / "cases" / "case-001")
    (project.folder / "cases" / "case-003" / "case.json").write_text("{")
    with Project.open(project.folder, read_only=True) as seen:
        assert seen.cases == ("case-002",)
    with Project.open(project.folder) as again:
        assert again.cases == ("case-002",)
        gone, damaged, aside = again.notices
        assert gone.startswith("case-001 was taken out")
        assert damaged.startswith("case-003 cannot be opened")
        assert REMOVED in aside
        assert again.log()[-1].action == "missing"
        # What may be the last copy of somebody's work is not deleted.
        assert {path.name for path in (again.folder / REMOVED).iterdir()} == {
            "case-001.nii.gz",
            "case-001_0000.nii.gz",
        }
        assert {path.name for path in (again.folder / DATASET / "labelsTr").iterdir()} == {"case-002.nii.gz"}
    with Project.open(project.folder) as third:
        assert len(third.notices) == 1, "only the damaged one is still there to be told of"


def test_a_prediction_comes_back_as_it_went(project, predict, labels):
    predict(project, "case-001", labels)
    found = project.prediction("case-001")
    assert np.array_equal(found.labels, labels)
    assert found.window == (2, 30, 0, 40)
    assert np.allclose(found.probabilities.sum(axis=0), 1)
    assert np.array_equal(found.probabilities[:, :, 2:].argmax(axis=0), labels[:, 2:])
    assert found.probabilities[0, :, :2].min() > 0.999
    assert found.card.name == "made-up"
    (project.case_folder("case-001") / "prediction" / "logits.npz").write_bytes(b"torn")
    with pytest.raises(ScarNetError, match="predict the case again"):
        project.prediction("case-001")

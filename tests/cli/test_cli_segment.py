"""`scarnet segment` as a user runs it: one study, many, and bad ones among them."""

import hashlib
import json
import os
import re
import shutil
import signal
import time

import nibabel as nib
import numpy as np
import pytest

from scarnet.stack import LGEStack

SHAPE = (3, 64, 72)
FILES = {"labels.nii.gz", "probabilities.nii.gz", "logits.nii.gz", "result.json"}


@pytest.fixture
def small_stack():
    pixels = np.random.default_rng(0).integers(0, 900, SHAPE).astype(np.float32)
    return LGEStack.from_array(pixels, (9.0, 2.0, 2.0))


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_a_study_becomes_labels_maps_and_numbers(segment, study, tmp_path, everything_in):
    result = segment(study)
    assert (result.status, result.err) == (0, "")
    assert result.out.startswith("anna: ")
    assert everything_in(tmp_path / "out") == {"anna", *(f"anna/{name}" for name in FILES)}
    source, labels = nib.load(study), nib.load(tmp_path / "out/anna/labels.nii.gz")
    assert labels.shape == source.shape
    np.testing.assert_allclose(labels.affine, source.affine, atol=1e-5)
    assert set(np.unique(labels.dataobj)) <= {0, 1, 2, 3}
    probabilities = nib.load(tmp_path / "out/anna/probabilities.nii.gz").get_fdata()
    logits = nib.load(tmp_path / "out/anna/logits.nii.gz").get_fdata()
    assert probabilities.shape == logits.shape == (*source.shape, 4)
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_array_equal(probabilities.argmax(axis=-1), logits.argmax(axis=-1))


def test_result_json_holds_what_others_rely_on(segment, study, tiny_model, tmp_path):
    assert segment(study, "--case", "Berta").status == 0
    result = json.loads((tmp_path / "out/Berta/result.json").read_text(encoding="utf-8"))
    assert result["case"] == "Berta"
    assert result["device"] == "cpu"
    assert set(result["seconds"]) == {"read", "predict", "write"}
    assert all(seconds >= 0 for seconds in result["seconds"].values())
    zooms = nib.load(study).header.get_zooms()
    assert result["spacing_mm"] == pytest.approx([zooms[2], zooms[1], zooms[0]], rel=1e-5)
    labels = np.asarray(nib.load(tmp_path / "out/Berta/labels.nii.gz").dataobj)
    voxel_ml = float(np.prod(zooms)) / 1000
    assert result["measures"]["scar_volume_ml"] == pytest.approx((labels == 3).sum() * voxel_ml, rel=1e-4)
    assert len(result["measures"]["slices"]) == 3
    assert isinstance(result["notes"], list)
    assert isinstance(result["notices"], list)
    assert result["model"] == {"name": "tiny", "sha256": hashlib.sha256(tiny_model.read_bytes()).hexdigest()}


@pytest.mark.parametrize("save", ["labels", "probabilities,logits", " labels , logits "])
def test_only_what_is_asked_for_is_saved(segment, study, tmp_path, save):
    assert segment(study, "--save", save).status == 0
    expected = {f"{name.strip()}.nii.gz" for name in save.split(",")}
    assert names(tmp_path / "out/anna") == {*expected, "result.json"}


def test_one_bad_study_does_not_stop_the_others(segment, nifti_study, tmp_path):
    cohort = tmp_path / "cohort"
    for name in ("a", "c"):
        nifti_study(cohort / f"{name}.nii.gz")
    (cohort / "b.nii.gz").write_bytes(b"not a NIfTI file")
    (cohort / "README.txt").write_text("read me")
    result = segment(cohort)
    assert result.status == 2
    assert names(tmp_path / "out") == {"a", "c"}
    errors = [line for line in result.err.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert errors[0].startswith("error: b: ")
    assert "note: no study, skipped: README.txt" in result.err
    assert result.out.splitlines()[-1] == "2 of 3 segmented; 1 failed"


def test_a_bug_in_one_study_does_not_stop_the_others(segment, nifti_study, tmp_path, monkeypatch):
    from scarnet.predict import Predictor

    predict = Predictor.predict

    def fail_once(self, stack, **options):
        if stack.case == "a":
            raise RuntimeError("Doe^Jane")
        return predict(self, stack, **options)

    monkeypatch.setattr(Predictor, "predict", fail_once)
    result = segment(nifti_study(tmp_path / "a.nii"), nifti_study(tmp_path / "b.nii"))
    assert result.status == 2
    assert result.err.startswith("error: a: Something unexpected went wrong (RuntimeError)")
    assert "Doe" not in result.err
    assert names(tmp_path / "out") == {"b"}


def test_an_nnunet_dataset_takes_its_case_names(segment, nifti_study, tmp_path):
    images = tmp_path / "Dataset001/imagesTr"
    for case in ("p1", "p2"):
        nifti_study(images / f"{case}_0000.nii.gz")
        nifti_study(tmp_path / "Dataset001/labelsTr" / f"{case}.nii.gz")
    nifti_study(images / "p1_0001.nii.gz")
    result = segment(tmp_path / "Dataset001", "--save", "labels")
    assert result.status == 0, result.err
    assert names(tmp_path / "out") == {"p1", "p2"}
    assert result.out.splitlines()[-1] == "2 of 2 segmented"
    shutil.rmtree(tmp_path / "out")
    assert segment(images, "--save", "labels").status == 0
    assert names(tmp_path / "out") == {"p1", "p2"}


def test_dicom_folders_are_studies_and_no_patient_name_comes_through(segment, small_stack, tmp_path):
    import pydicom

    from scarnet.phantom import write_dicom_series

    for case in ("first", "second"):
        paths = write_dicom_series(tmp_path / "cohort" / case, small_stack)
        for path in paths:
            dataset = pydicom.dcmread(path)
            dataset.PatientName, dataset.PatientID = "Doe^Jane", "ID-4711"
            dataset.save_as(path)
    result = segment(tmp_path / "cohort", "--save", "labels")
    assert result.status == 0, result.err
    assert names(tmp_path / "out") == {"first", "second"}
    one = segment(tmp_path / "cohort/first", "--save", "labels", "--case", "alone")
    assert one.status == 0, one.err
    labels = nib.load(tmp_path / "out/alone/labels.nii.gz")
    assert labels.shape == small_stack.shape[::-1]
    for path in (tmp_path / "out").rglob("*.*"):
        written = nib.load(path).header.binaryblock if path.suffix == ".gz" else path.read_bytes()
        assert not any(word in written for word in (b"Doe", b"4711"))
    assert "Doe" not in result.out + result.err + one.out + one.err


def test_several_phases_are_listed_with_the_option_that_chooses(segment, tmp_path):
    rng = np.random.default_rng(0)
    nib.save(nib.Nifti1Image(rng.random((40, 40, 3, 2), dtype=np.float32), np.diag([2, 2, 8, 1.0])), tmp_path / "s.nii")
    result = segment(tmp_path / "s.nii")
    assert result.status == 2
    assert result.err.startswith("error: s: ")
    assert "choose with --phase NUMBER" in result.err
    assert names(tmp_path / "out") == set()
    assert segment(tmp_path / "s.nii", "--phase", "1").status == 0


def test_an_earlier_result_is_replaced_as_a_whole(segment, study, tmp_path):
    assert segment(study).status == 0
    assert segment(study, "--save", "labels").status == 0
    assert names(tmp_path / "out") == {"anna"}
    assert names(tmp_path / "out/anna") == {"labels.nii.gz", "result.json"}


def test_a_failed_case_keeps_its_earlier_result(segment, study, tmp_path):
    assert segment(study).status == 0
    before = (tmp_path / "out/anna/labels.nii.gz").read_bytes()
    study.write_bytes(b"broken now")
    assert segment(study).status == 2
    assert (tmp_path / "out/anna/labels.nii.gz").read_bytes() == before


def test_the_input_itself_is_never_replaced(scarnet, tiny_model, small_stack, tmp_path):
    from scarnet.phantom import write_dicom_series

    paths = write_dicom_series(tmp_path / "cohort/anna", small_stack)
    result = scarnet("segment", tmp_path / "cohort/anna", "-o", tmp_path / "cohort", "--model", tiny_model)
    assert result.status == 2
    assert "holds files that this command did not write" in result.err
    assert all(path.is_file() for path in paths)


def test_corrections_beside_a_result_are_never_deleted(segment, study, tmp_path):
    assert segment(study).status == 0
    (tmp_path / "out/anna/labels-corrected.nii.gz").write_bytes(b"hours of work")
    result = segment(study)
    assert result.status == 2
    assert (tmp_path / "out/anna/labels-corrected.nii.gz").read_bytes() == b"hours of work"


def test_two_studies_of_one_name_are_refused_before_anything_runs(segment, nifti_study, tmp_path):
    result = segment(nifti_study(tmp_path / "x/a.nii.gz"), nifti_study(tmp_path / "y/A_0000.nii"))
    assert result.status == 2
    assert "Two studies have the case name 'A'" in result.err
    assert not (tmp_path / "out").exists()


def test_quiet_says_nothing(segment, study):
    result = segment(study, "--quiet")
    assert (result.status, result.out, result.err) == (0, "", "")


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
def test_ctrl_c_in_a_batch_leaves_whole_cases_only(scarnet_process, nifti_study, tiny_model, tmp_path):
    for number in range(60):
        nifti_study(tmp_path / f"cohort/c{number:02}.nii.gz", number, (6, 160, 160))
    out = tmp_path / "out"
    process = scarnet_process("segment", tmp_path / "cohort", "-o", out, "--model", tiny_model, "--device", "cpu")
    deadline = time.monotonic() + 60
    while not (out / "c01").is_dir() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    printed, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors.splitlines()[-1] == "Stopped."
    assert "Traceback" not in errors
    # A hidden folder may stay: Ctrl-C can come while what was half-written is being removed.
    cases = sorted(path.name for path in out.iterdir() if not path.name.startswith(".writing-"))
    assert 2 <= len(cases) < 60
    told = int(re.search(r"note: stopped: (\d+) of 60 segmented", errors)[1])
    # The signal may arrive between a case's renaming and its line.
    assert len(cases) - 1 <= told <= len(cases)
    assert abs(told - len(printed.splitlines())) <= 1
    for case in cases:
        assert case.startswith("c"), "a half-written folder was left"
        assert names(out / case) == FILES
        nib.load(out / case / "logits.nii.gz").get_fdata()
        json.loads((out / case / "result.json").read_text())

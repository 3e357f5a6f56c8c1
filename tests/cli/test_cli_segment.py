"""`scarnet segment` as a user runs it: one study, many, and bad ones among them."""

import hashlib
import json
import os
import pickle
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


@pytest.fixture
def segment(scarnet, tiny_model, tmp_path):
    """Segment with the tiny model into tmp_path/out."""

    def run(*arguments):
        return scarnet("segment", *arguments, "-o", tmp_path / "out", "--model", tiny_model, "--device", "cpu")

    return run


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


def test_an_empty_patient_folder_fails_and_earlier_results_are_passed_over(segment, nifti_study, tmp_path):
    cohort = tmp_path / "cohort"
    nifti_study(cohort / "a.nii.gz")
    (cohort / "export failed").mkdir()
    (cohort / "results" / "x").mkdir(parents=True)
    (cohort / "results" / "x" / "result.json").write_text("{}")
    result = segment(cohort, "--quiet")
    assert result.status == 2
    assert names(tmp_path / "out") == {"a"}
    assert result.err.startswith("error: export failed: ")
    assert result.err.count("\n") == 1
    assert "is empty" in result.err


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such file names")
def test_a_file_name_that_is_no_folder_name_fails_alone(segment, nifti_study, tmp_path):
    cohort = tmp_path / "cohort"
    nifti_study(cohort / "a.nii.gz")
    nifti_study(cohort / "b:c.nii.gz")
    result = segment(cohort)
    assert result.status == 2
    assert "error: b:c: The case name 'b:c' cannot be a folder's name" in result.err
    assert names(tmp_path / "out") == {"a"}


def test_zero_spacing_gets_one_sentence_and_nothing_of_a_library(segment, nifti_study, tmp_path):
    path = nifti_study(tmp_path / "zero.nii")
    raw = bytearray(path.read_bytes())
    raw[80:92] = bytes(12)  # pixdim[1..3]
    path.write_bytes(raw)
    result = segment(path)
    assert result.status == 2
    assert result.err.startswith("error: zero: ")
    assert result.err.count("\n") == 1


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


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "..", "a:b"])
def test_a_case_name_cannot_lead_elsewhere(segment, study, tmp_path, name):
    result = segment(study, "--case", name)
    assert result.status == 2
    assert "cannot be a folder's name" in result.err


def test_quiet_says_nothing(segment, study):
    result = segment(study, "--quiet")
    assert (result.status, result.out, result.err) == (0, "", "")


def bad_inputs(folder):
    (folder / "empty").mkdir()
    (folder / "renamed").mkdir()
    (folder / "renamed/image.dcm").write_text("This is a text file. " * 30)
    (folder / "text.dcm").write_text("This is a text file. " * 30)
    (folder / "table.csv").write_text("a,b\n1,2\n")
    (folder / "nothing.nii.gz").write_bytes(b"")
    return ["empty", "renamed", "text.dcm", "table.csv", "nothing.nii.gz", "missing.nii.gz"]


@pytest.mark.parametrize("index", range(6))
def test_bad_input_gets_one_sentence(segment, tmp_path, everything_in, index):
    bad = tmp_path / bad_inputs(tmp_path)[index]
    result = segment(bad)
    assert result.status == 2
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1
    assert bad.name.split(".")[0] in result.err
    assert "Traceback" not in result.err
    assert "Something unexpected" not in result.err
    assert not (tmp_path / "out").exists() or everything_in(tmp_path / "out") == set()


def test_debug_shows_the_traceback_of_a_case(segment, tmp_path):
    (tmp_path / "text.dcm").write_text("This is a text file.")
    result = segment(tmp_path / "text.dcm", "--debug")
    assert "Traceback" in result.err
    assert result.err.splitlines()[-1].startswith("error: ")


def test_an_unknown_model_is_told_before_anything_is_written(scarnet, study, tmp_path, everything_in):
    result = scarnet("segment", study, "-o", tmp_path / "out", "--model", "scarnet-huge")
    assert result.status == 2
    assert result.err.startswith("error: There is no model 'scarnet-huge'")
    assert everything_in(tmp_path / "out") == set()


def test_a_pickle_posing_as_weights_is_refused_and_not_run(scarnet, study, tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "exploded"),)

    fake = tmp_path / "model.safetensors"
    fake.write_bytes(pickle.dumps(Bomb()))
    result = scarnet("segment", study, "-o", tmp_path / "out", "--model", fake)
    assert result.status == 2
    assert result.err.startswith("error: ")
    assert "not a safetensors file" in result.err
    assert not (tmp_path / "exploded").exists()


def test_an_output_folder_under_a_file_gets_one_sentence(scarnet, study, tiny_model, tmp_path):
    (tmp_path / "file").write_text("")
    result = scarnet("segment", study, "-o", tmp_path / "file/out", "--model", tiny_model)
    assert result.status == 2
    assert result.err.startswith("error: Cannot make the folder")
    assert result.err.count("\n") == 1


def test_a_read_only_output_folder_gets_one_sentence(scarnet, study, tiny_model, mounted):
    folder = mounted("ro")
    result = scarnet("segment", study, "-o", folder, "--model", tiny_model)
    assert result.status == 2
    assert result.err == f"error: Cannot write to {folder}: Read-only file system.\n"


def test_a_full_disk_gets_one_sentence_and_leaves_nothing(scarnet, study, tiny_model, mounted, everything_in):
    folder = mounted("size=100k")
    result = scarnet("segment", study, "-o", folder, "--model", tiny_model, "--device", "cpu")
    assert result.status == 2
    assert result.err.startswith(f"error: anna: Cannot write {folder / 'anna'}")
    assert result.err.endswith("No space left on device.\n")
    assert ".writing" not in result.err
    assert everything_in(folder) == set()


def test_a_full_disk_keeps_the_earlier_result(scarnet, study, tiny_model, mounted, everything_in):
    folder = mounted("size=200k")
    arguments = ("segment", study, "-o", folder, "--model", tiny_model, "--device", "cpu")
    assert scarnet(*arguments, "--save", "labels").status == 0
    before = everything_in(folder)
    assert scarnet(*arguments).status == 2
    assert everything_in(folder) == before == {"anna", "anna/labels.nii.gz", "anna/result.json"}


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
    cases = sorted(path.name for path in out.iterdir())
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

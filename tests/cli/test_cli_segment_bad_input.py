"""`scarnet segment` on bad input, bad weights, and places that cannot be written to."""

import os
import pickle

import pytest


def test_an_empty_patient_folder_fails_and_earlier_results_are_passed_over(segment, nifti_study, tmp_path):
    cohort = tmp_path / "cohort"
    nifti_study(cohort / "a.nii.gz")
    (cohort / "export failed").mkdir()
    (cohort / "results" / "x").mkdir(parents=True)
    (cohort / "results" / "x" / "result.json").write_text("{}")
    result = segment(cohort, "--quiet")
    assert result.status == 2
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a"}
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
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a"}


def test_zero_spacing_gets_one_sentence_and_nothing_of_a_library(segment, nifti_study, tmp_path):
    path = nifti_study(tmp_path / "zero.nii")
    raw = bytearray(path.read_bytes())
    raw[80:92] = bytes(12)  # pixdim[1..3]
    path.write_bytes(raw)
    result = segment(path)
    assert result.status == 2
    assert result.err.startswith("error: zero: ")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "..", "a:b"])
def test_a_case_name_cannot_lead_elsewhere(segment, study, tmp_path, name):
    result = segment(study, "--case", name)
    assert result.status == 2
    assert "cannot be a folder's name" in result.err


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

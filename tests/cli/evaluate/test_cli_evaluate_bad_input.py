"""What `scarnet evaluate` refuses in one sentence, and that an earlier evaluation outlives whatever stops a new one."""

import json
import shutil

import numpy as np
import pytest


def test_missing_extra_and_misplaced_cases_are_all_named_at_once(
    scarnet, reference, results, tmp_path, everything_in, heart, save
):
    shutil.rmtree(results / "p1")
    shutil.rmtree(results / "n2")
    save(results / "stranger" / "labels.nii.gz", heart(1))
    save(results / "p2" / "labels.nii.gz", heart(1)[1:])
    save(results / "p3" / "labels.nii.gz", heart(1), np.diag([-1.0, -2.0, 8.0, 1.0]))
    (results / "n1" / "labels.nii.gz").write_bytes(b"broken")
    result = scarnet("evaluate", reference, results, "-o", tmp_path / "out")
    assert result.status == 2
    assert result.err.count("\n") == 1
    assert result.err.startswith("error: 5 problems, nothing is evaluated: results lacks 2 cases (n2, p1)")
    for words in ("stranger", "4 slices", "10.0 mm apart", "n1", "--allow-missing"):
        assert words in result.err.replace("8.0 mm", "10.0 mm"), words
    assert not (tmp_path / "out").exists()
    assert not [name for name in everything_in(tmp_path) if ".writing" in name]


def test_other_label_values_are_told_and_never_guessed(scarnet, reference, results, tmp_path, heart, save):
    save(results / "p1" / "labels.nii.gz", np.where(heart(9) == 3, 4, heart(9)).astype(np.uint8))
    result = scarnet("evaluate", reference, results, "-o", tmp_path / "out")
    assert result.status == 2
    assert "label values that mean nothing here: 4" in result.err
    assert "dataset.json" in result.err


@pytest.mark.parametrize(
    ("stored", "sentence"),
    [
        ([{"train": [], "val": ["p2", "gone"]}], "reference lacks 1 of the cases that"),
        ([{"train": [], "val": ["gone"]}], "has none of the cases that"),
        ([{"train": ["p1"], "val": []}], "holds nobody out"),
        ([{"val": ["p1"]}, {"val": ["p2"]}], "holds 2 splits"),
        ({"training": ["p1"]}, "is no list of splits"),
        ("p1", "is no list of splits"),
    ],
)
def test_splits_that_do_not_fit_get_one_sentence(scarnet, reference, results, tmp_path, stored, sentence):
    (tmp_path / "splits.json").write_text(json.dumps(stored))
    command = ("evaluate", reference, results, "-o", tmp_path / "out", "--splits", tmp_path / "splits.json")
    result = scarnet(*command)
    assert (result.status, result.err.count("\n")) == (2, 1)
    assert sentence in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--name", "one"], "--name is given 1 times; give it 2 times"),
        (["--name", "x", "--name", "x"], "Two are called 'x'"),
        (["--name", "reference", "--name", "x"], "Two are called 'reference'"),
        (["--name", " ", "--name", "x"], "A --name is empty"),
        (["--readers"], "there are 2 PREDICTIONs"),
        (["--spacing", "1,2"], "'1,2' is not three positive numbers in mm"),
    ],
)
def test_a_wrong_command_line_gets_one_sentence(scarnet, reference, results, flat, tmp_path, options, sentence):
    result = scarnet("evaluate", reference, results, flat, "-o", tmp_path / "out", *options)
    assert result.status == 2
    assert result.err.startswith("error: ")
    assert sentence in result.err
    assert result.err.count("\n") == 1


def test_two_folders_of_one_name_need_names(scarnet, reference, results, tmp_path):
    shutil.copytree(results, tmp_path / "other/results")
    result = scarnet("evaluate", reference, results, tmp_path / "other/results", "-o", tmp_path / "out")
    assert result.status == 2
    assert "Two are called 'results'; tell them apart with --name" in result.err


def test_an_earlier_evaluation_is_replaced_and_other_files_are_not(scarnet, reference, results, flat, tmp_path):
    out = tmp_path / "out"
    assert scarnet("evaluate", reference, results, "-o", out, "-q").status == 0
    before = (out / "summary.json").read_bytes()
    assert scarnet("evaluate", reference, flat, "-o", out, "-q").status == 0
    assert (out / "summary.json").read_bytes() != before
    (out / "notes.txt").write_text("mine")
    result = scarnet("evaluate", reference, results, "-o", out)
    assert result.status == 2
    assert "holds files that this command did not write" in result.err
    assert (out / "notes.txt").is_file()
    assert scarnet("evaluate", reference, results, "-o", results).status == 2
    assert (results / "p1/labels.nii.gz").is_file()


def test_a_full_disk_keeps_the_earlier_evaluation(scarnet, reference, results, mounted, everything_in, drawing):
    drawing()
    folder = mounted("size=600k")
    assert scarnet("evaluate", reference, results, "-o", folder / "out", "-q").status == 0
    (folder / "ballast").write_bytes(b"x" * 4096 * 60)
    before = everything_in(folder)
    result = scarnet("evaluate", reference, results, "-o", folder / "out")
    assert result.status == 2
    assert result.err.endswith("No space left on device.\n")
    assert everything_in(folder) == before


@pytest.mark.parametrize("where", ["scarnet.evaluate.cohort.evaluate_case", "scarnet.evaluate.report.write_table"])
def test_ctrl_c_leaves_what_was_there(scarnet, reference, results, tmp_path, everything_in, monkeypatch, where):
    assert scarnet("evaluate", reference, results, "-o", tmp_path / "out", "-q").status == 0
    before = everything_in(tmp_path), (tmp_path / "out/summary.json").read_bytes()

    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(where, interrupt)
    result = scarnet("evaluate", reference, results, "-o", tmp_path / "out")
    assert (result.status, result.err) == (130, "Stopped.\n")
    assert (everything_in(tmp_path), (tmp_path / "out/summary.json").read_bytes()) == before

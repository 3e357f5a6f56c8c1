"""`scarnet evaluate` as a user runs it."""

import csv
import json
import shutil
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest

AFFINE = np.diag([-1.0, -2.0, 10.0, 1.0])
SHAPE = (5, 36, 40)
FILES = {
    *("cases.csv", "slices.csv", "summary.json"),
    *(f"{name}.{kind}" for name in ("dice", "bland_altman", "regression") for kind in ("png", "pdf")),
}


def heart(scar, shift=0):
    """A ring of wall around a pool on the inner slices; scar is its first `scar` voxels on each."""
    z, y, x = np.indices(SHAPE)
    radius = np.hypot(y - 18, x - 18 - shift)
    labels = np.where(radius < 7, 2, np.where(radius < 12, 1, 0)).astype(np.uint8)
    labels[(z == 0) | (z == SHAPE[0] - 1)] = 0
    for one in labels[1:-1]:
        one.ravel()[np.flatnonzero(one == 1)[:scar]] = 3
    return labels


def save(path, labels, affine=AFFINE):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(labels.transpose(2, 1, 0), affine), path)
    return path


SCAR = {"p1": (20, 30), "p2": (40, 36), "p3": (60, 70), "n1": (0, 12), "n2": (0, 0)}


@pytest.fixture
def reference(tmp_path):
    """An nnU-Net dataset whose label values are not ours."""
    folder = tmp_path / "Dataset001"
    for case, (scar, _) in SCAR.items():
        ours = heart(scar)
        save(folder / "labelsTr" / f"{case}.nii.gz", np.choose(ours, [0, 2, 1, 4]).astype(np.uint8))
    names = {"background": 0, "cavity": 1, "myocardium": 2, "infarction": 3, "no_reflow": 4}
    (folder / "dataset.json").write_text(json.dumps({"labels": names}))
    return folder


@pytest.fixture
def results(tmp_path):
    """What `scarnet segment` would have written."""
    for case, (_, scar) in SCAR.items():
        save(tmp_path / "results" / case / "labels.nii.gz", heart(scar, shift=1))
        (tmp_path / "results" / case / "result.json").write_text("{}")
    return tmp_path / "results"


@pytest.fixture
def flat(tmp_path):
    """Another prediction, a folder of files."""
    for case, (_, scar) in SCAR.items():
        save(tmp_path / "flat" / f"{case}.nii.gz", heart(scar // 2, shift=3))
    return tmp_path / "flat"


@pytest.fixture(autouse=True)
def drawing():
    """Draw nothing unless a test calls this: the figures take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scarnet.evaluate.report._write_figures", lambda *arguments: None)
        yield patch.undo


def rows(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_dataset_against_what_segment_wrote(scarnet, reference, results, tmp_path, everything_in, drawing):
    drawing()
    result = scarnet("evaluate", reference, results, "-o", tmp_path / "out")
    assert result.status == 0, result.err
    assert everything_in(tmp_path / "out") == FILES
    summary = json.loads((tmp_path / "out/summary.json").read_text(encoding="utf-8"))
    assert set(summary["classes"]) == {"myocardium", "blood_pool", "scar"}
    for found in summary["classes"].values():
        assert {"mean", "median", "iqr", "n"} <= set(found["dice"])
        assert found["hd95_mm"]["n"] == found["assd_mm"]["n"]
    assert {"bias", "loa", "cov", "r2", "slope", "intercept"} <= set(summary["scar_percent"])
    assert summary["classes"]["scar"]["dice"]["n"] == 3
    # The shift is one voxel of 1 mm along the columns.
    assert summary["classes"]["myocardium"]["hd_mm"]["max"] == pytest.approx(1)
    assert (summary["false_alarms"]["patients_without_scar"], summary["false_alarms"]["patients"]) == (2, 1)
    cases = {row["case"]: row for row in rows(tmp_path / "out/cases.csv")}
    assert set(cases) == set(SCAR)
    ours, theirs = heart(20), heart(30, shift=1)
    overlap = 2 * ((ours == 3) & (theirs == 3)).sum() / ((ours == 3).sum() + (theirs == 3).sum())
    assert float(cases["p1"]["dice_scar"]) == pytest.approx(overlap, rel=1e-5)
    assert float(cases["p1"]["reference_ml_scar"]) == pytest.approx(20 * 3 * 0.02)
    assert cases["n1"]["dice_scar"] == cases["n2"]["dice_scar"] == ""
    assert (cases["n1"]["false_alarm"], cases["n2"]["false_alarm"]) == ("1", "0")
    slices = rows(tmp_path / "out/slices.csv")
    assert len(slices) == len(SCAR) * SHAPE[0]
    assert [row["dice_scar"] == "" for row in slices if row["case"] == "p1"] == [True, False, False, False, True]
    assert "results: 5 cases; mean Dice myocardium" in result.out
    assert "false alarms 1 of 2" in result.out


def test_two_methods_over_the_same_patients(scarnet, reference, results, flat, tmp_path):
    names = ("--name", "after", "--name", "be$fore$")
    result = scarnet("evaluate", reference, results, flat, "-o", tmp_path / "out", *names)
    assert result.status == 0, result.err
    summary = json.loads((tmp_path / "out/summary.json").read_text(encoding="utf-8"))
    assert list(summary["methods"]) == ["after", "be$fore$"]
    assert summary["methods"]["after"]["classes"] == summary["classes"]
    (pair,) = summary["comparison"]["dice_scar"]["wilcoxon"]
    means = [summary["methods"][name]["classes"]["scar"]["dice"]["mean"] for name in ("after", "be$fore$")]
    assert pair["mean_difference"] == pytest.approx(means[1] - means[0])
    assert pair["n"] == 3
    assert {row["method"] for row in rows(tmp_path / "out/cases.csv")} == {"after", "be$fore$"}
    assert "be$fore$ − after: scar Dice -" in result.out


def test_two_readers(scarnet, results, flat, tmp_path, drawing):
    drawing()
    result = scarnet("evaluate", results, flat, "-o", tmp_path / "out", "--readers")
    assert result.status == 0, result.err
    summary = json.loads((tmp_path / "out/summary.json").read_text(encoding="utf-8"))
    assert summary["reference"] == "reader 1"
    assert list(summary["methods"]) == ["reader 2"]
    assert summary["presence"] == {"both": 4, "only_first": 0, "only_second": 0, "neither": 1}
    assert "false_alarms" not in summary
    header = (tmp_path / "out/cases.csv").read_text(encoding="utf-8").splitlines()[0]
    assert "reader_1_ml_scar,reader_2_ml_scar" in header
    assert "reference" not in header
    assert "predicted" not in header


def test_single_files_are_a_pair_whatever_they_are_called(scarnet, reference, flat, tmp_path):
    out = tmp_path / "out"
    result = scarnet("evaluate", reference / "labelsTr/p1.nii.gz", flat / "p2.nii.gz", "-o", out)
    assert result.status == 0, result.err
    assert [row["case"] for row in rows(out / "cases.csv")] == ["p1"]


def test_missing_extra_and_misplaced_cases_are_all_named_at_once(scarnet, reference, results, tmp_path, everything_in):
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


def test_the_rest_can_be_evaluated_and_is_told(scarnet, reference, results, tmp_path):
    shutil.rmtree(results / "p1")
    save(results / "stranger" / "labels.nii.gz", heart(1))
    refused = scarnet("evaluate", reference, results, "-o", tmp_path / "out")
    assert refused.status == 2
    assert "1 case (p1)" in refused.err
    result = scarnet("evaluate", reference, results, "-o", tmp_path / "out", "--allow-missing")
    assert result.status == 0, result.err
    assert "4 cases evaluated; 2 that not everyone has are left out" in result.err
    summary = json.loads((tmp_path / "out/summary.json").read_text(encoding="utf-8"))
    assert summary["left_out"] == ["p1", "stranger"]
    assert summary["n"] == 4


def test_patients_a_model_was_trained_on_are_told_and_can_be_left_out(scarnet, reference, results, flat, tmp_path):
    for case in ("p1", "n1"):
        (results / case / "result.json").write_text('{"seen_in_training": true}')
    (results / "p2" / "result.json").write_text('{"seen_in_training": false}')
    splits = tmp_path / "splits.json"
    splits.write_text(json.dumps([{"train": ["p1", "n1"], "val": ["p2", "p3", "n2"]}]))
    command = ("evaluate", reference, results, flat, "-o", tmp_path / "out")
    result = scarnet(*command)
    assert "note: The model behind results was trained on cases of the same names as 2 of these 5" in result.err
    assert "behind flat" not in result.err
    summary = json.loads((tmp_path / "out/summary.json").read_text(encoding="utf-8"))
    assert summary["seen_in_training"] == {"results": ["n1", "p1"]}
    result = scarnet(*command, "--splits", splits)
    assert result.status == 0, result.err
    assert "trained on" not in result.err
    assert {row["case"] for row in rows(tmp_path / "out/cases.csv")} == {"p2", "p3", "n2"}
    assert "Of 5 cases only those held out from a training are evaluated" in result.err


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


def test_what_is_true_of_all_methods_is_said_once(scarnet, reference, tmp_path):
    for case in SCAR:
        for method in ("a", "b"):
            save(tmp_path / method / f"{case}.nii.gz", np.zeros(SHAPE, np.uint8))
    result = scarnet("evaluate", reference, tmp_path / "a", tmp_path / "b", "-o", tmp_path / "out")
    assert result.status == 0
    notes = [line for line in result.err.splitlines() if line.startswith("note: ")]
    assert notes == [
        "note: Hardly any overlap in any case: myocardium (Dice at most 0.00), blood pool (Dice at most 0.00); check "
        "that both label the classes alike: other label values are mapped by name with a dataset.json beside the "
        "files.",
        "note: Patients without a wall are left out of the scar percentage: 5.",
        "note: Patients without a surface are left out of the distances: myocardium (prediction empty in 5), blood "
        "pool (prediction empty in 5), scar (prediction empty in 3).",
    ]


def test_other_label_values_are_told_and_never_guessed(scarnet, reference, results, tmp_path):
    save(results / "p1" / "labels.nii.gz", np.where(heart(9) == 3, 4, heart(9)).astype(np.uint8))
    result = scarnet("evaluate", reference, results, "-o", tmp_path / "out")
    assert result.status == 2
    assert "label values that mean nothing here: 4" in result.err
    assert "dataset.json" in result.err


def test_swapped_labels_raise_suspicion(scarnet, reference, tmp_path):
    # The dataset's own labels without its dataset.json: cavity reads as myocardium.
    for case, (scar, _) in SCAR.items():
        save(tmp_path / "raw" / f"{case}.nii.gz", np.choose(heart(scar), [0, 2, 1, 1]).astype(np.uint8))
    result = scarnet("evaluate", reference, tmp_path / "raw", "-o", tmp_path / "out")
    assert result.status == 0
    assert "check that both label the classes alike" in result.err


def test_tiff_needs_a_spacing_and_takes_it(scarnet, tmp_path):
    import tifffile

    for name in ("first", "second"):
        tifffile.imwrite(tmp_path / f"{name}.tif", heart(20))
    arguments = ("evaluate", tmp_path / "first.tif", tmp_path / "second.tif", "-o", tmp_path / "out")
    assert scarnet(*arguments).status == 2
    result = scarnet(*arguments, "--spacing", "10,2,1")
    assert result.status == 0, result.err
    (row,) = rows(tmp_path / "out/cases.csv")
    assert float(row["reference_ml_scar"]) == pytest.approx(20 * 3 * 0.02)


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


def test_the_help_is_light_and_its_examples_are_valid(scarnet):
    from scarnet_cli.main import build_parser

    text = scarnet("evaluate", "--help").out
    lines = [line for line in text.splitlines() if line.startswith("  scarnet evaluate ")]
    assert len(lines) == 5
    for line in lines:
        build_parser().parse_args(line.split()[1:])
    code = (
        "import sys; from scarnet_cli.main import main; import scarnet.evaluate; main(['evaluate', '--help']); "
        "heavy = {'torch', 'matplotlib', 'napari', 'scipy', 'pandas', 'statsmodels'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, timeout=60)

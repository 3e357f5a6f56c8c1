"""`scarnet evaluate` as a user runs it."""

import csv
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

FILES = {
    *("cases.csv", "slices.csv", "summary.json"),
    *(f"{name}.{kind}" for name in ("dice", "bland_altman", "regression") for kind in ("png", "pdf")),
}


def rows(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_dataset_against_what_segment_wrote(
    scarnet, reference, results, tmp_path, everything_in, drawing, scar_voxels, heart
):
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
    assert set(cases) == set(scar_voxels)
    ours, theirs = heart(20), heart(30, shift=1)
    overlap = 2 * ((ours == 3) & (theirs == 3)).sum() / ((ours == 3).sum() + (theirs == 3).sum())
    assert float(cases["p1"]["dice_scar"]) == pytest.approx(overlap, rel=1e-5)
    assert float(cases["p1"]["reference_ml_scar"]) == pytest.approx(20 * 3 * 0.02)
    assert cases["n1"]["dice_scar"] == cases["n2"]["dice_scar"] == ""
    assert (cases["n1"]["false_alarm"], cases["n2"]["false_alarm"]) == ("1", "0")
    slices = rows(tmp_path / "out/slices.csv")
    assert len(slices) == len(scar_voxels) * len(heart(0))
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


def test_the_rest_can_be_evaluated_and_is_told(scarnet, reference, results, tmp_path, heart, save):
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


def test_what_is_true_of_all_methods_is_said_once(scarnet, reference, tmp_path, scar_voxels, heart, save):
    for case in scar_voxels:
        for method in ("a", "b"):
            save(tmp_path / method / f"{case}.nii.gz", np.zeros_like(heart(0)))
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


def test_swapped_labels_raise_suspicion(scarnet, reference, tmp_path, scar_voxels, heart, save):
    # The dataset's own labels without its dataset.json: cavity reads as myocardium.
    for case, (scar, _) in scar_voxels.items():
        save(tmp_path / "raw" / f"{case}.nii.gz", np.choose(heart(scar), [0, 2, 1, 1]).astype(np.uint8))
    result = scarnet("evaluate", reference, tmp_path / "raw", "-o", tmp_path / "out")
    assert result.status == 0
    assert "check that both label the classes alike" in result.err


def test_tiff_needs_a_spacing_and_takes_it(scarnet, tmp_path, heart):
    import tifffile

    for name in ("first", "second"):
        tifffile.imwrite(tmp_path / f"{name}.tif", heart(20))
    arguments = ("evaluate", tmp_path / "first.tif", tmp_path / "second.tif", "-o", tmp_path / "out")
    assert scarnet(*arguments).status == 2
    result = scarnet(*arguments, "--spacing", "10,2,1")
    assert result.status == 0, result.err
    (row,) = rows(tmp_path / "out/cases.csv")
    assert float(row["reference_ml_scar"]) == pytest.approx(20 * 3 * 0.02)


def test_the_help_is_light():
    code = (
        "import sys; from scarnet_cli.main import main; import scarnet.evaluate; main(['evaluate', '--help']); "
        "heavy = {'torch', 'matplotlib', 'napari', 'scipy', 'pandas', 'statsmodels'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, timeout=60)

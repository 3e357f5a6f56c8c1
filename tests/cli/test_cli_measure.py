"""`scarnet measure` as a user runs it."""

import csv
import json
import shutil
import signal
import sys
import time

import nibabel as nib
import numpy as np
import pytest

from scarnet.phantom import PhantomSettings, write_phantom_cohort

FILES = {"measures.json", "slices.csv", "segments.csv"}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """Two phantoms in nnU-Net's layout."""
    folder = tmp_path_factory.mktemp("cohort") / "Dataset001"
    settings = PhantomSettings(slices=4, matrix=(80, 80), spacing_mm=(2.4, 2.4), pattern="ischaemic")
    write_phantom_cohort(folder, cases=2, seed=4, settings=settings)
    return folder


@pytest.fixture
def measure(scarnet):
    """Run `scarnet measure` without the report, whose drawing takes most of the time."""

    def run(*arguments):
        return scarnet("measure", *arguments, "--no-report")

    return run


@pytest.fixture
def pair(cohort):
    """One image and its labels."""
    image = sorted((cohort / "imagesTr").iterdir())[0]
    return image, cohort / "labelsTr" / image.name.replace("_0000", "")


def table(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def values(folder):
    return json.loads((folder / "measures.json").read_text(encoding="utf-8"))


def in_folders(*cases):
    return {*cases, *(f"{case}/{name}" for case in cases for name in FILES)}


def voxel_ml(path):
    return abs(np.linalg.det(nib.load(path).affine[:3, :3])) / 1000


def test_one_study(measure, pair, tmp_path, everything_in):
    result = measure(*pair, "-o", tmp_path / "out")
    assert result.status == 0, result.err
    assert everything_in(tmp_path / "out") == FILES
    found = values(tmp_path / "out")
    labels = np.asarray(nib.load(pair[1]).dataobj)
    assert found["scar_volume_ml"] == pytest.approx((labels == 3).sum() * voxel_ml(pair[1]), rel=1e-4)
    assert set(found["thresholds"]) == {"fwhm", "sd2", "sd3", "sd4", "sd5", "sd6", "otsu", "gmm"}
    assert found["uncertainty"] == {}
    slices, segments = table(tmp_path / "out/slices.csv"), table(tmp_path / "out/segments.csv")
    assert [int(row["index"]) for row in slices] == [0, 1, 2, 3]
    assert sum(float(row["scar_volume_ml"]) for row in slices) == pytest.approx(found["scar_volume_ml"], rel=1e-4)
    assert [row["name"] for row in segments][1:17:15] == ["basal anteroseptal", "apex"]
    assert f"scar {found['scar_volume_ml']:.1f} ml" in result.out
    assert "insertion of the right ventricle is estimated" in result.err


def test_a_dataset_gets_a_table_of_the_cohort(measure, cohort, tmp_path, everything_in):
    result = measure(cohort, cohort, "-o", tmp_path / "out")
    assert result.status == 0, result.err
    rows = table(tmp_path / "out/cohort.csv")
    assert everything_in(tmp_path / "out") == {"cohort.csv", *in_folders(*(row["case"] for row in rows))}
    assert len(rows) == 2
    for row in rows:
        found = values(tmp_path / "out" / row["case"])
        assert float(row["scar_percent_myocardium"]) == pytest.approx(found["scar_percent_myocardium"], rel=1e-5)
        assert float(row["scar_percent_sd5"]) == pytest.approx(
            found["thresholds"]["sd5"]["scar_percent_myocardium"], rel=1e-5
        )
        assert float(row["scar_percent_segment_4"]) == pytest.approx(found["segments"][3]["scar_percent"], rel=1e-5)
        assert row["insertion"] == found["insertion"]["source"]


def test_probabilities_beside_the_labels_are_used(measure, pair, tmp_path):
    # What 'scarnet segment' leaves: labels and probabilities in the case's folder.
    image, labels = pair
    case = labels.name.removesuffix(".nii.gz")
    folder = tmp_path / "results" / case
    folder.mkdir(parents=True)
    shutil.copy(labels, folder / "labels.nii.gz")
    stored = nib.load(labels)
    given = np.asarray(stored.dataobj)
    sure = np.stack([given == c for c in range(4)], axis=-1).astype(np.float32)
    nib.save(nib.Nifti1Image(0.9 * sure + 0.025, stored.affine), folder / "probabilities.nii.gz")
    result = measure(image, tmp_path / "results", "-o", tmp_path / "out")
    assert result.status == 0, result.err
    found = values(tmp_path / "out")["uncertainty"]["probabilities"]["scar_volume_ml"]
    expected = ((given == 3) * 0.9 + 0.025).sum() * voxel_ml(labels)
    assert found["expected"] == pytest.approx(expected, rel=1e-4)
    assert found["interval"][0] < found["interval"][1]
    assert "by its probabilities" in result.out


def test_settings_and_a_marked_insertion_reach_the_numbers(measure, pair, tmp_path):
    labels = pair[1]
    remote = tmp_path / "remote.nii.gz"
    stored = nib.load(labels)
    healthy = np.asarray(stored.dataobj) == 1
    nib.save(nib.Nifti1Image(255 * healthy.astype(np.uint8), stored.affine), remote)  # as ImageJ writes masks
    point = stored.affine @ [30.0, 25.0, 1.0, 1.0]
    options = (
        "--smallest",
        0.5,
        "--base",
        "last",
        "--fwhm-baseline",
        "zero",
        "--grey-zone",
        "sd",
        "--no-reflow",
        "apart",
    )
    voxel = measure(*pair, "-o", tmp_path / "a", *options, "--remote", remote, "--insertion", "1,25,30")
    patient = measure(
        *(*pair, "-o", tmp_path / "b", *options, "--remote", remote),
        f"--insertion-mm={','.join(f'{v:.4f}' for v in point[:3])}",
    )
    assert (voxel.status, patient.status) == (0, 0), voxel.err + patient.err
    one, other = values(tmp_path / "a"), values(tmp_path / "b")
    assert one["settings"] == {
        "smallest_scar_ml": 0.5,
        "no_reflow": "apart",
        "base": "last",
        "seen_from": "apex",
        "fwhm_baseline": "zero",
        "grey_zone": "sd",
    }
    assert one["insertion"] == {"source": "given", "estimated": False}
    assert one["remote"]["drawn"]
    assert one["remote"]["voxels"] == healthy.sum()
    assert one["orientation"]["base"] == "last slice"
    for first, second in zip(one["segments"], other["segments"], strict=True):
        assert second["scar_volume_ml"] == pytest.approx(first["scar_volume_ml"], abs=0.05)


def test_insertion_points_of_a_cohort(measure, cohort, tmp_path):
    points = tmp_path / "points.csv"
    case = sorted(path.name for path in (cohort / "labelsTr").iterdir())[0].removesuffix(".nii.gz")
    points.write_text(f"case,slice,row,column\n{case},1,25,30\nmistyped,1,25,30\n")
    result = measure(cohort, cohort, "-o", tmp_path / "out", "--insertions", points)
    assert result.status == 0, result.err
    assert "not measured, left out: mistyped" in result.err
    first, second = (row["insertion"] for row in table(tmp_path / "out/cohort.csv"))
    assert first == "given" != second
    points.write_text("case,slice,row,column\nx,one,25,30\n")
    result = measure(cohort, cohort, "-o", tmp_path / "again", "--insertions", points)
    assert (result.status, "line 2" in result.err) == (2, True)


def test_one_bad_case_does_not_stop_the_others(measure, cohort, tmp_path, everything_in):
    broken = tmp_path / "Dataset002"
    shutil.copytree(cohort, broken)
    first, second = sorted((broken / "labelsTr").iterdir())
    first.write_bytes(b"no labels")
    result = measure(broken, broken, "-o", tmp_path / "out")
    assert result.status == 2
    case = second.name.removesuffix(".nii.gz")
    assert everything_in(tmp_path / "out") == {"cohort.csv", *in_folders(case)}
    assert result.err.count("error:") == 1
    first.unlink()
    result = measure(broken, broken, "-o", tmp_path / "out")
    assert result.status == 2
    assert "there are no labels of this case" in result.err


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a signal")
def test_after_ctrl_c_the_table_is_of_the_finished_cases(scarnet_process, cohort, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "cohort.csv").write_text("an earlier run's\n")
    run = scarnet_process("measure", cohort, cohort, "-o", out)
    first, second = sorted(path.name.removesuffix(".nii.gz") for path in (cohort / "labelsTr").iterdir())
    while not (out / first).exists() and run.poll() is None:
        time.sleep(0.01)
    time.sleep(0.2)  # the second case is under way, which takes a second and more for its report alone
    run.send_signal(signal.SIGINT)
    assert run.wait(60) == 130, run.stderr.read()
    assert [row["case"] for row in table(out / "cohort.csv")] == [first]
    assert not (out / second).exists()


def test_bad_command_lines(measure, cohort, pair, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "notes.txt").write_text("keep")
    for arguments, told in (
        ((pair[0], tmp_path / "nothing", "-o", tmp_path / "out"), "check its spelling"),
        ((cohort, "-o", tmp_path / "out"), "labels have to be named"),
        ((cohort, cohort, "-o", tmp_path / "out", "--insertion", "1,2,3"), "belong to one study"),
        ((*pair, "-o", tmp_path / "out", "--insertion", "1,2"), "not three numbers"),
        ((*pair, "-o", tmp_path / "out", "--insertion", "9,2,3"), "outside the stack of 4"),
        ((*pair, "-o", tmp_path / "out", "--smallest=-1"), "volume of 0 ml or more"),
        ((*pair, "-o", mine), "did not write"),
    ):
        result = measure(*arguments)
        assert result.status == 2, arguments
        assert told in result.err
        assert result.err.startswith("error:")
    assert not (tmp_path / "out").exists()
    assert (mine / "notes.txt").read_text() == "keep"


def test_dicom_and_nifti_of_a_study_give_the_same_segments(measure, tmp_path):
    # DICOM slices are sorted along the normal, whichever way they were written.
    settings = PhantomSettings(
        slices=5, matrix=(80, 80), spacing_mm=(2.4, 2.4), pattern="ischaemic", view="conventional"
    )
    found = {}
    for kind in ("nifti", "dicom"):
        (image,) = write_phantom_cohort(tmp_path / kind, cases=1, seed=9, format=kind, settings=settings)
        labels = next((tmp_path / kind / "labelsTr").iterdir())
        result = measure(image, labels, "-o", tmp_path / "out" / kind)
        assert result.status == 0, result.err
        found[kind] = values(tmp_path / "out" / kind)
    for one, other in zip(found["nifti"]["segments"], found["dicom"]["segments"], strict=True):
        assert other["scar_volume_ml"] == pytest.approx(one["scar_volume_ml"], abs=0.02)
    assert found["dicom"]["thresholds"]["sd5"]["scar_volume_ml"] == pytest.approx(
        found["nifti"]["thresholds"]["sd5"]["scar_volume_ml"], rel=0.01
    )

"""`scarnet demo`: the whole job, from DICOM to report."""

import json
import re
from argparse import Namespace

import nibabel as nib
import numpy as np
import pydicom
import pytest

from scarnet_cli import demo
from scarnet_cli.progress import Bars

EXPECTED = {
    *("labels.nii.gz", "probabilities.nii.gz", "logits.nii.gz", "result.json", "maps.png", "maps.pdf"),
    *("measures.json", "slices.csv", "segments.csv", "report.pdf", "segmentation.dcm", "measurements.dcm"),
}


@pytest.fixture
def run_demo(scarnet, tiny_model, tmp_path, monkeypatch):
    """Run the demo on a phantom of a few small slices."""
    import scarnet.phantom as phantoms

    make, settings = phantoms.make_phantom, phantoms.PhantomSettings(matrix=(96, 96), spacing_mm=(2.4, 2.4), slices=3)
    monkeypatch.setattr(phantoms, "make_phantom", lambda seed, case: make(seed, settings, case))
    monkeypatch.setenv("CI", "1")
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: scarnet("demo", "--model", tiny_model, "--device", "cpu", *arguments)


def test_the_whole_job_is_done_and_told(run_demo, tmp_path):
    result = run_demo()
    assert (result.status, result.err) == (0, "")
    out = tmp_path / "demo-output"
    assert {path.name for path in out.iterdir()} == {"phantom-dicom", "phantom-result"}
    assert {path.name for path in (out / "phantom-result").iterdir()} == EXPECTED
    slices = sorted((out / "phantom-dicom").iterdir())
    assert pydicom.dcmread(slices[0]).Modality == "MR"
    assert (out / "phantom-result/maps.png").read_bytes().startswith(b"\x89PNG")
    assert (out / "phantom-result/maps.pdf").read_bytes().startswith(b"%PDF")
    numbers = json.loads((out / "phantom-result/result.json").read_text())
    assert numbers["case"] == "phantom"
    assert nib.load(out / "phantom-result/labels.nii.gz").shape[2] == len(slices)
    assert "synthetic" in result.out
    assert re.search(rf"^scar +{numbers['measures']['scar_volume_ml']:.1f} ml", result.out, re.MULTILINE)
    measures = json.loads((out / "phantom-result/measures.json").read_text())
    assert measures["scar_volume_ml"] == pytest.approx(numbers["measures"]["scar_volume_ml"])
    assert (out / "phantom-result/report.pdf").read_bytes().startswith(b"%PDF")
    segmentation = pydicom.dcmread(out / "phantom-result/segmentation.dcm")
    assert len(segmentation.SourceImageSequence) == len(slices)
    assert segmentation.SegmentSequence[0].SegmentAlgorithmType == "AUTOMATIC"
    for name in EXPECTED - {"maps.pdf", "slices.csv", "segments.csv"}:
        assert f"phantom-result/{name}" in result.out


def test_again_into_the_same_folder_replaces_the_demo(run_demo, tmp_path):
    assert run_demo("-o", "d", "--quiet").status == 0
    (tmp_path / "d/phantom-dicom/left-over.dcm").write_text("")
    again = run_demo("-o", "d", "--quiet", "--seed", "5")
    assert (again.status, again.out, again.err) == (0, "", "")
    assert not (tmp_path / "d/phantom-dicom/left-over.dcm").exists()


def test_files_of_others_stay(run_demo, tmp_path):
    (tmp_path / "d/phantom-result").mkdir(parents=True)
    (tmp_path / "d/phantom-result/thesis.docx").write_text("years of work")
    result = run_demo("-o", "d")
    assert result.status == 2
    assert result.err.startswith("error: ")
    assert (tmp_path / "d/phantom-result/thesis.docx").is_file()


@pytest.mark.parametrize("view", ["conventional", "turned"])
def test_true_labels_lie_over_the_study_that_was_read_back(tmp_path, view):
    from scarnet.io import read_study
    from scarnet.phantom import PhantomSettings, make_phantom, write_dicom_series

    phantom = make_phantom(seed=1, settings=PhantomSettings(view=view, slices=4, matrix=(96, 96), spacing_mm=(2, 2)))
    write_dicom_series(tmp_path / "dicom", phantom.stack)
    stack = read_study(tmp_path / "dicom")
    moved = demo._on_grid(phantom.labels, phantom.stack, stack)
    for z in range(4):
        wall, true_wall = moved == 1, phantom.labels == 1
        assert wall[z].any()
        found = stack.pixels[z][wall[z]]
        assert any(
            found.size == true_wall[k].sum() and np.allclose(found, phantom.stack.pixels[k][true_wall[k]], atol=0.6)
            for k in range(4)
        )


def test_dice():
    from scarnet_training.validation import dice

    a, b = np.array([1, 1, 0, 0], bool), np.array([1, 0, 1, 0], bool)
    assert dice(a, b) == 0.5
    assert dice(a, a) == 1.0
    assert dice(~a & a, ~a & a) is None


@pytest.mark.parametrize(
    ("wanted", "ci", "display", "opened"),
    [(True, None, True, True), (True, "1", True, False), (False, None, True, False), (True, None, False, False)],
    ids=["display", "ci", "no-view", "no-display"],
)
def test_napari_opens_only_where_somebody_sees_it(monkeypatch, capsys, tmp_path, wanted, ci, display, opened):
    from scarnet_cli import view

    shown = []
    monkeypatch.setattr(view, "open_viewer", shown.append)
    monkeypatch.setattr(view, "why_no_viewer", lambda: None if display else "There is no display.")
    monkeypatch.delenv("CI", raising=False)
    if ci:
        monkeypatch.setenv("CI", ci)
    demo._view(Namespace(view=wanted), tmp_path, Bars())
    assert shown == ([tmp_path] if opened else [])
    assert ("napari is left out: There is no display." in capsys.readouterr().err) is not display

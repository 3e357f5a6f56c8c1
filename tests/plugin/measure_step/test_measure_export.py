"""Files of a case: what is on screen, whole, and of nobody."""

import json
import threading

import nibabel as nib
import numpy as np
import pydicom
import pytest

from napari_scarnet import measure_export
from napari_scarnet.measure_export import case_folder
from scarnet.io import read_study
from scarnet.measure import measure_study
from scarnet.phantom import write_dicom_series


@pytest.fixture
def from_dicom(make_napari_viewer, qtbot, hearts, tmp_path):
    """The heart read from DICOM."""
    stack, labels = hearts.known(shape=(4, 64, 72), mirrored=True)
    write_dicom_series(tmp_path / "dicom", stack)
    return hearts.bench(make_napari_viewer(show=True), qtbot, read_study(tmp_path / "dicom"), labels)


def save(bench, monkeypatch, folder):
    monkeypatch.setattr(bench.measure, "_ask_folder", lambda: str(folder))
    bench.click(bench.measure.sections["export"].header)
    bench.click(bench.measure.export_button)
    bench.qtbot.waitUntil(lambda: bench.measure.job is None, timeout=60000)


def test_everything_of_a_dicom_study(from_dicom, tmp_path, monkeypatch):
    bench = from_dicom
    bench.labels.data_setitem((np.full(3, 2), np.arange(3), np.arange(3)), 1)
    bench.measure.files["dicom"].setChecked(True)
    save(bench, monkeypatch, tmp_path / "out")
    folder = case_folder(tmp_path / "out", bench.measure.case)
    assert sorted(path.name for path in folder.iterdir()) == [
        "labels.nii.gz",
        "measurements.dcm",
        "measures.json",
        "report.pdf",
        "segmentation.dcm",
        "segments.csv",
        "slices.csv",
    ]
    assert str(folder) in bench.measure.status.text()
    values = json.loads((folder / "measures.json").read_text(encoding="utf-8"))
    expected = measure_study(bench.labels.data, bench.stack).values
    assert values["scar_percent_myocardium"] == expected["scar_percent_myocardium"]
    assert values["thresholds"] == expected["thresholds"]
    assert values["case"] == bench.measure.case
    saved = nib.load(folder / "labels.nii.gz")
    assert np.array_equal(np.asarray(saved.dataobj).T, bench.labels.data)
    assert np.allclose(saved.affine, bench.stack.affine, atol=1e-4)
    segmentation = pydicom.dcmread(folder / "segmentation.dcm")
    assert segmentation.PatientName.family_name == bench.measure.case
    assert {one.SegmentAlgorithmType for one in segmentation.SegmentSequence} == {"MANUAL"}


def test_what_cannot_be_written_is_said_and_cancelling_leaves_whole_files(bench, monkeypatch, tmp_path):
    bench.measure.files["dicom"].setChecked(True)
    bench.measure.files["report"].setChecked(False)
    save(bench, monkeypatch, tmp_path)
    assert "⚠" in bench.measure.status.text()
    assert "DICOM" in bench.measure.status.text()
    assert not [path for path in case_folder(tmp_path, "heart A").iterdir() if path.suffix == ".dcm"]
    for box in bench.measure.files.values():
        box.setChecked(False)
    bench.click(bench.measure.export_button)
    assert "at least one" in bench.measure.status.text()

    going = threading.Event()

    def wait(*args):
        *_, progress = args
        going.set()
        while True:
            progress(0, 0, "Report")

    monkeypatch.setattr(measure_export, "_write_report", wait)
    for box in bench.measure.files.values():
        box.setChecked(box is not bench.measure.files["dicom"])
    bench.click(bench.measure.export_button)
    bench.qtbot.waitUntil(going.is_set, timeout=20000)
    assert bench.measure.job_bar.isVisible()
    bench.click(bench.measure.job_bar.cancel_button)
    bench.qtbot.waitUntil(lambda: bench.measure.job is None, timeout=20000)
    assert "Cancelled" in bench.measure.status.text()
    names = {path.name for path in case_folder(tmp_path, "heart A").iterdir()}
    assert names == {"labels.nii.gz", "measures.json", "segments.csv", "slices.csv"}

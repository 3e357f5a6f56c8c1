"""Reports and DICOM from the terminal."""

import json
import re

import numpy as np
import pydicom
import pytest
import tifffile

from scarnet.io import read_labels, read_study, write_labels
from scarnet.models import import_model
from scarnet.phantom import PhantomSettings, make_phantom, write_dicom_series


@pytest.fixture(scope="module")
def dicom_study(tmp_path_factory):
    phantom = make_phantom(2, PhantomSettings(matrix=(64, 72), spacing_mm=(2.0, 1.9), slices=4), case="p2")
    folder = tmp_path_factory.mktemp("dicom") / "p2"
    write_dicom_series(folder, phantom.stack)
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.PatientName, dataset.PatientID = "Geheim^Person", "SECRET"
        dataset.save_as(path)
    return folder


@pytest.fixture
def labels(dicom_study, tmp_path):
    stack = read_study(dicom_study)
    labels = np.random.default_rng(0).integers(0, 4, stack.shape).astype(np.uint8)
    (tmp_path / "labelled").mkdir()
    write_labels(tmp_path / "labelled" / "labels.nii.gz", labels, stack)
    return tmp_path / "labelled" / "labels.nii.gz"


def test_segment_writes_dicom_and_tiff(segment, dicom_study, tmp_path, everything_in):
    result = segment(dicom_study, "--save", "labels,tiff,dicom")
    assert (result.status, result.err) == (0, result.err)
    folder = tmp_path / "out" / "p2"
    assert everything_in(folder) == {"labels.nii.gz", "labels_imagej.tif", "segmentation.dcm", "result.json"}
    stack = read_study(dicom_study)
    labels = read_labels(folder / "labels.nii.gz", stack)
    assert np.array_equal(read_labels(folder / "segmentation.dcm", stack), labels)
    assert np.array_equal(tifffile.imread(folder / "labels_imagej.tif"), labels)
    found = pydicom.dcmread(folder / "segmentation.dcm")
    assert (found.PatientID, found.SegmentSequence[0].SegmentAlgorithmType) == ("p2", "AUTOMATIC")
    sha256 = json.loads((folder / "result.json").read_text())["model"]["sha256"]
    assert found.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0].AlgorithmVersion == sha256


def test_no_dicom_of_a_nifti_study(segment, study, tmp_path, everything_in):
    result = segment(study, "--save", "labels,dicom")
    assert result.status == 2
    assert "error: anna: the study was not read from DICOM" in result.err
    assert not everything_in(tmp_path / "out")


def test_measure_writes_report_and_dicom(scarnet, dicom_study, labels, tiny_model, tmp_path, everything_in):
    entry = import_model(tiny_model)
    result_json = {"model": {"name": entry.name, "sha256": entry.sha256}}
    (labels.parent / "result.json").write_text(json.dumps(result_json))
    out = tmp_path / "out"
    result = scarnet("measure", dicom_study, labels, "-o", out, "--dicom", "--keep-identity")
    assert result.status == 0, result.err
    assert {"report.pdf", "segmentation.dcm", "measurements.dcm", "measures.json"} <= everything_in(out)
    stack = read_study(dicom_study)
    assert np.array_equal(read_labels(out / "segmentation.dcm", stack), read_labels(labels, stack))
    for name in ("segmentation.dcm", "measurements.dcm"):
        assert pydicom.dcmread(out / name).PatientID == "SECRET"
    assert pydicom.dcmread(out / "segmentation.dcm").SegmentSequence[0].SegmentAlgorithmType == "SEMIAUTOMATIC"
    assert len(re.findall(rb"/Type /Page\b(?!s)", (out / "report.pdf").read_bytes())) == 2
    assert "Geheim" not in result.out + result.err
    # A second run replaces the first, and a segmentation is labels too.
    options = ("-o", tmp_path / "again", "--no-report", "--dicom", "-q")
    again = scarnet("measure", dicom_study, out / "segmentation.dcm", *options)
    assert again.status == 0, again.err
    tables = {"measures.json", "slices.csv", "segments.csv"}
    assert everything_in(tmp_path / "again") == {*tables, "segmentation.dcm", "measurements.dcm"}
    # It tells whose labels they are, too.
    segment = pydicom.dcmread(tmp_path / "again" / "segmentation.dcm").SegmentSequence[0]
    assert segment.SegmentAlgorithmType == "SEMIAUTOMATIC"
    assert segment.SegmentationAlgorithmIdentificationSequence[0].AlgorithmVersion == entry.sha256
    assert (tmp_path / "again" / "slices.csv").read_bytes() == (out / "slices.csv").read_bytes()


def test_measure_refuses_what_makes_no_sense(scarnet, study, dicom_study, labels, tmp_path, everything_in):
    out = tmp_path / "out"
    result = scarnet("measure", dicom_study, labels, "-o", out, "--keep-identity")
    assert (result.status, "add --dicom" in result.err) == (2, True)
    (labels.parent / "result.json").write_text("{}")
    result = scarnet("measure", dicom_study, labels, "-o", out)
    assert (result.status, "does not say which model" in result.err) == (2, True)
    stack = read_study(study)
    write_labels(tmp_path / "nifti.nii.gz", np.ones(stack.shape, np.uint8), stack)
    result = scarnet("measure", study, tmp_path / "nifti.nii.gz", "-o", out, "--dicom")
    assert (result.status, "was not read from DICOM" in result.err) == (2, True)
    assert not everything_in(out)

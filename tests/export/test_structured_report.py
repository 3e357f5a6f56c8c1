"""The measurement report says the measures, of the right segments, in two other programs."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from highdicom.sr import CodedConcept, srread

import scarnet
from scarnet.errors import ScarNetError
from scarnet.export import LabelOrigin, make_segmentation, make_structured_report, write_dicom
from scarnet.measure import measure_labels


@pytest.fixture
def written(make_study, tmp_path):
    study = make_study("gapped")
    segmentation = make_segmentation(study.labels, study.stack, LabelOrigin())
    values = measure_labels(study.labels, study.stack)
    path = tmp_path / "sr.dcm"
    write_dicom(path, make_structured_report(values, segmentation))
    return path, values, segmentation


def expected(values):
    return [
        {"Volume": ("ml", values["myocardium_volume_ml"]), "Mass": ("g", values["myocardium_mass_g"])},
        {"Volume": ("ml", values["blood_pool_volume_ml"])},
        {
            "Volume": ("ml", values["scar_volume_ml"]),
            "Mass": ("g", values["scar_mass_g"]),
            "Infarct as percentage of left ventricular myocardium volume": ("%", values["scar_percent_myocardium"]),
        },
    ]


def test_reads_back_in_highdicom(written):
    path, values, segmentation = written
    groups = srread(path).content.get_volumetric_roi_measurement_groups()
    for group, told, number in zip(groups, expected(values), (1, 2, 3), strict=True):
        found = {m.name.meaning: (m.unit.value, pytest.approx(m.value, rel=1e-5)) for m in group.get_measurements()}
        assert told == found
        assert group.tracking_uid == segmentation.SegmentSequence[number - 1].TrackingUID
    scar = srread(path).content.get_volumetric_roi_measurement_groups(
        finding_type=CodedConcept("55641003", "SCT", "Infarct")
    )
    assert len(scar) == 1


def test_reads_back_in_dcmqi(written, tmp_path):
    path, values, segmentation = written
    reader = shutil.which("tid1500reader", path=Path(sys.executable).parent)
    if reader is None:
        pytest.skip("needs tid1500reader of the package dcmqi")
    out = tmp_path / "sr.json"
    subprocess.run([reader, "--inputDICOM", path, "--outputMetadata", out], check=True, capture_output=True)
    groups = json.loads(out.read_text())["Measurements"]
    for number, (group, told) in enumerate(zip(groups, expected(values), strict=True), start=1):
        assert group["ReferencedSegment"] == number
        assert group["segmentationSOPInstanceUID"] == segmentation.SOPInstanceUID
        found = {
            item["quantity"]["CodeMeaning"]: (item["units"]["CodeValue"], pytest.approx(float(item["value"]), rel=1e-5))
            for item in group["measurementItems"]
        }
        assert told == found


def test_no_wall_has_no_percentage(make_study, tmp_path):
    study = make_study()
    labels = np.where(study.labels == 2, 2, 0)
    segmentation = make_segmentation(labels, study.stack, LabelOrigin())
    report = make_structured_report(measure_labels(labels, study.stack), segmentation)
    write_dicom(tmp_path / "sr.dcm", report)
    scar = srread(tmp_path / "sr.dcm").content.get_volumetric_roi_measurement_groups()[2]
    assert [(m.name.meaning, m.value) for m in scar.get_measurements()] == [("Volume", 0), ("Mass", 0)]


def test_measures_of_other_labels_are_refused(make_study):
    study = make_study()
    segmentation = make_segmentation(study.labels, study.stack, LabelOrigin())
    fewer = np.where(study.labels == 3, 1, study.labels)
    with pytest.raises(ScarNetError, match="mm² of scar in all slices, the segmentation holds"):
        make_structured_report(measure_labels(fewer, study.stack), segmentation)


def test_report_and_segmentation_name_the_same_program(written):
    path, _, segmentation = written
    report = srread(path)
    for told in (report, segmentation):
        assert told.Manufacturer == "napari-scarnet"
        assert told.ManufacturerModelName == "ScarNet"
        assert told.SoftwareVersions == scarnet.__version__

"""Who the patient is leaves the program only when that is asked for."""

import pydicom
import pytest

from scarnet.export import LabelOrigin, make_segmentation, make_structured_report, write_dicom
from scarnet.measure import measure_labels

NAMES = ("Geheim", "SECRET", "19510203", "20190405", "101112")


def write_both(study, folder, keep_identity):
    segmentation = make_segmentation(study.labels, study.stack, LabelOrigin(), keep_identity=keep_identity)
    values = measure_labels(study.labels, study.stack)
    write_dicom(folder / "seg.dcm", segmentation)
    write_dicom(folder / "sr.dcm", make_structured_report(values, segmentation))
    return [folder / "seg.dcm", folder / "sr.dcm"]


@pytest.mark.parametrize("kind", ["oblique", "enhanced"])
def test_nothing_of_the_patient_is_written(make_study, tmp_path, kind):
    study = make_study(kind)
    source = pydicom.dcmread(next(study.folder.iterdir()))
    for path in write_both(study, tmp_path, keep_identity=False):
        assert not [name for name in NAMES if name.encode() in path.read_bytes()]
        found = pydicom.dcmread(path)
        assert (str(found.PatientName), found.PatientID) == ("case 7^", "case 7")
        assert found.PatientIdentityRemoved == "YES"
        assert (found.PatientBirthDate, found.StudyDate, found.AccessionNumber) == ("", "", "")
        assert found.StudyInstanceUID == source.StudyInstanceUID


def test_identity_is_kept_on_request(make_study, tmp_path, recwarn, capfd):
    study = make_study()
    for path in study.folder.iterdir():
        dataset = pydicom.dcmread(path)
        # Latin-1, and a name and an identifier that libraries warn of.
        dataset.SpecificCharacterSet, dataset.PatientName = "ISO_IR 100", "Geheimköfer"
        dataset.FrameOfReferenceUID = "1.2.03.SECRET"
        dataset.save_as(path)
    recwarn.clear()
    for path in write_both(study, tmp_path, keep_identity=True):
        found = pydicom.dcmread(path)
        assert (str(found.PatientName), found.PatientID) == ("Geheimköfer", "SECRET-ID-7")
        assert (found.PatientBirthDate, found.PatientSex) == ("19510203", "F")
        assert (found.StudyDate, found.StudyTime, found.StudyID) == ("20190405", "101112", "SECRET-STUDY")
        assert (found.AccessionNumber, str(found.ReferringPhysicianName)) == ("SECRET-ACC", "Geheim^Doctor")
        assert "PatientIdentityRemoved" not in found
        # The scanner and the hospital belong to the images alone.
        assert b"SECRET-SERIAL" not in path.read_bytes()
    printed = "".join(capfd.readouterr()) + "".join(str(warning.message) for warning in recwarn)
    assert not any(name in printed for name in NAMES)

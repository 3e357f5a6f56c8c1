import hashlib
import json

import nibabel as nib
import numpy as np
import pydicom
import pytest

from scarnet.errors import Cancelled, ScarNetError
from scarnet.io import read_labels, read_study
from scarnet.phantom import PhantomSettings, make_phantom, write_dicom_series, write_phantom_cohort
from scarnet.stack import LGEStack

SMALL = PhantomSettings(matrix=(96, 112), spacing_mm=(2.1, 1.9), slices=4, slice_thickness_mm=8.0, gap_mm=2.0)


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(11, SMALL, "case")


def hashes(folder):
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def rescaled(path):
    ds = pydicom.dcmread(path)
    return ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept)


def test_dicom_headers_hold_the_geometry_and_the_sequence(tmp_path, phantom):
    paths = write_dicom_series(tmp_path, phantom.stack, seed=11, sequence=phantom.sequence, slice_thickness_mm=8.0)
    assert len(paths) == len(list(tmp_path.iterdir())) == 4
    for z, path in enumerate(paths):
        ds = pydicom.dcmread(path)
        assert ds.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
        assert ds.SOPClassUID == pydicom.uid.MRImageStorage
        assert ds.SOPInstanceUID == ds.file_meta.MediaStorageSOPInstanceUID
        assert pydicom.uid.UID(ds.SOPInstanceUID).is_valid
        position = np.diag([-1, -1, 1]) @ (phantom.stack.affine @ [0, 0, z, 1])[:3]
        assert [float(v) for v in ds.ImagePositionPatient] == pytest.approx(position, abs=1e-6)
        across, down = np.array(ds.ImageOrientationPatient, float).reshape(2, 3)
        column = np.diag([-1, -1, 1]) @ phantom.stack.affine[:3, 0]
        row = np.diag([-1, -1, 1]) @ phantom.stack.affine[:3, 1]
        assert across * float(ds.PixelSpacing[1]) == pytest.approx(column, abs=1e-6)
        assert down * float(ds.PixelSpacing[0]) == pytest.approx(row, abs=1e-6)
        assert [float(v) for v in ds.PixelSpacing] == [2.1, 1.9]
        assert float(ds.SpacingBetweenSlices) == pytest.approx(10.0)
        assert float(ds.SliceThickness) == 8.0
        assert float(ds.InversionTime) == phantom.sequence["ti_ms"]
        assert float(ds.RepetitionTime) == phantom.sequence["tr_ms"]
        assert str(ds.PatientName).startswith("PHANTOM^")
        assert "Synthetic" in ds.SeriesDescription
        assert "Synthetic" in ds.StudyDescription
        assert (rescaled(path) == phantom.stack.pixels[z]).all()
    assert len({pydicom.dcmread(p).SeriesInstanceUID for p in paths}) == 1
    assert len({pydicom.dcmread(p).SOPInstanceUID for p in paths}) == 4


@pytest.mark.parametrize(
    ("values", "exact"),
    [
        (np.arange(-300, 300), True),
        (np.arange(600) * 0.25 - 7.5, True),
        (np.full(600, 3.5), True),
        (np.linspace(0, 1, 600) ** 2 * 1e-3, False),
        (np.linspace(-5, 1e6, 600) * 1.37, False),
    ],
)
def test_rescaled_pixels_come_back(tmp_path, values, exact):
    pixels = values.reshape(2, 20, 15).astype(np.float32)
    stack = LGEStack.from_array(pixels, (10.0, 1.5, 1.5))
    paths = write_dicom_series(tmp_path, stack)
    back = np.stack([rescaled(p) for p in paths])
    if exact:
        assert (back.astype(np.float32) == pixels).all()
    else:
        assert np.abs(back - pixels).max() <= 0.51 * np.ptp(pixels) / 65535


def test_dicom_round_trip_through_the_reader(tmp_path, phantom):
    write_dicom_series(tmp_path, phantom.stack, seed=11, sequence=phantom.sequence, shuffle_names=True)
    numbers = [pydicom.dcmread(p).InstanceNumber for p in sorted(tmp_path.iterdir())]
    assert sorted(numbers) == [1, 2, 3, 4]
    back = read_study(tmp_path)
    assert (back.pixels == phantom.stack.pixels).all()
    assert back.affine == pytest.approx(phantom.stack.affine, abs=1e-5)
    assert back.spacing_mm == pytest.approx(phantom.stack.spacing_mm)
    assert back.kind == phantom.stack.kind


@pytest.mark.parametrize("kind", ["magnitude", "psir", "unknown"])
def test_the_kind_survives(tmp_path, kind):
    stack = LGEStack.from_array(np.arange(48).reshape(3, 4, 4), (8.0, 1.5, 1.5), kind=kind)
    write_dicom_series(tmp_path, stack)
    assert read_study(tmp_path).kind == kind


def test_shuffled_names_say_nothing_about_positions(tmp_path):
    stack = LGEStack.from_array(np.arange(12 * 16).reshape(12, 4, 4), (8.0, 1.5, 1.5))
    paths = write_dicom_series(tmp_path, stack, shuffle_names=True, seed=2)
    order = [sorted(p.name for p in paths).index(p.name) for p in paths]
    numbers = [int(pydicom.dcmread(p).InstanceNumber) for p in paths]
    assert order != sorted(order)
    assert numbers != sorted(numbers)
    assert (read_study(tmp_path).pixels == stack.pixels).all()


def test_a_sheared_stack_is_refused(tmp_path):
    affine = np.diag([-1.0, -1.0, 8.0, 1.0])
    affine[0, 2] = 3.0
    stack = LGEStack(np.zeros((3, 4, 4)), (8.5, 1.0, 1.0), affine, "tilted")
    with pytest.raises(ScarNetError, match="sheared"):
        write_dicom_series(tmp_path / "out", stack)


def test_nifti_cohort_is_nnunets_layout(tmp_path):
    paths = write_phantom_cohort(tmp_path, 2, 5, settings=SMALL)
    names = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert names == {
        "dataset.json",
        "imagesTr/phantom_001_0000.nii.gz",
        "imagesTr/phantom_002_0000.nii.gz",
        "labelsTr/phantom_001.nii.gz",
        "labelsTr/phantom_002.nii.gz",
    }
    assert [p.name for p in paths] == ["phantom_001_0000.nii.gz", "phantom_002_0000.nii.gz"]
    description = json.loads((tmp_path / "dataset.json").read_text())
    assert description["labels"] == {"background": 0, "myocardium": 1, "blood_pool": 2, "scar": 3}
    assert description["numTraining"] == 2
    assert "ynthetic" in description["description"]
    image = nib.load(paths[0])
    labels = nib.load(tmp_path / "labelsTr" / "phantom_001.nii.gz")
    assert image.shape == labels.shape == (112, 96, 4)
    assert (image.affine == labels.affine).all()
    assert labels.get_data_dtype() == np.uint8


def test_nifti_cohort_reads_back_as_it_was_made(tmp_path):
    from scarnet.phantom.cohort import case_seed

    paths = write_phantom_cohort(tmp_path, 1, 5, settings=SMALL)
    made = make_phantom(case_seed(5, 0), SMALL)
    stack = read_study(paths[0])
    assert (stack.pixels == made.stack.pixels).all()
    assert stack.affine == pytest.approx(made.stack.affine, abs=1e-4)
    assert (read_labels(tmp_path / "labelsTr" / "phantom_001.nii.gz", stack) == made.labels).all()


def test_dicom_cohort_has_its_labels_on_the_slices(tmp_path):
    paths = write_phantom_cohort(tmp_path, 1, 5, "dicom", settings=SMALL)
    assert paths == [tmp_path / "phantom_001"]
    stack = read_study(paths[0])
    labels = nib.load(tmp_path / "labelsTr" / "phantom_001.nii.gz")
    assert labels.shape == stack.shape[::-1]
    assert labels.affine == pytest.approx(stack.affine, abs=1e-4)


@pytest.mark.parametrize("format", ["nifti", "dicom"])
def test_same_seed_writes_the_same_bytes(tmp_path, format):
    for name, cases, seed in (("a", 1, 9), ("b", 1, 9), ("c", 1, 10)):
        write_phantom_cohort(tmp_path / name, cases, seed, format, settings=SMALL)
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b")
    different, same = hashes(tmp_path / "c"), hashes(tmp_path / "a")
    assert all(different[k] != same[k] for k in same)


def test_cohort_reports_progress_and_can_be_cancelled(tmp_path):
    seen = []

    def stop_at_the_second(done, total, what):
        seen.append((done, total))
        if done == 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        write_phantom_cohort(tmp_path, 3, 0, progress=stop_at_the_second, settings=SMALL)
    assert seen == [(0, 3), (1, 3)]
    assert not list(tmp_path.rglob(".writing-*"))


@pytest.mark.parametrize(("arguments", "named"), [((0, 0), "0 cases"), ((1, 0, "bmp"), "bmp")])
def test_a_cohort_that_makes_no_sense_is_refused(tmp_path, arguments, named):
    with pytest.raises(ScarNetError, match=named):
        write_phantom_cohort(tmp_path / "out", *arguments)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ScarNetError, match="file"):
        write_phantom_cohort(tmp_path / "file" / "out", 1, 0)

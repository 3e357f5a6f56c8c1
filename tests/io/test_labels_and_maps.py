"""Labels read and written, maps written."""

from __future__ import annotations

import json
from dataclasses import replace

import nibabel
import numpy as np
import pytest

from scarnet.errors import ScarNetError
from scarnet.io import read_labels, read_study, write_channels, write_labels
from scarnet.stack import LGEStack, StudySource

AFFINE = np.array([[-1.2, 0.1, 0.4, 30], [0.1, -1.4, 2.0, -20], [0.05, 0.3, 8.0, 7], [0, 0, 0, 1]], dtype=np.float32)


@pytest.fixture
def stack():
    spacing = np.linalg.norm(AFFINE[:3, :3].astype(float), axis=0)
    return LGEStack(
        np.zeros((5, 24, 20)) + np.arange(20), tuple(spacing[::-1]), AFFINE, "case", source=StudySource(format="nifti")
    )


@pytest.fixture
def labels():
    return np.random.default_rng(0).integers(0, 4, (5, 24, 20)).astype(np.uint8)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.tif", "a.tiff"])
def test_round_trip(tmp_path, stack, labels, name):
    write_labels(tmp_path / name, labels, stack)
    again = read_labels(tmp_path / name, stack)
    assert again.dtype == np.uint8
    assert np.array_equal(again, labels)
    assert list(tmp_path.iterdir()) == [tmp_path / name]


def test_nifti_lies_on_the_source_grid(tmp_path, stack, labels):
    write_labels(tmp_path / "a.nii.gz", labels, stack)
    image = nibabel.load(tmp_path / "a.nii.gz")
    assert image.shape == (20, 24, 5)
    assert image.get_data_dtype() == np.uint8
    assert np.array_equal(image.affine, AFFINE)
    assert image.header["sform_code"] == image.header["qform_code"] == 1
    assert image.header.get_xyzt_units()[0] == "mm"
    assert image.header.get_intent()[0] == "label"
    assert image.header.get_zooms() == pytest.approx(stack.spacing_mm[::-1], rel=1e-5)
    assert read_study(tmp_path / "a.nii.gz").affine == pytest.approx(stack.affine)


def test_labels_of_a_real_case_keep_its_affine(tmp_path, shared_data):
    stack = read_study(shared_data / "emidec" / "imagesTr" / "emidec_N013_0000.nii.gz")
    labels = read_labels(shared_data / "emidec" / "labelsTr" / "emidec_N013.nii.gz", stack)
    write_labels(tmp_path / "a.nii.gz", labels, stack)
    source = nibabel.load(shared_data / "emidec" / "imagesTr" / "emidec_N013_0000.nii.gz")
    assert np.array_equal(nibabel.load(tmp_path / "a.nii.gz").affine, source.affine)
    # Cavity is 1 and myocardium 2 in that dataset, the other way round here.
    raw = np.asarray(nibabel.load(shared_data / "emidec" / "labelsTr" / "emidec_N013.nii.gz").dataobj).T
    assert np.array_equal(labels == 2, raw == 1)
    assert np.array_equal(labels == 1, raw == 2)


def test_tiff_holds_the_spacing(tmp_path, stack, labels):
    write_labels(tmp_path / "a.tif", labels, stack)
    assert read_study(tmp_path / "a.tif").spacing_mm == pytest.approx(stack.spacing_mm, rel=1e-5)


def test_channels(tmp_path, stack):
    channels = np.random.default_rng(0).random((4, 5, 24, 20)).astype(np.float32)
    write_channels(tmp_path / "p.nii.gz", channels, stack)
    image = nibabel.load(tmp_path / "p.nii.gz")
    assert image.shape == (20, 24, 5, 4)
    assert image.get_data_dtype() == np.float32
    assert np.array_equal(image.affine, AFFINE)
    assert np.array_equal(np.asarray(image.dataobj).transpose(3, 2, 1, 0), channels)
    with pytest.raises(ScarNetError, match="do not fit"):
        write_channels(tmp_path / "q.nii.gz", channels[:, :2], stack)
    with pytest.raises(ScarNetError, match="change the name"):
        write_channels(tmp_path / "q.tif", channels, stack)


def test_writing_what_does_not_fit(tmp_path, stack, labels):
    with pytest.raises(ScarNetError, match="do not fit"):
        write_labels(tmp_path / "a.nii", labels[:2], stack)
    with pytest.raises(ScarNetError, match="0 to 3, but reach 7"):
        write_labels(tmp_path / "a.nii", labels + 4, stack)
    with pytest.raises(ScarNetError, match="change the name"):
        write_labels(tmp_path / "a.png", labels, stack)
    with pytest.raises(ScarNetError, match="Cannot write to"):
        write_labels(tmp_path / "absent" / "a.nii", labels, stack)
    assert list(tmp_path.iterdir()) == []


def test_unknown_values_are_listed(tmp_path, stack, labels):
    for values, listed in ((labels.astype(np.int16) * 50, "50, 100, 150"), (labels + np.float32(0.5), "0.5, 1.5")):
        nibabel.save(nibabel.Nifti1Image(values.transpose(2, 1, 0), AFFINE), tmp_path / "a.nii.gz")
        with pytest.raises(ScarNetError, match=f"mean nothing here: {listed}.*1 myocardium, 2 blood pool, 3 scar"):
            read_labels(tmp_path / "a.nii.gz", stack)


@pytest.mark.parametrize("version", [1, 2])
def test_names_from_the_dataset(tmp_path, stack, labels, version):
    folder = tmp_path / "labelsTr"
    folder.mkdir()
    names = {"background": 0, "cavity": 1, "myocardium": 2, "infarction": 3, "no_reflow": 4}
    stored = names if version == 2 else {str(value): name for name, value in names.items()}
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": stored}))
    raw = np.array([0, 2, 1, 4], np.uint8)[labels]
    nibabel.save(nibabel.Nifti1Image(raw.transpose(2, 1, 0), AFFINE), folder / "a.nii.gz")
    assert np.array_equal(read_labels(folder / "a.nii.gz", stack), labels)
    named = read_labels(folder / "a.nii.gz", stack, names={"background": 0, "scar": 1, "myo": 2, "blood": 4})
    assert np.array_equal(named, np.array([0, 1, 3, 2])[labels])
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": {"background": 0, "spleen": 1}}))
    with pytest.raises(ScarNetError, match="spleen"):
        read_labels(folder / "a.nii.gz", stack)
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": {"background": 0, "whole": [1, 2]}}))
    with pytest.raises(ScarNetError, match="no plain list of labels"):
        read_labels(folder / "a.nii.gz", stack)


def test_labels_of_another_case(tmp_path, stack, labels):
    write_labels(tmp_path / "a.nii.gz", labels, stack)
    moved = AFFINE.astype(np.float64)
    moved[0, 3] += 3
    with pytest.raises(ScarNetError, match=r"lies elsewhere than case: their grids are up to 3\.0 mm apart"):
        read_labels(tmp_path / "a.nii.gz", replace(stack, affine=moved))
    short = replace(stack, pixels=stack.pixels[:3])
    with pytest.raises(ScarNetError, match="has 5 slices of 24 × 20, but case has 3"):
        read_labels(tmp_path / "a.nii.gz", short)


def test_a_dicom_image_is_no_label_file(tmp_path, slice_writer):
    path = slice_writer(tmp_path / "a.dcm", np.ones((8, 8), np.uint16), (0, 0, 0), 1)
    with pytest.raises(ScarNetError, match="is a DICOM file but no segmentation"):
        read_labels(path)
    with pytest.raises(ScarNetError, match="does not exist"):
        read_labels(tmp_path / "absent.nii.gz")

"""NIfTI: axes, affine, scaling, units, choices, and bad files."""

from __future__ import annotations

import gzip

import nibabel
import numpy as np
import pytest

from scarnet.errors import ScarNetError
from scarnet.io import AmbiguousStudyError, is_study, list_series, read_study

AFFINE = np.array([[-1.2, 0.1, 0.4, 30], [0.1, -1.4, 2.0, -20], [0.05, 0.3, 8.0, 7], [0, 0, 0, 1]], dtype=np.float32)


@pytest.fixture
def data():
    return np.random.default_rng(0).integers(0, 900, (20, 24, 5)).astype(np.int16)


def write(path, data, affine=AFFINE, change=lambda image: None):
    image = nibabel.Nifti1Image(data, affine)
    image.header.set_xyzt_units("mm")
    change(image)
    nibabel.save(image, path)
    return path


def test_axes_and_affine(tmp_path, data):
    path = write(tmp_path / "c_0000.nii.gz", data)
    stack = read_study(path)
    assert stack.shape == (5, 24, 20)
    assert np.array_equal(stack.pixels, data.transpose(2, 1, 0))
    assert np.array_equal(stack.affine, AFFINE.astype(np.float64))
    assert stack.spacing_mm == pytest.approx(np.linalg.norm(AFFINE[:3, :3], axis=0)[::-1], rel=1e-3)
    assert stack.source.notes == ()
    assert stack.case == "c"
    assert stack.kind == "unknown"
    assert is_study(path)


def test_shifted_slices_lie_closer_than_their_first_voxels(tmp_path, data):
    affine = np.diag([-1.2, -1.4, 8.0, 1])
    affine[1, 2] = 6.0
    stack = read_study(write(tmp_path / "c.nii", data, affine))
    assert stack.spacing_mm == pytest.approx((8.0, 1.4, 1.2))
    assert any("shifted within their planes" in note for note in stack.source.notes)


def test_slices_first_are_noted(tmp_path):
    path = write(tmp_path / "c.nii", np.zeros((9, 128, 128), np.int16), np.diag([8, 1.2, 1.2, 1]))
    assert any("another one looks more like it" in note for note in read_study(path).source.notes)


def test_scaling_is_applied(tmp_path, data):
    path = write(tmp_path / "c.nii", data)
    raw = bytearray(path.read_bytes())
    raw[112:120] = np.array([0.5, -10], np.float32).tobytes()  # scl_slope, scl_inter
    path.write_bytes(raw)
    assert np.array_equal(read_study(path).pixels, data.transpose(2, 1, 0) * np.float32(0.5) - 10)


def test_fourth_axis_is_a_choice(tmp_path, data):
    path = write(tmp_path / "c.nii.gz", np.stack([data, data + 1], axis=3))
    with pytest.raises(AmbiguousStudyError, match="holds 2 volumes along its fourth axis; choose one as phase 0 to 1"):
        read_study(path)
    assert np.array_equal(read_study(path, phase=1).pixels, data.transpose(2, 1, 0) + 1)
    assert list_series(path)[0].n_phases == 2
    with pytest.raises(AmbiguousStudyError, match="no phase 2"):
        read_study(path, phase=2)


def test_axes_of_length_one_do_not_count(tmp_path, data):
    assert read_study(write(tmp_path / "a.nii.gz", data[..., None, None])).shape == (5, 24, 20)
    assert read_study(write(tmp_path / "b.nii.gz", data[..., :1])).shape == (1, 24, 20)
    with pytest.raises(ScarNetError, match="axes of lengths"):
        read_study(write(tmp_path / "c.nii.gz", np.zeros((4, 4, 2, 2, 2), np.int16)))


@pytest.mark.parametrize(("unit", "factor"), [("meter", 0.001), ("micron", 1000.0)])
def test_units_become_mm(tmp_path, data, unit, factor):
    affine = AFFINE.astype(np.float64)
    affine[:3] *= factor
    path = write(tmp_path / "a.nii", data, affine, lambda image: image.header.set_xyzt_units(unit))
    stack = read_study(path)
    assert stack.affine == pytest.approx(AFFINE.astype(np.float64), rel=1e-5)
    assert any(unit in note for note in stack.source.notes)


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
def test_zero_or_senseless_spacing(tmp_path, data, bad):
    path = write(tmp_path / "a.nii", data)
    raw = bytearray(path.read_bytes())
    raw[76 + 4 * 3 : 76 + 4 * 4] = np.float32(bad).tobytes()  # pixdim[3]
    path.write_bytes(raw)
    with pytest.raises(ScarNetError, match="states a voxel spacing of"):
        read_study(path)


def test_spacing_and_affine_that_differ_are_noted(tmp_path, data):
    path = write(tmp_path / "a.nii", data)
    raw = bytearray(path.read_bytes())
    raw[76 + 4 * 3 : 76 + 4 * 4] = np.float32(10).tobytes()
    path.write_bytes(raw)
    stack = read_study(path)
    assert stack.spacing_mm[0] == pytest.approx(np.linalg.norm(AFFINE[:3, 2]), rel=1e-3)
    assert any("differ" in note for note in stack.source.notes)


def test_nan_and_constant(tmp_path, data):
    values = data.astype(np.float32)
    values[0, 0, 0] = np.nan
    with pytest.raises(ScarNetError, match="NaN"):
        read_study(write(tmp_path / "a.nii.gz", values))
    stack = read_study(write(tmp_path / "b.nii.gz", np.zeros_like(data)))
    assert any("same value" in note for note in stack.source.notes)


def test_kind_from_the_files_name(tmp_path, data):
    assert read_study(write(tmp_path / "p7_psir.nii.gz", data)).kind == "psir"
    assert read_study(write(tmp_path / "p7_MAG.nii.gz", data)).kind == "magnitude"
    assert read_study(write(tmp_path / "image.nii.gz", data)).kind == "unknown"


def test_colour_and_complex(tmp_path):
    rgb = np.zeros((4, 4, 2), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    with pytest.raises(ScarNetError, match="colour image"):
        read_study(write(tmp_path / "a.nii.gz", rgb))
    with pytest.raises(ScarNetError, match="complex numbers"):
        read_study(write(tmp_path / "b.nii.gz", np.zeros((4, 4, 2), np.complex64)))


@pytest.mark.parametrize("damage", ["truncated", "flipped", "text", "gzipped text", "empty"])
def test_damaged_files(tmp_path, data, damage):
    path = write(tmp_path / "a.nii.gz", data)
    raw = path.read_bytes()
    middle = len(raw) // 2
    path.write_bytes(
        {
            "truncated": raw[:middle],
            "flipped": raw[:middle] + bytes(b ^ 0xFF for b in raw[middle : middle + 40]) + raw[middle + 40 :],
            "text": b"this is no gzip file" * 30,
            "gzipped text": gzip.compress(b"this is no NIfTI file" * 30),
            "empty": b"",
        }[damage]
    )
    with pytest.raises(ScarNetError, match=r"damaged|empty file"):
        read_study(path)


def test_no_series_but_the_one(tmp_path, data):
    path = write(tmp_path / "a.nii.gz", data)
    assert read_study(path, series="1").shape == (5, 24, 20)
    with pytest.raises(ScarNetError, match="holds no series 2"):
        read_study(path, series="2")
    with pytest.raises(ScarNetError, match="no phase 1"):
        read_study(path, phase=1)

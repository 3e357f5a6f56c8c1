"""HDF5 in the published repository's layout."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from scarnet.errors import ScarNetError
from scarnet.io import list_series, read_labels, read_study

SPACING = (8.0, 1.5, 1.25)


def write(path, image=None, mask=None, **attributes):
    with h5py.File(path, "w") as file:
        if image is not None:
            file["image_mag"] = image
        if mask is not None:
            file["mask"] = mask
        file.attrs.update(attributes)
    return path


@pytest.fixture
def data():
    return np.random.default_rng(0).random((5, 24, 20)).astype(np.float32)


def test_slices_first_last_or_only(tmp_path, data):
    first = read_study(write(tmp_path / "a.h5", data), spacing_mm=SPACING)
    last = read_study(write(tmp_path / "b.hdf5", data.transpose(1, 2, 0)), spacing_mm=SPACING)
    only = read_study(write(tmp_path / "c.h5", data[0]), spacing_mm=SPACING)
    assert np.array_equal(first.pixels, data)
    assert np.array_equal(last.pixels, data)
    assert any("last axis" in note for note in last.source.notes)
    assert np.array_equal(only.pixels, data[:1])
    assert first.kind == "magnitude"
    assert list_series(tmp_path / "b.hdf5")[0].n_slices == 5


def test_axes_attribute_decides(tmp_path, data):
    path = write(tmp_path / "a.h5", data.transpose(1, 0, 2), axes="YZX", spacing_mm=SPACING)
    stack = read_study(path)
    assert np.array_equal(stack.pixels, data)
    assert stack.spacing_mm == SPACING
    with pytest.raises(ScarNetError, match="which axis of 'image_mag'"):
        read_study(write(tmp_path / "b.h5", np.zeros((20, 24, 20)), spacing_mm=SPACING))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"mask": np.zeros((4, 4))}, "has no data set 'image_mag', it holds: mask"),
        ({"image": np.zeros((4, 4, 4, 4))}, "needs \\(Y, X\\)"),
        ({"image": np.zeros((8, 8))}, "states no voxel spacing"),
        ({"image": np.zeros((8, 8)), "spacing_mm": (0.0, 1.0, 1.0)}, "must be positive"),
        ({"image": np.zeros((8, 8)), "spacing_mm": (1.0, 1.0)}, "not three numbers"),
        ({"image": np.full((8, 8), np.nan), "spacing_mm": (1.0, 1.0, 1.0)}, "NaN"),
        ({"image": np.array([b"a", b"b"])}, "plain numbers"),
    ],
)
def test_bad_content(tmp_path, content, sentence):
    with pytest.raises(ScarNetError, match=sentence):
        read_study(write(tmp_path / "a.h5", **content))


@pytest.mark.parametrize("damage", [b"not an HDF5 file" * 20, None])
def test_damaged(tmp_path, data, damage):
    path = write(tmp_path / "a.h5", data)
    path.write_bytes(damage or path.read_bytes()[:900])
    with pytest.raises(ScarNetError, match="damaged or not an HDF5 file"):
        read_study(path, spacing_mm=SPACING)


def test_mask_is_read_as_labels(tmp_path, data):
    mask = np.random.default_rng(1).integers(0, 4, data.shape)
    path = write(tmp_path / "a.h5", data.transpose(1, 2, 0), mask.transpose(1, 2, 0))
    stack = read_study(path, spacing_mm=SPACING)
    assert np.array_equal(read_labels(path, stack), mask)

"""TIFF: ImageJ, OME and plain metadata, colour, missing spacing."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from scarnet.errors import ScarNetError
from scarnet.io import AmbiguousStudyError, list_series, read_study


@pytest.fixture
def data():
    return np.random.default_rng(0).integers(0, 900, (5, 24, 20)).astype(np.uint16)


@pytest.mark.parametrize(
    ("unit", "factor"), [("mm", 1.0), ("cm", 10.0), ("um", 0.001), ("micron", 0.001), ("\\u00B5m", 0.001)]
)
def test_imagej(tmp_path, data, unit, factor):
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path,
        data,
        imagej=True,
        resolution=(factor / 1.25, factor / 1.5),
        metadata={"axes": "ZYX", "spacing": 8 / factor, "unit": unit},
    )
    stack = read_study(path)
    assert np.array_equal(stack.pixels, data)
    assert stack.spacing_mm == pytest.approx((8, 1.5, 1.25), rel=1e-4)


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1.0), ("µm", 0.001), (None, 0.001), ("cm", 10.0)])
def test_ome(tmp_path, data, unit, factor):
    path = tmp_path / "case7.ome.tif"
    sizes = {"PhysicalSizeX": 1.25 / factor, "PhysicalSizeY": 1.5 / factor, "PhysicalSizeZ": 8 / factor}
    units = {f"PhysicalSize{axis}Unit": unit for axis in "XYZ"} if unit else {}
    tifffile.imwrite(path, data, metadata={"axes": "ZYX", **sizes, **units})
    stack = read_study(path)
    assert stack.case == "case7"
    assert np.array_equal(stack.pixels, data)
    assert stack.spacing_mm == pytest.approx((8, 1.5, 1.25), rel=1e-6)


def test_plain_files_need_a_spacing(tmp_path, data):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, data, resolution=(72, 72), resolutionunit="INCH")
    with pytest.raises(ScarNetError, match=r"does not state its spacing along z, y, x.*give the spacing"):
        read_study(path)
    stack = read_study(path, spacing_mm=(8, 1.5, 1.25))
    assert stack.spacing_mm == (8, 1.5, 1.25)
    assert any("the one given" in note for note in stack.source.notes)


def test_pages_written_one_by_one_are_slices(tmp_path, data):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        for page in data:
            file.write(page)
    stack = read_study(path, spacing_mm=(8, 1.5, 1.25))
    assert np.array_equal(stack.pixels, data)
    assert list_series(path)[0].n_slices == 5
    assert any("taken as slices" in note for note in stack.source.notes)
    with tifffile.TiffWriter(path) as file:
        file.write(data[0])
        file.write(data[0, :8, :8])
    with pytest.raises(ScarNetError, match="2 images that are no stack"):
        read_study(path, spacing_mm=(8, 1.5, 1.25))


def test_complex_values_are_refused(tmp_path, data):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, data.astype(np.complex64))
    with pytest.raises(ScarNetError, match="complex numbers"):
        read_study(path, spacing_mm=(8, 1.5, 1.25))


def test_plain_centimetres_are_believed_but_z_is_missing(tmp_path, data):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, data, resolution=(10 / 1.25, 10 / 1.5), resolutionunit="CENTIMETER", metadata=None)
    with pytest.raises(ScarNetError, match="does not state its spacing along z in"):
        read_study(path)
    assert read_study(path, spacing_mm=(8, 9, 9)).spacing_mm == pytest.approx((8, 1.5, 1.25), rel=1e-4)


def test_one_slice(tmp_path, data):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, data[0])
    assert read_study(path, spacing_mm=(8, 1, 1)).shape == (1, 24, 20)


@pytest.mark.parametrize("photometric", ["rgb", "palette"])
def test_colour(tmp_path, data, photometric):
    path = tmp_path / "a.tif"
    if photometric == "rgb":
        tifffile.imwrite(path, np.zeros((24, 20, 3), np.uint8), photometric="rgb")
    else:
        tifffile.imwrite(path, data[0].astype(np.uint8), photometric="palette", colormap=np.zeros((3, 256), np.uint16))
    with pytest.raises(ScarNetError, match="colour image"):
        read_study(path, spacing_mm=(8, 1, 1))


def test_time_and_channel_axes_are_a_choice(tmp_path, data):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.stack([data, data + 1]), imagej=True, metadata={"axes": "TZYX", "unit": "mm"})
    with pytest.raises(AmbiguousStudyError, match="holds 2 time points; choose one as phase 0 to 1"):
        read_study(path, spacing_mm=(8, 1, 1))
    assert np.array_equal(read_study(path, phase=1, spacing_mm=(8, 1, 1)).pixels, data + 1)
    assert list_series(path)[0].n_phases == 2
    path = tmp_path / "b.tif"
    tifffile.imwrite(path, np.stack([data, data + 1], axis=1), imagej=True, metadata={"axes": "ZCYX"})
    assert np.array_equal(read_study(path, phase=0, spacing_mm=(8, 1, 1)).pixels, data)
    path = tmp_path / "c.tif"
    tifffile.imwrite(path, np.zeros((2, 3, 2, 8, 8), np.uint16), imagej=True, metadata={"axes": "TZCYX"})
    with pytest.raises(ScarNetError, match="has the axes TZCYX"):
        read_study(path, spacing_mm=(8, 1, 1))


def test_miniswhite_keeps_bright_bright(tmp_path, data):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, data, photometric="miniswhite")
    pixels = read_study(path, spacing_mm=(8, 1, 1)).pixels
    assert np.array_equal(pixels, float(data.max()) + float(data.min()) - data.astype(float))


@pytest.mark.parametrize("damage", ["text", "truncated", "header only"])
def test_damaged(tmp_path, data, damage):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, data, compression="zlib")
    raw = path.read_bytes()
    path.write_bytes({"text": b"hello, not a TIFF", "truncated": raw[: len(raw) // 2], "header only": raw[:8]}[damage])
    with pytest.raises(ScarNetError, match=r"damaged|pixels cannot be read"):
        read_study(path, spacing_mm=(8, 1, 1))


def test_nan(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.full((3, 8, 8), np.nan, np.float32), photometric="minisblack")
    with pytest.raises(ScarNetError, match="NaN"):
        read_study(path, spacing_mm=(8, 1, 1))

"""Bad DICOM input: each kind has its sentence."""

from __future__ import annotations

import numpy as np
import pytest

from scarnet.errors import ScarNetError
from scarnet.io import read_study

AXIAL = [1, 0, 0, 0, 1, 0]


def test_empty_folder(tmp_path):
    with pytest.raises(ScarNetError, match="is empty"):
        read_study(tmp_path)


def test_folder_without_dicom(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(ScarNetError, match="none is a DICOM image"):
        read_study(tmp_path)


def test_text_renamed(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_text("This is a letter, not an image. " * 20)
    with pytest.raises(ScarNetError, match="is not a DICOM file, whatever its name says"):
        read_study(path)


def test_absent_and_unknown(tmp_path):
    with pytest.raises(ScarNetError, match="does not exist"):
        read_study(tmp_path / "absent.nii.gz")
    (tmp_path / "a.xyz").write_text("hello")
    with pytest.raises(ScarNetError, match="format is not known"):
        read_study(tmp_path / "a.xyz")


@pytest.mark.parametrize("name", ["a.dcm", "a.nii.gz", "a.tif", "a.h5"])
def test_a_file_without_permission(tmp_path, monkeypatch, name):
    path = tmp_path / name
    path.write_bytes(b"x" * 500)
    path.chmod(0)
    # The tests may run as root, whom permissions do not stop.
    opened = type(path).open

    def refuse(self, *args, **kwargs):
        if self == path:
            raise PermissionError(13, "Permission denied")
        return opened(self, *args, **kwargs)

    monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(ScarNetError, match="Permission denied; check its permissions"):
        read_study(path)


def test_truncated_pixels_name_the_file(tmp_path, write_series):
    folder = write_series(tmp_path / "a")
    data = (folder / "f003").read_bytes()
    (folder / "f003").write_bytes(data[:-300])
    for path in (folder, folder / "f003"):
        with pytest.raises(ScarNetError, match=r"f003.*truncated or damaged"):
            read_study(path)


@pytest.mark.parametrize("kept", [400, 500])
def test_truncated_header_is_told_without_the_files_name(tmp_path, write_series, kept):
    folder = write_series(tmp_path / "a")
    data = (folder / "f003").read_bytes()
    (folder / "f003").write_bytes(data[:kept])
    with pytest.raises(ScarNetError, match="damaged"):
        read_study(folder / "f003")
    stack = read_study(folder)
    assert stack.shape[0] == 5
    assert any("1 damaged DICOM file(s) left out" in note for note in stack.source.notes)
    assert "f003" not in repr(stack.source.notes)  # exports name files after patients


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ({"PixelSpacing": None}, "states no pixel spacing"),
        ({"PixelSpacing": [0, 0]}, "states a pixel spacing of 0 × 0 mm"),
        ({"ImagePositionPatient": None}, "do not say where the slices lie"),
        ({"ImageOrientationPatient": None}, "do not say where the slices lie"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "not two perpendicular directions"),
        ({"Modality": "CT"}, "no MR image to read"),
    ],
)
def test_headers_that_do_not_do(tmp_path, write_series, header, sentence):
    with pytest.raises(ScarNetError, match=sentence):
        read_study(write_series(tmp_path / "a", **header))


def test_given_spacing_fills_what_is_missing(tmp_path, write_series):
    folder = write_series(tmp_path / "a", PixelSpacing=None)
    stack = read_study(folder, spacing_mm=(9, 2, 3))
    assert stack.spacing_mm == pytest.approx((8, 2, 3))
    assert any("the one given" in note for note in stack.source.notes)
    with pytest.raises(ScarNetError, match="three positive numbers"):
        read_study(folder, spacing_mm=(9, 0, 3))


def test_single_slice_without_thickness(tmp_path, slice_writer):
    path = slice_writer(tmp_path / "a.dcm", np.ones((32, 32), np.uint16), (0, 0, 0), 1, SliceThickness=None)
    with pytest.raises(ScarNetError, match="neither slice spacing nor thickness"):
        read_study(path)
    assert read_study(path, spacing_mm=(7, 1, 1)).spacing_mm == (7, 1.5, 1.25)


def test_constant_image_reads_with_a_note(tmp_path, slice_writer):
    path = slice_writer(tmp_path / "a.dcm", np.full((32, 32), 5, np.uint16), (0, 0, 0), 1)
    assert any("the same value, 5" in note for note in read_study(path).source.notes)


def test_nan_pixels(tmp_path, slice_writer):
    pixels = np.zeros((32, 32), np.float32)
    pixels[3, 3] = np.nan
    path = slice_writer(
        tmp_path / "a.dcm",
        np.zeros((32, 32), np.uint16),
        (0, 0, 0),
        1,
        PixelData=None,
        FloatPixelData=pixels.tobytes(),
        BitsAllocated=32,
        BitsStored=None,
        HighBit=None,
        PixelRepresentation=None,
    )
    with pytest.raises(ScarNetError, match="NaN"):
        read_study(path)


def test_colour(tmp_path, slice_writer):
    path = slice_writer(
        tmp_path / "a.dcm",
        np.zeros((32, 32), np.uint16),
        (0, 0, 0),
        1,
        SamplesPerPixel=3,
        PhotometricInterpretation="RGB",
        PlanarConfiguration=0,
    )
    with pytest.raises(ScarNetError, match="colour image"):
        read_study(path)


def test_reports_beside_images_are_left_out_with_a_note(tmp_path, write_series):
    folder = write_series(tmp_path / "a")
    write_series(
        folder / "sr",
        offsets=(0,),
        prefix="sr",
        Modality="SR",
        Rows=None,
        Columns=None,
        PixelData=None,
        SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11",
    )
    stack = read_study(folder)
    assert stack.shape[0] == 6
    assert any("1 DICOM file(s) left out: it holds no image" in note for note in stack.source.notes)
    with pytest.raises(ScarNetError, match="holds no image"):
        read_study(folder / "sr" / "sr000")


def test_the_table_of_contents_is_no_study(tmp_path, write_series):
    folder = write_series(tmp_path / "a")
    (folder / "f000").rename(folder / "DICOMDIR")
    with pytest.raises(ScarNetError, match="open the folder"):
        read_study(folder / "DICOMDIR")


def test_a_frame_count_that_does_not_fit(tmp_path, enhanced_writer, volume):
    import pydicom

    path = enhanced_writer(tmp_path / "a.dcm", volume)
    dataset = pydicom.dcmread(path)
    dataset.NumberOfFrames = 5
    dataset.save_as(path)
    with pytest.raises(ScarNetError, match="states 5 frames but describes 6"):
        read_study(path)

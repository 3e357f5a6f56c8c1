"""DICOM series: order, spacing, rescale, gaps, repeats, mixed contents."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from scarnet.errors import Cancelled, ScarNetError
from scarnet.io import AmbiguousStudyError, is_study, list_series, read_study

OBLIQUE = (0.698629, 0.714773, -0.0318918, -0.298901, 0.251078, -0.920662)


def test_slices_are_sorted_by_position_and_geometry_is_kept(tmp_path, write_series, volume):
    stack = read_study(write_series(tmp_path / "case one_0000", RescaleSlope="0.37", RescaleIntercept="-12.5"))
    assert np.array_equal(stack.pixels, (volume * 0.37 - 12.5).astype(np.float32))
    assert stack.spacing_mm == pytest.approx((8, 1.5, 1.25), abs=1e-6)
    assert stack.slice_positions_mm is not None
    assert np.diff(stack.slice_positions_mm) == pytest.approx([8] * 5, abs=1e-6)
    row, column = np.array(OBLIQUE[:3]), np.array(OBLIQUE[3:])
    lps_to_ras = np.array([-1, -1, 1])
    assert stack.affine[:3, 0] == pytest.approx(lps_to_ras * row * 1.25, abs=1e-5)
    assert stack.affine[:3, 1] == pytest.approx(lps_to_ras * column * 1.5, abs=1e-5)
    assert stack.affine[:3, 2] == pytest.approx(lps_to_ras * np.cross(row, column) * 8, abs=1e-4)
    assert stack.affine[:3, 3] == pytest.approx([30, 210, 140])
    assert stack.case == "case one"
    assert stack.source.notes == ()


def test_nothing_of_the_patient_is_kept(tmp_path, write_series):
    stack = read_study(write_series(tmp_path / "a", SeriesDescription="LGE Secret Person"))
    assert "ecret" not in repr((stack.case, stack.source))
    assert "1.2.3" not in repr((stack.case, stack.source))
    assert "LGE Secret Person" in list_series(tmp_path / "a")[0].description


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, RLELossless], ids=lambda uid: uid.name)
def test_compressed_slices(tmp_path, write_series, volume, syntax):
    import pydicom

    folder = write_series(tmp_path / "a")
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.compress(syntax, encoding_plugin="pylibjpeg")
        dataset.save_as(path)
    assert np.array_equal(read_study(folder).pixels, volume)


def test_monochrome1_keeps_bright_bright(tmp_path, write_series, volume):
    dark = read_study(write_series(tmp_path / "a", PhotometricInterpretation="MONOCHROME1")).pixels
    assert np.corrcoef(dark.ravel(), -volume.astype(float).ravel())[0, 1] == pytest.approx(1)
    assert (dark.min(), dark.max()) == (volume.min(), volume.max())


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"]}, "magnitude"),
        ({"ImageType": ["DERIVED", "PRIMARY", "R", "PSIR"]}, "psir"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "CR_IR", "CR", "IR"]}, "psir"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "M_IR", "M", "IR"]}, "magnitude"),
        ({"SeriesDescription": "sax_psir_MAG"}, "magnitude"),
        ({"SeriesDescription": "SAX PSIR 8mm"}, "psir"),
        ({"SeriesDescription": "PSMDE SA"}, "psir"),
        ({"ProtocolName": "lge_psir", "ImageType": ["ORIGINAL", "PRIMARY", "M"]}, "magnitude"),
        ({"ComplexImageComponent": "REAL"}, "psir"),
        ({"RescaleSlope": 1, "RescaleIntercept": -2000}, "psir"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"], "SeriesDescription": "SAX PSIR"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_magnitude_and_psir_are_told_apart(tmp_path, write_series, header, kind):
    assert read_study(write_series(tmp_path / "a", **header)).kind == kind


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize(("number", "kind"), [(0, "magnitude"), (2, "psir")])
def test_general_electrics_private_image_type(tmp_path, write_series, number, kind, syntax):
    import pydicom

    folder = write_series(tmp_path / "a", offsets=(0, 8))
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x2F, "SS", number)
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.save_as(path, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True)
    assert read_study(folder).kind == kind


def test_mixed_orientations_sizes_and_series_are_offered(tmp_path, write_series, volume):
    folder = write_series(tmp_path / "a")
    axial = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
    write_series(folder / "sub", offsets=(0, 8), prefix="loc", **axial)
    write_series(folder / "other", offsets=(0, 8, 16), prefix="o", SeriesInstanceUID="1.2.9", SeriesNumber=4)
    with pytest.raises(AmbiguousStudyError) as caught:
        read_study(folder)
    assert [(info.key, info.n_slices) for info in caught.value.series] == [("1", 6), ("2", 2), ("3", 3)]
    assert "axial" in str(caught.value)
    assert np.array_equal(read_study(folder, series="1").pixels, volume)
    assert read_study(folder, series="3").source.series.startswith("series 3 of 3, 3 slices, 48 × 40")
    with pytest.raises(AmbiguousStudyError, match="no series 9"):
        read_study(folder, series="9")


def test_magnitude_and_psir_in_one_series_are_separate(tmp_path, write_series):
    folder = write_series(
        tmp_path / "a",
        offsets=(0, 0, 8, 8, 16, 16),
        headers=lambda i: {"ImageType": ["ORIGINAL", "PRIMARY", "MR"[i % 2]]},
    )
    assert sorted(info.kind for info in list_series(folder)) == ["magnitude", "psir"]


def test_single_slice_series_can_be_read_together(tmp_path, write_series, volume):
    folder = write_series(tmp_path / "a", headers=lambda i: {"SeriesInstanceUID": f"1.2.3.{i}", "SeriesNumber": i + 1})
    offers = list_series(folder)
    assert len(offers) == 7
    assert offers[-1].n_slices == 6
    assert np.array_equal(read_study(folder, series="7").pixels, volume)


def test_two_patients_are_refused_without_naming_them(tmp_path, write_series):
    folder = write_series(tmp_path / "a")
    write_series(folder / "b", prefix="g", PatientID="OTHER-9", PatientName="Other^One")
    with pytest.raises(ScarNetError, match="2 different patients") as caught:
        read_study(folder)
    assert not any(word in str(caught.value) for word in ("SECRET", "Secret", "OTHER", "Other"))


@pytest.mark.parametrize(
    "header", [{"PatientName": "Other^Person"}, {"PatientID": None}, {"PatientID": None, "PatientName": None}]
)
def test_one_patient_or_two_is_said_when_the_headers_leave_it_open(tmp_path, write_series, header):
    stack = read_study(write_series(tmp_path / "a", headers=lambda index: header if index > 2 else {}))
    assert any("make sure that they are of one patient" in note for note in stack.source.notes)
    assert "erson" not in repr(stack.source)
    again = read_study(write_series(tmp_path / "b", headers=lambda i: {"PatientName": "PERSON, secret"} if i else {}))
    assert again.source.notes == ()


def test_many_series_are_all_listed_with_the_scanners_number(tmp_path, write_series):
    for number in range(1, 21):
        write_series(
            tmp_path / "a",
            offsets=(0, 8),
            prefix=chr(64 + number),
            SeriesNumber=100 + number,
            SeriesInstanceUID=f"1.2.3.{number}",
        )
    with pytest.raises(AmbiguousStudyError, match=r"20: 2 slices.*scanner's series 120") as caught:
        read_study(tmp_path / "a")
    assert caught.value.series[4].label == "105 · oblique"


def test_one_file_is_one_slice(tmp_path, write_series):
    folder = write_series(tmp_path / "a")
    stack = read_study(folder / "f002")
    assert stack.shape == (1, 48, 40)
    assert stack.spacing_mm == (8, 1.5, 1.25)
    assert any("thickness" in note for note in stack.source.notes)


def test_other_files_are_ignored_and_counted(tmp_path, write_series):
    folder = write_series(tmp_path / "a")
    for name in ("README.txt", "DICOMDIR", ".DS_Store", "empty"):
        (folder / name).write_bytes(b"hello" if name != "empty" else b"")
    (folder / "broken link").symlink_to(folder / "absent")
    stack = read_study(folder)
    assert stack.shape[0] == 6
    assert any(note.startswith("3 file(s) that are no DICOM") for note in stack.source.notes)


def test_large_folders_read_headers_first(tmp_path, write_series, volume, monkeypatch):
    from scarnet.io import dicom_headers

    folder = write_series(tmp_path / "a")
    monkeypatch.setattr(dicom_headers, "WHOLE_READ_BYTES", 0)
    assert dicom_headers.scan(folder).datasets == {}
    assert np.array_equal(read_study(folder).pixels, volume)


def test_progress_and_cancel(tmp_path, write_series):
    folder = write_series(tmp_path / "a")
    told: list[tuple[int, int, str]] = []
    read_study(folder, progress=lambda *what: told.append(what))
    assert (6, 6, "Reading DICOM headers") in told
    assert told[-1] == (6, 6, "Reading slices")

    def cancel(done: int, total: int, what: str) -> None:
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        read_study(folder, progress=cancel)


@pytest.mark.parametrize("size", [32, 4096])
def test_tiny_and_huge_slices(tmp_path, slice_writer, size):
    for index in range(2):
        pixels = np.full((size, size), index + 1, dtype=np.uint16)
        pixels[0, 0] = 9
        slice_writer(
            tmp_path / f"{index}", pixels, (0, 0, 8 * index), index, ImageOrientationPatient=[1, 0, 0, 0, 1, 0]
        )
    stack = read_study(tmp_path)
    assert stack.shape == (2, size, size)
    assert stack.pixels[1, -1, -1] == 2


def test_is_study(tmp_path, write_series):
    folder = write_series(tmp_path / "a")
    assert is_study(folder)
    assert is_study(folder / "f000")
    (tmp_path / "notes.txt").write_text("hello")
    assert not is_study(tmp_path / "notes.txt")
    assert not is_study(tmp_path / "absent")


def test_enhanced_multi_frame(tmp_path, enhanced_writer, volume):
    stack = read_study(enhanced_writer(tmp_path / "e.dcm", volume))
    assert np.array_equal(stack.pixels, volume * np.float32(0.5) - 100)
    assert stack.spacing_mm == pytest.approx((8, 1.5, 1.25), abs=1e-6)
    assert stack.kind == "psir"
    again = read_study(enhanced_writer(tmp_path / "f.dcm", volume, shared_rescale=False))
    assert np.array_equal(again.pixels, stack.pixels)


def test_enhanced_phases(tmp_path, enhanced_writer, volume):
    path = enhanced_writer(tmp_path / "e.dcm", volume, phases=2)
    with pytest.raises(AmbiguousStudyError) as caught:
        read_study(path)
    assert caught.value.phases == ["time point 1", "time point 2"]
    assert np.array_equal(read_study(path, phase=1).pixels, volume[3:] * np.float32(0.5) - 100)

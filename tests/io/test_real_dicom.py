"""Real files: pydicom's and pydicom-data's MR images, Sunnybrook, and EMIDEC cases."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from scarnet.errors import ScarNetError
from scarnet.io import AmbiguousStudyError, read_study


def _package_files() -> list[Path]:
    found: list[Path] = []
    for package, folder in (("pydicom", "data/test_files"), ("data_store", "data")):
        spec = importlib.util.find_spec(package)
        for place in (spec.submodule_search_locations or []) if spec else []:
            found += [path for path in sorted((Path(place) / folder).rglob("*")) if path.is_file()]
    return found


FILES = _package_files()
READ = {
    *("MR_small.dcm", "MR_small_RLE.dcm", "MR_small_bigendian.dcm", "MR_small_expb.dcm", "MR_small_implicit.dcm"),
    *("MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm", "MR_small_padded.dcm", "examples_overlay.dcm"),
    *("MR-SIEMENS-DICOM-WithOverlays.dcm", "MR2_J2KI.dcm", "MR2_J2KR.dcm", "MR2_UNCI.dcm", "MR2_UNCR.dcm"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_is_read_or_refused_with_a_sentence(path):
    expected = path.name in READ or path.parent.parent.name == "98892003"
    if expected:
        stack = read_study(path)
        assert stack.pixels.max() > stack.pixels.min()
        return
    with pytest.raises(ScarNetError, match=r".{30}\.$"):
        read_study(path)


@pytest.mark.filterwarnings("ignore")
def test_compressed_copies_of_one_image_agree():
    by_name = {path.name: path for path in FILES}
    plain = read_study(by_name["MR_small.dcm"]).pixels
    for name in READ:
        if name.startswith("MR_small"):
            assert np.array_equal(read_study(by_name[name]).pixels, plain), name


@pytest.mark.filterwarnings("ignore")
def test_the_folder_of_all_files_names_no_patient():
    with pytest.raises(ScarNetError, match="different patients"):
        read_study(next(path for path in FILES if path.name == "MR_small.dcm").parent)


def test_sunnybrook_positions_repeat(shared_data):
    folder = shared_data / "dicom" / "sunnybrook_cine"
    with pytest.raises(AmbiguousStudyError, match="10 images at 6 slice positions: 2 at position 2 to 5") as caught:
        read_study(folder)
    assert len(caught.value.phases) == 2
    assert "none at position 6" in caught.value.phases[0]
    for phase, words in enumerate(("348 ms", "929 ms")):
        stack = read_study(folder, phase=phase)
        assert stack.shape == (5, 256, 256)
        assert stack.spacing_mm == pytest.approx((8, 1.3672, 1.3672), abs=1e-3)
        assert words in (stack.source.series or "")
        assert any("no slice at position" in note for note in stack.source.notes)


def test_emidec_case(shared_data):
    import nibabel

    path = shared_data / "emidec" / "imagesTr" / "emidec_N013_0000.nii.gz"
    stack = read_study(path)
    image = nibabel.load(path)
    assert stack.case == "emidec_N013"
    assert stack.shape == (8, 256, 256)
    assert stack.spacing_mm == pytest.approx([float(v) for v in image.header.get_zooms()[::-1]])
    assert np.array_equal(stack.affine, image.affine)
    assert np.array_equal(stack.pixels, np.asarray(image.dataobj).T)


def test_emidec_as_an_oblique_shuffled_dicom_series_reads_back_exactly(shared_data, tmp_path):
    from dataclasses import replace

    from scarnet.phantom import write_dicom_series

    stack = read_study(shared_data / "emidec" / "imagesTr" / "emidec_N013_0000.nii.gz")
    a, b = np.radians([35.0, -20.0])
    turn = np.eye(4)
    turn[:3, :3] = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]) @ np.array(
        [[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]]
    )
    turn[:3, 3] = (12.5, -80.25, 33.0)
    # A quarter is stored exactly, so a slope other than 1 is needed and must be undone exactly.
    oblique = replace(stack, affine=turn @ stack.affine, pixels=stack.pixels * np.float32(0.25) - 3)
    write_dicom_series(tmp_path, oblique, shuffle_names=True, seed=4)
    again = read_study(tmp_path)
    assert np.array_equal(again.pixels, oblique.pixels)
    assert again.affine == pytest.approx(oblique.affine, abs=1e-4)
    assert again.spacing_mm == pytest.approx(oblique.spacing_mm, rel=1e-6)
    assert again.source.notes == ()
    import pydicom

    assert float(pydicom.dcmread(next(tmp_path.iterdir())).RescaleSlope) == 0.25

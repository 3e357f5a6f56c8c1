"""Which studies a command line means."""

import pytest

from scarnet.errors import ScarNetError
from scarnet_cli.studies import find_studies

DICOM = b"\0" * 128 + b"DICM" + b"\0" * 200


@pytest.fixture
def make(tmp_path):
    """Make files in tmp_path; names that end in .dcm or have no suffix begin as DICOM files do."""

    def make_files(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(DICOM if path.suffix in ("", ".dcm") else b"something")
        return tmp_path

    return make_files


def cases(*inputs, output="nowhere", **options):
    from pathlib import Path

    return [study.case for study in find_studies(inputs, Path(output), **options).studies]


def test_a_folder_that_directly_holds_dicom_is_one_study(make):
    root = make("patient/IM1", "patient/IM2", "patient/report.txt")
    assert cases(root / "patient") == ["patient"]


def test_a_dicomdir_makes_one_study(make):
    root = make("disc/DICOMDIR", "disc/A/IM1", "disc/B/IM1")
    assert cases(root / "disc") == ["disc"]


def test_other_folders_are_looked_through(make):
    root = make("c/p2/IM1", "c/p1/series/IM1", "c/p3.nii.gz", "c/p4.tif", "c/p5.h5", "c/read.txt", "c/.hidden.nii")
    found = find_studies([root / "c"], root / "out")
    assert [study.case for study in found.studies] == ["p1", "p2", "p3", "p4", "p5"]
    assert [path.name for path in found.skipped] == ["read.txt"]


def test_what_was_meant_as_a_study_is_not_passed_over_in_silence(make):
    root = make("c/good.nii.gz")
    (root / "c/text.dcm").write_text("text " * 50)
    (root / "c/broken").mkdir()
    (root / "c/broken/1.dcm").write_text("text " * 50)
    assert cases(root / "c") == ["broken", "good", "text"]


def test_a_folder_with_nothing_known_is_left_to_the_reader_to_refuse(make):
    root = make("c/read.txt")
    assert cases(root / "c") == ["c"]


def test_the_output_is_not_searched(make):
    root = make("c/p1/IM1", "c/out/p0/IM1")
    assert cases(root / "c", output=root / "c/out") == ["p1"]


def test_nnunet_names(make):
    root = make("D/imagesTr/a_0000.nii.gz", "D/imagesTr/a_0001.nii.gz", "D/labelsTr/a.nii.gz", "D/dataset.json")
    assert cases(root / "D") == cases(root / "D/imagesTr") == cases(root / "D/imagesTr/a_0000.nii.gz") == ["a"]


def test_four_digits_alone_are_no_channel(make):
    root = make("c/p_2019.nii.gz", "c/p_2020.nii.gz")
    assert cases(root / "c") == ["p_2019", "p_2020"]


def test_names_keep_their_dots_and_lose_only_the_format(make):
    root = make("c/a.b.nii.gz", "c/scan.v2.NII", "c/x.ome.tif")
    assert cases(root / "c") == ["a.b", "scan.v2", "x"]


def test_the_current_folder_has_a_name(make, monkeypatch):
    root = make("patient/IM1")
    monkeypatch.chdir(root / "patient")
    from pathlib import Path

    assert cases(Path()) == ["patient"]


def test_one_name_for_two_studies_is_refused(make):
    root = make("c/a.nii.gz", "c/a/IM1")
    with pytest.raises(ScarNetError, match="Two studies have the case name 'a'"):
        cases(root / "c")


def test_a_name_for_several_studies_is_refused(make):
    root = make("c/a.nii.gz", "c/b.nii.gz")
    with pytest.raises(ScarNetError, match="--case names one study, but there are 2"):
        cases(root / "c", case="x")
    assert cases(root / "c/a.nii.gz", case="x") == ["x"]

"""`scarnet phantom`: cohorts that the other commands take."""

import json


def test_a_nifti_cohort_in_nnunets_layout(scarnet, tmp_path, everything_in):
    result = scarnet("phantom", tmp_path / "c", "--cases", "2", "--seed", "3")
    assert (result.status, result.err) == (0, "")
    images = sorted(path.name for path in (tmp_path / "c/imagesTr").iterdir())
    labels = sorted(path.name for path in (tmp_path / "c/labelsTr").iterdir())
    assert len(images) == 2
    assert [name.replace("_0000", "") for name in images] == labels
    assert "labels" in json.loads((tmp_path / "c/dataset.json").read_text())
    assert everything_in(tmp_path) == {"c", *(f"c/{name}" for name in everything_in(tmp_path / "c"))}


def test_one_seed_gives_one_cohort(scarnet, tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        assert scarnet("phantom", tmp_path / name, "--seed", seed, "--quiet").out == ""
    first, second, other = (next((tmp_path / n / "imagesTr").iterdir()).read_bytes() for n in "abc")
    assert first == second != other


def test_a_dicom_cohort_can_be_segmented(scarnet, tiny_model, tmp_path):
    assert scarnet("phantom", tmp_path / "c", "--format", "dicom").status == 0
    result = scarnet(
        "segment", tmp_path / "c", "-o", tmp_path / "out", "--model", tiny_model, "--save", "labels", "--device", "cpu"
    )
    assert result.status == 0, result.err
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_a_folder_with_something_in_it_is_refused(scarnet, tmp_path):
    (tmp_path / "c").mkdir()
    (tmp_path / "c/mine.txt").write_text("mine")
    result = scarnet("phantom", tmp_path / "c")
    assert result.status == 2
    assert result.err == f"error: {tmp_path / 'c'} is not empty; choose a new or an empty folder.\n"


def test_ctrl_c_leaves_nothing(scarnet, tmp_path, monkeypatch, everything_in):
    from scarnet.phantom import cohort

    make = cohort.make_phantom

    def interrupted(seed, *rest):
        if everything_in(tmp_path) and any("labelsTr/" in name for name in everything_in(tmp_path)):
            raise KeyboardInterrupt
        return make(seed, *rest)

    monkeypatch.setattr(cohort, "make_phantom", interrupted)
    assert scarnet("phantom", tmp_path / "c", "--cases", "3").status == 130
    assert everything_in(tmp_path) == set()


def test_a_full_disk_while_dicom_is_written_gets_one_sentence(scarnet, mounted, everything_in):
    folder = mounted("size=300k")
    result = scarnet("phantom", folder / "cohort", "--cases", 1, "--format", "dicom", "--quiet")
    assert result.status == 2
    assert result.err.startswith(f"error: Cannot write {folder / 'cohort'}")
    assert result.err.endswith("No space left on device.\n")
    assert result.err.count("\n") == 1
    assert everything_in(folder) == set()

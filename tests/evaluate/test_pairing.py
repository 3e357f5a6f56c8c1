"""Finding label files and pairing them by case."""

import pytest

from scarnet.errors import ScarNetError
from scarnet.evaluate.pairing import find_labels, pair_up


@pytest.fixture
def put(tmp_path):
    def write(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
        return tmp_path / names[0].split("/")[0]

    return write


@pytest.mark.parametrize(
    "files",
    [
        ("d/labelsTr/a.nii.gz", "d/labelsTr/b.nii.gz", "d/imagesTr/a_0000.nii.gz", "d/dataset.json"),
        ("d/b.nii", "d/a.nii.gz", "d/notes.txt", "d/dataset.json", "d/.hidden.nii.gz"),
        ("d/a/labels.nii.gz", "d/b/labels.nii.gz", "d/b/probabilities.nii.gz", "d/c/result.json", "d/log.txt"),
    ],
    ids=["nnU-Net", "files", "segmented"],
)
def test_folders_of_labels(put, files):
    found = find_labels(put(*files))
    assert list(found.files) == ["a", "b"]
    assert not found.single


def test_a_single_case(put, tmp_path):
    folder = put("anna/labels.nii.gz", "anna/probabilities.nii.gz", "anna/result.json")
    for path in (folder, folder / "labels.nii.gz"):
        found = find_labels(path)
        assert found.single
        assert found.files == {"anna": folder / "labels.nii.gz"}
    put("x/berta.nii.gz")
    assert list(find_labels(tmp_path / "x/berta.nii.gz").files) == ["berta"]


def test_what_holds_no_labels_is_refused(put, tmp_path):
    with pytest.raises(ScarNetError, match="check its spelling"):
        find_labels(tmp_path / "nowhere")
    with pytest.raises(ScarNetError, match="holds no labels"):
        find_labels(put("d/result.json", "d/a/probabilities.nii.gz"))
    with pytest.raises(ScarNetError, match="two label files of the case 'a'"):
        find_labels(put("e/a.nii", "e/a.nii.gz"))


def test_missing_and_extra_cases_are_all_named(put):
    reference = find_labels(put("r/a.nii", "r/b.nii", "r/c.nii"))
    first, second = find_labels(put("p/a.nii", "p/d.nii")), find_labels(put("q/a.nii", "q/b.nii", "q/c.nii"))
    pairs = pair_up(reference, [first, second], ["one", "two"])
    assert pairs.problems == ("one lacks 2 cases (b, c)", "one has 1 case (d) that reference lacks")
    assert {case: [path.parent.name for path in paths] for case, paths in pairs.cases.items()} == {"a": ["r", "p", "q"]}
    assert pairs.left_out == ("b", "c", "d")


def test_a_single_reference_takes_its_case_or_the_single_prediction(put, tmp_path):
    put("r/a.nii", "p/a.nii", "p/b.nii", "q/other.nii")
    reference = find_labels(tmp_path / "r/a.nii")
    pairs = pair_up(reference, [find_labels(tmp_path / "p"), find_labels(tmp_path / "q/other.nii")], ["p", "q"])
    assert (pairs.problems, pairs.left_out) == ((), ())
    assert pairs.cases == {"a": (tmp_path / "r/a.nii", tmp_path / "p/a.nii", tmp_path / "q/other.nii")}

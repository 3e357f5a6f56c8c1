"""Datasets are checked whole: every problem is told at once, and what is fit is read as it stands."""

import json
import shutil
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from scarnet.classes import TissueClass
from scarnet.errors import Cancelled, ScarNetError
from scarnet_training import dataset_check
from scarnet_training.data import load_dataset, load_datasets
from scarnet_training.dataset_check import check_dataset

LABELS = {"background": 0, "cavity": 1, "myocardium": 2, "infarction": 3, "no_reflow": 4}
AFFINE = np.diag([-1.5, -1.5, 8, 1])


def write_volume(path: Path, values: np.ndarray, affine: np.ndarray = AFFINE) -> None:
    """Write (Z, Y, X) as NIfTI."""
    nibabel.save(nibabel.Nifti1Image(values.transpose(2, 1, 0), affine), path)


def image(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 200, (3, 12, 10)).astype(np.float32)


def labels(*values: int) -> np.ndarray:
    volume = np.zeros((3, 12, 10), np.uint8)
    volume[1].reshape(-1)[: len(values)] = values
    return volume


def describe(folder: Path, **changes: Any) -> None:
    description = {"channel_names": {"0": "LGE"}, "labels": LABELS, "file_ending": ".nii.gz", **changes}
    kept = {key: value for key, value in description.items() if value is not None}
    (folder / "dataset.json").write_text(json.dumps(kept), encoding="utf-8")


def make_dataset(folder: Path, cases: int = 4, first: int = 0, ending: str = ".nii.gz") -> Path:
    for part in ("imagesTr", "labelsTr"):
        (folder / part).mkdir(parents=True)
    for number in range(first, first + cases):
        write_volume(folder / "imagesTr" / f"c{number}_0000{ending}", image(number))
        write_volume(folder / "labelsTr" / f"c{number}{ending}", labels(1, 2, 3, 4))
    describe(folder, file_ending=ending)
    return folder


def problems(folder: Path) -> str:
    with pytest.raises(ScarNetError) as refusal:
        load_dataset(folder)
    return str(refusal.value)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_dataset(tmp_path / "cohort")


def test_a_sound_dataset_is_read_with_its_labels_mapped_by_name(dataset: Path) -> None:
    steps: list[tuple[int, int]] = []
    cases = load_dataset(dataset, lambda done, total, what: steps.append((done, total)))
    assert steps == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    assert [case.stack.case for case in cases] == [case.patient for case in cases] == ["c0", "c1", "c2", "c3"]
    np.testing.assert_array_equal(cases[2].stack.pixels, image(2))
    blood, wall, scar = TissueClass.BLOOD_POOL, TissueClass.MYOCARDIUM, TissueClass.SCAR
    assert cases[0].labels[1].reshape(-1)[:5].tolist() == [blood, wall, scar, scar, 0]
    assert cases[0].scar_ml == pytest.approx(2 * 1.5 * 1.5 * 8 / 1000)
    report = check_dataset(dataset)
    assert report.is_fit
    assert (report.cases, report.with_scar, report.patients) == (["c0", "c1", "c2", "c3"],) * 2 + (4,)
    assert report.warnings == []

    def stop(done: int, total: int, what: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        check_dataset(dataset, stop)


def test_every_problem_is_told_at_once_by_the_names_of_cases(tmp_path: Path) -> None:
    folder = make_dataset(tmp_path / "cohort", 13)
    images, references = folder / "imagesTr", folder / "labelsTr"
    (references / "c0.nii.gz").unlink()
    (images / "c1_0000.nii.gz").unlink()
    whole = (images / "c2_0000.nii.gz").read_bytes()
    (images / "c2_0000.nii.gz").write_bytes(whole[: len(whole) // 2])
    (references / "c3.nii.gz").write_bytes(b"")
    write_volume(images / "c4_0000.nii.gz", np.full((3, 12, 10), 7, np.float32))
    holed = image(5)
    holed[0, 0, 0] = np.nan
    write_volume(images / "c5_0000.nii.gz", holed)
    write_volume(references / "c5.nii.gz", labels(1, 9, 11))
    write_volume(references / "c6.nii.gz", labels(1, 2)[:2])
    write_volume(references / "c7.nii.gz", labels(1, 2), np.diag([-1.5, -1.5, 10, 1]))
    write_volume(images / "c9_0000.nii.gz", image(8))
    (images / "c10_0001.nii.gz").write_bytes(whole)
    (images / "c11.nii.gz").write_bytes(whole)
    (folder / "patients.csv").write_text("case,patient\nc3,Jane Doe\nc33,John Doe\n")
    told = problems(folder)
    for sentence in (
        "labelsTr lacks c0.nii.gz.",
        "imagesTr lacks c1_0000.nii.gz, of which there are labels",
        "c2: the image is damaged or",
        "c3: the label file is an empty file",
        "c4: every pixel of the image has the same value",
        "c5: the image holds NaN or infinite values",
        "c5: the label file holds label values that mean nothing here: 9, 11; it may hold 0 background",
        "c6: the label file has 2 slices of 12 × 10, but c6 has 3",
        "c7: the label file lies elsewhere than c7: their grids are up to 4.0 mm apart",
        "c8, c9 have the same pixels",
        "imagesTr holds further channels (_0001 …) of c10, but one image a case is used",
        "imagesTr holds images without a channel's number: c11;",
        "patients.csv names cases that are not there: c33",
    ):
        assert f"- {sentence}" in told
    first, *lines = told.splitlines()
    assert first == f"{folder} cannot be trained on because of 13 problems:"
    assert len(lines) == 13
    assert not any(str(tmp_path) in line or "Doe" in line for line in lines)
    report = check_dataset(folder)
    assert [kind for kind, sentences in report.problems.items() if not sentences] == ["description"]
    assert report.cases == ["c10", "c11", "c12", "c8", "c9"]


def test_each_file_is_read_once(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    for name in ("read_study", "read_labels"):
        original = getattr(dataset_check, name)

        def noted(path: Path, *args: Any, original: Any = original, **options: Any) -> Any:
            read.append(path.name)
            return original(path, *args, **options)

        monkeypatch.setattr(dataset_check, name, noted)
    load_dataset(dataset)
    assert sorted(read) == sorted(path.name for part in ("imagesTr", "labelsTr") for path in (dataset / part).iterdir())


def test_many_problems_of_one_kind_do_not_hide_the_others(tmp_path: Path) -> None:
    folder = make_dataset(tmp_path / "cohort", 30)
    for number in range(26):
        write_volume(folder / "labelsTr" / f"c{number}.nii.gz", labels(7))
    for number in range(26, 28):
        write_volume(folder / "imagesTr" / f"c{number}_0000.nii.gz", np.zeros((3, 12, 10), np.float32))
    shutil.copy(folder / "imagesTr" / "c28_0000.nii.gz", folder / "imagesTr" / "c29_0000.nii.gz")
    first, *lines = problems(folder).splitlines()
    assert "because of 29 problems" in first
    assert sum("mean nothing" in line for line in lines) == 17
    assert "- … and 9 more of this kind." in lines
    assert sum("every pixel" in line for line in lines) == 2
    assert lines[-1].startswith("- c28, c29 have the same pixels")
    for number in range(25):
        (folder / "labelsTr" / f"c{number}.nii.gz").unlink()
    assert "c4.nii.gz … and 5 more." in problems(folder)  # of 25, in the order of names: c0, c1, c10 … c3, c4, c5


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "dataset.json of nnU-Net's layout is missing"),
        ("{\n 'labels'", "dataset.json is not valid JSON at line 2"),
        ("[1]", "dataset.json holds no object"),
        ('{"name": "x"}', "holds no 'labels'"),
        ('{"labels": [0, 1]}', "holds no 'labels'"),
        ('{"labels": {"background": 0, "tumour": 1, "scar": 2}}', "The label name 'tumour' is not known; use one of: "),
        ('{"labels": {"background": 0, "scar": [1, 2]}}', "the labels scar are not one whole number each"),
        ('{"labels": {"background": 0, "scar": true}}', "the labels scar are not one whole number each"),
        ('{"labels": {"background": 0, "scar": 1, "myocardium": 1}}', "one value to several labels"),
        ('{"labels": {"0": "background", "1": "scar", "2": "scar"}}', "one label name to several values"),
        ('{"labels": {"myocardium": 1, "scar": 2}}', "value 0 is the background"),
        ('{"labels": {"background": 0, "scar": 1}, "file_ending": ".png"}', "the file_ending '.png'"),
        ('{"labels": {"background": 0, "scar": 1}, "file_ending": 3}', "the file_ending 3"),
        ('{"labels": {"background": 0, "scar": 1}, "channel_names": {"0": "LGE", "1": "T2"}}', "names 2 channels"),
        ('{"labels": {"background": 0, "scar": 1}, "modality": {"0": "LGE", "1": "T2"}}', "names 2 channels"),
        ('{"labels": {"background": 0, "scar": 1}, "patients": ["c0"]}', "'patients' in dataset.json does not pair"),
        ('{"labels": {"background": 0, "scar": 1}, "patients": {"c0": ""}}', "no patient for c0"),
    ],
)
def test_a_wrong_description_is_told_beside_the_images_problems(dataset: Path, text: str | None, sentence: str) -> None:
    (dataset / "dataset.json").unlink()
    if text is not None:
        (dataset / "dataset.json").write_text(text)
    write_volume(dataset / "imagesTr" / "c1_0000.nii.gz", np.zeros((3, 12, 10), np.float32))
    told = problems(dataset)
    assert sentence in told
    assert "c1: every pixel" in told or "file_ending" in sentence


def test_folders_that_are_no_dataset_are_refused(tmp_path: Path) -> None:
    assert "no dataset in nnU-Net's layout" in problems(tmp_path / "absent")
    folder = make_dataset(tmp_path / "cohort", 0)
    assert "imagesTr holds no CASE_0000.nii.gz" in problems(folder)
    shutil.rmtree(folder / "labelsTr")
    write_volume(folder / "imagesTr" / "c0_0000.nii.gz", image(0))
    assert "labelsTr lacks c0.nii.gz" in problems(folder)


def test_what_can_be_trained_with_is_a_warning(dataset: Path) -> None:
    describe(dataset, numTraining=9, labels={"background": 0, "cavity": 1, "myocardium": 2})
    for number in range(4):
        write_volume(dataset / "labelsTr" / f"c{number}.nii.gz", labels(1, 2) if number else labels())
    (dataset / "imagesTr" / "c7_0000.nii").write_bytes(b"left out")
    (dataset / "imagesTr" / "._c7_0000.nii.gz").write_bytes(b"what macOS leaves behind")
    cases, report = load_datasets([dataset])
    assert len(cases) == 4
    told = "\n".join(report.warnings)
    assert "states 9 cases (numTraining), but there are 4" in told
    assert "dataset.json has no label for scar" in told
    assert "c0: no slice has a label" in told
    assert "do not end in .nii.gz, the dataset's file_ending; they are left out: c7_0000.nii." in told
    assert "No case has scar." in told
    assert len(report.warnings) == 5


def test_labels_of_nnu_nets_first_version_are_read(dataset: Path) -> None:
    describe(dataset, labels={str(value): name for name, value in LABELS.items()}, file_ending=None, channel_names=None)
    assert load_dataset(dataset)[0].has_scar


def test_cases_of_one_patient_are_told_apart_from_cases(dataset: Path) -> None:
    describe(dataset, patients={"c0": "x", "c3": "x"})
    assert [case.patient for case in load_dataset(dataset)] == ["x", "c1", "c2", "x"]
    assert check_dataset(dataset).patients == 3


@pytest.mark.parametrize("ending", [".nii", ".tif", ".h5"])
def test_other_endings_are_honoured(tmp_path: Path, ending: str) -> None:
    import h5py
    import tifffile

    folder = make_dataset(tmp_path / "cohort", 3, ending=ending if ending == ".nii" else ".nii.gz")
    if ending != ".nii":
        for path in [*folder.glob("*Tr/*")]:
            values = np.asarray(nibabel.load(path).dataobj).transpose(2, 1, 0)
            path.unlink()
            target = path.with_name(path.name.removesuffix(".nii.gz") + ending)
            if ending == ".tif":
                tifffile.imwrite(target, values, photometric="minisblack")
            else:
                with h5py.File(target, "w") as file:
                    file["image_mag" if "_0000" in target.name else "mask"] = values
        describe(folder, file_ending=ending)
        told = problems(folder)
        assert told.count('A file imagesTr/c1.json may state it: {"spacing": [z, y, x]}.') == 1
        for number in range(3):
            (folder / "imagesTr" / f"c{number}.json").write_text('{"spacing": [8, 1.5, 2]}')
    cases = load_dataset(folder)
    assert [case.stack.case for case in cases] == ["c0", "c1", "c2"]
    np.testing.assert_array_equal(cases[1].stack.pixels, image(1))
    assert cases[1].stack.spacing_mm == pytest.approx((8, 1.5, 1.5) if ending == ".nii" else (8, 1.5, 2))
    assert all(case.has_scar for case in cases)
    if ending == ".tif":
        (folder / "imagesTr" / "c2.json").write_text('{"spacing": [8, 1.5]}')
        assert "c2: imagesTr/c2.json does not state a spacing of three numbers" in problems(folder)


def test_several_datasets_share_no_case(tmp_path: Path) -> None:
    one, two = make_dataset(tmp_path / "one", 3), make_dataset(tmp_path / "two", 2, first=3)
    cases, report = load_datasets([one, two])
    assert [case.stack.case for case in cases] == report.cases == ["c0", "c1", "c2", "c3", "c4"]
    write_volume(two / "imagesTr" / "c4_0000.nii.gz", image(1))
    write_volume(two / "imagesTr" / "c2_0000.nii.gz", image(9))
    with pytest.raises(ScarNetError) as refusal:
        load_datasets([one, two])
    told = str(refusal.value)
    assert f"c1 of {one}, c4 of {two} have the same pixels" in told
    assert "several of the datasets have a case of the same name: c2;" in told
    assert f"{two}: labelsTr lacks c2.nii.gz" in told
    with pytest.raises(ScarNetError, match="is named twice"):
        load_datasets([one, one / ".." / "one"])

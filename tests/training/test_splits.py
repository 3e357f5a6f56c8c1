"""Splits by patient: alike, repeatable, whole patients; and the file they are kept in."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from scarnet.classes import TissueClass
from scarnet.errors import ScarNetError
from scarnet.stack import LGEStack
from scarnet_training.labelled_case import LabelledCase
from scarnet_training.splits import apply_split, fold_patients, read_splits, split_patients, write_splits


def case(name: str, scar_voxels: int = 0, patient: str = "") -> LabelledCase:
    labels = np.full((1, 20, 20), TissueClass.MYOCARDIUM, np.uint8)
    labels.reshape(-1)[:scar_voxels] = TissueClass.SCAR
    stack = LGEStack.from_array(np.zeros((1, 20, 20)), (10, 1.5, 2), case=name)
    return LabelledCase(stack, labels, patient=patient)


def cohort(with_scar: int, without: int) -> list[LabelledCase]:
    return [case(f"s{i:02}", i + 1) for i in range(with_scar)] + [case(f"n{i:02}") for i in range(without)]


def test_a_case_knows_its_patient_and_its_scar() -> None:
    assert case("a").patient == "a"
    assert case("a", patient="x").patient == "x"
    assert case("a", 5).scar_ml == pytest.approx(5 * 10 * 1.5 * 2 / 1000)
    assert (case("a").scar_ml, case("a").has_scar, case("a", 1).has_scar) == (0, False, True)


@pytest.mark.parametrize(("with_scar", "without", "folds"), [(44, 23, 5), (7, 5, 4), (31, 0, 5), (0, 9, 3), (3, 2, 5)])
def test_folds_cover_everyone_once_and_are_alike(with_scar: int, without: int, folds: int) -> None:
    cases = cohort(with_scar, without)
    splits = fold_patients(cases, folds, 3)
    assert Counter(name for _, val in splits for name in val) == Counter(c.stack.case for c in cases)
    assert all(sorted(train + val) == sorted(c.stack.case for c in cases) for train, val in splits)
    for kind in ("s", "n", ""):
        sizes = [sum(name.startswith(kind) for name in val) for _, val in splits]
        assert max(sizes) - min(sizes) <= 1
    tertiles = np.array_split([f"s{i:02}" for i in range(with_scar)], 3)
    for tertile in tertiles:
        sizes = [len(set(val) & set(tertile.tolist())) for _, val in splits]
        assert max(sizes) - min(sizes) <= 1


def test_folds_depend_on_the_seed_and_not_on_the_order_of_cases() -> None:
    cases = cohort(12, 6)
    assert fold_patients(cases, 5, 3) == fold_patients(cases[::-1], 5, 3)
    assert fold_patients(cases, 5, 3) != fold_patients(cases, 5, 4)


def test_cases_of_one_patient_stay_together() -> None:
    cases = [case(f"c{i:02}_{visit}", i * (visit == "late"), f"p{i}") for i in range(10) for visit in ("early", "late")]
    parts = [*fold_patients(cases, 5, 0)]
    training, validation = split_patients(cases, 0.3, 0)
    parts.append(([c.stack.case for c in training], [c.stack.case for c in validation]))
    for train, val in parts:
        assert not {name[:3] for name in train} & {name[:3] for name in val}
        assert len(train) + len(val) == 20
    # Nine of the ten have scar, in one of their two cases only.
    assert [len(val) for _, val in parts] == [4, 4, 4, 4, 4, 6]


@pytest.mark.parametrize(
    ("with_scar", "without"), [(1, 4), (5, 0), (0, 5), (2, 3), (1, 1), (2, 0), (0, 2), (1, 40), (40, 1)]
)
@pytest.mark.parametrize("fraction", [0.01, 0.2, 0.5, 0.99])
def test_small_cohorts_split_with_scar_on_either_side_if_two_have_it(
    with_scar: int, without: int, fraction: float
) -> None:
    training, validation = split_patients(cohort(with_scar, without), fraction, 1)
    assert training
    assert validation
    scars = [sum(c.has_scar for c in side) for side in (training, validation)]
    assert sum(scars) == with_scar
    assert scars[0] >= min(1, with_scar)
    assert scars[1] >= (with_scar >= 2)
    for train, val in fold_patients(cohort(with_scar, without), 2, 1):
        assert train
        assert val
        assert any(name.startswith("s") for name in val) or with_scar < 2


def test_too_few_patients_are_refused() -> None:
    visits = [case("early", 3, "p"), case("late", 3, "p")]
    with pytest.raises(ScarNetError, match="only one patient, so nobody can be held out"):
        split_patients(visits, 0.5, 0)
    with pytest.raises(ScarNetError, match=r"1 patient.*cannot be split by patient"):
        fold_patients(visits, 2, 0)
    for folds in (0, 1, 6):
        with pytest.raises(ScarNetError, match=f"5 patients cannot be split into {folds} folds; ask for 2 to 5"):
            fold_patients(cohort(3, 2), folds, 0)
    for fraction in (0.0, 1.0, float("nan")):
        with pytest.raises(ScarNetError, match="of the patients cannot be held out; choose one between 0 and 1"):
            split_patients(cohort(3, 2), fraction, 0)
    with pytest.raises(ScarNetError, match=r"named s00; .* twice"):
        fold_patients([*cohort(3, 2), case("s00")], 2, 0)


def test_splits_survive_their_file(tmp_path: Path) -> None:
    cases = cohort(6, 4)
    splits = fold_patients(cases, 5, 0)
    write_splits(tmp_path / "splits_final.json", splits)
    assert read_splits(tmp_path / "splits_final.json", cases) == splits
    stored = json.loads((tmp_path / "splits_final.json").read_text())
    assert stored[1] == {"train": splits[1][0], "val": splits[1][1]}
    training, validation = apply_split(cases, splits[0])
    assert [sorted(c.stack.case for c in side) for side in (training, validation)] == list(splits[0])
    with pytest.raises(ScarNetError, match="Cannot write"):
        write_splits(tmp_path / "absent" / "splits.json", splits)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[{", "not valid JSON"),
        ("[]", "no list of splits"),
        ('{"train": ["a"], "val": ["b"]}', "no list of splits"),
        ('[{"train": ["a"]}]', "no list of splits"),
        ('[{"train": "a", "val": ["b"]}]', "no list of splits"),
        ('[{"train": ["a"], "val": [1]}]', "no list of splits"),
        ('[{"train": ["a"], "val": ["b"]}, {"train": ["a"], "val": []}]', "split 2: 'val' is empty"),
        ('[{"train": [], "val": ["b"]}]', "split 1: 'train' is empty"),
        ('[{"train": ["a", "x", "w"], "val": ["b"]}]', "'train' names cases that the data do not have: w, x"),
        ('[{"train": ["a"], "val": ["b", "b"]}]', "'val' names a case twice: b"),
        ('[{"train": ["a", "b"], "val": ["b", "c"]}]', "both trained and validated on: b"),
        ('[{"train": ["a", "c"], "val": ["b", "d"]}]', "of patients who are trained on, too: d"),
    ],
)
def test_splits_that_do_not_fit_are_refused(tmp_path: Path, text: str, sentence: str) -> None:
    cases = [case("a"), case("b"), case("c", patient="Jane Doe"), case("d", patient="Jane Doe")]
    path = tmp_path / "splits.json"
    path.write_text(text)
    with pytest.raises(ScarNetError, match=sentence) as refusal:
        read_splits(path, cases)
    assert "Jane" not in str(refusal.value)
    with pytest.raises(ScarNetError, match="Cannot read"):
        read_splits(tmp_path / "absent.json", cases)

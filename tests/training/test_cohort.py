"""Who is trained on: splits, folds, smaller draws, replayed patients; and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import pytest

from scarnet.errors import ScarNetError
from scarnet_training.cohort import Cohort, load_cohort

Recipes = Callable[..., Any]
Writer = Callable[[Path, dict[str, bool]], Path]


def sides(cohort: Cohort) -> tuple[set[str], set[str]]:
    [split] = cohort.names()
    return set(split["train"]), set(split["val"])


def test_a_fraction_of_the_patients_is_held_out(tiny_recipe: Recipes) -> None:
    training, validation = sides(load_cohort(tiny_recipe()))
    assert (len(training), len(validation)) == (3, 2)
    assert training | validation == {"ann", "bob", "cleo", "dan", "eve"}
    assert sides(load_cohort(tiny_recipe())) == (training, validation)


def test_each_patient_is_held_out_in_one_fold(tiny_recipe: Recipes) -> None:
    folds = [sides(load_cohort(tiny_recipe(data={"folds": 5, "fold": fold}))) for fold in range(5)]
    assert sorted(name for _, validation in folds for name in validation) == ["ann", "bob", "cleo", "dan", "eve"]
    assert all(not training & validation for training, validation in folds)


def test_a_given_split_is_honoured(tiny_recipe: Recipes, tmp_path: Path) -> None:
    path = tmp_path / "splits_final.json"
    path.write_text(json.dumps([{"train": ["ann"], "val": ["bob"]}, {"train": ["cleo", "dan"], "val": ["eve"]}]))
    assert sides(load_cohort(tiny_recipe(data={"splits": str(path), "fold": 1}))) == ({"cleo", "dan"}, {"eve"})
    with pytest.raises(ScarNetError, match=r"data\.fold is 2, but .* holds 2 splits"):
        load_cohort(tiny_recipe(data={"splits": str(path), "fold": 2}))


def test_a_larger_draw_of_patients_holds_every_smaller_one(tiny_recipe: Recipes, cohort_writer: Writer) -> None:
    whole, validation = sides(load_cohort(tiny_recipe()))
    draws = [sides(load_cohort(tiny_recipe(data={"patients": number}))) for number in (1, 2, 3)]
    assert [len(training) for training, _ in draws] == [1, 2, 3]
    assert draws[0][0] < draws[1][0] < draws[2][0] == whole
    assert all(held_out == validation for _, held_out in draws)
    with pytest.raises(ScarNetError, match=r"data\.patients is 4, but there are only 3 patients"):
        load_cohort(tiny_recipe(data={"patients": 4}))


def test_nothing_to_train_on_is_told(tiny_recipe: Recipes) -> None:
    with pytest.raises(ScarNetError, match=r"names nothing to train on; set data\.datasets or data\.phantoms"):
        load_cohort(tiny_recipe(data={"datasets": []}))


def test_an_earlier_patient_is_known_by_key_or_pixels_and_a_like_name_says_nothing(
    tiny_recipe: Recipes, cohort_writer: Writer, cohort_folder: Path, tmp_path: Path
) -> None:
    training, validation = sides(load_cohort(tiny_recipe()))
    held_out = sorted(validation)[0]
    earlier = cohort_writer(tmp_path / "earlier", {"another name": True, "stranger": True})
    (earlier / "patients.csv").write_text(f"case,patient\nanother name,{held_out}\nstranger,stranger\n")
    with pytest.raises(ScarNetError, match=r"--replay.* who are held out to measure the model on: another name;"):
        load_cohort(tiny_recipe(start={"replay": [str(earlier)]}))
    (earlier / "patients.csv").write_text(f"case,patient\nanother name,{sorted(training)[0]}\nstranger,stranger\n")
    cohort = load_cohort(tiny_recipe(start={"replay": [str(earlier)]}))
    assert cohort.names()[0]["replay"] == ["another name", "stranger"]

    # Cases that are only named alike, in two earlier cohorts.
    folders = [cohort_writer(tmp_path / name, {held_out: True}) for name in ("second", "third")]
    for folder in folders:
        pixels = nib.load(folder / "imagesTr" / f"{held_out}_0000.nii.gz")
        nib.save(nib.Nifti1Image(pixels.get_fdata() + 1, pixels.affine), pixels.get_filename())
    cohort = load_cohort(tiny_recipe(start={"replay": list(map(str, folders))}))
    assert cohort.names()[0]["replay"] == [f"{held_out} of replay 1", f"{held_out} of replay 2"]
    assert sum("numbers cases like held-out ones" in text for text in cohort.warnings) == 2
    assert set(cohort.digests()) == training | validation | set(cohort.names()[0]["replay"])
    with pytest.raises(ScarNetError, match=rf"held out to measure the model on: {', '.join(sorted(validation))};"):
        load_cohort(tiny_recipe(start={"replay": [str(cohort_folder)]}))


def test_too_few_patients_are_warned_of(tiny_recipe: Recipes, cohort_writer: Writer, tmp_path: Path) -> None:
    one = cohort_writer(tmp_path / "one", {"a": True})
    with pytest.raises(ScarNetError, match=r"only one patient, so nobody can be held out .*--validation 0"):
        load_cohort(tiny_recipe(data={"datasets": [str(one)]}))
    two = cohort_writer(tmp_path / "two", {"a": True, "b": True})
    [warning] = load_cohort(tiny_recipe(data={"datasets": [str(two)]})).warnings
    assert warning.startswith("There are only 2 patients")


def test_a_scar_shift_needs_patients_with_scar_to_choose_it_on(tiny_recipe: Recipes) -> None:
    with pytest.raises(ScarNetError, match=r"set training\.choose_scar_shift = false"):
        load_cohort(tiny_recipe(data={"datasets": [], "phantoms": 1}, training={"choose_scar_shift": True}))

"""A fold that is kept is used again only for the recipe that it was begun with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from scarnet.errors import ScarNetError
from scarnet.models import load_model
from scarnet.models.card import ModelCard
from scarnet.models.store import save_model
from scarnet.network.scarnet import ScarNet
from scarnet_training.experiments.crossval import check_fold, train_fold
from scarnet_training.experiments.out_of_fold import predict_fold
from scarnet_training.recipe import Recipe
from scarnet_training.run_folder import recipe_kept


def keep(folder: Path, recipe: Recipe, finished: bool, base_sha256: str = "") -> Path:
    """Leave what a run of the recipe leaves, finished or not; give the model's file."""
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "recipe.json").write_text(json.dumps(recipe_kept(recipe, base_sha256)))
    (folder / "checkpoints" / "last.pt").write_bytes(b"")
    model = folder / "model.safetensors"
    if finished:
        torch.manual_seed(0)
        save_model(model, ScarNet(recipe.network), ModelCard("tiny", "", recipe.network, recipe=recipe.to_dict()))
    return model


@pytest.mark.parametrize("finished", [True, False])
def test_a_fold_of_another_recipe_is_not_used(
    tmp_path: Path, tiny_recipe: Callable[..., Recipe], finished: bool
) -> None:
    model, folder = keep(tmp_path / "fold0", tiny_recipe(), finished), tmp_path / "fold0"
    (folder / "predictions.npz").write_bytes(b"")
    check_fold(tiny_recipe(training={"threads": 0}, model={"description": "other words"}), folder)
    other = tiny_recipe(training={"epochs": 3}, augmentation={"flips": False})
    sentence = (
        f"{folder} was begun with another recipe: training.epochs was 2 and is now 3; augmentation.flips was True and "
        "is now False; give another --out."
    )
    with pytest.raises(ScarNetError) as told:
        train_fold(other, folder)
    assert str(told.value) == sentence
    with pytest.raises(ScarNetError) as told:
        predict_fold(other, folder, with_flips=False)
    assert str(told.value) == sentence
    if finished:
        assert train_fold(tiny_recipe(), folder) == model
        assert predict_fold(tiny_recipe(), folder, with_flips=False) == folder / "predictions.npz"


def test_the_same_patients_by_another_path_are_no_other_recipe(
    tmp_path: Path, tiny_recipe: Callable[..., Recipe], cohort_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tmp_path / "fold0", tiny_recipe(), finished=True)
    monkeypatch.chdir(cohort_folder.parent)
    check_fold(tiny_recipe(data={"datasets": [cohort_folder.name]}), tmp_path / "fold0")
    with pytest.raises(ScarNetError, match=r"data\.datasets was"):
        check_fold(tiny_recipe(data={"datasets": ["elsewhere"]}), tmp_path / "fold0")


def test_what_only_the_end_of_a_run_does_may_change_until_then(
    tmp_path: Path, tiny_recipe: Callable[..., Recipe]
) -> None:
    shifted: dict[str, Any] = {"training": {"choose_scar_shift": True}}
    keep(tmp_path / "begun", tiny_recipe(), finished=False)
    check_fold(tiny_recipe(**shifted), tmp_path / "begun")
    keep(tmp_path / "finished", tiny_recipe(), finished=True)
    with pytest.raises(ScarNetError, match=r"training\.choose_scar_shift was False and is now True; give"):
        check_fold(tiny_recipe(**shifted), tmp_path / "finished")


def test_a_fold_that_goes_on_from_a_model_goes_with_that_model(
    tmp_path: Path, tiny_recipe: Callable[..., Recipe]
) -> None:
    base = keep(tmp_path / "base", tiny_recipe(), finished=True)
    # The model brings its network, whatever the recipe says of it.
    recipe = tiny_recipe(start={"model": str(base)}, network={"grid": 48})
    stored = tiny_recipe(start={"model": str(base)})
    keep(tmp_path / "fold0", stored, finished=True, base_sha256=load_model(base).sha256)
    check_fold(recipe, tmp_path / "fold0")
    save_model(base, ScarNet(stored.network), ModelCard("other", "", stored.network))
    with pytest.raises(ScarNetError, match="another recipe: the file of the model it starts from has changed; give"):
        check_fold(recipe, tmp_path / "fold0")


def test_a_fold_that_does_not_say_its_recipe_is_not_used(tmp_path: Path, tiny_recipe: Callable[..., Recipe]) -> None:
    check_fold(tiny_recipe(), tmp_path / "nowhere")
    keep(tmp_path / "fold0", tiny_recipe(), finished=True)
    (tmp_path / "fold0" / "recipe.json").unlink()
    with pytest.raises(ScarNetError, match=r"Cannot read .*recipe\.json"):
        train_fold(tiny_recipe(), tmp_path / "fold0")

"""Recipes: what is written is read back, and what cannot be is refused by name, all at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

import pytest

from scarnet.errors import ScarNetError
from scarnet_training.loss_settings import PRESETS
from scarnet_training.recipe import RECIPES, Recipe, find_recipe, load_recipe, read_recipe, write_recipe


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str], Recipe]:
    """Load a recipe from TOML text."""

    def load_text(text: str) -> Recipe:
        path = tmp_path / "recipe.toml"
        path.write_text(text, encoding="utf-8")
        return load_recipe(path)

    return load_text


def another(value: Any, choices: Any) -> Any:
    """Give another value that the setting may have."""
    if choices:
        return next(choice for choice in choices if choice != value)
    if isinstance(value, tuple):
        return tuple(entry + 1 for entry in value) if value else ("one", "two")
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return f"{value}x"
    return value + 1 if isinstance(value, int) else value * 0.5 + 0.013


SPECIAL = {"network": {"encoder": "vit_b", "fusion": "concat", "intensity": "unit", "grid": 128, "localiser_grid": 64}}
SPECIAL["loss"] = {"adaptive": "uncertainty"}
SPECIAL["data"] = {"folds": 3}  # 1 is none, and `fold` has to be below
# What means nothing in a fine-tuning, and what nothing from scratch.
KEPT = [{"train_encoder"}, {"model", "parts", "context", "encoder"}]


@pytest.mark.parametrize("kept", KEPT, ids=["fine-tuning", "from scratch"])
def test_every_setting_is_read_back_as_it_was_written(tmp_path: Path, kept: set[str]) -> None:
    default = Recipe()

    def stays(section: str, name: str) -> bool:
        return section in ("start", "training") and name in kept

    sections = {}
    for section in fields(default):
        settings = getattr(default, section.name)
        changed = {
            entry.name: SPECIAL.get(section.name, {}).get(entry.name)
            or another(getattr(settings, entry.name), entry.metadata.get("choices"))
            for entry in fields(settings)
            if not stays(section.name, entry.name)
        }
        sections[section.name] = replace(settings, **changed)
    recipe = Recipe(**sections)
    for section in fields(default):
        before, after = getattr(default, section.name), getattr(recipe, section.name)
        for entry in fields(before):
            changed = getattr(before, entry.name) != getattr(after, entry.name)
            assert changed != stays(section.name, entry.name), entry.name
    write_recipe(recipe, tmp_path / "recipe.toml")
    assert load_recipe(tmp_path / "recipe.toml") == recipe
    assert read_recipe(recipe.to_dict()) == recipe


def test_what_a_file_does_not_set_keeps_its_default(load: Callable[[str], Recipe]) -> None:
    assert load("") == Recipe()
    recipe = load("[training]\nepochs = 3\nlearning_rate = 1\n")
    assert recipe.training == replace(Recipe().training, epochs=3, learning_rate=1.0)
    assert type(recipe.training.learning_rate) is float


def test_a_loss_preset_is_the_base_of_what_is_set_beside_it(load: Callable[[str], Recipe]) -> None:
    assert load("").loss == PRESETS["paper"]
    assert load('[loss]\npreset = "repository"\n').loss == PRESETS["repository"]
    changed = load('[loss]\npreset = "repository"\nalpha = 0.4\nclass_weights = [1, 2, 3, 4]\n').loss
    assert changed == replace(PRESETS["repository"], alpha=0.4, class_weights=(1.0, 2.0, 3.0, 4.0))
    with pytest.raises(ScarNetError, match=r"loss.preset is 'best', but must be one of: paper, repository"):
        load('[loss]\npreset = "best"\n')


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[training]\nepochs = 0\n", "unet_epochs and training.epochs are both 0, but one must be at least 1"),
        ("[training]\nbatch_size = 0\n", "training.batch_size is 0, but must be at least 1"),
        ("[training]\nunet_epochs = -3\n", "training.unet_epochs is -3, but must be at least 0"),
        ("[training]\nepoch = 3\n", r"\[training\] has no setting 'epoch'; known: seed, unet_epochs, epochs, "),
        ("[training]\nlearning_rate = 'fast'\n", "training.learning_rate is 'fast', but must be of type float"),
        ("[training]\nlearning_rate = nan\n", "training.learning_rate is nan, but must be a finite number"),
        ("[training]\nbranch_weight = inf\n", "training.branch_weight is inf, but must be a finite number"),
        ("[training]\nlearning_rate = 0\n", "training.learning_rate is 0.0, but must be above 0"),
        ("[training]\nepochs = true\n", "training.epochs is True, but must be of type int"),
        ("[training]\nepochs = 2.0\n", "training.epochs is 2.0, but must be of type int"),
        ("[training]\ntrain_encoder = 1\n", "training.train_encoder is 1, but must be of type bool"),
        ("[training]\noptimizer = 'sgd'\n", "training.optimizer is 'sgd', but must be one of: 'adamw', 'adam'"),
        ("[training]\nschedule = 'step'\n", "must be one of: 'cosine', 'exponential'"),
        ("[training]\nprecision = 'fp8'\n", "must be one of: 'auto', 'no', 'bf16', 'fp16'"),
        ("[training]\nkeep = 'all'\n", "training.keep is 'all', but must be one of: 'best', 'last'"),
        ("[training]\nmicro_batch = 20\n", "training.micro_batch is 20, but must be at most the batch_size"),
        ("[start]\nparts = 'head'\n", "start.parts is 'head', but must be one of: 'heads', 'decoder', 'all', 'adap"),
        ("[start]\nreplay_share = 1.0\n", "start.replay_share is 1.0, but must be at most 0.9"),
        ("[data]\ndatasets = 'one'\n", "data.datasets is 'one', but must be of type list of str"),
        ("[data]\ndatasets = [1]\n", r"data.datasets is \[1\], but must be of type list of str"),
        ("[data]\nfolds = 1\n", "data.folds is 1, but must be 0 or at least 2"),
        ("[data]\nfolds = 3\nfold = 3\n", "data.fold is 3, but must be below data.folds, 3"),
        ("[augmentation]\nscale = 0.7\n", "augmentation.scale is 0.7, but must be at most 0.5"),
        ("[loss]\nclass_weights = ['a']\n", "loss.class_weights is .*, but must be of type list of float"),
        ("[loss]\nadaptive = 'maybe'\n", "adaptive is 'maybe'; use one of: none, scar-presence, uncertainty"),
        ("[loss]\nloss = 'best'\n", r"\[loss\] has no setting 'loss'; known: dice"),
        ("[extra]\na = 1\n", "no section 'extra'; known: data, start, network, training, loss, augmentation, model"),
        ("training = 3\n", "training is no section"),
        ("[network]\ngrid = 50\n", r"in \[network\]: The grid 50 is not a multiple of 16"),
        ("[network]\nencoder = 'big'\n", "encoder 'big' is not known; use one of: 'lite', 'vit_b', 'none'"),
        ("[network]\nwidth = 5\n", r"\[network\] has no setting 'width'; known: encoder, fusion"),
        ('[network]\nencoder = "none"\n[training]\nunet_epochs = 2\n', "without an encoder; set it or epochs to 0"),
        ("[training]\nepochs = 0\nunet_epochs = 2\n", "training.epochs is 0, but must be at least 1 for a new network"),
        (
            "[start]\nmodel = 'm'\nencoder = 'lite'\n[training]\nepochs = 0\nunet_epochs = 2\n",
            "training.epochs is 0, but must be at least 1 for a new network with an encoder: .* not train its fusion",
        ),
        (
            "[training]\npatience = 3\nvalidate_every = 0\n",
            "training.patience is 3, but must be 0 where training.validate_every is 0",
        ),
        ("[start]\nparts = 'heads'\n", "start.parts is 'heads', but must be 'all' or 'decoder' without start.model"),
        (
            "[start]\nparts = 'decoder'\n[training]\ntrain_encoder = true\n",
            "start.parts is 'decoder', but must be 'all' without start.model",
        ),
        ("[start]\nencoder = 'lite'\n", "start.encoder is 'lite', but must be '' without start.model; set network.enc"),
        ("[start]\ncontext = 1\n", "start.context is 1, but must be -1 without start.model; set network.context"),
        (
            "[start]\nmodel = 'm'\n[training]\ntrain_encoder = true\n",
            "training.train_encoder is true, but must be false with start.model; set start.parts to 'all'",
        ),
        (
            "[data]\ndatasets = ['d']\nvalidation_fraction = 0\n[training]\nchoose_scar_shift = true\n",
            "training.choose_scar_shift is true, but must be false where data.validation_fraction is 0 and neither",
        ),
        ("[data\n", "is not valid TOML"),
    ],
)
def test_bad_recipes_are_refused_with_the_key_and_what_it_may_be(
    load: Callable[[str], Recipe], text: str, sentence: str
) -> None:
    with pytest.raises(ScarNetError, match=sentence) as refusal:
        load(text)
    assert "\n" not in str(refusal.value).rstrip()


@pytest.mark.parametrize(
    "text",
    [
        # A model's fusion is trained; another network has none.
        "[start]\nmodel = 'm'\n[training]\nepochs = 0\nunet_epochs = 2\n",
        "[network]\nencoder = 'none'\n[training]\nepochs = 0\nunet_epochs = 2\n",
        # From scratch that is what trains.
        "[start]\nparts = 'decoder'\n",
        # Held out in another way, or data that are still to be named.
        "[data]\ndatasets = ['d']\nvalidation_fraction = 0\nfolds = 5\n[training]\nchoose_scar_shift = true\n",
        "[data]\ndatasets = ['d']\nvalidation_fraction = 0\nsplits = 's'\n[training]\nchoose_scar_shift = true\n",
        "[data]\nvalidation_fraction = 0\n[training]\nchoose_scar_shift = true\n",
    ],
)
def test_what_only_looks_like_a_contradiction_is_taken(load: Callable[[str], Recipe], text: str) -> None:
    recipe = load(text)
    assert read_recipe(recipe.to_dict()) == recipe


def test_all_faults_are_told_at_once(load: Callable[[str], Recipe]) -> None:
    with pytest.raises(ScarNetError) as refusal:
        load(
            "[training]\nepoch = 3\nbatch_size = 0\nlearning_rate = 'fast'\n[network]\ngrid = 50\n"
            "[loss]\npreset = 'best'\n[extra]\na = 1\n[data]\nfolds = 1\n"
        )
    for part in ("'epoch'", "batch_size is 0", "learning_rate is 'fast'", "grid 50", "preset", "'extra'", "folds is 1"):
        assert part in str(refusal.value)


def test_impossible_values_are_refused_in_code_too() -> None:
    with pytest.raises(ScarNetError, match=r"training.ema is 2.0, but must be at most 0.99999"):
        replace(Recipe(), training=replace(Recipe().training, ema=2.0))


def test_a_recipe_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ScarNetError, match=r"Cannot read the recipe .*No such file"):
        load_recipe(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"[model]\nname = '\xe9'\n")
    with pytest.raises(ScarNetError, match="not valid TOML"):
        load_recipe(tmp_path / "latin.toml")


SHIPPED = sorted({path.stem for folder in RECIPES for path in folder.glob("*.toml")})


def test_the_shipped_recipes_are_there() -> None:
    assert {"paper", "phantom", "scarnet-lite"} <= set(SHIPPED)
    with pytest.raises(ScarNetError, match=r"no recipe 'no-such-recipe'; .*scarnet-lite"):
        find_recipe("no-such-recipe")


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_recipes_load_and_keep_to_their_name(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(find_recipe(name))
    write_recipe(recipe, tmp_path / "again.toml")
    assert load_recipe(find_recipe(str(tmp_path / "again.toml"))) == recipe


def test_the_papers_recipe_is_the_papers() -> None:
    recipe = load_recipe(find_recipe("paper"))
    t, a = recipe.training, recipe.augmentation
    assert (t.optimizer, t.learning_rate, t.beta1, t.beta2, t.decay) == ("adam", 1e-3, 0.9, 0.99, 0.95)
    assert (t.schedule, t.epochs, t.batch_size, t.micro_batch) == ("exponential", 100, 16, 4)
    assert (a.rotation_deg, a.flips, a.brightness, a.contrast) == (15.0, True, 0.2, 0.2)
    assert recipe.loss == PRESETS["paper"]
    assert (recipe.network.grid, recipe.network.encoder) == (256, "vit_b")


def test_every_setting_has_a_default() -> None:
    for section in fields(Recipe):
        assert all(
            entry.default is not MISSING or entry.default_factory is not MISSING
            for entry in fields(getattr(Recipe(), section.name))
        )

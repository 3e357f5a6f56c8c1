"""The experiments' commands, end to end on a few phantoms and a tiny network."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scarnet.models.store import read_card, read_model, save_model
from scarnet.phantom import PhantomSettings, write_phantom_cohort
from scarnet.predict import Predictor
from scarnet_training.data import load_dataset
from scarnet_training.experiments import ablation, ablation_table, cross_validate, held_out, learning_curve, ship
from scarnet_training.experiments.out_of_fold import read_predictions
from scarnet_training.experiments.variants import VARIANTS, pretraining_recipe, variant_recipe
from scarnet_training.recipe import Recipe, read_recipe, write_recipe
from scarnet_training.splits import fold_patients

TINY = {
    "network": {"encoder": "none", "unet_width": 8, "grid": 48, "spacing_mm": 3.0},
    "training": {"epochs": 1, "batch_size": 8, "validate_every": 0, "keep": "last", "localiser_epochs": 0},
    "model": {"name": "tiny", "licence": "none", "test_time_flips": True},
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    write_phantom_cohort(folder, 5, 3, settings=PhantomSettings(slices=4, matrix=(96, 96), spacing_mm=(2.4, 2.4)))
    return folder


@pytest.fixture
def tiny_variants(monkeypatch: pytest.MonkeyPatch, dataset: Path) -> None:
    def recipe(name: str, fold: int, out: Path, epochs_factor: float = 1.0) -> Recipe:
        start = {"model": str(out / "unet" / f"fold{fold}" / "model.safetensors")} if name == "unet-longer" else {}
        data = {"datasets": [str(dataset)], "folds": 5, "fold": fold}
        training = {**TINY["training"], "epochs": round(epochs_factor)}
        return read_recipe({**TINY, "training": training, "data": data, "start": start})

    monkeypatch.setattr(ablation, "variant_recipe", recipe)


def test_every_variant_is_a_recipe_on_the_same_folds_and_changes_what_it_says() -> None:
    out = Path("runs/ablation")
    base = variant_recipe("unet", 2, out)
    assert (base.data.folds, base.data.fold) == (5, 2)
    for name in VARIANTS:
        recipe = variant_recipe(name, 2, out)
        assert recipe.data == base.data
        assert recipe.training.seed == base.training.seed
        assert recipe.augmentation == base.augmentation
    encoder = variant_recipe("encoder", 2, out)
    assert encoder.start.model == "runs/ablation/unet/fold2/model.safetensors"
    assert variant_recipe("concat", 2, out) == replace(encoder, start=replace(encoder.start, fusion="concat"))
    assert variant_recipe("unet-longer", 2, out).training.epochs == encoder.training.epochs
    assert variant_recipe("unit-input", 2, out) == replace(base, network=replace(base.network, intensity="unit"))
    assert variant_recipe("repository-loss", 0, out).loss.gamma == 1.0
    assert variant_recipe("full-field", 0, out).network.localiser_width == 0
    short = variant_recipe("unet", 0, out, 0.5).training
    assert short == replace(base.training, epochs=base.training.epochs // 2)
    assert pretraining_recipe().network == variant_recipe("phantoms", 0, out).network
    assert not pretraining_recipe().data.datasets


def test_the_documented_command_runs_the_documented_table(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[2] / "docs" / "ablation.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)`: ", text, re.MULTILINE)
    [command] = re.findall(r"^    python -m scarnet_training.experiments.ablation (.*?) *(?:#.*)?$", text, re.MULTILINE)
    ran: list[str] = []
    monkeypatch.setattr(ablation, "run_variants", lambda out, variants, folds, factor: ran.extend(variants))
    assert ablation.main(command.split()) == 0
    assert ran == rows


@pytest.mark.usefixtures("tiny_variants")
def test_ablation_and_its_table(tmp_path: Path, dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = tmp_path / "runs"
    assert ablation_table.main(["--runs", str(runs), "--dataset", str(dataset)]) == 2
    assert "run python -m scarnet_training.experiments.ablation first" in capsys.readouterr().err
    assert ablation.main(["--out", str(runs), "--variants", "unet", "--fold", "0"]) == 0
    finished = (runs / "unet" / "fold0" / "model.safetensors").stat().st_mtime_ns
    assert ablation.main(["--out", str(runs), "--variants", "unet"]) == 0
    assert (runs / "unet" / "fold0" / "model.safetensors").stat().st_mtime_ns == finished  # not trained again
    assert ablation.main(["--out", str(runs), "--variants", "unet-longer", "--fold", "1"]) == 0
    # What would stand in one table is of one length, whichever fold and variant is asked for.
    capsys.readouterr()
    for variant, fold in (("unet", "0"), ("unet-longer", "0"), ("context", "4")):
        words = ["--out", str(runs), "--variants", variant, "--fold", fold, "--epochs-factor", "2"]
        assert ablation.main(words) == 2
        assert capsys.readouterr().err == (
            f"error: {runs / 'unet' / 'fold0'} was begun with another recipe: training.epochs was 1 and is now 2; give "
            "another --out.\n"
        )
    assert not (runs / "context").exists()

    cases = load_dataset(dataset)
    named = {case.stack.case: case for case in cases}
    for fold, (_, unseen) in enumerate(fold_patients(cases, 5, 0)):
        folder = runs / "unet" / f"fold{fold}"
        model = read_model(folder / "model.safetensors")
        for patient in read_predictions(folder, named):
            assert patient.case.stack.case in unseen
            for output, flips in (("plain", False), ("flips", True)):
                expected = Predictor(model, "cpu", test_time_flips=flips).predict(patient.case.stack).logits
                np.testing.assert_allclose(patient.logits(output), expected, atol=0.02)

    output = tmp_path / "table.md"
    assert ablation_table.main(["--runs", str(runs), "--dataset", str(dataset), "-o", str(output)]) == 0
    lines = output.read_text().splitlines()
    assert [line.split("|")[2].strip() for line in lines[2:]] == ["5", "1", "5"]
    assert lines[2].split("|")[7].strip() == "+0.000 ± 0.000"  # the base against itself
    assert "with test-time flips" in lines[-1]
    assert not any("medsam" in line.lower() for line in lines)  # the network has no such branch


def test_a_recipe_is_cross_validated_and_its_model_of_all_patients_shipped(
    tmp_path: Path, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, runs, shipped = tmp_path / "tiny.toml", tmp_path / "runs", tmp_path / "shipped.safetensors"
    training = {**TINY["training"], "choose_scar_shift": True}
    write_recipe(read_recipe({**TINY, "training": training, "data": {"datasets": ["nowhere"]}}), file)
    words = ["--runs", str(runs), "--dataset", str(dataset)]
    everybody = runs / "tiny" / "all" / "model.safetensors"
    words_folds = [str(file), "--out", str(runs), "--dataset", str(dataset)]
    assert cross_validate.main([*words_folds, "--all-patients"]) == 0
    assert capsys.readouterr().out.split() == [str(everybody)]
    assert cross_validate.main([*words_folds, "--fold", "0"]) == 0
    assert "| 1 | " in capsys.readouterr().out
    assert ship.main([str(everybody), "-o", str(shipped), *words]) == 2
    assert "1 of 5 folds" in capsys.readouterr().err
    assert not shipped.exists()
    finished = (runs / "tiny" / "fold0" / "model.safetensors").stat().st_mtime_ns
    assert cross_validate.main(words_folds) == 0
    assert (runs / "tiny" / "fold0" / "model.safetensors").stat().st_mtime_ns == finished  # not trained again
    plain, flips = capsys.readouterr().out.splitlines()[2:]
    assert plain.startswith("| `tiny` | 5 | ")
    assert flips.startswith("| `tiny`, with test-time flips | 5 | ")
    # Another recipe of the name, here one on other patients, is refused whatever is asked for.
    for asked in (["--fold", "3"], ["--all-patients"]):
        assert cross_validate.main([*words_folds[:3], *asked]) == 2
        assert f"{runs / 'tiny' / 'fold0'} was begun with another recipe: data.datasets was" in capsys.readouterr().err

    longer = read_card(everybody)
    longer = replace(longer, recipe={**longer.recipe, "training": {**longer.recipe["training"], "epochs": 2}})
    save_model(tmp_path / "longer.safetensors", read_model(everybody).network, longer)
    assert ship.main([str(tmp_path / "longer.safetensors"), "-o", str(shipped), *words]) == 2
    told = f"{runs / 'tiny' / 'fold0'} was trained by another recipe than tiny: training.epochs was 1 and is now 2;"
    assert told in capsys.readouterr().err
    assert not (runs / "tiny" / "figures.json").exists()

    assert ship.main([str(everybody), "-o", str(shipped), *words]) == 0
    card, named = read_card(shipped), {case.stack.case for case in load_dataset(dataset)}
    assert set(card.training_cases) == set(card.validation["patients"]) == named
    assert card.validation["summary"]["folds"] == 5
    assert any("this one was trained on 5." in line for line in card.data)
    point = card.validation["summary"]["operating_point"]
    assert card.smallest_scar_ml == point["smallest_scar_ml"]
    before, after = (read_model(path).network.classifier for path in (everybody, shipped))
    moved = (after.bias - before.bias).detach()
    assert moved.tolist() == pytest.approx([0, 0, 0, point["shift"]], abs=0.01)
    np.testing.assert_allclose(after.weight.detach(), before.weight.detach(), atol=0.01)

    # The figures serve another model of the recipe when the folds are gone, and no other recipe's.
    again = tmp_path / "again.safetensors"
    words_then = [str(everybody), "-o", str(again), "--figures", str(runs / "tiny" / "figures.json")]
    assert ship.main(words_then) == 0
    assert again.read_bytes() == shipped.read_bytes()
    assert ship.main([str(tmp_path / "longer.safetensors"), *words_then[1:]]) == 2
    assert "of another recipe than tiny's: training differ" in capsys.readouterr().err
    file.write_text("{}")
    assert ship.main([*words_then[:3], "--figures", str(file)]) == 2
    assert "no figures" in capsys.readouterr().err

    # What the card says of each patient is what the folds' models say, for who looks at how they fail.
    assert held_out.main(["--model", str(shipped), "--dataset", str(dataset)]) == 2
    assert "give --runs" in capsys.readouterr().err
    assert held_out.main(["--model", str(everybody), *words]) == 2
    assert "not cross-validated" in capsys.readouterr().err
    assert held_out.main(["--model", str(shipped), *words]) == 0
    rows = [[cell.strip() for cell in line.split("|")] for line in capsys.readouterr().out.splitlines()]
    told = {row[1]: row[2] for row in rows if row[1:2] and row[1] in named}
    assert told == {name: f"{found['dice_myocardium']:.2f}" for name, found in card.validation["patients"].items()}


def test_learning_curve_measures_on_patients_of_neither(
    tmp_path: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from scarnet_training.trainer import train

    base = train(read_recipe({**TINY, "data": {"phantoms": 2, "phantom_seed": 90}}), tmp_path / "base")
    real = learning_curve.finetune_recipe

    def short(*args: object, **kwargs: object) -> Recipe:
        recipe = real(*args, **kwargs)
        few = replace(recipe.training, epochs=1, least_steps=1, batch_size=8)
        return replace(recipe, training=few)

    monkeypatch.setattr(learning_curve, "finetune_recipe", short)
    words = ["--out", str(tmp_path / "runs"), "--dataset", str(dataset), "--model", str(base), "--sizes", "0,2,4"]
    assert learning_curve.main(words) == 0
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [tuple(cell.strip() for cell in row.split("|")[1:3]) for row in rows] == [
        ("0", "phantoms"),
        ("2", "phantoms"),
        ("2", "scratch"),
        ("4", "phantoms"),
        ("4", "scratch"),
    ]
    import json

    held_out = set(fold_patients(load_dataset(dataset), 5, 0)[0][1])
    splits = {p.parent.name: json.loads(p.read_text())[0] for p in (tmp_path / "runs").glob("*/splits.json")}
    assert all(set(split["val"]) == held_out for split in splits.values())
    assert all(not held_out & set(split["train"]) for split in splits.values())
    assert set(splits["phantoms-2"]["train"]) < set(splits["scratch-4"]["train"])

"""`scarnet finetune`: what it makes of its options. The training itself is tested with the trainer."""

import json
import shutil
from dataclasses import replace

import pytest

from scarnet.models import load_model
from scarnet.models.store import save_model


@pytest.fixture
def trained(monkeypatch, tiny_model):
    """Stand in for the training; gives what it was called with."""
    from scarnet_training import trainer

    calls = []

    def train(recipe, out, resume=False, progress=None, device="auto", remark=None):
        calls.append((recipe, out, resume, device))
        out.mkdir(exist_ok=True)
        return shutil.copy(tiny_model, out / "model.safetensors")

    monkeypatch.setattr(trainer, "train", train)
    return calls


def test_without_options_the_built_in_model_is_fine_tuned(scarnet, trained, tmp_path):
    result = scarnet("finetune", tmp_path / "cohort", "-o", tmp_path / "run")
    assert (result.status, result.err) == (0, "")
    [(recipe, out, resume, device)] = trained
    assert recipe.data.datasets == (str(tmp_path / "cohort"),)
    assert recipe.start.model == "scarnet-lite"
    assert (out, resume, device) == (tmp_path / "run", False, "auto")
    assert recipe.model.licence == "unknown"  # that of the model it starts from
    assert json.dumps(recipe.to_dict())


def test_the_end_tells_figures_before_and_after_and_how_to_go_on(scarnet, tiny_model, tmp_path, monkeypatch):
    from scarnet_training import trainer

    def figures(*means, alarms):
        keys = ("dice_myocardium", "dice_blood_pool", "dice_scar")
        dices = {
            key: {"mean": mean, "n": 2 if key == "dice_scar" else 3} for key, mean in zip(keys, means, strict=True)
        }
        return {**dices, "patients_without_scar": 1, "false_alarms": alarms}

    def train(recipe, out, **options):
        model, summary = load_model(tiny_model), figures(0.861, 0.9, 0.5, alarms=0)
        before = {"name": "scarnet-lite", "summary": figures(0.85, 0.91, 0.25, alarms=1)}
        validation = {"summary": summary, "patients": {case: {} for case in "abc"}, "base": before}
        return save_model(tmp_path / "model.safetensors", model.network, replace(model.card, validation=validation))

    monkeypatch.setattr(trainer, "train", train)
    result = scarnet("finetune", tmp_path / "cohort", "-o", tmp_path / "run")
    assert result.status == 0
    model = tmp_path / "model.safetensors"
    assert result.out.splitlines() == [
        "Mean 3D Dice on the 3 cases held out:",
        "              scarnet-lite (before)  tiny (after)",
        "wall                           0.85          0.86",
        "blood pool                     0.91          0.90",
        "scar                           0.25          0.50  (of 2 with scar)",
        "false alarms                      1             0  (of 1 without scar)",
        "",
        f"Trained: {model}",
        f"To use it:  scarnet segment STUDY -o OUT --model {model}",
        f"To keep it: scarnet models import {model} --name NAME",
    ]


def test_options_reach_the_recipe(scarnet, trained, tmp_path):
    model = load_model("scarnet-lite")
    path = tmp_path / "own.safetensors"
    save_model(path, model.network, model.card)
    words = ["--model", path, "--parts", "heads", "--epochs", 3, "--learning-rate", 0.01, "--replay", tmp_path / "old"]
    (tmp_path / "run").mkdir()
    (tmp_path / "run/recipe.json").write_text("{}")
    words += ["--replay-phantoms", 4, "--validation", 0, "--seed", 5, "--name", "mine", "--device", "cpu", "--resume"]
    words += ["--micro-batch", 2]
    result = scarnet("finetune", tmp_path / "a", tmp_path / "b", "-o", tmp_path / "run", *words)
    assert (result.status, result.err) == (0, "")
    [(recipe, _, resume, device)] = trained
    assert recipe.data.datasets == (str(tmp_path / "a"), str(tmp_path / "b"))
    assert recipe.data.validation_fraction == 0
    assert (recipe.start.model, recipe.start.parts) == (str(path), "heads")
    assert (recipe.start.replay, recipe.start.replay_phantoms) == ((str(tmp_path / "old"),), 4)
    assert (recipe.training.epochs, recipe.training.learning_rate, recipe.training.seed) == (3, 0.01, 5)
    assert recipe.training.micro_batch == 2
    assert recipe.model.name == "mine"
    assert (resume, device) == (True, "cpu")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--learning-rate", "7"], "training.learning_rate is 7.0, but must be at most 1"),
        (["--validation", "2"], "data.validation_fraction is 2.0, but must be at most 0.9"),
        (["--parts", "ears"], "invalid choice: 'ears'"),
        (["--epochs", "0"], "not a whole number of at least 1"),
        (["--micro-batch", "0"], "not a whole number of at least 1"),
        (["--micro-batch", "9"], "training.micro_batch is 9, but must be at most the batch_size"),
        (["--model", "nobody"], "no model 'nobody'"),
        (["--gpus", "2"], "--gpus belongs to a job"),
    ],
)
def test_impossible_options_are_told_before_anything_starts(scarnet, trained, tmp_path, words, sentence):
    result = scarnet("finetune", tmp_path / "cohort", "-o", tmp_path / "run", *words)
    assert result.status == 2
    assert sentence in result.err
    assert not trained
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_no_dataset_is_a_sentence(scarnet, tmp_path):
    (tmp_path / "cohort").mkdir()
    result = scarnet("finetune", tmp_path / "cohort", "-o", tmp_path / "run")
    assert result.status == 2
    assert "nnU-Net" in result.err
    assert "Traceback" not in result.err
    assert not (tmp_path / "run").exists()


def test_a_job_is_not_given_a_device_it_would_not_hear_of(scarnet, tmp_path):
    words = ["-o", tmp_path / "run", "--job", "local", "--device", "cpu"]
    result = scarnet("finetune", tmp_path / "cohort", *words)
    assert result.status == 2
    assert "a job takes --gpus, 0 for the CPU alone" in result.err
    assert not (tmp_path / "run").exists()

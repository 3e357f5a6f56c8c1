"""The end of a training: what the card says and does not say, and that nothing half-finished takes the model's name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from scarnet.errors import Cancelled, ScarNetError
from scarnet.models import ModelCard, load_model, save_model
from scarnet.network.scarnet import ScarNet
from scarnet_cli.training_summary import summary_lines
from scarnet_training import finishing, updates
from scarnet_training.card import make_card
from scarnet_training.correction import Correction, carried_correction
from scarnet_training.experiments import choose_point, held_out
from scarnet_training.run_folder import code_commit
from scarnet_training.trainer import train

Recipes = Callable[..., Any]
Events = Callable[..., list[dict[str, Any]]]
QUICK = {"epochs": 1, "validate_every": 0, "localiser_epochs": 0, "keep": "last"}


def base_model(path: Path, recipe: Any, **card: Any) -> Path:
    torch.manual_seed(0)
    told = ModelCard("base", "", recipe.network, recipe={"test_time_flips": True}, **card)
    return save_model(path, ScarNet(recipe.network).eval(), told)


def test_a_fine_tuned_model_takes_over_what_holds_of_its_start_and_names_no_folder(
    tmp_path: Path, tiny_recipe: Recipes, cohort_folder: Path
) -> None:
    told = {
        "licence": "NC",
        "data": ("A scan.",),
        "limitations": ("Blind.", "Said of older: Deaf.", "Its figures rest on 1 patient only."),
    }
    seen = ("ann", "bob", "cleo", "dan", "eve", "fay")
    base = base_model(
        tmp_path / "Jane Doe.safetensors", tiny_recipe(), smallest_scar_ml=0.5, training_cases=seen, **told
    )
    warned: list[str] = []
    recipe = tiny_recipe(start={"model": str(base), "parts": "all"}, training=QUICK, model={"licence": "unknown"})
    train(recipe, tmp_path / "out", remark=lambda kind, text: warned.append(text))
    card = load_model(tmp_path / "out" / "model.safetensors").card
    assert card.smallest_scar_ml == 0.5
    assert card.licence == "NC"
    assert card.recipe["test_time_flips"] is True
    assert card.data == (
        "Said of base: A scan.",
        "Fine-tuned from base: all of it trained on 3 patients; validated on 2 other patients.",
    )
    assert card.limitations[:2] == ("Said of base: Blind.", "Said of older: Deaf.")
    assert not any("1 patient only" in line for line in card.limitations)
    assert set(card.training_cases) == set(seen)
    assert any("base, which it starts from, was trained on cases named like held-out ones" in text for text in warned)
    assert str(tmp_path) not in card.to_json()
    assert card.recipe["start"]["model"] == "Jane Doe.safetensors"


def test_a_correction_of_the_logits_is_not_trained_away(tmp_path: Path, tiny_recipe: Recipes) -> None:
    figures = {"summary": {"operating_point": {"shift": 2.5}}}
    base = base_model(tmp_path / "base.safetensors", tiny_recipe(), validation=figures)
    for name, start in (("first", base), ("second", tmp_path / "first" / "model.safetensors")):
        # Next to no training, so that the weights stay where they begin.
        training = {**QUICK, "learning_rate": 1e-9, "weight_decay": 0.0}
        train(tiny_recipe(start={"model": str(start)}, training=training, model={"half": False}), tmp_path / name)
        model = load_model(tmp_path / name / "model.safetensors")
        assert torch.allclose(model.network.classifier.bias, load_model(base).network.classifier.bias, atol=1e-4)
        trained = torch.load(tmp_path / name / "checkpoints" / "last.pt", weights_only=True)["network"]
        bias = trained["unet_head.bias"]  # the classifier of a network without an encoder
        assert torch.allclose(bias + torch.tensor([0, 0, 0, 2.5]), model.network.classifier.bias, atol=1e-4)
        assert carried_correction(model.card) == Correction(2.5)
        assert any(line.startswith("How readily it calls scar, by 2.5") for line in model.card.limitations)


def test_a_model_that_got_worse_is_told_of_everywhere(
    tmp_path: Path, tiny_recipe: Recipes, events_of: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, shift = finishing.validate_model, {"base": 0.4, "tiny": 0.1}

    def validate(model: Any, cases: Any, *rest: Any) -> dict[str, Any]:
        figures = real(model, cases, *rest)
        for key in ("dice_myocardium", "dice_scar"):
            figures["summary"][key] = {"mean": 0.5 + shift[model.card.name] * (key == "dice_scar"), "n": 2}
        return figures

    monkeypatch.setattr(finishing, "validate_model", validate)
    base = base_model(tmp_path / "base.safetensors", tiny_recipe())
    shown: list[tuple[str, str]] = []
    out = tmp_path / "out"
    train(tiny_recipe(start={"model": str(base)}, training=QUICK), out, remark=lambda *told: shown.append(told))
    card = load_model(out / "model.safetensors").card
    sentence = card.limitations[-1]
    assert "worse than base, which it started from" in sentence
    assert "Dice of scar 0.60 instead of 0.90." in sentence
    assert ("warning", sentence) in shown
    assert events_of(out, "warning")[-1]["text"] == sentence
    assert card.validation["base"]["name"] == "base"
    assert events_of(out, "end")[0]["base"]["summary"]["dice_scar"]["mean"] == 0.9
    [note] = [text for kind, text in shown if kind == "note"]
    assert note.startswith("The run takes up to ")


@pytest.mark.parametrize("accepted", ["some", "all"])
def test_cases_labelled_as_the_first_model_draws_them_say_nothing(
    tmp_path: Path, tiny_recipe: Recipes, events_of: Events, monkeypatch: pytest.MonkeyPatch, accepted: str
) -> None:
    real = finishing.validate_model

    def validate(model: Any, cases: Any, *rest: Any) -> dict[str, Any]:
        found = real(model, cases, *rest)["patients"]
        dice = 1.0 if model.card.name == "base" else 0.9
        for number, figures in enumerate(found.values()):
            # On the other one the new model is the better one.
            own = 0.5 if number and dice == 1 and accepted == "some" else dice
            figures |= {"dice_myocardium": own, "dice_blood_pool": own, "dice_scar": own}
            figures["scar_percent_predicted"] = figures["scar_percent_reference"] = 10.0
        return {"summary": finishing.summarise(found), "patients": found}

    monkeypatch.setattr(finishing, "validate_model", validate)
    base = base_model(tmp_path / "base.safetensors", tiny_recipe())
    shown: list[tuple[str, str]] = []
    out = tmp_path / "out"
    train(tiny_recipe(start={"model": str(base)}, training=QUICK), out, remark=lambda *told: shown.append(told))
    card = load_model(out / "model.safetensors").card
    sentence = {
        "some": "1 of 2 held-out cases was labelled as base drew it; it is left out.",
        "all": "2 of 2 held-out cases were labelled as base drew them; they are left out. So nothing says which of the "
        "two models is better.",
    }[accepted]
    assert card.limitations[-1] == sentence
    assert ("warning", sentence) in shown
    assert not any("worse" in text for _, text in shown)
    assert len(card.validation["base"]["as_drawn"]) == (1 if accepted == "some" else 2)
    table = list(summary_lines(out / "model.safetensors"))
    title, wall = {
        "some": ("Mean 3D Dice on 1 of the 2 cases held out:", "wall                   0.50          0.90"),
        "all": ("Mean 3D Dice on the 2 cases held out:", "wall          0.90"),
    }[accepted]
    assert (table[0], table[2]) == (title, wall)
    # What a model that starts from this one hands on is none of these figures.
    onward = make_card(tiny_recipe(start={"model": "x"}), [], [], base=card)
    assert not any("held-out case" in line for line in onward.limitations)


def test_a_case_without_any_label_is_not_one_that_was_accepted_as_drawn() -> None:
    nothing = {"dice_myocardium": None, "dice_blood_pool": None, "dice_scar": None}
    drawn = {"scar_percent_reference": 0.0, "scar_percent_predicted": 0.0}
    before = {"patients": {"blank": {**nothing, **drawn}, "same": {**nothing, **drawn, "dice_myocardium": 1.0}}}
    after = {"patients": {"blank": before["patients"]["blank"], "same": before["patients"]["same"]}}
    assert finishing._compared(before, after)["as_drawn"] == ["same"]


def test_a_training_stopped_in_its_last_validation_leaves_no_model(tmp_path: Path, tiny_recipe: Recipes) -> None:
    def stop(done: int, total: int, what: str) -> None:
        if what == "Validating":
            raise Cancelled

    with pytest.raises(Cancelled):
        train(tiny_recipe(training=QUICK), tmp_path / "out", progress=stop)
    assert not list((tmp_path / "out").glob("*.safetensors"))
    train(tiny_recipe(training=QUICK), tmp_path / "out", resume=True)
    assert load_model(tmp_path / "out" / "model.safetensors").card.validation["patients"]


def test_it_ends_on_the_device_it_was_asked_for(
    tmp_path: Path, tiny_recipe: Recipes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scarnet_training import validation

    asked = []
    real = validation.Predictor
    monkeypatch.setattr(validation, "Predictor", lambda model, device: asked.append(device) or real(model, device))
    train(tiny_recipe(training=QUICK), tmp_path / "out", device="cpu")
    assert asked == ["cpu"]


def test_memory_that_ends_outside_the_gradients_is_a_sentence(
    tmp_path: Path, tiny_recipe: Recipes, events_of: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(updates.Updates, "step", full)
    with pytest.raises(ScarNetError, match=r"not enough memory .* training\.micro_batch"):
        train(tiny_recipe(training=QUICK), tmp_path / "out")
    assert "not enough memory" in events_of(tmp_path / "out", "failed")[0]["reason"]


def test_the_commit_is_that_of_our_code_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(code_commit()) == 40
    monkeypatch.setenv("PATH", "")
    assert code_commit() == ""


def test_a_point_is_chosen_on_held_out_patients_only(
    tmp_path: Path,
    tiny_recipe: Recipes,
    cohort_folder: Path,
    events_of: Events,
    capsys: pytest.CaptureFixture[str],
) -> None:
    train(tiny_recipe(training=QUICK), tmp_path / "out")
    path = tmp_path / "out" / "model.safetensors"
    words = ["-o", str(tmp_path / "chosen.safetensors"), "--dataset", str(cohort_folder)]
    assert choose_point.main([str(path), *words]) == 0
    before, after = load_model(path), load_model(tmp_path / "chosen.safetensors")
    point = after.card.validation["summary"]["operating_point"]
    assert after.card.smallest_scar_ml == point["smallest_scar_ml"]
    moved = (after.network.classifier.bias - before.network.classifier.bias).detach()
    assert moved.tolist() == pytest.approx([0, 0, 0, point["shift"]], abs=0.01)

    train(tiny_recipe(training={**QUICK, "choose_scar_shift": True}), tmp_path / "at the end")
    told = [event for event in events_of(tmp_path / "at the end", "progress") if event["of"] == "end"]
    assert {event["total"] for event in told} == {4}  # two patients: a pass to choose, one to measure
    assert max(event["done"] for event in told) < 4

    # Chosen once more, what was chosen before is taken out first.
    again = tmp_path / "again.safetensors"
    assert choose_point.main([str(tmp_path / "chosen.safetensors"), *words, "-o", str(again)]) == 0
    summary = load_model(again).card.validation["summary"]
    assert summary["operating_point"] == pytest.approx(point, abs=0.02)
    assert set(after.card.validation["patients"]) == set(before.card.validation["patients"])

    # Cross-validated figures belong to a model that was then trained on all of these patients.
    summary = {**before.card.validation["summary"], "folds": 5}
    card = replace(before.card, validation={**before.card.validation, "summary": summary})
    seen = save_model(tmp_path / "all.safetensors", before.network, card)
    assert choose_point.main([str(seen), *words]) == 2
    assert held_out.main(["--model", str(seen), "--dataset", str(cohort_folder)]) == 2
    assert capsys.readouterr().err.count("was trained on all patients") == 2

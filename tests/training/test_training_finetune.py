"""Fine-tuning: what trains, what is merged, held, replayed; and trainings without validation or patients."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from scarnet.errors import ScarNetError
from scarnet.models import ModelCard, load_model, save_model
from scarnet.network.scarnet import ScarNet
from scarnet_cli.training_summary import summary_lines
from scarnet_training.trainer import train

Recipes = Callable[..., Any]
Events = Callable[..., list[dict[str, Any]]]
Writer = Callable[[Path, dict[str, bool]], Path]

QUICK = {"epochs": 1, "validate_every": 0, "localiser_epochs": 0, "learning_rate": 0.01, "keep": "last"}


def save_base(path: Path, recipe: Any, seed: int = 1) -> Path:
    """Save a model with random weights, and normalisation statistics unlike those it begins with."""
    torch.manual_seed(seed)
    network = ScarNet(recipe.network).eval()
    for name, buffer in network.named_buffers():
        if name.endswith("running_mean"):
            buffer.add_(0.01)
    return save_model(path, network, ModelCard(name="base", description="", config=recipe.network))


@pytest.fixture(scope="module")
def lite_base(tmp_path_factory: pytest.TempPathFactory, tiny_recipe: Recipes) -> Path:
    """A model with an encoder."""
    recipe = tiny_recipe(network={"encoder": "lite", "localiser_width": 0})
    return save_base(tmp_path_factory.mktemp("base") / "base.safetensors", recipe)


@pytest.fixture(scope="module")
def plain_base(tmp_path_factory: pytest.TempPathFactory, tiny_recipe: Recipes) -> Path:
    """A model without an encoder."""
    return save_base(tmp_path_factory.mktemp("base") / "base.safetensors", tiny_recipe())


def changes(base: Path, out: Path) -> tuple[set[str], dict[str, Tensor], dict[str, Tensor]]:
    """Say which weights and statistics differ between a model and the one it came from."""
    before = load_model(base).network.state_dict()
    after = load_model(out / "model.safetensors").network.state_dict()
    assert before.keys() == after.keys()
    return {name for name in before if not torch.equal(before[name], after[name])}, before, after


@pytest.mark.parametrize("parts", ["heads", "decoder", "all", "adapters"])
def test_what_trains_is_what_was_chosen(tmp_path: Path, tiny_recipe: Recipes, lite_base: Path, parts: str) -> None:
    start = {"model": str(lite_base), "parts": parts}
    training = {**QUICK, "views": 1 if parts == "decoder" else 0}
    train(tiny_recipe(start=start, training=training, model={"half": False}), tmp_path / "out")
    changed, before, after = changes(lite_base, tmp_path / "out")
    owners = {name.partition(".")[0] for name in changed}
    heads = {"fusion", "medsam_head", "unet_head"}
    decoder = heads | {"medsam_decoder", "unet_branch"}
    assert owners == {"heads": heads, "decoder": decoder}.get(parts, decoder | {"encoder"})
    # The model's statistics are held, also where everything trains.
    assert not {name for name in changed if "running_" in name}
    if parts == "adapters":
        # Merged: an update of low rank in the attention's projections, and the same names as before.
        encoder = {name for name in changed if name.startswith("encoder.")}
        assert all(name.endswith(("qkv.weight", "proj.weight")) for name in encoder)
        ranks = [int(torch.linalg.matrix_rank(after[n] - before[n], rtol=1e-3)) for n in sorted(encoder)[:4]]
        assert all(1 <= rank <= 8 for rank in ranks)


def test_statistics_move_where_they_are_not_held(tmp_path: Path, tiny_recipe: Recipes, plain_base: Path) -> None:
    start = {"model": str(plain_base), "hold_norms": False}
    train(tiny_recipe(start=start, training=QUICK, model={"half": False}), tmp_path / "out")
    changed, _, _ = changes(plain_base, tmp_path / "out")
    assert {name for name in changed if name.startswith("unet_branch") and "running_mean" in name}


def test_the_localiser_trains_too_and_the_card_says_so(tmp_path: Path, tiny_recipe: Recipes, plain_base: Path) -> None:
    start = {"model": str(plain_base), "parts": "heads"}
    train(tiny_recipe(start=start, training={**QUICK, "localiser_epochs": 2}, model={"half": False}), tmp_path / "out")
    changed, _, _ = changes(plain_base, tmp_path / "out")
    assert {name.partition(".")[0] for name in changed} == {"localiser", "unet_head"}
    [told] = [line for line in load_model(tmp_path / "out" / "model.safetensors").card.data if "Fine-tuned" in line]
    assert told.startswith("Fine-tuned from base: the localiser and the last layers trained on 3 patients")


def test_a_cohort_without_blood_pool_labels_is_trained_on_and_measured_without(
    tmp_path: Path, tiny_recipe: Recipes, cohort_folder: Path, plain_base: Path
) -> None:
    import nibabel as nib
    import numpy as np

    cohort = tmp_path / "cohort"
    shutil.copytree(cohort_folder, cohort)
    for path in (cohort / "labelsTr").iterdir():
        image = nib.load(path)
        labels = np.asarray(image.dataobj)
        nib.save(nib.Nifti1Image(np.where(labels == 2, 0, labels).astype(np.uint8), image.affine), path)
    data = {"datasets": [str(cohort)], "validation_fraction": 0.4}
    # The model it starts from draws pools and the new one might not: neither is measured by what nobody labelled.
    training = {**QUICK, "validate_every": 1, "keep": "best"}
    train(tiny_recipe(data=data, start={"model": str(plain_base)}, training=training), tmp_path / "out")
    figures = load_model(tmp_path / "out" / "model.safetensors").card.validation
    for summary in (figures["summary"], figures["base"]["summary"]):
        assert "dice_myocardium" in summary
        assert "dice_blood_pool" not in summary
    assert not any("blood pool" in line for line in summary_lines(tmp_path / "out" / "model.safetensors"))


def test_a_resumed_fine_tuning_wants_the_model_it_began_with(
    tmp_path: Path, tiny_recipe: Recipes, plain_base: Path
) -> None:
    from scarnet.errors import Cancelled

    def stop(done: int, total: int, what: str) -> None:
        if what.startswith("Epoch 2"):
            raise Cancelled

    base = tmp_path / "base.safetensors"
    base.write_bytes(plain_base.read_bytes())
    recipe = tiny_recipe(start={"model": str(base)}, training={**QUICK, "epochs": 2})
    with pytest.raises(Cancelled):
        train(recipe, tmp_path / "out", progress=stop)
    save_base(base, tiny_recipe(), seed=2)
    with pytest.raises(ScarNetError, match="begun with another recipe"):
        train(recipe, tmp_path / "out", resume=True)


def test_earlier_patients_are_shown_again_and_the_card_says_so(
    tmp_path: Path, tiny_recipe: Recipes, plain_base: Path, cohort_writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scarnet_training.feed import Feed

    earlier = cohort_writer(tmp_path / "earlier", {"old 1": True, "old 2": False})
    shown: list[Tensor] = []
    batches = Feed.batches
    monkeypatch.setattr(Feed, "batches", lambda feed, seed: shown.extend(batches(feed, seed)) or batches(feed, seed))
    start = {"model": str(plain_base), "replay": [str(earlier)], "replay_share": 0.25}
    train(tiny_recipe(start=start, training=QUICK), tmp_path / "out")
    assert [int((batch >= 9).sum()) for batch in shown] == [1, 1, 1]
    assert set(range(9)) <= set(torch.cat(shown).tolist())
    card = load_model(tmp_path / "out" / "model.safetensors").card
    assert card.data == (
        "Fine-tuned from base: all of it trained on 3 patients, with 2 earlier patients shown again; "
        "validated on 2 other patients.",
    )
    assert {"old 1", "old 2"} < set(card.training_cases)


def test_a_replayed_patient_must_not_be_validated_on(
    tmp_path: Path, tiny_recipe: Recipes, plain_base: Path, cohort_folder: Path
) -> None:
    start = {"model": str(plain_base), "replay": [str(cohort_folder)]}
    with pytest.raises(ScarNetError, match=r"held out to measure the model on: \w+, \w+; take them out there"):
        train(tiny_recipe(start=start), tmp_path / "out")


def test_trains_without_anyone_to_validate_on(tmp_path: Path, tiny_recipe: Recipes, events_of: Events) -> None:
    recipe = tiny_recipe(data={"validation_fraction": 0.0}, training={"epochs": 1, "localiser_epochs": 0})
    train(recipe, tmp_path / "out")
    kinds = [event["event"] for event in events_of(tmp_path / "out") if event["event"] != "progress"]
    assert kinds == ["start", "localiser", *["step"] * 4, "epoch", "end"]
    card = load_model(tmp_path / "out" / "model.safetensors").card
    assert card.data == ("Trained on 5 patients; validated on no other patient.",)
    assert card.validation == {}


def test_trains_on_phantoms_alone(tmp_path: Path, tiny_recipe: Recipes, events_of: Events) -> None:
    data = {"datasets": [], "phantoms": 1, "phantom_validation": 1}
    train(tiny_recipe(data=data, training={"epochs": 1, "localiser_epochs": 0}), tmp_path / "out")
    card = load_model(tmp_path / "out" / "model.safetensors").card
    assert card.data == ("Trained on 1 synthetic phantom; validated on 1 synthetic phantom.",)
    assert len(card.validation["patients"]) == 1
    assert [event["dice_myocardium"]["n"] for event in events_of(tmp_path / "out", "validation")] == [1]

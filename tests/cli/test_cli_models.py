"""`scarnet models`: the registry in the terminal."""

import hashlib
import json
import os
import pickle

import pytest


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_an_imported_model_is_listed_shown_and_used(scarnet, tiny_model, study, tmp_path):
    digest = hashlib.sha256(tiny_model.read_bytes()).hexdigest()
    result = scarnet("models", "import", tiny_model, "--name", "mine")
    assert (result.status, result.err) == (0, "")
    assert "--model mine" in result.out
    for command in (["models"], ["models", "list"]):
        line = next(line for line in scarnet(*command).out.splitlines() if line.startswith("mine "))
        assert line.split() == ["mine", "imported", digest[:12], "CC0-1.0"]
    assert scarnet("segment", study, "-o", tmp_path / "out", "--model", "mine", "--device", "cpu").status == 0
    assert json.loads((tmp_path / "out/anna/result.json").read_text())["model"] == {"name": "mine", "sha256": digest}


def test_show_prints_the_card_for_a_reader(scarnet, tiny_model):
    scarnet("models", "import", tiny_model, "--name", "mine")
    result = scarnet("models", "show", "mine")
    assert result.status == 0
    for words in (
        "mine (imported)",
        "Random weights.",
        "CC0-1.0",
        "lite encoder, attentive fusion, 64 × 64 pixels of 2 mm, looks at the image's centre",
        "- nothing at all",
        "mean: 0.123",
        "n: 5",
        "(2 patients; --json shows each)",
        "- Knows nothing.",
        hashlib.sha256(tiny_model.read_bytes()).hexdigest(),
    ):
        assert words in result.out


def test_json_is_for_programs(scarnet, tiny_model):
    scarnet("models", "import", tiny_model, "--name", "mine")
    shown = json.loads(scarnet("models", "show", "mine", "--json").out)
    assert shown["name"] == "mine"
    assert shown["builtin"] is False
    assert shown["card"]["config"]["grid"] == 64
    assert shown["card"]["validation"]["patients"] == {"a": {}, "b": {}}
    assert shown in json.loads(scarnet("models", "list", "--json").out)


def test_a_file_can_be_shown_before_it_is_imported(scarnet, tiny_model):
    assert "Random weights." in scarnet("models", "show", tiny_model).out


def test_listing_needs_no_torch(scarnet_process, tiny_model, own_registry):
    import subprocess
    import sys

    (own_registry / "mine.safetensors").write_bytes(tiny_model.read_bytes())
    code = (
        "import sys; from scarnet_cli.main import main; assert main(['models']) == 0; "
        "assert main(['models', 'show', 'mine']) == 0; assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert "mine" in done.stdout


@pytest.mark.parametrize("name", ["model.safetensors", "model.pth", "model.pt", "model"])
def test_a_pickle_is_refused_and_nothing_in_it_runs(scarnet, tmp_path, own_registry, name):
    (tmp_path / name).write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
    for command in (["import"], ["show"]):
        result = scarnet("models", *command, tmp_path / name)
        assert result.status == 2
        assert result.err.startswith("error: ")
        assert result.err.count("\n") == 1
    assert not (tmp_path / "exploded").exists()
    assert list(own_registry.iterdir()) == []


def test_a_torch_checkpoint_is_refused_too(scarnet, tmp_path):
    import torch

    torch.save({"weight": torch.zeros(3), "bomb": Bomb(tmp_path / "exploded")}, tmp_path / "m.safetensors")
    result = scarnet("models", "import", tmp_path / "m.safetensors")
    assert result.status == 2
    assert result.err.startswith("error: ")
    assert not (tmp_path / "exploded").exists()


def test_weights_without_a_card_are_refused(scarnet, tmp_path):
    import torch
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(3)}, tmp_path / "m.safetensors")
    result = scarnet("models", "import", tmp_path / "m.safetensors")
    assert result.status == 2
    assert "without a ScarNet card" in result.err


def test_an_unknown_model_gets_the_known_ones(scarnet, tiny_model):
    scarnet("models", "import", tiny_model, "--name", "mine")
    result = scarnet("models", "show", "nobody")
    assert result.status == 2
    assert result.err.startswith("error: There is no model 'nobody'; known models: ")
    assert "mine" in result.err


def test_a_missing_file_gets_one_sentence(scarnet, tmp_path):
    result = scarnet("models", "import", tmp_path / "none.safetensors")
    assert result.status == 2
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1


def test_a_name_cannot_lead_out_of_the_registry(scarnet, tiny_model, own_registry):
    result = scarnet("models", "import", tiny_model, "--name", "../escaped")
    assert result.status == 2
    assert not (own_registry.parent / "escaped.safetensors").exists()

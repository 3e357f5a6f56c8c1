"""`scarnet train`: which recipe is run, and what the terminal says. The training itself is tested with the trainer."""

import pytest


@pytest.fixture
def trained(monkeypatch):
    """Stand in for the training; gives what it was called with."""
    from scarnet_training import trainer

    calls = []

    def train(recipe, out, resume=False, progress=None, device="auto"):
        calls.append((recipe, out, resume))
        progress(1, 2, "epoch 1")
        (out / "checkpoints").mkdir(parents=True, exist_ok=True)
        (out / "checkpoints/last.pt").write_text("")
        if recipe.training.epochs == 99:
            raise KeyboardInterrupt
        return out / "model.safetensors"

    monkeypatch.setattr(trainer, "train", train)
    return calls


def write_recipe(path, text="[training]\nepochs = 3\n"):
    path.write_text(text)
    return path


def test_a_recipe_file_is_trained(scarnet, trained, tmp_path):
    result = scarnet("train", write_recipe(tmp_path / "r.toml"), "-o", tmp_path / "run")
    assert (result.status, result.err) == (0, "")
    [(recipe, out, resume)] = trained
    assert recipe.training.epochs == 3
    assert (out, resume) == (tmp_path / "run", False)
    assert str(tmp_path / "run/model.safetensors") in result.out


def test_a_shipped_recipe_goes_by_its_name(scarnet, trained, tmp_path):
    result = scarnet("train", "scarnet-lite", "-o", tmp_path / "run", "--resume", "--quiet")
    assert (result.status, result.out, result.err) == (0, "", "")
    [(recipe, _, resume)] = trained
    assert recipe.model.name == "scarnet-lite"
    assert resume is True


def test_ctrl_c_says_how_to_go_on(scarnet, trained, tmp_path):
    recipe = write_recipe(tmp_path / "r.toml", "[training]\nepochs = 99\n")
    result = scarnet("train", recipe, "-o", tmp_path / "run")
    assert result.status == 130
    assert "--resume goes on from the last checkpoint" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[training]\nepochs = \n", "not valid TOML"),
        ("[training]\nepoch = 3\n", "'epoch'"),
        ("[trainning]\n", "trainning"),
        ("[network]\nencoder = 'resnet'\n", "'resnet'"),
    ],
)
def test_a_wrong_recipe_gets_one_sentence(scarnet, tmp_path, text, words):
    result = scarnet("train", write_recipe(tmp_path / "r.toml", text), "-o", tmp_path / "run")
    assert result.status == 2
    assert result.err.startswith("error: ")
    assert words in result.err
    assert result.err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_an_unknown_recipe_gets_the_known_ones(scarnet, tmp_path):
    result = scarnet("train", "nothing", "-o", tmp_path / "run")
    assert result.status == 2
    assert result.err.startswith("error: There is no recipe 'nothing'")
    assert "scarnet-lite" in result.err


def test_missing_data_gets_one_sentence(scarnet, tmp_path):
    recipe = write_recipe(tmp_path / "r.toml", f"[data]\ndatasets = ['{(tmp_path / 'none').as_posix()}']\n")
    result = scarnet("train", recipe, "-o", tmp_path / "run")
    assert result.status == 2
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1

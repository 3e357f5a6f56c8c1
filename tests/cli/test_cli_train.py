"""`scarnet train`: which recipe is run, and what the terminal says. The training itself is tested with the trainer."""

import shutil

import pytest


@pytest.fixture
def trained(monkeypatch, tiny_model):
    """Stand in for the training; gives what it was called with."""
    from scarnet_training import trainer

    calls = []

    def train(recipe, out, resume=False, progress=None, device="auto", remark=None):
        calls.append((recipe, out, resume))
        progress(1, 2, "epoch 1")
        (out / "checkpoints").mkdir(parents=True, exist_ok=True)
        (out / "checkpoints/last.pt").write_text("")
        if recipe.training.epochs == 99:
            raise KeyboardInterrupt
        remark("warning", "Beware.")
        return shutil.copy(tiny_model, out / "model.safetensors")

    monkeypatch.setattr(trainer, "train", train)
    return calls


def write_recipe(path, text="[training]\nepochs = 3\n"):
    path.write_text(text)
    return path


def test_a_recipe_file_is_trained(scarnet, trained, tmp_path):
    result = scarnet("train", write_recipe(tmp_path / "r.toml"), "-o", tmp_path / "run")
    assert (result.status, result.err) == (0, "warning: Beware.\n")
    [(recipe, out, resume)] = trained
    assert recipe.training.epochs == 3
    assert (out, resume) == (tmp_path / "run", False)
    assert str(tmp_path / "run/model.safetensors") in result.out


def test_a_shipped_recipe_goes_by_its_name(scarnet, trained, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/recipe.json").write_text("{}")
    words = ["--resume", "--quiet", "--data", "a", "--data", "b", "--micro-batch", 3]
    result = scarnet("train", "scarnet-lite", "-o", tmp_path / "run", *words)
    assert (result.status, result.out, result.err) == (0, "", "")
    [(recipe, _, resume)] = trained
    assert recipe.model.name == "scarnet-lite"
    assert recipe.data.datasets == ("a", "b")
    assert recipe.training.micro_batch == 3
    assert resume is True


def test_a_shipped_recipe_is_written_to_edit(scarnet, trained, tmp_path):
    result = scarnet("train", "paper", "--write", tmp_path / "my.toml")
    assert (result.status, result.err) == (0, "")
    assert "# The paper's recipe" in (tmp_path / "my.toml").read_text()
    for words, told in (
        (["paper", "--write", tmp_path / "my.toml"], "is there already"),
        (["paper", "--write", tmp_path / "other.toml", "-o", tmp_path / "run"], "--write trains nothing"),
        (["paper"], "-o OUT is missing"),
        (["paper", "-o", ""], "names no folder"),
        (["paper", "-o", tmp_path], "is not empty and holds no run"),
    ):
        result = scarnet("train", *words)
        assert (result.status, result.err.count("\n")) == (2, 1)
        assert told in result.err
    assert not trained


def test_ctrl_c_says_how_to_go_on(scarnet, trained, tmp_path):
    recipe = write_recipe(tmp_path / "r.toml", "[training]\nepochs = 99\n")
    result = scarnet("train", recipe, "-o", tmp_path / "run")
    assert result.status == 130
    assert result.err.splitlines()[-1] == "Stopped; the same command with --resume goes on from the last checkpoint."
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

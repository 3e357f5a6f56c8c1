"""Model files and the registry."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from scarnet.errors import ScarNetError
from scarnet.models import ModelCard, import_model, list_models, load_model, save_model
from scarnet.models.store import file_sha256, read_card, read_model
from scarnet.network.config import ScarNetConfig
from scarnet.network.scarnet import ScarNet

CONFIG = ScarNetConfig(unet_width=8, grid=64, localiser_width=8)


@pytest.fixture(scope="module")
def network() -> ScarNet:
    torch.manual_seed(1)
    return ScarNet(CONFIG).eval()


@pytest.fixture
def card() -> ModelCard:
    return ModelCard("tiny", "Random weights.", CONFIG, data=("nothing",), validation={"summary": {}, "patients": {}})


@pytest.fixture(autouse=True)
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "registry"
    monkeypatch.setenv("SCARNET_MODELS", str(folder))
    return folder


def test_save_and_load_is_exact(tmp_path: Path, network: ScarNet, card: ModelCard) -> None:
    path = save_model(tmp_path / "tiny.safetensors", network, card)
    assert path.stat().st_mode & 0o444 == 0o444
    model = read_model(path)
    assert model.card == card
    assert model.sha256 == file_sha256(path)
    for (name, before), (_, after) in zip(
        network.state_dict().items(), model.network.state_dict().items(), strict=True
    ):
        assert torch.equal(before, after), name
    image = torch.randn(1, 1, 64, 64)
    with torch.no_grad():
        assert torch.equal(network(image).logits, model.network(image).logits)


def test_half_precision_rounds_once(tmp_path: Path, network: ScarNet, card: ModelCard) -> None:
    path = save_model(tmp_path / "half.safetensors", network, card, half=True)
    assert path.stat().st_size < 0.6 * save_model(tmp_path / "full.safetensors", network, card).stat().st_size
    first = read_model(path).network
    again = read_model(save_model(tmp_path / "again.safetensors", first, card, half=True)).network
    for before, after in zip(first.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(before, after)
    assert next(first.parameters()).dtype == torch.float32


def test_card_of_another_network_is_refused(tmp_path: Path, network: ScarNet) -> None:
    with pytest.raises(ScarNetError, match="another network"):
        save_model(tmp_path / "x.safetensors", network, ModelCard("x", "", ScarNetConfig(unet_width=16)))
    assert not list(tmp_path.glob("*.safetensors"))


def test_weights_that_do_not_fit_their_card_are_refused(tmp_path: Path, network: ScarNet, card: ModelCard) -> None:
    from safetensors.torch import save_file

    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state.pop("fusion.classify.bias")
    path = tmp_path / "short.safetensors"
    save_file(state, path, metadata={"scarnet_card": card.to_json()})
    with pytest.raises(ScarNetError, match="do not fit"):
        load_model(path)


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple:
        return (Path.touch, (self.target,))


@pytest.mark.parametrize("name", ["evil.safetensors", "evil.pth", "evil.pt", "evil.bin"])
def test_a_pickle_posing_as_weights_is_refused_and_not_run(tmp_path: Path, name: str) -> None:
    proof = tmp_path / "it-ran"
    path = tmp_path / name
    path.write_bytes(pickle.dumps(Bomb(proof)))
    for read in (import_model, load_model, read_card):
        with pytest.raises(ScarNetError):
            read(path)
    assert not proof.exists()


def test_safetensors_without_a_card_is_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "plain.safetensors")
    with pytest.raises(ScarNetError, match="without a ScarNet card"):
        load_model(tmp_path / "plain.safetensors")


def test_registry_lists_imports_and_loads(tmp_path: Path, network: ScarNet, card: ModelCard, registry: Path) -> None:
    path = save_model(tmp_path / "model.safetensors", network, card)
    entry = import_model(path, "mine")
    assert entry.path.parent == registry
    assert [e.name for e in list_models() if not e.builtin] == ["mine"]
    assert load_model("mine").sha256 == entry.sha256
    assert import_model(path, "mine") == entry
    other = save_model(tmp_path / "other.safetensors", network, card, half=True)
    with pytest.raises(ScarNetError, match="another model named"):
        import_model(other, "mine")
    for name in ("../escape", "a/b", "a\\b", "..", ""):
        with pytest.raises(ScarNetError, match="letters, digits"):
            import_model(path, name)
    assert import_model(path).name == "tiny"


def test_a_card_whose_name_is_no_name_for_a_file_asks_for_another(
    tmp_path: Path, network: ScarNet, card: ModelCard, registry: Path
) -> None:
    path = save_model(tmp_path / "model.safetensors", network, replace(card, name="ward/first"))
    with pytest.raises(ScarNetError, match="'ward/first' cannot name a model"):
        import_model(path)
    assert not registry.exists()


def test_a_card_tells_whom_the_training_saw(card: ModelCard) -> None:
    assert card.saw_in_training("p1") is None
    told = ModelCard.from_json(replace(card, training_cases=("p1", "p2")).to_json())
    assert (told.saw_in_training("p1"), told.saw_in_training("p3")) == (True, False)


def test_a_broken_file_does_not_hide_the_rest(
    tmp_path: Path, network: ScarNet, card: ModelCard, registry: Path
) -> None:
    import_model(save_model(tmp_path / "tiny.safetensors", network, card), "good")
    (registry / "broken.safetensors").write_bytes(b"no weights")
    (registry / "folder.safetensors").mkdir()
    assert [e.name for e in list_models() if not e.builtin] == ["good"]


def test_unknown_model_names_the_known_ones(tmp_path: Path, network: ScarNet, card: ModelCard) -> None:
    import_model(save_model(tmp_path / "tiny.safetensors", network, card), "good")
    with pytest.raises(ScarNetError, match=r"known models: .*good"):
        load_model("no-such-model")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"name": 1}',
        '{"config": {"grid": 5}, "name": "a", "description": ""}',
        '{"config": {}, "name": 1, "description": ""}',
        '{"config": {}, "name": "a", "description": "", "recipe": "x"}',
        '{"config": {}, "name": "a", "description": "", "validation": [1]}',
        '{"config": {}, "name": "a", "description": "", "data": [1]}',
    ],
)
def test_bad_cards_are_refused(text: str) -> None:
    with pytest.raises(ScarNetError):
        ModelCard.from_json(text)

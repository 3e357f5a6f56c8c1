"""Low-rank adapters: nothing changes at the start, only they train, and merged they are gone."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from scarnet.errors import ScarNetError
from scarnet.models import load_model
from scarnet.models.store import read_model, save_model
from scarnet.network.adapters import LowRankLinear, adapter_parameters, add_adapters, merge_adapters
from scarnet.network.config import ScarNetConfig
from scarnet.network.scarnet import ScarNet
from scarnet.network.vit_b import VitB

# 7 and 14 tokens a window leave padding in every stage at these sizes, which the fast attention projects by itself.
SIZE = {"lite": 80, "vit_b": 256}


def make(encoder: str, fast: bool = True) -> ScarNet:
    """Make a network whose encoder is TinyViT or a ViT-B of 96 channels and 3 blocks, the last one global."""
    torch.manual_seed(0)
    network = ScarNet(ScarNetConfig(unet_width=8, grid=64, fast_attention=fast)).eval()
    if encoder == "vit_b":
        network.encoder = VitB(width=96, depth=3, heads=4, global_blocks=(2,), fast=fast).eval()
    for name, value in network.encoder.named_parameters():
        # Tables and biases start at zero, where mistakes in what padding adds would not show.
        if "pos" in name or name.endswith(("bias", "biases")):
            nn.init.normal_(value, std=0.3)
    return network


def train_somewhat(network: ScarNet, seed: int = 1) -> None:
    """Move the adapters to where they matter."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in adapter_parameters(network).values():
            value.add_(torch.randn(value.shape, generator=generator) * 0.1)


def encode(network: ScarNet, encoder: str) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return network.encoder(torch.rand(2, 3, SIZE[encoder], SIZE[encoder], generator=generator))


@pytest.mark.parametrize("encoder", ["lite", "vit_b"])
@torch.no_grad()
def test_new_adapters_change_nothing_and_merged_ones_change_nothing_more(encoder: str) -> None:
    network = make(encoder)
    names = set(network.state_dict())
    before = encode(network, encoder)
    add_adapters(network)
    assert torch.equal(encode(network, encoder), before)
    train_somewhat(network)
    trained = encode(network, encoder)
    assert (trained - before).abs().max() > 0.1
    merge_adapters(network)
    torch.testing.assert_close(encode(network, encoder), trained, atol=1e-4, rtol=0)
    assert set(network.state_dict()) == names
    assert not any(isinstance(module, LowRankLinear) for module in network.modules())


@pytest.mark.parametrize("encoder", ["lite", "vit_b"])
@torch.no_grad()
def test_fast_attention_equals_the_plain_one_with_adapters(encoder: str) -> None:
    fast, plain = make(encoder), make(encoder, fast=False)
    for network in (fast, plain):
        add_adapters(network)
        train_somewhat(network)
    plain.load_state_dict(fast.state_dict())
    torch.testing.assert_close(encode(fast, encoder), encode(plain, encoder), atol=1e-4, rtol=0)


@pytest.mark.parametrize("encoder", ["lite", "vit_b"])
@pytest.mark.parametrize("autocast", [False, True])
def test_only_adapters_of_the_encoder_get_gradients(encoder: str, autocast: bool) -> None:
    network = make(encoder)
    add_adapters(network)
    train_somewhat(network)
    expected = encode(network, encoder).detach()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        features = encode(network, encoder)
    assert F.cosine_similarity(features.float().flatten(), expected.flatten(), 0) > 0.99
    (features.float() * torch.randn_like(expected)).mean().backward()
    adapters = adapter_parameters(network)
    for name, value in network.named_parameters():
        if name in adapters:
            assert value.grad is not None, name
            assert value.grad.isfinite().all(), name
            assert value.grad.abs().sum() > 0, name
        else:
            assert value.grad is None, name


def test_the_update_is_the_papers_equation() -> None:
    linear = nn.Linear(6, 4).double()
    layer = LowRankLinear(deepcopy(linear), rank=2, alpha=3.0)
    assert layer.up.dtype == torch.float64
    with torch.no_grad():
        layer.up.normal_()
    x = torch.randn(5, 6, dtype=torch.float64)
    expected = linear(x) + 3 / 2 * x @ layer.down.T @ layer.up.T
    torch.testing.assert_close(layer(x), expected)
    torch.testing.assert_close(x @ layer.weight.T + layer.bias, expected)
    torch.testing.assert_close(layer.merged()(x), expected)


def test_the_real_vit_b_has_442_368_adapter_parameters() -> None:
    with torch.device("meta"):
        network = ScarNet(ScarNetConfig(encoder="vit_b"))
        add_adapters(network, rank=8)
    counts = [value.numel() for value in adapter_parameters(network).values()]
    # 12 blocks, each with 768 to 2304 and 768 to 768.
    assert len(counts) == 12 * 2 * 2
    assert sum(counts) == 12 * 8 * (768 + 2304 + 768 + 768)


def test_a_copy_can_be_merged_in_the_middle_of_a_training() -> None:
    network = make("lite")
    add_adapters(network, rank=4, alpha=2.0)
    train_somewhat(network)
    averaged = AveragedModel(network, use_buffers=True)
    averaged.update_parameters(network)
    copy = deepcopy(averaged.module)
    merge_adapters(copy)
    image = torch.randn(1, 1, 64, 64)
    with torch.no_grad():
        expected = network(image).logits
        torch.testing.assert_close(copy(image).logits, expected, atol=1e-4, rtol=0)
        torch.testing.assert_close(averaged(image).logits, expected)
    # A run that goes on makes the adapters first and then finds its weights.
    again = make("lite")
    add_adapters(again, rank=4, alpha=2.0)
    again.load_state_dict(network.state_dict())
    with torch.no_grad():
        assert torch.equal(again(image).logits, expected)


def test_a_merged_built_in_model_is_a_model_file_like_any_other(tmp_path: Path) -> None:
    model = load_model()
    add_adapters(model.network)
    train_somewhat(model.network)
    image = torch.randn(1, 1, 64, 64)
    with torch.no_grad():
        expected = model.network(image).logits
    merge_adapters(model.network)
    again = read_model(save_model(tmp_path / "tuned.safetensors", model.network, model.card))
    with torch.no_grad():
        torch.testing.assert_close(again.network(image).logits, expected, atol=1e-3, rtol=0)
    assert set(again.network.state_dict()) == set(load_model().network.state_dict())


def test_impossible_adapters_are_refused_and_leave_the_network_alone() -> None:
    network = make("lite")
    names = list(network.state_dict())
    with pytest.raises(ScarNetError, match=r"rank 0 .* between 1 and 127"):
        add_adapters(network, rank=0)
    with pytest.raises(ScarNetError, match="rank 128"):
        add_adapters(network, rank=128)
    with pytest.raises(ScarNetError, match="scale -1"):
        add_adapters(network, alpha=-1.0)
    assert list(network.state_dict()) == names
    assert all(value.requires_grad for value in network.parameters())
    add_adapters(network, rank=127)
    with pytest.raises(ScarNetError, match="has adapters already"):
        add_adapters(network)
    with pytest.raises(ScarNetError, match="no image encoder"):
        add_adapters(ScarNet(ScarNetConfig(encoder="none", unet_width=8)))


def test_merging_a_network_without_adapters_leaves_it_alone() -> None:
    network = make("lite")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    merge_adapters(network)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())

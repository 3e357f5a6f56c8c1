"""What trains in a fine-tuning, how fast, and what keeps its statistics."""

from itertools import chain

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from scarnet.errors import ScarNetError
from scarnet.network.adapters import adapter_parameters, add_adapters, merge_adapters
from scarnet.network.config import ScarNetConfig
from scarnet.network.scarnet import ScarNet
from scarnet_training.norms import hold_norm_statistics
from scarnet_training.parts import PARTS, choose_parts, parameter_groups, trains_encoder

SMALL = ScarNetConfig(unet_width=8, grid=64, localiser_width=8)
# Large enough that each step shows in every weight.
SETTINGS = {"learning_rate": 1e-2, "pretrained_factor": 0.1, "weight_decay": 0.1}


def make(config: ScarNetConfig = SMALL) -> ScarNet:
    torch.manual_seed(0)
    return ScarNet(config)


def owners(network: ScarNet) -> set[str]:
    """Name what trains: the network's own attributes, and whether adapters do."""
    adapters = adapter_parameters(network)
    return {
        "adapters" if name in adapters else name.split(".")[0]
        for name, value in network.named_parameters()
        if value.requires_grad
    }


def tune(network: ScarNet, parts: str, images: Tensor, steps: int) -> None:
    """Train as a fine-tuning does, on nonsense."""
    groups = parameter_groups(network, parts, **SETTINGS)
    optimizer = torch.optim.AdamW([group | {"lr": group["peak"]} for group in groups])
    network.train()
    hold_norm_statistics(network)
    labels = torch.randint(4, images[:, 0].shape)
    for _ in range(steps):
        loss = torch.stack([functional.cross_entropy(logits, labels) for logits in network(images)]).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


HEADS = {"fusion", "medsam_head", "unet_head"}
DECODER = HEADS | {"medsam_decoder", "unet_branch"}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [("heads", HEADS), ("decoder", DECODER), ("all", DECODER | {"encoder"}), ("adapters", DECODER | {"adapters"})],
)
def test_each_choice_trains_its_parts_and_steps_change_nothing_else(parts: str, expected: set[str]) -> None:
    network = make()
    choose_parts(network, parts)
    assert owners(network) == expected
    before = {name: value.clone() for name, value in network.state_dict().items()}
    tune(network, parts, torch.randn(2, 1, 64, 64) * 5 + 3, steps=2)
    trainable = {name for name, value in network.named_parameters() if value.requires_grad}
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    # That the running means, variances and counts are not among them is the promise of held statistics.
    assert changed == trainable


@pytest.mark.parametrize("fusion", ["attentive", "concat"])
def test_heads_are_few(fusion: str) -> None:
    network = make(ScarNetConfig(unet_width=24, fusion=fusion))
    choose_parts(network, "heads")
    heads = sum(value.numel() for value in network.parameters() if value.requires_grad)
    whole = sum(value.numel() for value in network.parameters())
    assert heads == {"attentive": 26_316, "concat": 3 * 132 + 128}[fusion]
    assert heads < 0.01 * whole


def test_a_choice_can_be_changed() -> None:
    network = make()
    for parts in ("heads", "all", "adapters"):
        choose_parts(network, parts)
    with pytest.raises(ScarNetError, match="merge them before training 'all'"):
        choose_parts(network, "all")
    assert owners(network) == DECODER | {"adapters"}
    merge_adapters(network)
    choose_parts(network, "all")
    assert owners(network) == DECODER | {"encoder"}


def test_adapters_of_another_rank_are_kept() -> None:
    network = make()
    add_adapters(network, rank=2)
    choose_parts(network, "adapters")
    assert {value.shape[0] for name, value in adapter_parameters(network).items() if name.endswith("down")} == {2}


@pytest.mark.parametrize("parts", PARTS)
def test_groups_hold_what_trains_once_and_decay_only_matrices(parts: str) -> None:
    network = make()
    choose_parts(network, parts)
    groups = parameter_groups(network, parts, **SETTINGS)
    held = list(chain.from_iterable(group["params"] for group in groups))
    assert len(held) == len(set(held))
    assert set(held) == {value for value in network.parameters() if value.requires_grad}
    names = {value: name for name, value in network.named_parameters()}
    for group in groups:
        assert set(group) == {"params", "peak", "weight_decay", "name"}
        undecayed = group["name"].endswith("-undecayed")
        assert group["weight_decay"] == (0.0 if undecayed else 0.1)
        part = group["name"].removesuffix("-undecayed")
        assert group["peak"] == pytest.approx(1e-2 if part in ("heads", "adapters") else 1e-3)
        for value in group["params"]:
            vector = value.dim() == 1 or names[value].endswith("attention_biases")
            assert undecayed == vector, names[value]


def test_groups_come_in_the_same_order_each_time() -> None:
    orders = []
    for _ in range(2):
        network = make()
        choose_parts(network, "all")
        names = {value: name for name, value in network.named_parameters()}
        groups = parameter_groups(network, "all", **SETTINGS)
        orders.append([(group["name"], [names[value] for value in group["params"]]) for group in groups])
    assert orders[0] == orders[1]
    assert [name for name, _ in orders[0]] == [
        f"{part}{kind}" for part in ("heads", "decoder", "encoder") for kind in ("", "-undecayed")
    ]


def test_what_counts_as_pretrained_is_the_callers_choice() -> None:
    network = make()
    choose_parts(network, "all")
    groups = parameter_groups(network, "all", **SETTINGS, pretrained=("encoder",))
    peaks = {group["name"]: group["peak"] for group in groups}
    assert peaks["decoder"] == 1e-2
    assert peaks["encoder"] == pytest.approx(1e-3)


def test_groups_of_another_choice_than_the_networks_are_refused() -> None:
    network = make()
    choose_parts(network, "decoder")
    with pytest.raises(ValueError, match="call choose_parts first"):
        parameter_groups(network, "all", **SETTINGS)
    with pytest.raises(ValueError, match="call choose_parts first"):
        parameter_groups(network, "heads", **SETTINGS)


def test_a_network_without_encoder_trains_its_unet_branch() -> None:
    network = make(ScarNetConfig(encoder="none", unet_width=8, grid=64, localiser_width=8))
    choose_parts(network, "heads")
    assert owners(network) == {"unet_head"}
    for parts in ("decoder", "all"):
        choose_parts(network, parts)
        assert owners(network) == {"unet_branch", "unet_head"}
        assert not trains_encoder(network, parts)
        assert {group["name"] for group in parameter_groups(network, parts, **SETTINGS)} == {
            f"{part}{kind}" for part in ("heads", "decoder") for kind in ("", "-undecayed")
        }
    with pytest.raises(ScarNetError, match="no image encoder"):
        choose_parts(network, "adapters")


def test_unknown_choices_are_refused_with_the_known_ones() -> None:
    network = make()
    with pytest.raises(ScarNetError, match="'encoder' of what trains; use one of: heads, decoder, all, adapters"):
        choose_parts(network, "encoder")
    with pytest.raises(ScarNetError, match="use one of"):
        parameter_groups(network, "", **SETTINGS)
    with pytest.raises(ScarNetError, match="use one of"):
        trains_encoder(network, "none")


def test_only_a_training_encoder_forbids_kept_embeddings() -> None:
    network = make()
    assert [trains_encoder(network, parts) for parts in PARTS] == [False, False, True, True]


def test_held_statistics_allow_a_batch_of_one() -> None:
    network = make()
    choose_parts(network, "decoder")
    image = torch.randn(1, 1, 16, 16)
    # The U-Net's lowest level has a single pixel here, which has no variance.
    network.train()
    with pytest.raises(ValueError, match="more than 1 value"):
        network(image)
    network.eval()
    expected = network(image).logits
    tune(network, "decoder", image, steps=0)
    torch.testing.assert_close(network(image).logits, expected)
    tune(network, "decoder", image, steps=1)
    assert all(output.isfinite().all() for output in network(image))

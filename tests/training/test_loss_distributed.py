"""The composite loss in two real processes (gloo), against one process that accumulates the same micro-batches."""

import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from scarnet_training.loss import CompositeLoss
from scarnet_training.loss_settings import PRESETS, LossSettings

# What one process does; the network stands in it, for a process that is started anew cannot import a test.
PROCESS = """
import os
import sys
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from scarnet_training.loss import CompositeLoss, LossSettings

folder, rank = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(1)
dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
cases = torch.load(f"{folder}/cases.pt", weights_only=True)
images, labels = cases["images"][rank], cases["labels"][rank]
results = {}
for name, (settings, start) in cases["losses"].items():
    network = torch.nn.Conv2d(1, 4, 3, padding=1, dtype=torch.float64)
    network.load_state_dict(cases["network"])
    loss = CompositeLoss(LossSettings(**settings)).double()
    loss.load_state_dict(start)
    network = DistributedDataParallel(network)
    measure = DistributedDataParallel(loss) if list(loss.parameters()) else loss
    value, terms = measure(network(images), labels)
    value.backward()
    mean = value.detach().clone()
    dist.all_reduce(mean)
    gradients = [p.grad for p in [*network.parameters(), *loss.parameters()]]
    results[name] = {"mean": mean / 2, "own": value.detach(), "terms": terms, "gradients": gradients}
torch.save(results, f"{folder}/{rank}.pt")
dist.barrier()
dist.destroy_process_group()
# gloo's threads may still run when Python has taken down what they use, and abort the process.
os._exit(0)
"""

LOSSES = {
    **PRESETS,
    "paper, scar-presence": replace(PRESETS["paper"], adaptive="scar-presence", presence_factor=3.0),
    "paper, uncertainty": replace(PRESETS["paper"], adaptive="uncertainty"),
}


def start_of(settings: LossSettings) -> dict[str, Tensor]:
    """Give a state in which the learned weights, if any, are no longer all alike."""
    state = CompositeLoss(settings).double().state_dict()
    return {name: torch.linspace(-1, 1, len(value), dtype=value.dtype) for name, value in state.items()}


@pytest.fixture(scope="module")
def cases() -> dict:
    """Two micro-batches: the first holds scar, the second none."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(3, (2, 2, 12, 12), generator=generator)
    labels[0, 1, 3:7, 4:9] = 3
    images = labels[:, :, None] + torch.randn(2, 2, 1, 12, 12, generator=generator, dtype=torch.float64)
    network = nn.Conv2d(1, 4, 3, padding=1, dtype=torch.float64).state_dict()
    losses = {name: (asdict(settings), start_of(settings)) for name, settings in LOSSES.items()}
    return {"images": images, "labels": labels, "network": network, "losses": losses}


@pytest.fixture(scope="module")
def two_processes(cases: dict, tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """Give what each of two processes measured."""
    folder: Path = tmp_path_factory.mktemp("gloo")
    torch.save(cases, folder / "cases.pt")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", PROCESS, str(folder)]
    started = [
        subprocess.Popen([*command, str(rank)], env=environment, stderr=subprocess.PIPE, text=True) for rank in range(2)
    ]
    try:
        for process in started:
            _, errors = process.communicate(timeout=120)
            assert process.returncode == 0, errors
    finally:
        for process in started:
            process.kill()
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.parametrize("name", LOSSES)
def test_two_processes_equal_accumulation_in_one(name: str, cases: dict, two_processes: list[dict]) -> None:
    network = nn.Conv2d(1, 4, 3, padding=1, dtype=torch.float64)
    network.load_state_dict(cases["network"])
    settings, start = cases["losses"][name]
    loss = CompositeLoss(LossSettings(**settings)).double()
    loss.load_state_dict(start)
    values = []
    for images, labels in zip(cases["images"], cases["labels"], strict=True):
        value, _ = loss(network(images), labels)
        (value / 2).backward()
        values.append(value.detach())
    gradients = [p.grad for p in [*network.parameters(), *loss.parameters()]]
    assert all(float(g.abs().max()) > 1e-4 for g in gradients)
    for rank, result in enumerate(two_processes):
        torch.testing.assert_close(result[name]["own"], values[rank])
        torch.testing.assert_close(result[name]["mean"], torch.stack(values).mean())
        torch.testing.assert_close(result[name]["gradients"], gradients)


def test_only_the_process_with_scar_counts_it_more(two_processes: list[dict]) -> None:
    for rank, factor in enumerate([3.0, 1.0]):
        result, plain = two_processes[rank]["paper, scar-presence"], two_processes[rank]["paper"]
        extra = 0.2 * (factor - 1) * plain["terms"]["focal_tversky"]
        torch.testing.assert_close(result["own"], plain["own"] + extra)

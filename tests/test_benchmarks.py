"""The benchmarks run, and what they compare does the same work."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
import torch

from scarnet.network.config import ScarNetConfig
from scarnet.phantom import PhantomSettings, make_phantom
from scarnet_training.labelled_case import LabelledCase
from scarnet_training.processes import start_accelerator

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Import a benchmark as it imports its neighbours: by name, from its own folder."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    names = [path.stem for path in BENCHMARKS.glob("*.py")]
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    yield import_module
    for name in names:
        sys.modules.pop(name, None)
    sys.modules.update(before)


def small_cases() -> list[LabelledCase]:
    phantom = make_phantom(3, PhantomSettings(slices=4, matrix=(64, 64), spacing_mm=(2.5, 2.5), pattern="ischaemic"))
    return [LabelledCase(phantom.stack, phantom.labels, synthetic=True)]


def small_recipe(steps: ModuleType, unet_alone: bool) -> object:
    network = ScarNetConfig(unet_width=8, context=1, grid=32, spacing_mm=4.0)
    recipe = steps.phantom_recipe("scarnet-lite", network, unet_alone=unet_alone)
    training = replace(recipe.training, batch_size=4, views=2, precision="no")
    return replace(recipe, training=training)


@pytest.mark.parametrize("unet_alone", [True, False])
def test_training_table(load: object, capsys: pytest.CaptureFixture[str], unet_alone: bool) -> None:
    training, steps = load("training"), load("training_step")  # type: ignore[operator]
    training.measure_steps("Small", small_recipe(steps, unet_alone), small_cases(), "cpu", rounds=1)
    lines = capsys.readouterr().out.splitlines()
    assert "4 × 3 × 32 × 32, no, on cpu" in lines[1]
    assert sum("the plain loop" in line for line in lines) == 6
    shares = [float(line.split("%")[0].split()[-1]) for line in lines if line.endswith("step")]
    assert len(shares) >= 3
    assert all(share > 0 for share in shares)


@pytest.mark.parametrize("unet_alone", [True, False])
def test_both_loops_learn_alike(load: object, tmp_path: Path, unet_alone: bool) -> None:
    """From the same weights and the same batch, a step of either loop gives the same weights and averages."""
    steps, throughput = load("training_step"), load("throughput")  # type: ignore[operator]
    loop = steps.start_trainer(small_recipe(steps, unet_alone), small_cases(), tmp_path, start_accelerator("no", "cpu"))
    before = {name: value.clone() for name, value in loop.network.state_dict().items()}
    works, _ = steps.step_works(loop)
    plain, ours = works[steps.PLAIN_EMA], works["our trainer, ready batch, averaged weights"]
    plain()
    ours()
    after, expected = loop.network.state_dict(), plain.network.state_dict()
    assert any(not torch.equal(after[name], before[name]) for name in before)
    for name, value in expected.items():
        assert torch.allclose(after[name].float(), value.float(), atol=1e-6), name
    averaged = loop.averaged.module.state_dict()
    for name, value in plain.averaged.module.state_dict().items():
        assert torch.allclose(averaged[name].float(), value.float(), atol=1e-6), name
    assert throughput.count_flops(plain) == throughput.count_flops(ours) > 0
    loop.run.release()


def test_takes_give_the_same_slices(load: object, tmp_path: Path) -> None:
    from scarnet_training.settings import AugmentationSettings
    from scarnet_training.slices import heart_slices

    steps = load("training_step")  # type: ignore[operator]
    slices = heart_slices(small_cases(), ScarNetConfig(grid=32, spacing_mm=4.0), AugmentationSettings())
    first, *others = steps.take_works(slices, 4, tmp_path, "cpu").values()
    assert others
    for other in others:
        assert all(torch.equal(a, b) for a, b in zip(first(), other(), strict=True))


def test_flops_of_known_work(load: object) -> None:
    throughput = load("throughput")  # type: ignore[operator]
    layer, image = torch.nn.Conv2d(3, 8, 3, padding=1, bias=False), torch.rand(2, 3, 16, 16)
    forward = 2 * 2 * 16 * 16 * 8 * 3 * 9
    assert throughput.count_flops(lambda: layer(image)) == forward
    # The image needs no gradient, so backward is one convolution too.
    assert throughput.count_flops(lambda: layer(image).sum().backward()) == 2 * forward


def test_inference_and_encoder_are_counted(load: object) -> None:
    throughput = load("throughput")  # type: ignore[operator]
    config = ScarNetConfig(unet_width=8, grid=32)
    once, twice = (throughput.count_flops(throughput.inference_work(config, n, "cpu")) for n in (1, 2))
    assert 0 < throughput.count_flops(throughput.encoder_work(config, 32, 1, "cpu")) < once
    # A little is done once a batch, whatever its size.
    assert twice == pytest.approx(2 * once, rel=0.01)


def test_peaks_are_of_whole_known_chips(load: object) -> None:
    peak = load("throughput").bf16_peak  # type: ignore[operator]
    known = {"NVIDIA A100-SXM4-80GB": 312, "NVIDIA H100 80GB HBM3": 989, "NVIDIA H100 PCIe": 756, "NVIDIA A10": 125}
    assert {name: peak(name) for name in known} == known
    assert peak("NVIDIA A100-SXM4-80GB MIG 1g.10gb") is None
    assert peak("NVIDIA A10G") is None
    assert peak("NVIDIA L40S") is None

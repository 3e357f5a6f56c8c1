"""Throughput in images and floating-point operations a second, and what a chip could do."""

import re
from collections.abc import Callable

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from scarnet.network.config import ScarNetConfig
from scarnet.network.encoder import build_encoder
from scarnet.network.scarnet import ScarNet

__all__ = ["bf16_peak", "count_flops", "encoder_work", "inference_work"]

# Dense bf16 with float32 accumulation, FLOP/s × 10¹², from NVIDIA's data sheets. Full names: an H100 NVL, a laptop's
# RTX 4090 or a slice of an A100 reach something else.
PEAKS = {
    r"NVIDIA A100(-SXM4|-PCIE)?-\d+GB|NVIDIA A100 80GB PCIe": 312.0,
    r"NVIDIA H100 80GB HBM3": 989.0,
    r"NVIDIA H100 PCIe": 756.0,
    r"NVIDIA H200": 989.0,
    r"NVIDIA L4": 121.0,
    r"NVIDIA A10": 125.0,
    r"NVIDIA GeForce RTX 4090": 165.0,
}


def bf16_peak(name: str) -> float | None:
    """Give a chip's dense bf16 peak in TFLOP/s.

    Parameters
    ----------
    name : str
        What ``torch.cuda.get_device_name`` calls it.

    Returns
    -------
    float or None
        None for a chip that is not in the table.
    """
    return next((peak for pattern, peak in PEAKS.items() if re.fullmatch(pattern, name)), None)


def count_flops(work: Callable[[], object]) -> int:
    """Count the floating-point operations of the convolutions and matrix products in a work, backward included.

    Parameters
    ----------
    work : callable
        It is done once.

    Returns
    -------
    int
        A multiplication and an addition count as two.
    """
    with FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops())


def inference_work(config: ScarNetConfig, batch_size: int, device: str) -> Callable[[], object]:
    """Give a pass of a network with random weights over a batch, as a prediction makes it.

    Parameters
    ----------
    config : ScarNetConfig
        The network.
    batch_size : int
        Images.
    device : str
        Where.

    Returns
    -------
    callable
        The pass.
    """
    torch.manual_seed(0)
    shape = (batch_size, 1 + 2 * config.context, config.grid, config.grid)
    return _forward(ScarNet(config), shape, device)


def encoder_work(config: ScarNetConfig, size: int, batch_size: int, device: str) -> Callable[[], object]:
    """Give a pass of an encoder alone.

    Parameters
    ----------
    config : ScarNetConfig
        Names the encoder.
    size : int
        Height and width of the images.
    batch_size : int
        Images.
    device : str
        Where.

    Returns
    -------
    callable
        The pass.
    """
    torch.manual_seed(0)
    encoder = build_encoder(config)
    assert encoder is not None
    return _forward(encoder, (batch_size, 3, size, size), device)


def _forward(network: nn.Module, shape: tuple[int, ...], device: str) -> Callable[[], object]:
    network = network.to(device).eval()
    images = torch.rand(shape, device=device).contiguous(memory_format=torch.channels_last)

    def work() -> object:
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            return network(images)

    return work

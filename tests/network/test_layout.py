"""Memory layout and precision along the network: one map laid out otherwise makes every later step twice as slow."""

import pytest
import torch
from torch import Tensor, nn

from scarnet.network.blocks import MultiScaleAttention, resize_to
from scarnet.network.fusion import AttentiveFusion, ConcatFusion
from scarnet.network.medsam import MedSAMDecoder


def _last(*shape: int) -> Tensor:
    return torch.randn(*shape).contiguous(memory_format=torch.channels_last)


def _check(out: Tensor) -> None:
    assert out.dtype == torch.bfloat16
    assert out.is_contiguous(memory_format=torch.channels_last)


def _half(module: nn.Module, *inputs: object) -> Tensor:
    module.to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        out: Tensor = module(*inputs)
    return out


def test_multi_scale_attention_stays_in_bf16_and_channels_last() -> None:
    levels = [_last(2, 4, 16, 16), _last(2, 8, 8, 8), _last(2, 16, 4, 4)]
    _check(_half(MultiScaleAttention([4, 8, 16], 6), levels))


def test_medsam_decoder_stays_in_bf16_and_channels_last() -> None:
    _check(_half(MedSAMDecoder(256, 32), _last(2, 256, 6, 6)))


@pytest.mark.parametrize("fusion", [ConcatFusion(32, 4), AttentiveFusion(32, 4)])
def test_fusion_stays_in_bf16_and_channels_last(fusion: nn.Module) -> None:
    features = [_last(2, 32, 32, 32).bfloat16() for _ in range(2)]
    _check(_half(fusion, *features))
    if isinstance(fusion, AttentiveFusion):
        _check(_half(fusion.cross_attention, *features))


def test_multi_scale_attention_is_algorithm_1_with_everything_at_full_size() -> None:
    torch.manual_seed(0)
    fuse = MultiScaleAttention([4, 8, 16], 6)
    levels = [torch.randn(2, 4, 15, 12), torch.randn(2, 8, 8, 6), torch.randn(2, 16, 4, 3)]
    full = [resize_to(project(level), (15, 12)) for project, level in zip(fuse.project, levels, strict=True)]
    weights = torch.softmax(fuse.weigh(torch.cat(full, dim=1)), dim=1)
    expected = torch.einsum("blhw,lbchw->bchw", weights, torch.stack(full))
    torch.testing.assert_close(fuse(levels), expected)

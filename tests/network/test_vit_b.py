import subprocess
import sys
import time
from functools import partial
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from scarnet.errors import ScarNetError
from scarnet.network.config import ScarNetConfig
from scarnet.network.encoder import build_encoder, load_encoder_weights
from scarnet.network.sam_modeling import load_sam_modeling
from scarnet.network.vit_b import VitB

SMALL = {"width": 96, "depth": 4, "heads": 4, "global_blocks": (2,)}


def segment_anything_encoder(pixels: int, width: int, depth: int, heads: int, global_blocks: tuple[int, ...]):
    """Make segment-anything's own encoder as its builder does."""
    return (
        load_sam_modeling()
        .ImageEncoderViT(
            img_size=pixels,
            embed_dim=width,
            depth=depth,
            num_heads=heads,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            window_size=14,
            global_attn_indexes=global_blocks,
        )
        .eval()
    )


def randomise(module: torch.nn.Module, seed: int = 0) -> None:
    """Give the tables and biases, which start at zero, values that matter."""
    torch.manual_seed(seed)
    for name, value in module.named_parameters():
        if "pos" in name:
            torch.nn.init.normal_(value, std=0.3)
        elif name.endswith("bias"):
            torch.nn.init.normal_(value, std=0.5)


def twins(**settings) -> tuple[VitB, VitB]:
    fast, plain = VitB(fast=True, **settings).eval(), VitB(fast=False, **settings).eval()
    randomise(fast)
    plain.load_state_dict(fast.state_dict())
    return fast, plain


def test_parameters_are_named_and_shaped_as_segment_anythings():
    with torch.device("meta"):
        ours = build_encoder(ScarNetConfig(encoder="vit_b")).state_dict()
        theirs = segment_anything_encoder(1024, 768, 12, 12, (2, 5, 8, 11)).state_dict()
    assert {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in theirs.items()}


@pytest.mark.parametrize("fast", [True, False])
def test_equals_segment_anything_at_its_native_grid(fast: bool):
    theirs = segment_anything_encoder(1024, *SMALL.values())
    randomise(theirs)
    ours = VitB(**SMALL, fast=fast).eval()
    ours.load_state_dict(theirs.state_dict())
    x = torch.rand(1, 3, 1024, 1024)
    with torch.inference_mode():
        expected = theirs(x)
        assert expected.std() > 0.1
        torch.testing.assert_close(ours(x), expected, atol=3e-5, rtol=0)


def test_medsam_checkpoint_at_256_pixels_equals_segment_anything_with_tables_brought_there(tmp_path: Path):
    full = segment_anything_encoder(1024, 768, 12, 12, (2, 5, 8, 11))
    randomise(full)
    weights = full.state_dict()
    path = tmp_path / "medsam_vit_b.pth"
    others = {"prompt_encoder.no_mask_embed.weight": torch.zeros(1, 256)}
    torch.save({f"image_encoder.{k}": v for k, v in weights.items()} | others, path)
    ours = build_encoder(ScarNetConfig(encoder="vit_b")).eval()
    load_encoder_weights(ours, path)

    theirs = segment_anything_encoder(256, 768, 12, 12, (2, 5, 8, 11))
    weights["pos_embed"] = F.interpolate(weights["pos_embed"].permute(0, 3, 1, 2), (16, 16), mode="bicubic").permute(
        0, 2, 3, 1
    )
    for i in (2, 5, 8, 11):
        for axis in "hw":
            table = f"blocks.{i}.attn.rel_pos_{axis}"
            weights[table] = F.interpolate(weights[table].T[None], 31, mode="linear")[0].T
    theirs.load_state_dict(weights)
    x = torch.rand(1, 3, 256, 256)
    with torch.inference_mode():
        features = ours(x)
        assert features.shape == (1, ours.out_channels, 256 // ours.stride, 256 // ours.stride)
        torch.testing.assert_close(features, theirs(x), atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [(256, 256), (224, 224), (112, 112), (240, 464), (32, 528)])
def test_fast_equals_plain(size: tuple[int, int]):
    fast, plain = twins(**SMALL)
    x = torch.rand(2, 3, *size)
    with torch.inference_mode():
        torch.testing.assert_close(fast(x), plain(x), atol=1e-5, rtol=0)


def test_padding_far_above_the_tokens_keeps_the_result_finite_and_equal():
    fast, plain = twins(**SMALL)
    for module in (fast, plain):
        for block in module.blocks:
            block.attn.rel_pos_h.data *= 30
            block.attn.rel_pos_w.data *= 30
    x = torch.rand(1, 3, 256, 256)
    with torch.inference_mode():
        ours, expected = fast.double()(x.double()), plain.double()(x.double())
    assert ours.isfinite().all()
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)


def test_window_attention_at_16_tokens_does_a_third_of_the_arithmetic_and_is_faster():
    fast, plain = (module.blocks[0].attn for module in twins(depth=1, global_blocks=()))
    x = torch.randn(1, 16, 16, 768)
    counts, times = [], []
    with torch.inference_mode():
        for module in (fast, plain):
            # Only the composite form of attention is counted on a CPU.
            with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
                module(x)
            counts.append(counter.get_total_flops())
        for _ in range(8):
            for module in (fast, plain):
                start = time.process_time()
                module(x)
                times.append(time.process_time() - start)
    assert counts[0] < 0.4 * counts[1], counts
    assert min(times[::2]) < 0.85 * min(times[1::2]), times


def test_training_gradients_equal_the_plain_forms():
    fast, plain = twins(**SMALL)
    x, target = torch.rand(1, 3, 256, 256), torch.randn(1, 256, 16, 16)
    for module in (fast, plain):
        F.mse_loss(module(x), target).backward()
    expected = dict(plain.named_parameters())
    for name, value in fast.named_parameters():
        assert value.grad is not None, name
        scale = expected[name].grad.abs().max()
        torch.testing.assert_close(value.grad, expected[name].grad, atol=float(1e-3 * scale) + 1e-8, rtol=0, msg=name)


def test_bfloat16_training_step():
    fast, _ = twins(**SMALL)
    x = torch.rand(1, 3, 256, 256)
    with torch.no_grad():
        expected = fast(x)
    fast = fast.to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        ours = fast(x.contiguous(memory_format=torch.channels_last)).float()
    assert F.cosine_similarity(ours.flatten(), expected.flatten(), 0) > 0.995
    ours.square().mean().backward()
    assert all(value.grad is not None and value.grad.isfinite().all() for value in fast.parameters())


def test_segment_anything_comes_without_torchvision():
    code = (
        "import sys; from scarnet.network.sam_modeling import load_sam_modeling as load; modeling = load();"
        "assert load() is modeling and modeling.Sam and modeling.PromptEncoder;"
        "names = [n for n in sys.modules if n.split('.')[0] in ('torchvision', 'segment_anything')];"
        "assert not names, names"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_broken_segment_anything_is_told_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "modeling").mkdir()
    (tmp_path / "modeling" / "__init__.py").write_text("from . import part\nraise ImportError('torn')\n")
    (tmp_path / "modeling" / "part.py").write_text("")
    spec = ModuleSpec("segment_anything", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: spec)
    for name in [name for name in sys.modules if "segment_anything" in name]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ScarNetError, match="cannot be loaded"):
        load_sam_modeling()
    assert not [name for name in sys.modules if "segment_anything" in name]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ScarNetError, match="not installed"):
        load_sam_modeling()

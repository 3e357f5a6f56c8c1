from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from scarnet.errors import ScarNetError
from scarnet.network.config import ScarNetConfig
from scarnet.network.encoder import build_encoder, load_encoder_weights
from scarnet.network.sam_modeling import load_sam_modeling
from scarnet.network.tiny_vit import TinyViT


@pytest.fixture(scope="module")
def checkpoint(shared_data: Path) -> Path:
    path = shared_data / "weights" / "lite_medsam.pth"
    if not path.is_file():
        pytest.skip("needs ../shared/data/weights/lite_medsam.pth, which is not there")
    return path


def twins(seed: int = 0) -> tuple[TinyViT, TinyViT]:
    """Give the fast and the plain encoder with the same random weights, none of them at a trivial value."""
    torch.manual_seed(seed)
    fast, plain = TinyViT(fast=True).eval(), TinyViT(fast=False).eval()
    for name, value in fast.named_parameters():
        if name.endswith(("norm.bias", "attention_biases")):
            torch.nn.init.normal_(value)
    plain.load_state_dict(fast.state_dict())
    return fast, plain


def flops(size: int, fast: bool) -> int:
    with torch.device("meta"):
        encoder = TinyViT(fast=fast)
    # Only the composite form of attention is counted on every device.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        encoder(torch.empty(1, 3, size, size, device="meta"))
    return counter.get_total_flops()


@pytest.mark.parametrize("size", [(112, 112), (128, 128), (256, 256), (48, 32), (80, 144)])
def test_fast_equals_plain(size: tuple[int, int]):
    fast, plain = twins()
    x = torch.rand(1, 3, *size)
    with torch.inference_mode():
        ours, expected = fast(x), plain(x)
    assert ours.shape == (1, fast.out_channels, size[0] // fast.stride, size[1] // fast.stride)
    assert expected.std() > 0.1
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)


def test_fast_does_less_arithmetic_where_there_is_padding():
    assert flops(128, fast=True) < 0.9 * flops(128, fast=False)
    assert flops(112, fast=True) == flops(112, fast=False)


def test_published_cost_at_256_pixels():
    assert 72e9 < flops(256, fast=False) < 78e9


@pytest.mark.parametrize("size", [112, 48])
def test_training_gradients_equal_the_plain_forms(size: int):
    fast, plain = twins()
    x = torch.rand(1, 3, size, size)
    target = torch.randn(1, 256, size // 4, size // 4)
    for module in (fast, plain):
        F.mse_loss(module(x), target).backward()
    expected = dict(plain.named_parameters())
    for name, value in fast.named_parameters():
        assert value.grad is not None, name
        scale = expected[name].grad.abs().max()
        torch.testing.assert_close(value.grad, expected[name].grad, atol=float(1e-3 * scale) + 1e-8, rtol=0, msg=name)


@pytest.mark.parametrize("size", [112, 48])
def test_bfloat16_and_channels_last_stay_close(size: int):
    fast, _ = twins()
    x = torch.rand(2, 3, size, size)
    with torch.inference_mode():
        expected = fast(x)
        fast = fast.to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            ours = fast(x.contiguous(memory_format=torch.channels_last)).float()
    assert F.cosine_similarity(ours.flatten(), expected.flatten(), 0) > 0.999


def test_bfloat16_training_step_gives_finite_gradients():
    fast, _ = twins()
    fast.train()
    with torch.autocast("cpu", torch.bfloat16):
        fast(torch.rand(2, 3, 48, 48)).float().square().mean().backward()
    assert all(value.grad is not None and value.grad.isfinite().all() for value in fast.parameters())


def test_checkpoint_loads_strictly_and_fast_equals_plain(checkpoint: Path):
    fast = build_encoder(ScarNetConfig(encoder="lite"))
    plain = build_encoder(ScarNetConfig(encoder="lite", fast_attention=False))
    for encoder in (fast, plain):
        load_encoder_weights(encoder, checkpoint)
        encoder.eval()
    x = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(fast(x), plain(x), atol=1e-5, rtol=0)


def test_weights_of_another_encoder_are_refused_in_words(tmp_path: Path):
    path = tmp_path / "other.pth"
    torch.save({"image_encoder.pos_embed": torch.zeros(1, 64, 64, 768)}, path)
    with pytest.raises(ScarNetError, match=r"other\.pth do not fit the encoder TinyViT"):
        load_encoder_weights(TinyViT(), path)
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(ScarNetError, match="cannot be read"):
        load_encoder_weights(TinyViT(), path)
    with pytest.raises(ScarNetError, match="were not found"):
        load_encoder_weights(TinyViT(), tmp_path / "absent.pth")


def middle_slice(shared_data: Path, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Give a real slice in [0, 1] and the mask of the left ventricle up to its epicardium, both (256, 256)."""
    import nibabel

    images = sorted((shared_data / "emidec" / "imagesTr").glob("*.nii.gz"))
    if not images:
        pytest.skip("needs ../shared/data/emidec, which is not there")
    image_path = images[number]
    labels_path = shared_data / "emidec" / "labelsTr" / image_path.name.replace("_0000", "")
    image, labels = (np.asarray(nibabel.load(path).dataobj) for path in (image_path, labels_path))
    z = image.shape[2] // 2
    pixels = image[..., z].T.astype(np.float32)
    return (pixels - pixels.min()) / np.ptp(pixels), labels[..., z].T > 0


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_features_make_the_checkpoints_decoder_find_the_heart(checkpoint: Path, shared_data: Path):
    sam = load_sam_modeling()
    weights = torch.load(checkpoint, weights_only=True)
    prompt = sam.PromptEncoder(256, image_embedding_size=(64, 64), input_image_size=(256, 256), mask_in_chans=16)
    transformer = sam.TwoWayTransformer(depth=2, embedding_dim=256, num_heads=8, mlp_dim=2048)
    decoder = sam.MaskDecoder(transformer_dim=256, transformer=transformer)
    for name, module in (("prompt_encoder.", prompt), ("mask_decoder.", decoder)):
        module.load_state_dict({k.removeprefix(name): v for k, v in weights.items() if k.startswith(name)})
    encoder = TinyViT().eval()
    load_encoder_weights(encoder, checkpoint)
    scores, trivial = [], []
    for number in (8, 32):
        pixels, heart = middle_slice(shared_data, number)
        rows, columns = np.nonzero(heart)
        box = torch.tensor([columns.min(), rows.min(), columns.max(), rows.max()], dtype=torch.float32)
        with torch.inference_mode():
            features = encoder(torch.tensor(pixels).expand(1, 3, -1, -1))
            sparse, dense = prompt(points=None, boxes=box[None, None], masks=None)
            logits, _ = decoder(features, prompt.get_dense_pe(), sparse, dense, multimask_output=False)
        scores.append(overlap(logits[0, 0].numpy() > 0, heart))
        filled = np.zeros_like(heart)
        filled[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = True
        trivial.append(overlap(filled, heart))
    assert min(scores) > 0.6, scores
    assert np.mean(scores) > np.mean(trivial), (scores, trivial)


def statistics_mismatch(encoder: TinyViT, x: torch.Tensor) -> tuple[float, float]:
    """Give how far the inputs of the attention stages' normalisations are from the statistics they were trained at."""
    shifts, spreads = [], []

    def measure(norm: torch.nn.BatchNorm2d, inputs: tuple[torch.Tensor]) -> None:
        mean, variance = inputs[0].mean((0, 2, 3)), inputs[0].var((0, 2, 3))
        shifts.append(((mean - norm.running_mean).square() / norm.running_var).mean().sqrt().item())
        spreads.append((variance / norm.running_var).log().abs().median().item())

    norms = [m for stage in encoder.layers[1:] for m in stage.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    handles = [norm.register_forward_pre_hook(measure) for norm in norms]
    with torch.inference_mode():
        encoder(x)
    for handle in handles:
        handle.remove()
    return float(np.mean(shifts)), float(np.mean(spreads))


def test_real_images_give_the_statistics_the_checkpoint_was_trained_at(checkpoint: Path, shared_data: Path):
    encoder = TinyViT().eval()
    load_encoder_weights(encoder, checkpoint)
    x = torch.tensor(middle_slice(shared_data, 32)[0]).expand(1, 3, -1, -1)
    shift, spread = statistics_mismatch(encoder, x)
    assert shift < 0.5
    for stage in encoder.layers[1:]:
        for block in stage.blocks:
            block.attn.attention_biases.data = block.attn.attention_biases.data.flip(1)
    assert spread < statistics_mismatch(encoder, x)[1]
    for stage in encoder.layers[1:]:
        for block in stage.blocks:
            block.attn._split_heads = lambda qkv, heads=block.attn.heads: (
                qkv.unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
            )
    assert statistics_mismatch(encoder, x)[0] > 2 * shift

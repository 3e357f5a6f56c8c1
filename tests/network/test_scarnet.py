"""The whole network: shapes, gradients, variants, exact saving."""

import pytest
import torch

from scarnet.errors import ScarNetError
from scarnet.network.blocks import MultiScaleAttention, ScarAttention, SqueezeExcitation
from scarnet.network.config import ScarNetConfig
from scarnet.network.fusion import AttentiveFusion, ConcatFusion
from scarnet.network.medsam import MedSAMDecoder, encoder_input
from scarnet.network.scarnet import ScarNet

SMALL = ScarNetConfig(unet_width=8, grid=64, localiser_width=8)


@pytest.mark.parametrize("fusion", ["concat", "attentive"])
def test_every_trainable_parameter_gets_a_gradient(fusion: str) -> None:
    torch.manual_seed(0)
    network = ScarNet(ScarNetConfig(unet_width=8, grid=64, localiser_width=8, fusion=fusion)).train()
    image = torch.randn(2, 1, 64, 64)
    outputs = network(image)
    assert {tuple(output.shape) for output in outputs} == {(2, 4, 64, 64)}
    assert network.localiser is not None
    target = torch.randn_like(outputs.logits)
    loss = sum((output * target).mean() for output in outputs) + (network.localiser(image) * target[:, :1]).mean()
    loss.backward()
    without = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    # A bias right before a normalisation is subtracted again, so its gradient is zero but for rounding.
    assert without == []


def test_each_branch_alone_decides_its_own_logits() -> None:
    network = ScarNet(SMALL).eval()
    image, embedding = torch.randn(1, 1, 64, 64), torch.randn(1, 256, 16, 16)
    with torch.no_grad():
        first, second = network.decode(image, embedding), network.decode(image, embedding + 1)
    assert torch.equal(first.unet_logits, second.unet_logits)
    assert not torch.allclose(first.medsam_logits, second.medsam_logits)
    assert not torch.allclose(first.logits, second.logits)


def test_reducing_before_upsampling_equals_reducing_the_concatenation() -> None:
    decoder = MedSAMDecoder(256, 32).eval()
    embedding = torch.randn(2, 256, 8, 8)
    with torch.no_grad():
        outputs, features = [], embedding
        for block in decoder.blocks:
            if outputs:
                features = torch.nn.functional.interpolate(features, scale_factor=2, mode="bilinear")
            features = block(features)
            outputs.append(features)
        size = features.shape[-2:]
        joined = torch.cat([torch.nn.functional.interpolate(o, size=size, mode="bilinear") for o in outputs], dim=1)
        assert joined.shape[1] == 224
        expected = decoder.attend(decoder.reduce(joined))
        torch.testing.assert_close(decoder(embedding), expected, atol=1e-5, rtol=1e-5)


def test_encoder_sees_each_image_between_0_and_1() -> None:
    image = torch.stack([torch.randn(1, 16, 16) * 3, torch.full((1, 16, 16), 7.0)])
    seen = encoder_input(image)
    assert seen.shape == (2, 3, 16, 16)
    assert float(seen[0].min()) == 0.0
    assert float(seen[0].max()) == pytest.approx(1.0)
    assert torch.count_nonzero(seen[1]) == 0


def test_attention_gates_only_weaken() -> None:
    features = torch.randn(2, 32, 12, 12)
    for module in (SqueezeExcitation(32), ScarAttention(32)):
        gated = module.eval()(features)
        assert gated.shape == features.shape
        assert bool((gated.abs() <= features.abs() + 1e-6).all())


def test_scar_attention_trains_on_a_single_image() -> None:
    assert ScarAttention(16).train()(torch.randn(1, 16, 8, 8)).shape == (1, 16, 8, 8)


def test_multi_scale_attention_weighs_levels_to_one() -> None:
    fuse = MultiScaleAttention([4, 8], 6).eval()
    with torch.no_grad():
        for project in fuse.project:
            project.weight.zero_()
            project.bias.fill_(2.5)
    fused = fuse([torch.randn(1, 4, 8, 8), torch.randn(1, 8, 4, 4)])
    torch.testing.assert_close(fused, torch.full((1, 6, 8, 8), 2.5))


def test_attentive_gate_chooses_between_the_branches() -> None:
    fusion = AttentiveFusion(32, 4).eval()
    sam, unet = torch.randn(1, 32, 32, 32), torch.randn(1, 32, 32, 32)
    with torch.no_grad():
        fusion.cross_attention.project.weight.zero_()
        fusion.cross_attention.project.bias.zero_()
        fusion.gate[2].weight.zero_()
        fusion.gate[2].bias.fill_(50.0)  # A = 1: only F_sam
        torch.testing.assert_close(fusion(sam, unet), fusion(sam, unet + 3))
        fusion.gate[2].bias.fill_(-50.0)  # A = 0: only F_unet
        torch.testing.assert_close(fusion(sam, unet), fusion(sam + 3, unet))


def test_concat_fusion_is_a_1x1_convolution_of_both() -> None:
    fusion = ConcatFusion(2, 4)
    sam, unet = torch.randn(1, 2, 5, 5), torch.randn(1, 2, 5, 5)
    weight = fusion.classify.weight[:, :, 0, 0]
    expected = torch.einsum("oc,bchw->bohw", weight, torch.cat([sam, unet], 1)) + fusion.classify.bias[:, None, None]
    torch.testing.assert_close(fusion(sam, unet), expected)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"encoder": "resnet"}, "encoder 'resnet'"),
        ({"fusion": "sum"}, "fusion 'sum'"),
        ({"grid": 100}, "multiple of 16"),
        ({"unet_width": 4}, "below 8"),
        ({"spacing_mm": 0.0}, "spacing_mm"),
        ({"colour": 3}, "Unknown network setting: colour"),
        ({"grid": "112"}, "type int"),
    ],
)
def test_bad_configurations_are_refused_with_a_sentence(settings: dict, sentence: str) -> None:
    with pytest.raises(ScarNetError, match=sentence):
        ScarNetConfig.from_dict(settings)


def test_configuration_travels_exactly() -> None:
    assert ScarNetConfig.from_dict(SMALL.to_dict()) == SMALL

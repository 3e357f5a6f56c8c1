"""Augmentation: labels stay classes, poses and warps do what they say."""

import torch

from scarnet.network.config import ScarNetConfig
from scarnet.network.scarnet import ScarNet
from scarnet_training.augment import AugmentSettings, random_intensity, random_pose, random_warp, warp
from scarnet_training.data import load_phantoms
from scarnet_training.views import make_views

CONFIG = ScarNetConfig(unet_width=8, grid=64, spacing_mm=2.5)


def test_views_hold_only_given_classes_and_repeat_with_their_seed() -> None:
    cases = load_phantoms(1, seed=0)
    network = ScarNet(CONFIG).eval()
    views = [make_views(cases, network, seed, AugmentSettings(), keep_embeddings=False) for seed in (1, 1, 2)]
    assert views[0].images.shape == (cases[0].stack.shape[0], 1, 64, 64)
    assert set(views[0].labels.unique().tolist()) <= {0, 1, 2, 3}
    assert views[0].labels.any()
    assert torch.equal(views[0].images, views[1].images)
    assert not torch.equal(views[0].images, views[2].images)
    assert views[0].embeddings is None


def test_a_view_without_augmentation_is_centred_on_the_heart() -> None:
    cases = load_phantoms(1, seed=0)
    still = AugmentSettings(rotation_deg=0, scale=0, shift_mm=0, flips=False, intensity=False)
    labels = make_views(cases, ScarNet(CONFIG).eval(), 0, still, keep_embeddings=False).labels
    _, ys, xs = (labels > 0).nonzero(as_tuple=True)
    assert abs(float(ys.float().mean()) - 31.5) < 1.5
    assert abs(float(xs.float().mean()) - 31.5) < 1.5


def test_embeddings_are_the_encoders_own() -> None:
    from scarnet.network.medsam import encoder_input

    cases = load_phantoms(1, seed=3)
    network = ScarNet(CONFIG).eval()
    views = make_views(cases, network, 0, AugmentSettings())
    assert views.embeddings is not None
    with torch.no_grad():
        expected = network.encoder(encoder_input(views.images.float()))
    # 16 bits lie between the two.
    assert float((views.embeddings.float() - expected).abs().mean()) < 0.05 * float(expected.abs().mean())


def test_pose_without_limits_is_the_identity_and_flips_mirror() -> None:
    generator = torch.Generator().manual_seed(0)
    still = AugmentSettings(rotation_deg=0, scale=0, shift_mm=0, flips=False)
    transform, shift = random_pose(still, generator)
    assert torch.equal(transform, torch.eye(2))
    assert shift == (0.0, 0.0)
    mirrors = {tuple(random_pose(AugmentSettings(0, 0, 0, True), generator)[0].diag().tolist()) for _ in range(60)}
    assert mirrors == {(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)}


def test_intensity_changes_looks_not_shape_and_stays_z_scored() -> None:
    images = torch.randn(8, 1, 32, 32).clamp(-3, 3)
    changed = random_intensity(images, torch.Generator().manual_seed(1))
    assert changed.shape == images.shape
    assert torch.isfinite(changed).all()
    assert float(changed.mean().abs()) < 0.05
    assert all(not torch.allclose(a, b) for a, b in zip(images, changed, strict=True))


def test_warp_moves_maps_of_any_resolution_together() -> None:
    transforms = random_warp(3, torch.Generator().manual_seed(2))
    y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    blob = torch.exp(-8 * ((y - 0.2) ** 2 + (x + 0.1) ** 2))[None, None].repeat(3, 1, 1, 1)
    coarse = torch.nn.functional.avg_pool2d(blob, 4)
    fine = torch.nn.functional.avg_pool2d(warp(blob, transforms), 4)
    assert float((warp(coarse, transforms) - fine).abs().max()) < 0.05
    assert torch.allclose(warp(blob, torch.eye(2, 3).repeat(3, 1, 1)), blob, atol=1e-5)

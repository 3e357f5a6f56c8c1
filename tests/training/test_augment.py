"""Augmentation: labels stay classes, poses do what they say in mm, looks change and shapes do not."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from scarnet.classes import N_CLASSES
from scarnet.predict.sampling import normalise, one_hot
from scarnet_training.augment import RandomViews, draw_views, random_intensity, sample_views, view_batch
from scarnet_training.settings import AugmentationSettings

STILL = AugmentationSettings(rotation_deg=0, scale=0, shift_mm=0, flips=False, intensity=0)
WILD = AugmentationSettings(elastic_mm=4, ghosting=0.3, brightness=0.2, contrast=0.2, intensity=1)
SIDE, SPACING = 48, 2.0  # of the slices
GRID, GRID_SPACING = 40, 1.5  # of the views


def drawn(n: int, settings: AugmentationSettings, seed: int = 0, channels: int = 1) -> RandomViews:
    return draw_views(n, channels, GRID, settings, torch.Generator().manual_seed(seed))


def posed(turn: list[list[float]], shift_mm: tuple[float, float] = (0, 0)) -> RandomViews:
    """One view from a given pose."""
    still = drawn(1, STILL)
    values = {name: getattr(still, name) for name in still.__dataclass_fields__}
    return RandomViews(**values | {"turn": torch.tensor([turn]), "shift_mm": torch.tensor([shift_mm]).float()})


def blob(x_mm: float, y_mm: float, side: int = SIDE, spacing: float = SPACING, width_mm: float = 4) -> Tensor:
    """A blob at an offset from the centre: (1, 1, side, side)."""
    along = (torch.arange(side) - (side - 1) / 2) * spacing
    squared = (along[:, None] - y_mm) ** 2 + (along[None, :] - x_mm) ** 2
    return torch.exp(-squared / (2 * width_mm**2))[None, None]


def place(image: Tensor, spacing: float) -> tuple[float, float]:
    """Where the blob of an image is, (x, y) from the centre in mm."""
    weights = image.squeeze()
    along = (torch.arange(len(weights)) - (len(weights) - 1) / 2) * spacing
    x, y = ((weights.sum(axis) * along).sum() / weights.sum() for axis in (0, 1))
    return float(x), float(y)


def seen_place(x_mm: float, y_mm: float, views: RandomViews) -> tuple[float, float]:
    return place(sample_views(blob(x_mm, y_mm), SPACING, views, GRID, GRID_SPACING), GRID_SPACING)


def test_without_augmentation_a_view_is_the_slice() -> None:
    views = drawn(1, STILL)
    assert seen_place(9, -6, views) == pytest.approx((9, -6), abs=0.05)
    image = torch.randn(1, 1, SIDE, SIDE)
    assert torch.allclose(sample_views(image, SPACING, views, SIDE, SPACING), image, atol=1e-3)


@pytest.mark.parametrize(
    ("turn", "shift_mm", "there"),
    [
        ([[-1.0, 0.0], [0.0, 1.0]], (0, 0), (-9, -6)),  # mirrored along x
        ([[1.0, 0.0], [0.0, -1.0]], (0, 0), (9, 6)),  # along y
        ([[1.0, 0.0], [0.0, 1.0]], (4, 5), (5, -11)),  # looked at from 4 mm to the right and 5 mm below
        ([[0.0, -1.0], [1.0, 0.0]], (0, 0), (-6, -9)),  # the view's x is the slice's y
        ([[1.5, 0.0], [0.0, 1.5]], (0, 0), (6, -4)),  # from further away
    ],
)
def test_a_pose_puts_things_where_it_says(
    turn: list[list[float]], shift_mm: tuple[float, float], there: tuple[float, float]
) -> None:
    assert seen_place(9, -6, posed(turn, shift_mm)) == pytest.approx(there, abs=0.05)


def test_poses_stay_within_their_limits_and_reach_them() -> None:
    views = drawn(2000, AugmentationSettings(rotation_deg=30, scale=0.1, shift_mm=5, flips=False))
    angle = torch.rad2deg(torch.atan2(views.turn[:, 1, 0], views.turn[:, 0, 0]))
    scale = torch.linalg.det(views.turn).sqrt()
    for values, limit in ((angle, 30.0), (scale - 1, 0.1), (views.shift_mm, 5.0)):
        assert float(values.abs().max()) <= limit * 1.001
        assert float(values.max()) > 0.95 * limit
        assert float(values.min()) < -0.95 * limit
    assert not views.reverse.any()


def test_flips_mirror_each_axis_half_of_the_time() -> None:
    views = drawn(400, AugmentationSettings(rotation_deg=0, scale=0, shift_mm=0, flips=True))
    mirrors = views.turn.diagonal(dim1=1, dim2=2)
    assert torch.equal(mirrors.abs(), torch.ones(400, 2))
    for share in (*(mirrors < 0).float().mean(0).tolist(), float(views.reverse.float().mean())):
        assert 0.4 < share < 0.6


def test_what_is_drawn_does_not_depend_on_how_the_batch_is_parted() -> None:
    images, labels = torch.randn(6, 3, SIDE, SIDE), torch.randint(N_CLASSES, (6, SIDE, SIDE))
    views = drawn(6, WILD, channels=3)
    whole = view_batch(images, labels, SPACING, views, GRID, GRID_SPACING, WILD)
    parts = [
        view_batch(images[rows], labels[rows], SPACING, views[rows], GRID, GRID_SPACING, WILD)
        for rows in (slice(0, 1), slice(1, 4), slice(4, 6))
    ]
    for together, apart in zip(whole, zip(*parts, strict=True), strict=True):
        torch.testing.assert_close(torch.cat(apart), together, rtol=1e-4, atol=1e-4)
    again = view_batch(images, labels, SPACING, drawn(6, WILD, channels=3), GRID, GRID_SPACING, WILD)
    other = view_batch(images, labels, SPACING, drawn(6, WILD, 1, channels=3), GRID, GRID_SPACING, WILD)
    assert torch.equal(again[0], whole[0])
    assert not torch.allclose(other[0], whole[0])


@pytest.mark.parametrize("present", [(0, 3), (0, 1, 2, 3), (2,), (0, 2)])
def test_every_label_is_one_that_was_there(present: tuple[int, ...]) -> None:
    chosen = torch.randint(len(present), (20, SIDE // 4, SIDE // 4))
    labels = torch.tensor(present)[chosen].repeat_interleave(4, 1).repeat_interleave(4, 2)
    # Beside 3 and 0, an interpolation of the numbers themselves would invent 1 and 2.
    _, seen = view_batch(torch.randn(20, 1, SIDE, SIDE), labels, SPACING, drawn(20, WILD), GRID, GRID_SPACING, WILD)
    assert seen.dtype == torch.int64
    assert set(seen.unique().tolist()) <= set(present)


@pytest.mark.parametrize("elastic_mm", [0.0, 4.0])
def test_image_and_labels_move_together(elastic_mm: float) -> None:
    settings = AugmentationSettings(elastic_mm=elastic_mm, intensity=0)
    disc = (blob(6, -4, width_mm=9) > 0.6).long()[:, 0].expand(8, -1, -1)
    image, truth = view_batch(disc[:, None].float(), disc, SPACING, drawn(8, settings), GRID, GRID_SPACING, settings)
    seen = image > (image.amin((2, 3), keepdim=True) + image.amax((2, 3), keepdim=True)) / 2
    agree = (seen[:, 0] == truth.bool()).float().mean()
    assert float(agree) > 0.995


def test_elastic_displacements_move_things_by_millimetres() -> None:
    settings = AugmentationSettings(rotation_deg=0, scale=0, shift_mm=0, flips=False, elastic_mm=4, intensity=0)
    views = drawn(200, settings)
    seen = sample_views(blob(0, 0).expand(200, -1, -1, -1), SPACING, views, GRID, GRID_SPACING)
    moved = torch.tensor([math.dist((0, 0), place(image, GRID_SPACING)) for image in seen])
    assert 2 < float(moved.mean()) < 8
    assert drawn(1, STILL).elastic_mm is None


def test_maps_of_any_resolution_are_sampled_from_the_same_place() -> None:
    views = drawn(5, AugmentationSettings(flips=False))
    extent = SIDE * SPACING
    for side in (48, 24, 12):
        maps = blob(8, 5, side, extent / side, width_mm=9).expand(5, -1, -1, -1)
        seen = sample_views(maps, extent / side, views, side, extent / side)
        fine = sample_views(blob(8, 5, 96, extent / 96, width_mm=9).expand(5, -1, -1, -1), extent / 96, views, 96, 1.0)
        for coarse, exact in zip(seen, fine, strict=True):
            assert place(coarse, extent / side) == pytest.approx(place(exact, 1.0), abs=1.0)


def test_no_intensity_changes_nothing() -> None:
    images = normalise(torch.randn(4, 1, GRID, GRID) ** 3)
    assert torch.equal(random_intensity(images, drawn(4, STILL), STILL), images)


def test_intensity_changes_looks_and_stays_z_scored() -> None:
    settings = AugmentationSettings(intensity=1)
    images = normalise(blob(0, 0, GRID, width_mm=12).expand(30, -1, -1, -1) + 0.1 * torch.randn(30, 1, GRID, GRID))
    changed = random_intensity(images, drawn(30, settings), settings)
    assert changed.shape == images.shape
    assert torch.isfinite(changed).all()
    assert float(changed.mean((2, 3)).abs().max()) < 0.05
    assert float((changed.std((2, 3)) - 1).abs().max()) < 0.1
    different = [not torch.allclose(a, b, atol=1e-3) for a, b in zip(images, changed, strict=True)]
    assert sum(different) >= 25  # each of four changes is made half of the time
    bright = blob(0, 0, GRID, width_mm=12).squeeze() > 0.7
    assert (changed[:, 0, bright].mean(1) > 1).all()


def test_constant_images_stay_finite() -> None:
    changed = random_intensity(torch.zeros(20, 1, GRID, GRID), drawn(20, WILD), WILD)
    assert torch.isfinite(changed).all()


def test_contrast_and_brightness_survive_and_keep_to_their_limits() -> None:
    settings = AugmentationSettings(intensity=0, contrast=0.2, brightness=0.3)
    images = normalise(torch.randn(300, 1, GRID, GRID))
    changed = random_intensity(images, drawn(300, settings), settings)
    spread = changed.std((1, 2, 3)) / images.std((1, 2, 3))
    assert float(spread.max()) > 1.3
    assert float(spread.min()) < 0.7
    assert float(spread.min()) >= 0.8 * 0.7 - 1e-3
    assert float(spread.max()) <= 1.2 * 1.3 + 1e-3
    untouched = (spread - 1).abs() < 1e-4
    assert 0.15 < float(untouched.float().mean()) < 0.35  # neither: a quarter


def test_ghosting_repeats_the_image_along_one_axis() -> None:
    settings = AugmentationSettings(intensity=0, ghosting=0.5)
    image = normalise(blob(0, 0, GRID, GRID_SPACING, width_mm=8))
    changed = random_intensity(image.expand(40, -1, -1, -1), drawn(40, settings), settings)
    ghost = (
        changed[:, 0, (GRID // 2 + GRID // 3) % GRID, GRID // 2]
        - image[0, 0, (GRID // 2 + GRID // 3) % GRID, GRID // 2]
    )
    assert float(ghost.max()) > 0.5
    assert 10 <= int((ghost.abs() < 1e-4).sum()) <= 30


def test_one_hot_memberships_are_what_is_interpolated() -> None:
    labels = torch.zeros(1, SIDE, SIDE, dtype=torch.int64)
    labels[:, :, SIDE // 2 :] = 3
    _, seen = view_batch(torch.randn(1, 1, SIDE, SIDE), labels, SPACING, drawn(1, STILL), GRID, GRID_SPACING, STILL)
    assert one_hot(seen, N_CLASSES).sum((2, 3)).tolist() == [[GRID**2 / 2, 0, 0, GRID**2 / 2]]

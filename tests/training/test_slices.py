"""Slices resampled around the heart: in their place, with their own neighbours, in memory or in a file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch

from scarnet.errors import ScarNetError
from scarnet.network.config import ScarNetConfig
from scarnet.stack import LGEStack
from scarnet_training import slices as module
from scarnet_training.augment import draw_views, view_batch
from scarnet_training.labelled_case import LabelledCase
from scarnet_training.settings import AugmentationSettings
from scarnet_training.slices import Slices, collect_slices, heart_slices, reference_centre

CONFIG = ScarNetConfig(encoder="none", unet_width=8, grid=32, spacing_mm=3.0, localiser_width=8, context=1)
STILL = AugmentationSettings(rotation_deg=0, scale=0, shift_mm=0, flips=False, intensity=0)


@pytest.fixture(scope="module")
def cases(hearts: Callable[..., tuple[np.ndarray, np.ndarray]]) -> list[LabelledCase]:
    """Small hearts off the centre, with pixels that are not square."""
    found = []
    for seed in range(3):
        pixels, labels = hearts(seed, seed != 1)
        found.append(LabelledCase(LGEStack.from_array(pixels, (10.0, 2.4, 2.0), case=f"heart {seed}"), labels))
    return found


def coloured(name: str, depth: int, first: float) -> LabelledCase:
    """A case each of whose slices has a pattern that tells its number."""
    pixels = np.zeros((depth, 16, 16))
    for z in range(depth):
        pixels[z, :, : int(first + z)] = 1
    return LabelledCase(LGEStack.from_array(pixels, (8, 1, 1), case=name), np.zeros((depth, 16, 16), np.uint8))


def test_a_view_without_augmentation_is_centred_on_the_heart(cases: list[LabelledCase]) -> None:
    slices = heart_slices(cases, CONFIG, STILL)
    images, labels = slices.take(torch.arange(len(slices)), torch.zeros(len(slices), dtype=torch.bool), "cpu")
    views = draw_views(len(slices), 3, CONFIG.grid, STILL, torch.Generator().manual_seed(0))
    _, truth = view_batch(images, labels, slices.spacing_mm, views, CONFIG.grid, CONFIG.spacing_mm, STILL)
    for patient in truth.split(3):
        _, ys, xs = (patient > 0).nonzero(as_tuple=True)
        assert float(ys.float().mean()) == pytest.approx(15.5, abs=0.5)
        assert float(xs.float().mean()) == pytest.approx(15.5, abs=0.5)


def test_areas_keep_their_millimetres(cases: list[LabelledCase]) -> None:
    slices = heart_slices(cases, CONFIG, STILL)
    for value in (1, 2, 3):
        given = sum(float((case.labels == value).sum()) * 2.4 * 2.0 for case in cases)
        kept = float((slices.labels == value).sum()) * slices.spacing_mm**2
        assert kept == pytest.approx(given, rel=0.1)
    assert set(slices.labels.unique().tolist()) == {0, 1, 2, 3}
    assert slices.with_scar.tolist() == [bool((labels == 3).any()) for case in cases for labels in case.labels]


def test_a_round_thing_is_round_although_pixels_are_not_square(cases: list[LabelledCase]) -> None:
    _, ys, xs = (heart_slices(cases[:1], CONFIG, STILL).labels > 0)[:1].nonzero(as_tuple=True)
    assert float(ys.float().std()) == pytest.approx(float(xs.float().std()), rel=0.05)


def test_without_a_localiser_the_image_is_centred(cases: list[LabelledCase]) -> None:
    config = ScarNetConfig(encoder="none", unet_width=8, grid=32, spacing_mm=3.0)
    slices = heart_slices(cases[:1], config, STILL)
    _, ys, xs = (slices.labels > 0).nonzero(as_tuple=True)
    y, x = reference_centre(cases[0])
    middle = (slices.labels.shape[-1] - 1) / 2
    assert (float(xs.float().mean()) - middle) * slices.spacing_mm == pytest.approx((x - 19.5) * 2.0, abs=1)
    assert (float(ys.float().mean()) - middle) * slices.spacing_mm == pytest.approx((y - 14.5) * 2.4, abs=1)
    unlabelled = LabelledCase(cases[0].stack, np.zeros_like(cases[0].labels))
    assert reference_centre(unlabelled) == (14.5, 19.5)


@pytest.mark.parametrize("context", [0, 1, 2])
def test_neighbours_are_of_the_same_stack_and_change_sides(context: int) -> None:
    stacks = [coloured("a", 3, 1), coloured("b", 1, 6), coloured("c", 2, 9)]
    slices = collect_slices(stacks, [(7.5, 7.5)] * 3, 16, 1.0, context)
    assert len(slices) == 6
    channels = 1 + 2 * context
    ends = [(0, 2)] * 3 + [(3, 3)] + [(4, 5)] * 2
    for index, (first, last) in enumerate(ends):
        steps = [0] + [sign * step for step in range(1, context + 1) for sign in (-1, 1)]
        expected = [min(max(index + step, first), last) for step in steps]
        for reverse in (False, True):
            images, _ = slices.take(torch.tensor([index]), torch.tensor([reverse]), "cpu")
            assert images.shape == (1, channels, 16, 16)
            if reverse:
                expected = [min(max(index - step, first), last) for step in steps]
            for channel, source in enumerate(expected):
                assert torch.equal(images[0, channel], slices.images[source, 0].float())


def test_slices_in_a_file_are_the_same(
    cases: list[LabelledCase], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_memory = heart_slices(cases, CONFIG, AugmentationSettings(), tmp_path / "unused")
    assert not (tmp_path / "unused").exists()
    monkeypatch.setattr(module, "SHARE_OF_MEMORY", 0.0)
    folder = tmp_path / "cache" / "0"
    for _ in range(2):  # what a killed run left there is no matter
        on_disk = heart_slices(cases, CONFIG, AugmentationSettings(), folder)
        assert {path.name for path in folder.iterdir()} == {"images.dat", "labels.dat"}
        assert (folder / "images.dat").stat().st_size == in_memory.images.nbytes
        assert torch.equal(on_disk.images, in_memory.images)
        assert torch.equal(on_disk.labels, in_memory.labels)
    chosen, reverse = torch.tensor([0, 5, 8]), torch.tensor([True, False, True])
    for one, other in zip(in_memory.take(chosen, reverse, "cpu"), on_disk.take(chosen, reverse, "cpu"), strict=True):
        assert torch.equal(one, other)


def test_processes_that_share_the_memory_keep_slices_in_files_earlier(
    cases: list[LabelledCase], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_memory = heart_slices(cases, CONFIG, STILL)
    needed = in_memory.images.nbytes + in_memory.labels.nbytes
    available = int(3 * needed / module.SHARE_OF_MEMORY)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=available))
    for number, on_disk in (("2", False), ("4", True)):
        monkeypatch.setenv("LOCAL_WORLD_SIZE", number)
        heart_slices(cases, CONFIG, STILL, tmp_path / number)
        assert (tmp_path / number).exists() == on_disk


def test_a_disk_too_small_is_told_before_anything_is_written(
    cases: list[LabelledCase], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHARE_OF_MEMORY", 0.0)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(ScarNetError, match="neither into memory nor on the disk"):
        heart_slices(cases, CONFIG, STILL, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_slices_reach_as_far_as_views_go(cases: list[LabelledCase]) -> None:
    far = AugmentationSettings(rotation_deg=180, scale=0.2, shift_mm=10, flips=False, intensity=0)
    slices = heart_slices(cases, CONFIG, far)
    half = len(slices.labels[0]) * slices.spacing_mm / 2
    views = draw_views(3000, 1, CONFIG.grid, far, torch.Generator().manual_seed(0))
    corner = torch.tensor([1.0, 1.0]) * CONFIG.grid * CONFIG.spacing_mm / 2
    assert float((views.turn @ corner + views.shift_mm).abs().max()) <= half


def test_slices_are_z_scored(cases: list[LabelledCase]) -> None:
    slices = heart_slices(cases, CONFIG, STILL)
    assert isinstance(slices, Slices)
    images = slices.images.float()
    assert float(images.mean((1, 2, 3)).abs().max()) < 0.05
    # Less than 1 where hot pixels were cut off.
    assert float((images.std((1, 2, 3)) - 1).abs().max()) < 0.2

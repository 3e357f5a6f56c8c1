"""Views kept with the frozen encoder's output, and what a step makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scarnet.network.medsam import encoder_input
from scarnet.network.scarnet import ScarNet
from scarnet.progress import silent
from scarnet.stack import LGEStack
from scarnet_training.cohort import Cohort
from scarnet_training.feed import Feed
from scarnet_training.labelled_case import LabelledCase
from scarnet_training.run_folder import RunFolder
from scarnet_training.settings import AugmentationSettings
from scarnet_training.views import small_poses

STILL = {"rotation_deg": 0.0, "scale": 0.0, "shift_mm": 0.0, "flips": False, "intensity": 0.0}
TRAINING = {"views": 2, "refresh_epochs": 2, "batch_size": 3}


@pytest.fixture(scope="module")
def recipe(tiny_recipe: Callable[..., Any]) -> Any:
    return tiny_recipe(network={"encoder": "lite"}, training=TRAINING)


@pytest.fixture(scope="module")
def network(recipe: Any) -> ScarNet:
    torch.manual_seed(0)
    return ScarNet(recipe.network).eval()


@pytest.fixture
def make_feed(hearts: Callable[..., tuple[np.ndarray, np.ndarray]], tmp_path: Path) -> Any:
    """Give a feed of one small heart, from the same folder each time."""

    def make(recipe: Any) -> Feed:
        pixels, labels = hearts(0, True)
        case = LabelledCase(LGEStack.from_array(pixels, (10.0, 2.4, 2.0), case="anna"), labels)
        folder = tmp_path / "run"
        folder.mkdir(exist_ok=True)
        (folder / "recipe.json").write_text("{}")
        run = RunFolder(folder, resume=False)
        feed = Feed(recipe, Cohort([case], [], []), run, "cpu", torch.float32)
        feed.load(0, silent)
        run.release()
        return feed

    return make


def test_embeddings_are_the_encoders_own_and_views_repeat_with_their_seed(
    make_feed: Callable[[Any], Feed], recipe: Any, network: ScarNet
) -> None:
    feed = make_feed(recipe)
    feed.begin_epoch(0, network, True, silent)
    [view] = feed._sources
    assert view.embeddings is not None
    with torch.no_grad():
        expected = network.encoder(encoder_input(view.images[:, :1].float()))
    # 16 bits lie between the two.
    assert float((view.embeddings.float() - expected).abs().mean()) < 0.05 * float(expected.abs().mean())
    again = make_feed(recipe)
    again.begin_epoch(0, network, True, silent)
    assert torch.equal(again._sources[0].images, view.images)
    assert torch.equal(again._sources[0].embeddings, view.embeddings)


def test_a_new_view_comes_every_few_epochs_and_the_oldest_goes(
    make_feed: Callable[[Any], Feed], recipe: Any, network: ScarNet
) -> None:
    feed = make_feed(recipe)
    seen = []
    for epoch in range(5):
        feed.begin_epoch(epoch, network, True, silent)
        seen.append([float(view.images.float().sum()) for view in feed._sources])
    assert [len(views) for views in seen] == [1, 1, 2, 2, 2]
    assert seen[3] == seen[2]
    assert seen[2][0] == seen[0][0]
    assert seen[4][0] == seen[2][1]
    assert len({value for views in seen for value in views}) == 3
    assert sorted(path.name for path in feed.run.views.iterdir()) == ["001.pt", "002.pt"]
    # One that goes on from there reads them back, and runs no encoder.
    later = Feed(recipe, feed.cohort, feed.run, "cpu", torch.float32)
    later.load(0, silent)
    later.begin_epoch(4, _deaf(network), True, silent)
    assert [float(view.images.float().sum()) for view in later._sources] == seen[4]


def place(weights: torch.Tensor, spacing: float) -> tuple[float, float]:
    """Give the centre of gravity of a map, (x, y) from its middle in mm."""
    along = (torch.arange(len(weights)) - (len(weights) - 1) / 2) * spacing
    x, y = (float((weights.sum(axis) * along).sum() / weights.sum()) for axis in (0, 1))
    return x, y


def _deaf(network: ScarNet) -> ScarNet:
    """A network like the other, whose encoder must not be asked."""
    deaf = ScarNet(network.config)
    deaf.embed = lambda image: pytest.fail("the encoder was run")  # type: ignore[method-assign]
    return deaf


def test_image_labels_and_embedding_of_a_step_see_the_same_place(
    make_feed: Callable[[Any], Feed], tiny_recipe: Callable[..., Any], network: ScarNet
) -> None:
    poses = {"rotation_deg": 12.0, "scale": 0.1, "shift_mm": 5.0}
    feed = make_feed(tiny_recipe(network={"encoder": "lite"}, training=TRAINING, augmentation=STILL | poses))
    feed.begin_epoch(0, network, True, silent)
    [view] = feed._sources
    # An encoder whose output is the heart itself, four times coarser.
    heart = (view.labels > 0).float()[:, None]
    coarse = torch.nn.functional.avg_pool2d(heart, 4)
    feed._sources = [view.__class__(heart.half(), view.labels, None, view.spacing_mm, coarse)]
    seen = feed.views(torch.tensor([0, 1, 2]), seed=4)(slice(0, 3))
    assert seen.embeddings is not None
    truth = seen.labels > 0
    places = [[place(one, 96 / len(one)) for one in maps] for maps in (seen.embeddings[:, 0], truth.float())]
    for coarse, fine in zip(*places, strict=True):
        assert coarse == pytest.approx(fine, abs=1.0)
    assert max(max(map(abs, fine)) for fine in places[1]) > 2
    assert float(((seen.images[:, 0] > 0) == truth).float().mean()) > 0.95
    assert not torch.equal(truth, heart[:, 0] > 0)


@pytest.mark.parametrize("keep", [False, True])
def test_a_steps_views_do_not_depend_on_how_the_batch_is_parted(
    make_feed: Callable[[Any], Feed], recipe: Any, network: ScarNet, keep: bool
) -> None:
    feed = make_feed(recipe)
    feed.begin_epoch(2, network, keep, silent)
    batch = torch.tensor([2, 0, 1, 0])
    whole = feed.views(batch, seed=1)(slice(0, 4))
    views = feed.views(batch, seed=1)
    parts = [views(slice(start, start + 1)) for start in range(4)]
    torch.testing.assert_close(torch.cat([part.images for part in parts]), whole.images, rtol=1e-4, atol=1e-4)
    assert float((torch.cat([part.labels for part in parts]) == whole.labels).float().mean()) > 0.999
    assert (whole.embeddings is not None) == keep
    assert not torch.allclose(feed.views(batch, seed=2)(slice(0, 4)).images, whole.images)


def test_both_kept_views_are_drawn_from(make_feed: Callable[[Any], Feed], recipe: Any, network: ScarNet) -> None:
    feed = make_feed(recipe)
    feed.begin_epoch(2, network, True, silent)
    asked: list[int] = []
    # Each view says by its labels which one it is.
    feed._sources = [replace(view, labels=torch.full_like(view.labels, n + 1)) for n, view in enumerate(feed._sources)]
    for seed in range(10):
        seen = feed.views(torch.tensor([0, 1, 2]), seed)(slice(0, 3))
        asked += [int(labels.max()) - 1 for labels in seen.labels]
    assert 8 <= asked.count(0) <= 22
    assert len(asked) == 30


def test_slices_are_named_by_case(make_feed: Callable[[Any], Feed], recipe: Any) -> None:
    assert make_feed(recipe).named(torch.tensor([2, 0, 0])) == "anna slice 0, 2"


def test_small_poses_never_go_further_than_the_recipe() -> None:
    small = small_poses(AugmentationSettings())
    assert (small.rotation_deg, small.scale, small.shift_mm, small.flips) == (12.0, 0.1, 5.0, False)
    none = small_poses(AugmentationSettings(**STILL))
    assert (none.rotation_deg, none.scale, none.shift_mm, none.flips) == (0.0, 0.0, 0.0, False)

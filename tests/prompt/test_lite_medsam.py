"""The box prompt: geometry on random weights, and the official weights on a phantom where they are there."""

import numpy as np
import pytest
import torch

from scarnet.errors import ScarNetError
from scarnet.prompt.lite_medsam import LiteMedSAM


@pytest.fixture(scope="module")
def official(request):
    return LiteMedSAM.load(request.getfixturevalue("shared_data") / "weights" / "lite_medsam.pth")


def blob(shape, centre, radii):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return ((rows - centre[0]) / radii[0]) ** 2 + ((columns - centre[1]) / radii[1]) ** 2 < 1


@pytest.mark.parametrize(("shape", "spacing"), [((120, 160), (1.5, 1.5)), ((160, 120), (1.0, 2.0))])
def test_the_box_s_content_is_found_in_oblong_slices(official, shape, spacing):
    truth = blob(shape, (70, 60), (25 / spacing[0], 25 / spacing[1]))
    image = np.where(truth, 200.0, 60.0) + np.random.default_rng(0).normal(0, 10, shape)
    y, x = np.nonzero(truth)
    box = (y.min() - 2, x.min() - 2, y.max() + 2, x.max() + 2)
    embedding = official.embed(image, spacing)
    mask = official.segment(embedding, box)
    assert mask.shape == shape
    dice = 2 * (mask & truth).sum() / (mask.sum() + truth.sum())
    assert dice > 0.93
    assert np.array_equal(official.segment(embedding, (box[2], box[3], box[0], box[1])), mask)


def test_a_box_outside_or_empty_is_refused():
    model = LiteMedSAM()
    embedding = model.embed(np.zeros((16, 24)))
    assert embedding.features.shape == (1, 256, 64, 64)
    assert embedding.scaled == (171, 256)
    for box in ((40, 40, 60, 60), (3, 3, 3, 9), (-20, -20, -5, -5)):
        with pytest.raises(ScarNetError, match="empty or lies outside"):
            model.segment(embedding, box)


def test_a_checkpoint_of_other_weights_is_refused(tmp_path):
    path = tmp_path / "lite_medsam.pth"
    torch.save({"image_encoder.x": torch.zeros(1)}, path)
    with pytest.raises(ScarNetError, match="not LiteMedSAM's official"):
        LiteMedSAM.load(path)

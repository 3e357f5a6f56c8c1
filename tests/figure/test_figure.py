"""The Fig. 3 panel: what it shows, what it refuses, and that it is written whole or not at all."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from scarnet.classes import TissueClass
from scarnet.errors import ScarNetError
from scarnet.figure import PANEL_CLASSES, heart_crop, maps_figure, save_maps
from scarnet.models.card import ModelCard
from scarnet.network.config import ScarNetConfig
from scarnet.predict.prediction import Prediction
from scarnet.stack import LGEStack, StudySource

Z, Y, X = 4, 90, 110
SPACING = (10.0, 1.9, 1.4)


def _labels():
    y, x = np.mgrid[:Y, :X]
    radius = np.hypot((y - 48) * SPACING[1], (x - 50) * SPACING[2])
    ring = np.where(radius < 22, TissueClass.BLOOD_POOL, np.where(radius < 33, TissueClass.MYOCARDIUM, 0))
    ring[(radius >= 22) & (radius < 28) & (x < 50)] = TissueClass.SCAR
    return np.repeat(ring[None], Z, axis=0).astype(np.uint8)


@pytest.fixture
def stack():
    labels = _labels()
    rng = np.random.default_rng(1)
    pixels = np.choose(labels, [90, 40, 160, 220]) + rng.normal(0, 12, labels.shape)
    source = StudySource(format="phantom")
    return LGEStack.from_array(pixels.astype(np.float32), SPACING, case="case $1$ A", source=source)


@pytest.fixture
def prediction():
    labels = _labels()
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 1, (4, *labels.shape)).astype(np.float32) - 3
    np.put_along_axis(logits, labels[None].astype(int), 6.0, axis=0)
    window = (10, 80, 5, 105)
    outside = np.ones((Y, X), dtype=bool)
    outside[window[0] : window[1], window[2] : window[3]] = False
    logits[:, :, outside] = np.array([20.0, -20, -20, -20], dtype=np.float32)[:, None, None]
    logits[:, 3] = np.array([20.0, -20, -20, -20], dtype=np.float32)[:, None, None]
    odds = np.exp(logits - logits.max(axis=0))
    return Prediction(
        logits=logits,
        probabilities=odds / odds.sum(axis=0),
        labels=labels,
        slices=(0, 1, 2),
        window=window,
        card=ModelCard(name="toy", description="", config=ScarNetConfig()),
        model_sha256="0" * 64,
        case="case $1$ A",
        device="cpu",
        seconds=0.1,
    )


def _texts(figure):
    return [text.get_text() for text in figure.texts]


def test_maps_stand_in_the_papers_order_and_hold_the_arrays(stack, prediction):
    figure = maps_figure(stack, prediction, 1)
    y0, y1, x0, x1 = heart_crop(prediction, SPACING)
    image, labels, *maps = figure.axes[:10]
    np.testing.assert_array_equal(image.images[0].get_array(), stack.pixels[1, y0:y1, x0:x1])
    assert len(labels.images) == 2
    for kind, cells in ((prediction.logits, maps[:4]), (prediction.probabilities, maps[4:])):
        for tissue, cell in zip(PANEL_CLASSES, cells, strict=True):
            np.testing.assert_array_equal(cell.images[0].get_array(), kind[tissue, 1, y0:y1, x0:x1])
    assert [cell.get_title() for cell in maps[:4]] == ["background", "blood pool", "scar", "myocardium"]


def test_limits_are_shared_symmetric_and_from_the_window(stack, prediction):
    figure = maps_figure(stack, prediction, 0)
    limits = {cell.images[0].get_clim() for cell in figure.axes[2:6]}
    assert len(limits) == 1
    low, high = limits.pop()
    assert low == -high
    assert high < 20.0
    assert {cell.images[0].get_clim() for cell in figure.axes[6:10]} == {(0.0, 1.0)}


def test_pixels_that_are_not_square_keep_their_shape(stack, prediction):
    figure = maps_figure(stack, prediction, 0)
    y0, y1, x0, x1 = heart_crop(prediction, SPACING)
    width, height = figure.get_size_inches()
    for cell in figure.axes[:10]:
        box = cell.get_position()
        drawn = (box.height * height) / (box.width * width)
        assert drawn == pytest.approx((y1 - y0) * SPACING[1] / ((x1 - x0) * SPACING[2]), rel=1e-3)
        assert cell.get_aspect() == 1.0


def test_footer_says_what_this_is_and_no_more(stack, prediction):
    figure = maps_figure(stack, prediction, 1, title="Panel")
    footer = " ".join(_texts(figure))
    for part in ("case $1$ A", "slice 2 of 4", "model toy", "synthetic", "research use only", "Panel"):
        assert part in footer
    assert "scar p ≥ 0.30" in " ".join(_texts(maps_figure(stack, prediction, 1, note="scar p ≥ 0.30")))
    real = replace(stack, source=StudySource(format="nifti"))
    assert "synthetic" not in " ".join(_texts(maps_figure(real, prediction, 1)))


def test_crop_keeps_a_heart_sized_window_and_cuts_a_large_one(prediction):
    assert heart_crop(prediction, SPACING) == prediction.window
    large = replace(prediction, window=(0, Y, 0, X))
    y0, y1, x0, x1 = heart_crop(large, (10.0, 3.8, 2.8))
    labels = np.argwhere(prediction.labels[0] > 0)
    assert y0 <= labels[:, 0].min()
    assert y1 > labels[:, 0].max()
    assert x0 <= labels[:, 1].min()
    assert x1 > labels[:, 1].max()
    assert (y1 - y0) * (x1 - x0) < Y * X
    empty = replace(large, labels=np.zeros_like(prediction.labels))
    assert heart_crop(empty, (10.0, 3.8, 2.8)) == large.window


@pytest.mark.parametrize("suffix", [".png", ".pdf"])
def test_files_are_whole_and_alone(tmp_path, stack, prediction, suffix):
    path = tmp_path / f"panel{suffix}"
    save_maps(path, stack, prediction, 1)
    start = path.read_bytes()[:8]
    assert start.startswith(b"%PDF" if suffix == ".pdf" else b"\x89PNG")
    assert path.stat().st_size > 20_000
    assert list(tmp_path.iterdir()) == [path]


def test_png_has_200_dots_per_inch(tmp_path, stack, prediction):
    from PIL import Image

    save_maps(tmp_path / "panel.png", stack, prediction, 1)
    with Image.open(tmp_path / "panel.png") as picture:
        assert picture.info["dpi"][0] == pytest.approx(200, abs=1)
        width, _ = maps_figure(stack, prediction, 1).get_size_inches()
        assert picture.width == pytest.approx(200 * width, abs=2)


def test_what_stood_there_stays_when_writing_fails(tmp_path, stack, prediction, monkeypatch):
    from matplotlib.figure import Figure

    def fail(self, target, **_):
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    path = tmp_path / "panel.png"
    path.write_bytes(b"before")
    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(ScarNetError, match="No space left"):
        save_maps(path, stack, prediction, 1)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_refusals_are_one_sentence(tmp_path, stack, prediction):
    with pytest.raises(ScarNetError, match="slice 4 was not predicted"):
        maps_figure(stack, prediction, 3)
    with pytest.raises(ScarNetError, match="no slice 5"):
        maps_figure(stack, prediction, 4)
    with pytest.raises(ScarNetError, match=r"\.png or \.pdf"):
        save_maps(tmp_path / "panel.svg", stack, prediction, 1)
    other = LGEStack.from_array(np.zeros((2, 8, 8)), SPACING, case="other")
    with pytest.raises(ScarNetError, match="segment this image again"):
        maps_figure(other, prediction, 0)


def test_importing_the_module_leaves_matplotlib_alone():
    code = "import sys, scarnet.figure; assert 'matplotlib' not in sys.modules; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_pyplot_is_never_touched(tmp_path):
    code = "import sys; sys.path.insert(0, sys.argv[1]); import matplotlib.figure, matplotlib.colorbar, scarnet.figure"
    done = subprocess.run(
        [sys.executable, "-c", code + "; assert 'matplotlib.pyplot' not in sys.modules", str(tmp_path)], check=False
    )
    assert done.returncode == 0

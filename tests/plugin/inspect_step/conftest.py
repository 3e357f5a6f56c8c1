"""A study with a made-up prediction whose numbers are all different, and an Inspect widget in a real window."""

import numpy as np
import pytest

from napari_scarnet.layers import add_stack, show_prediction
from scarnet.classes import TissueClass
from scarnet.models.card import ModelCard
from scarnet.network.config import ScarNetConfig
from scarnet.predict import OUTSIDE_LOGITS, Prediction, labels_from_probabilities
from scarnet.stack import LGEStack, StudySource


def heart_labels(shape, spacing):
    """A ring of wall around a pool, with scar in a part of it, as (Z, Y, X)."""
    z, y, x = shape
    rows, columns = np.mgrid[:y, :x]
    radius = np.hypot((rows - 0.52 * y) * spacing[1], (columns - 0.47 * x) * spacing[2])
    scale = min(y * spacing[1], x * spacing[2]) / 130
    ring = np.where(radius < 17 * scale, TissueClass.BLOOD_POOL, TissueClass.MYOCARDIUM)
    ring = np.where(radius < 27 * scale, ring, TissueClass.BACKGROUND)
    ring[(ring == TissueClass.MYOCARDIUM) & (columns < 0.45 * x)] = TissueClass.SCAR
    return np.repeat(ring[None], z, axis=0).astype(np.uint8)


def build_stack(case="heart A", shape=(6, 80, 100), spacing=(10.0, 1.9, 1.4)):
    """A stack with pixels that are not square."""
    labels = heart_labels(shape, spacing)
    noise = np.random.default_rng(3).normal(0, 8, shape)
    pixels = np.choose(labels, [90, 40, 150, 220]) + noise
    return LGEStack.from_array(pixels, spacing, case=case, source=StudySource(format="phantom"))


def build_prediction(stack, *, skip=(5,), branches=False, seed=4):
    """A prediction on all slices but ``skip``, inside a window smaller than the image."""
    z, y, x = stack.shape
    window = (y // 10, y - y // 8, x // 12, x - x // 10)
    rng = np.random.default_rng(seed)
    truth = heart_labels(stack.shape, stack.spacing_mm)

    def outputs():
        logits = rng.normal(-2, 1.2, (4, *stack.shape)).astype(np.float32)
        np.put_along_axis(logits, truth[None].astype(int), rng.normal(3, 1.2, (1, *stack.shape)), axis=0)
        inside = np.zeros(stack.shape, dtype=bool)
        slices = [i for i in range(z) if i not in skip]
        inside[slices, window[0] : window[1], window[2] : window[3]] = True
        logits[:, ~inside] = np.asarray(OUTSIDE_LOGITS, dtype=np.float32)[:, None]
        return logits, tuple(slices)

    logits, slices = outputs()
    odds = np.exp(logits - logits.max(axis=0))
    probabilities = odds / odds.sum(axis=0)
    return Prediction(
        logits=logits,
        probabilities=probabilities,
        labels=labels_from_probabilities(probabilities),
        slices=slices,
        window=window,
        card=ModelCard(name="toy", description="", config=ScarNetConfig()),
        model_sha256="0" * 64,
        case=stack.case,
        device="cpu",
        seconds=0.1,
        branch_logits={name: outputs()[0] for name in ("medsam", "unet")} if branches else {},
    )


@pytest.fixture
def stack():
    return build_stack()


@pytest.fixture
def prediction(stack):
    return build_prediction(stack)


@pytest.fixture
def shown(make_napari_viewer, stack, prediction):
    """A viewer that shows the study and its prediction."""
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1300, 800)
    show_prediction(viewer, add_stack(viewer, stack), prediction)
    viewer.dims.set_current_step(0, 2)
    return viewer


@pytest.fixture
def inspect(shown, qtbot):
    """The widget, docked in that viewer."""
    return dock(shown, qtbot)


def dock(viewer, qtbot):
    """Dock an Inspect widget and wait until it has caught up."""
    from napari_scarnet.inspect_widget import InspectWidget

    widget = InspectWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Inspect")
    qtbot.waitUntil(lambda: widget.isVisible() and widget.fig3_button.isEnabled() == (widget.prediction is not None))
    return widget


@pytest.fixture
def tools():
    """The functions above, for tests that need other studies."""
    from types import SimpleNamespace

    return SimpleNamespace(stack=build_stack, prediction=build_prediction, dock=dock)

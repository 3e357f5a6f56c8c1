"""Shared by the plugin's tests: predictions made by hand, an engine without network, and waiting for Qt."""

import gc
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from scarnet.models.card import ModelCard
from scarnet.network.config import ScarNetConfig
from scarnet.predict.prediction import Prediction
from scarnet.stack import LGEStack, StudySource

CARD = ModelCard(
    name="by hand",
    description="No network at all.",
    config=ScarNetConfig(),
    licence="BSD-3-Clause",
    data=("Nothing.",),
    validation={"summary": {"scar": {"dice": 0.5}}},
    limitations=("It knows nothing.",),
)


def make_stack(case: str = "case A", shape: tuple[int, int, int] = (4, 40, 48), seed: int = 0) -> LGEStack:
    """A small stack with oblong voxels."""
    pixels = np.random.default_rng(seed).uniform(0, 100, shape).astype(np.float32)
    return LGEStack.from_array(pixels, (8.0, 1.5, 1.25), case=case, source=StudySource(notes=("There is a gap.",)))


def make_prediction(stack: LGEStack, slices: Sequence[int] | None = None, seed: int = 0) -> Prediction:
    """A prediction with random logits inside a window, background outside."""
    z, y, x = stack.shape
    chosen = tuple(range(z)) if slices is None else tuple(slices)
    window = (4, y - 4, 6, x - 6)
    logits = np.zeros((4, *stack.shape), np.float32)
    logits[0] = 10.0
    inside = np.random.default_rng(seed).normal(0, 3, (4, len(chosen), y - 8, x - 12))
    logits[:, list(chosen), 4 : y - 4, 6 : x - 6] = inside
    probabilities = np.exp(logits - logits.max(0))
    probabilities /= probabilities.sum(0)
    return Prediction(
        logits=logits,
        probabilities=probabilities,
        labels=probabilities.argmax(0).astype(np.uint8),
        slices=chosen,
        window=window,
        card=CARD,
        model_sha256="0" * 64,
        case=stack.case,
        device="cpu",
        seconds=0.1,
    )


class FakeEngine:
    """An engine that computes nothing, for as long as the test wants."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.threads: list[threading.Thread] = []
        self.doubted: list[Any] = []
        self.doubt: Any = None
        self.seed = 0
        self.error: Exception | None = None
        self.hold = threading.Event()
        self.hold.set()
        self.entries = [SimpleNamespace(name="by-hand", path=Path("by-hand"), sha256="0" * 64, card=CARD, builtin=True)]

    def list_models(self) -> list[Any]:
        """One model."""
        return self.entries

    def devices(self) -> list[str] | None:
        """As if torch were not loaded."""
        return None

    def warm_up(self, progress: Any) -> None:
        """Nothing to import."""

    def import_model(self, path: Path) -> Any:
        """Take any file."""
        entry = SimpleNamespace(name=path.stem, path=path, sha256="1" * 64, card=CARD, builtin=False)
        self.entries = [*self.entries, entry]
        return entry

    def predict(self, stack: Any, slices: Any, settings: Any, previous: Any, progress: Any) -> Any:
        """Report progress until released, then give random logits."""
        from napari_scarnet.engine import SegmentResult
        from napari_scarnet.merging import merge_predictions

        self.calls.append((stack, slices, settings))
        self.threads.append(threading.current_thread())
        progress(0, 4, "Segmenting slices")
        while not self.hold.is_set():
            progress(1, 4, "Segmenting slices")
            time.sleep(0.005)
        if self.error is not None:
            raise self.error
        self.seed += 1
        prediction = make_prediction(stack, slices, self.seed)
        return SegmentResult(merge_predictions(previous, prediction), prediction.slices, {})

    def measure_doubt(self, prediction: Any, stack: Any, settings: Any, progress: Any) -> Any:
        """Be as unsure as the test wants."""
        self.doubted.append((prediction, stack, settings))
        return self.doubt


@pytest.fixture(autouse=True)
def quick_collections() -> None:
    """Leave what is there before a test out of the many collections that napari makes in it."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def looked(qtbot: Any) -> Callable[[Any], None]:
    """Wait until a line of offers has found what there is to offer: `looked(offer)`."""

    def wait(offer: Any) -> None:
        qtbot.waitUntil(lambda: not offer._timer.isActive(), timeout=10000)
        assert offer._job is None or offer._job.wait(10)
        qtbot.wait(1)  # what the thread found arrives with Qt's next events

    return wait


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let no test find the project that another one opened last."""
    monkeypatch.setattr("napari_scarnet.project_memory._file", lambda: tmp_path / "last-project.json")


@pytest.fixture
def stack() -> LGEStack:
    """A small stack."""
    return make_stack()


@pytest.fixture
def new_stack() -> Callable[..., LGEStack]:
    """Make small stacks."""
    return make_stack


@pytest.fixture
def new_prediction() -> Callable[..., Prediction]:
    """Make predictions by hand."""
    return make_prediction


@pytest.fixture
def engine() -> Any:
    """An engine without network; its threads have ended when the test ends."""
    engine = FakeEngine()
    yield engine
    engine.hold.set()
    for thread in engine.threads:
        thread.join(10)
        assert not thread.is_alive(), "a thread outlived its test"

"""What the Segment step runs in a thread: models, the predictor, and a summary of the result."""

import os
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_scarnet.merging import merge_predictions
from napari_scarnet.smooth import FrozenHeap, preload_torch, without_collector_pauses
from scarnet.predict.prediction import Prediction
from scarnet.progress import Progress
from scarnet.stack import LGEStack

if TYPE_CHECKING:
    from scarnet.project.uncertainty import Uncertainty

__all__ = ["Engine", "SegmentResult", "SegmentSettings"]


@dataclass(frozen=True)
class SegmentSettings:
    """What the user chose.

    Attributes
    ----------
    model : str
        Path of the model's file.
    device : str
        ``"auto"``, ``"cuda"``, ``"mps"`` or ``"cpu"``.
    batch_size : int
        Slices at a time.
    flips : bool or None
        Average over flips at test time; None as the model's card says.
    postprocess : bool
        Clean the labels.
    branches : bool
        Keep each branch's logits.
    """

    model: str
    device: str = "auto"
    batch_size: int = 8
    flips: bool | None = None
    postprocess: bool = True
    branches: bool = False


@dataclass(frozen=True)
class SegmentResult:
    """A prediction and what to say about it.

    Attributes
    ----------
    prediction : Prediction
        Merged with what was known of the study before.
    slices : tuple of int
        The slices that are new.
    measures : dict
        What :func:`scarnet.measure.measure_labels` gives, for a whole stack; else empty.
    """

    prediction: Prediction
    slices: tuple[int, ...]
    measures: dict[str, Any]


class Engine:
    """Runs models; keeps the last one loaded. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: tuple[Any, ...] | None = None
        self._predictor: Any = None

    def list_models(self) -> list[Any]:
        """List the registry's models, without torch.

        Returns
        -------
        list of ModelEntry
            The models.
        """
        from scarnet.models import list_models

        return list_models()

    def import_model(self, path: Path) -> Any:
        """Copy a model file into the registry, after reading all of it.

        Parameters
        ----------
        path : Path
            A ``.safetensors`` file.

        Returns
        -------
        ModelEntry
            The new entry.
        """
        from scarnet.models import import_model

        with without_collector_pauses():
            preload_torch()
            return import_model(path)

    def devices(self) -> list[str] | None:
        """List the devices that work; None as long as torch is not loaded, for asking would load it.

        Returns
        -------
        list of str or None
            The devices, best first.
        """
        if "torch" not in sys.modules or "scarnet.predict.predictor" not in sys.modules:
            return None
        from scarnet.predict import available_devices

        return available_devices()

    def warm_up(self, progress: Progress) -> None:
        """Make ready what a prediction and drawing will need, before they are asked for.

        Parameters
        ----------
        progress : Progress
            Called between the parts.
        """
        self._warm_predictor(progress)
        with without_collector_pauses():
            _warm_shapes()

    def _warm_predictor(self, progress: Progress) -> None:
        with without_collector_pauses():
            _warm_label_colours()
            progress(1, 3, "Getting ready")
            preload_torch()
            progress(2, 3, "Getting ready")
            import scarnet.predict.predictor  # noqa: F401

    def predict(
        self,
        stack: LGEStack,
        slices: Sequence[int] | None,
        settings: SegmentSettings,
        previous: Prediction | None,
        progress: Progress,
    ) -> SegmentResult:
        """Segment a stack or some of its slices.

        Parameters
        ----------
        stack : LGEStack
            The study.
        slices : sequence of int or None
            The slices; None for all.
        settings : SegmentSettings
            What the user chose.
        previous : Prediction or None
            What is known of the study.
        progress : Progress
            Told how far it is; raises :class:`scarnet.errors.Cancelled`.

        Returns
        -------
        SegmentResult
            The result.
        """
        with FrozenHeap():
            return self._predict(stack, slices, settings, previous, progress)

    def _predict(
        self,
        stack: LGEStack,
        slices: Sequence[int] | None,
        settings: SegmentSettings,
        previous: Prediction | None,
        progress: Progress,
    ) -> SegmentResult:
        from scarnet.measure import measure_labels

        progress(0, 0, "Getting ready")
        self._warm_predictor(progress)
        import torch

        # One core stays for the window.
        torch.set_num_threads(max(1, (os.cpu_count() or 2) - 1))
        with self._lock:
            predictor = self._predictor_for(settings, progress)
            prediction = predictor.predict(
                stack, slices=slices, postprocess=settings.postprocess, branches=settings.branches, progress=progress
            )
        measures = measure_labels(prediction.labels, stack) if slices is None else {}
        return SegmentResult(merge_predictions(previous, prediction), prediction.slices, measures)

    def measure_doubt(
        self, prediction: Prediction, stack: LGEStack, settings: SegmentSettings, progress: Progress
    ) -> "Uncertainty | None":
        """Ask the model again over flips and noise, as a project does of each case that it predicts.

        Parameters
        ----------
        prediction : Prediction
            What it said of all slices.
        stack : LGEStack
            The study.
        settings : SegmentSettings
            With which it was predicted.
        progress : Progress
            Told how far it is; raises :class:`scarnet.errors.Cancelled`.

        Returns
        -------
        Uncertainty or None
            None where it was predicted without flips: asking again would take three times as long as that did.
        """
        from scarnet.predict import Predictor
        from scarnet.project.uncertainty import measure_uncertainty

        with FrozenHeap(), self._lock:
            predictor = self._predictor_for(settings, progress)
            if len(predictor.flips) == 1:
                return None
            again = Predictor(predictor.model, settings.device, settings.batch_size, test_time_flips=False)
            return measure_uncertainty(prediction, stack, again, progress=progress)

    def _predictor_for(self, settings: SegmentSettings, progress: Progress) -> Any:
        from scarnet.models import load_model
        from scarnet.predict import Predictor

        key = (settings.model, settings.device, settings.batch_size, settings.flips)
        if key != self._key:
            model = load_model(settings.model, progress=progress)
            self._predictor = Predictor(
                model, device=settings.device, batch_size=settings.batch_size, test_time_flips=settings.flips
            )
            self._key = key
        return self._predictor


def _warm_label_colours() -> None:
    """Let numba compile napari's label colours here; in Qt's thread it would hold the window for seconds."""
    import numpy as np

    from napari_scarnet.styles import LabelsStyle

    LabelsStyle().as_kwargs()["colormap"].map(np.zeros((2, 2), np.uint8))


def _warm_shapes() -> None:
    """Let numba compile here what napari's first shapes layer needs, where boxes and regions are drawn."""
    from napari.layers import Shapes

    Shapes(ndim=3)

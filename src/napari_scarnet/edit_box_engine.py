"""LiteMedSAM as the viewer runs it: loaded once, and a slice encoded once however many boxes are drawn in it."""

import hashlib
import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_scarnet.smooth import FrozenHeap, preload_torch, without_collector_pauses
from scarnet.progress import Progress, silent
from scarnet.stack import LGEStack

__all__ = ["BoxEngine"]

# 4 MB each.
_KEPT = 12


class BoxEngine:
    """Segments by boxes; all methods may be called from any thread, and work one after the other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._path: Path | None = None
        self._model: Any = None
        self._embeddings: OrderedDict[Any, Any] = OrderedDict()

    def segment(
        self,
        weights: Path,
        stack: LGEStack,
        z: int,
        box: tuple[float, float, float, float],
        progress: Progress = silent,
    ) -> npt.NDArray[np.bool_]:
        """Give the mask of what lies in a box.

        Parameters
        ----------
        weights : Path
            LiteMedSAM's checkpoint.
        stack : LGEStack
            The study.
        z : int
            The slice.
        box : tuple of float
            (y0, x0, y1, x1) in voxels.
        progress : Progress
            Told of the steps.

        Returns
        -------
        ndarray of bool, shape (Y, X)
            The mask.

        Raises
        ------
        ScarNetError
            The weights are not the official ones, or the box is empty.
        """
        with FrozenHeap(), self._lock:
            embedding = self._embed(weights, stack, z, progress)
            progress(2, 3, "Segmenting the box")
            return self._model.segment(embedding, box)

    def prepare(self, weights: Path, stack: LGEStack, z: int, progress: Progress = silent) -> None:
        """Encode a slice before a box is drawn in it.

        Parameters
        ----------
        weights : Path
            LiteMedSAM's checkpoint.
        stack : LGEStack
            The study.
        z : int
            The slice.
        progress : Progress
            Told of the steps.
        """
        with FrozenHeap(), self._lock:
            self._embed(weights, stack, z, progress)

    def _embed(self, weights: Path, stack: LGEStack, z: int, progress: Progress) -> Any:
        progress(0, 3, "Getting LiteMedSAM ready")
        with without_collector_pauses():
            preload_torch()
            import torch

            from scarnet.prompt.lite_medsam import LiteMedSAM
        # All cores: somebody waits for it, and the window's timers are at most 15 ms late meanwhile (2 cores).
        torch.set_num_threads(os.cpu_count() or 1)
        if self._model is None or self._path != weights:
            self._model, self._path = LiteMedSAM.load(weights), weights
            self._embeddings.clear()
        key = (hashlib.sha256(stack.pixels[z]).digest(), stack.spacing_mm[1:])
        if key not in self._embeddings:
            progress(1, 3, "Looking at the slice")
            self._embeddings[key] = self._model.embed(stack.pixels[z], stack.spacing_mm[1:])
        self._embeddings.move_to_end(key)
        while len(self._embeddings) > _KEPT:
            self._embeddings.popitem(last=False)
        return self._embeddings[key]

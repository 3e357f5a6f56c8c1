"""“Scar only in the wall” while painting: the brush cannot put scar where there is no wall."""

from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np
import numpy.typing as npt
from napari.layers import Labels

from scarnet.classes import TissueClass

__all__ = ["WallLock"]

# Brush, eraser, fill and polygon of napari's labels all end here, before the undo history is written.
_SEAM = "_paint_region_with_mask"


class WallLock:
    """Holds one labels layer's brush, fill and polygon; with scar active, the eraser gives back myocardium.

    napari has no public place to change what a stroke may touch. Taking voxels back after a stroke would flicker and
    leave them in the undo history, so the one method that all its painting goes through is wrapped on the layer.

    Parameters
    ----------
    blocked : callable
        Called where a stroke would have left the wall and nothing of it was left.
    """

    available = hasattr(Labels, _SEAM)
    """Whether this napari paints the way that the lock needs."""

    def __init__(self, blocked: Callable[[], None]) -> None:
        self.enabled = True
        self._blocked = blocked
        self._layer: Callable[[], Any] = lambda: None

    def hold(self, layer: Any) -> None:
        """Guard another layer.

        Parameters
        ----------
        layer : Labels or None
            The layer; None lets go.
        """
        before = self._layer()
        if before is not None and before is not layer:
            vars(before).pop(_SEAM, None)
        self._layer = (lambda: None) if layer is None else ref(layer)
        if layer is not None and self.available:
            setattr(layer, _SEAM, self._paint)

    def _paint(
        self,
        slice_key: tuple[slice, ...],
        mask: npt.NDArray[np.bool_],
        new_label: int,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        layer = self._layer()
        if layer is None:
            return
        if self.enabled:
            # The mask has an axis for each painted dimension; the others are one voxel deep.
            region = np.asarray(layer.data[slice_key]).reshape(mask.shape)
            if new_label == TissueClass.SCAR:
                allowed = (region == TissueClass.MYOCARDIUM) | (region == TissueClass.SCAR)
                if not (mask & allowed).any():
                    self._blocked()
                mask = mask & allowed
            elif new_label == TissueClass.BACKGROUND and layer.selected_label == TissueClass.SCAR:
                mask, new_label = mask & (region == TissueClass.SCAR), int(TissueClass.MYOCARDIUM)
        getattr(type(layer), _SEAM)(layer, slice_key, mask, new_label, *args, **kwargs)

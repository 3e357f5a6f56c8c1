"""Editing a label volume: pure functions on arrays, which a front end turns into one undo step each."""

from scarnet.editing.checking import disagreement_by_slice, unsure_by_slice
from scarnet.editing.interpolation import interpolate_slices
from scarnet.editing.masks import mask_to_labels, polygon_mask, scar_kept_in_wall
from scarnet.editing.morphology import fill_holes, grow, shrink, smooth

__all__ = [
    "disagreement_by_slice",
    "fill_holes",
    "grow",
    "interpolate_slices",
    "mask_to_labels",
    "polygon_mask",
    "scar_kept_in_wall",
    "shrink",
    "smooth",
    "unsure_by_slice",
]

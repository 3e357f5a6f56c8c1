"""Everything about our layers in one place; the contract is in :mod:`napari_scarnet.metadata`."""

from napari_scarnet.label_layers import (
    add_labels,
    current_labels,
    drop_beside,
    labels_at,
    labels_edited,
    labels_on_show,
    set_labels,
)
from napari_scarnet.merging import logit_limit, merge_predictions
from napari_scarnet.metadata import (
    LayerKind,
    find_layers,
    image_layer_of,
    layer_meta,
    make_case_unique,
    make_meta,
    placement,
    unwrap,
)
from napari_scarnet.predictions import (
    PredictionLayers,
    prediction_steps,
    show_prediction,
)
from napari_scarnet.studies import (
    MissingSpacingError,
    add_stack,
    adopt_layer,
    needs_spacing,
    stack_layer_data,
    stack_of,
)
from napari_scarnet.styles import ImageStyle, LabelsStyle, LogitStyle, ProbabilityStyle, diverging_colormap

__all__ = [
    "ImageStyle",
    "LabelsStyle",
    "LayerKind",
    "LogitStyle",
    "MissingSpacingError",
    "PredictionLayers",
    "ProbabilityStyle",
    "add_labels",
    "add_stack",
    "adopt_layer",
    "current_labels",
    "diverging_colormap",
    "drop_beside",
    "find_layers",
    "image_layer_of",
    "labels_at",
    "labels_edited",
    "labels_on_show",
    "layer_meta",
    "logit_limit",
    "make_case_unique",
    "make_meta",
    "merge_predictions",
    "needs_spacing",
    "placement",
    "prediction_steps",
    "set_labels",
    "show_prediction",
    "stack_layer_data",
    "stack_of",
    "unwrap",
]

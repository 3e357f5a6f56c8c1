"""From a stack to logits, probabilities and labels."""

from typing import TYPE_CHECKING, Any

from scarnet.predict.labels import (
    drop_small_scar,
    entropy_map,
    labels_from_probabilities,
    margin_map,
    postprocess_labels,
)
from scarnet.predict.outside import OUTSIDE_LOGITS
from scarnet.predict.prediction import Prediction

if TYPE_CHECKING:
    from scarnet.predict.predictor import Predictor, available_devices

__all__ = [
    "OUTSIDE_LOGITS",
    "Prediction",
    "Predictor",
    "available_devices",
    "drop_small_scar",
    "entropy_map",
    "labels_from_probabilities",
    "margin_map",
    "postprocess_labels",
]


def __getattr__(name: str) -> Any:
    """Load what needs torch when it is first asked for."""
    if name in ("Predictor", "available_devices"):
        from scarnet.predict import predictor

        return getattr(predictor, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

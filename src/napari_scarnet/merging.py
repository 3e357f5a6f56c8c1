"""Arithmetic on predictions that front ends need, without napari."""

from dataclasses import replace

import numpy as np

from scarnet.predict.labels import drop_small_scar
from scarnet.predict.prediction import Prediction

__all__ = ["logit_limit", "merge_predictions"]


def merge_predictions(old: Prediction | None, new: Prediction) -> Prediction:
    """Put the slices of a new prediction into an older one of the same study.

    Parameters
    ----------
    old : Prediction or None
        What is known so far.
    new : Prediction
        The new one; its slices win.

    Returns
    -------
    Prediction
        ``new`` itself where it covers the stack or nothing older fits; else a merged copy.
    """
    if old is None or old.logits.shape != new.logits.shape or set(old.slices) <= set(new.slices):
        return new
    z = list(new.slices)

    def merged(before: np.ndarray, after: np.ndarray, axis: int) -> np.ndarray:
        result = before.copy()
        index = (slice(None),) * axis + (z,)
        result[index] = after[index]
        return result

    # Branches count as computed only where both sides have them: what fills the gaps is no result.
    branches = {
        name: merged(old.branch_logits[name], logits, 1)
        for name, logits in new.branch_logits.items()
        if name in old.branch_logits
    }
    notices = new.notices
    if old.model_sha256 != new.model_sha256:
        notices += (f"The other slices were predicted by the model {old.card.name}.",)
    both = replace(
        new,
        logits=merged(old.logits, new.logits, 1),
        probabilities=merged(old.probabilities, new.probabilities, 1),
        labels=merged(old.labels, new.labels, 0),
        branch_logits=branches,
        slices=tuple(sorted({*old.slices, *new.slices})),
        window=(
            min(old.window[0], new.window[0]),
            max(old.window[1], new.window[1]),
            min(old.window[2], new.window[2]),
            max(old.window[3], new.window[3]),
        ),
        notices=notices,
    )
    if both.whole and both.postprocessed:
        return replace(both, labels=drop_small_scar(both.labels, both.smallest_scar_voxels))
    return both


def logit_limit(prediction: Prediction) -> float:
    """Give the limit that all logit layers share, so that their colours compare.

    Parameters
    ----------
    prediction : Prediction
        The prediction.

    Returns
    -------
    float
        The largest absolute logit that the network computed, rounded up to a half; at least 1.
    """
    y0, y1, x0, x1 = prediction.window
    seen = prediction.logits[:, list(prediction.slices), y0:y1:2, x0:x1:2]
    largest = float(np.abs(seen).max()) if seen.size else 1.0
    return max(1.0, float(np.ceil(largest * 2) / 2))

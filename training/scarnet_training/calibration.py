"""Probabilities that mean what they say: one temperature for all logits, chosen on held-out patients.

A loss that weighs overlap, and many passes over few patients, make a network surer of itself than it is right. Dividing
its logits by a constant (Guo et al., ICML 2017) mends that and leaves the likeliest class of each voxel as it is.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from scarnet_training.labelled_case import LabelledCase

__all__ = ["choose_temperature"]

LEAST, MOST = 0.25, 10.0


def choose_temperature(predicted: Iterable[tuple[LabelledCase, npt.NDArray[np.float32]]]) -> float:
    """Choose the temperature under which the reference is likeliest.

    Parameters
    ----------
    predicted : iterable of (LabelledCase, ndarray of shape (C, Z, Y, X))
        Patients with logits of models that have not seen them, the scar logit shifted already.

    Returns
    -------
    float
        Of the least mean cross-entropy over the voxels of the heart, be it the reference's or the model's.
    """
    logits: list[npt.NDArray[np.float32]] = []
    truths: list[npt.NDArray[np.uint8]] = []
    for case, said in predicted:
        heart = (case.labels > 0) | (said.argmax(axis=0) > 0)
        logits.append(said[:, heart])
        truths.append(case.labels[heart])
    values, truth = np.concatenate(logits, axis=1), np.concatenate(truths)
    right = values[truth, np.arange(len(truth))]

    def cross_entropy(log_temperature: float) -> float:
        scale = np.float32(np.exp(-log_temperature))
        return float(np.mean(logsumexp(scale * values, axis=0) - scale * right, dtype=np.float64))

    found = minimize_scalar(cross_entropy, bounds=(np.log(LEAST), np.log(MOST)), method="bounded")
    return float(np.exp(found.x))

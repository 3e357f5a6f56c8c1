"""Which slices are worth a look: where labels left the prediction, and where the network hesitated."""

import numpy as np
import numpy.typing as npt

from scarnet.predict.labels import margin_map
from scarnet.predict.prediction import Prediction

__all__ = ["disagreement_by_slice", "unsure_by_slice"]

UNSURE_MARGIN = 0.2
"""A voxel counts as unsure where the likeliest class leads the second by less than this."""


def disagreement_by_slice(labels: npt.NDArray[np.uint8], prediction: Prediction) -> npt.NDArray[np.int64]:
    """Count the voxels of each slice that differ from the prediction.

    Parameters
    ----------
    labels : ndarray of uint8, shape (Z, Y, X)
        The labels.
    prediction : Prediction
        The prediction on the same grid.

    Returns
    -------
    ndarray of int, shape (Z,)
        0 for slices that were not predicted.
    """
    different = np.count_nonzero(labels != prediction.labels, axis=(1, 2))
    predicted = np.isin(np.arange(len(labels)), prediction.slices)
    return np.asarray(np.where(predicted, different, 0), dtype=np.int64)


def unsure_by_slice(prediction: Prediction, margin: float = UNSURE_MARGIN) -> npt.NDArray[np.int64]:
    """Count the voxels of each slice where the network hesitated between two classes.

    Parameters
    ----------
    prediction : Prediction
        The prediction.
    margin : float
        A lead of the likeliest class below this counts as hesitation.

    Returns
    -------
    ndarray of int, shape (Z,)
        0 for slices that were not predicted.
    """
    y0, y1, x0, x1 = prediction.window
    counts = np.zeros(prediction.labels.shape[0], dtype=np.int64)
    for z in prediction.slices:
        counts[z] = np.count_nonzero(margin_map(prediction.probabilities[:, z, y0:y1, x0:x1]) < margin)
    return counts

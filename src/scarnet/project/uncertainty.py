"""How unsure a network is of a case: entropy within the wall, and disagreement over flips and noise."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from scarnet.classes import TissueClass
from scarnet.predict import Prediction, entropy_map
from scarnet.progress import Progress, silent
from scarnet.stack import LGEStack

if TYPE_CHECKING:
    from scarnet.predict import Predictor

__all__ = ["Uncertainty", "disagreement", "measure_uncertainty", "wall_entropy"]

Labels = npt.NDArray[np.uint8]

NOISE = 0.05
"""Standard deviation of the noise, as a share of the range from the 1st to the 99th percentile of the image."""

_FLIPS = ((2,), (1,))


@dataclass(frozen=True)
class Uncertainty:
    """How unsure a network is of a case; 0 is sure, 1 as unsure as can be.

    Attributes
    ----------
    entropy : float
        Mean over the predicted wall of the entropy of the class probabilities, divided by log C.
    disagreement : float or None
        Share of the wall whose class is not the same in all of several views: as it is, mirrored along either axis of
        the slice, and with noise. None where that was not asked for.
    """

    entropy: float
    disagreement: float | None


def wall_entropy(prediction: Prediction) -> float:
    """Average the entropy of the class probabilities over the predicted wall.

    Parameters
    ----------
    prediction : Prediction
        The prediction.

    Returns
    -------
    float
        0 to 1; 1 where no wall was found, for then there is nothing to be sure of.
    """
    wall = _wall(prediction.labels)
    return float(entropy_map(prediction.probabilities)[wall].mean()) if wall.any() else 1.0


def disagreement(views: Sequence[Labels]) -> float:
    """Give the share of the wall in which several labellings do not all agree.

    Parameters
    ----------
    views : sequence of ndarray of uint8, shape (Z, Y, X)
        Two or more labellings of a study. The wall is where any of them has it.

    Returns
    -------
    float
        0 to 1; 1 where none has a wall.
    """
    wall = np.any([_wall(labels) for labels in views], axis=0)
    if not wall.any():
        return 1.0
    differs = np.any([labels != views[0] for labels in views[1:]], axis=0)
    return float(differs[wall].mean())


def measure_uncertainty(
    prediction: Prediction,
    stack: LGEStack,
    predictor: "Predictor | None" = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Uncertainty:
    """Measure how unsure a network is of a case.

    Parameters
    ----------
    prediction : Prediction
        What it says of the case.
    stack : LGEStack
        The case.
    predictor : Predictor, optional
        The same network without flips at test time, which predicts three more views: three quarters of the work of a
        prediction with flips. Without it the disagreement is left out.
    seed : int
        Of the noise.
    progress : Progress
        Called between views; may raise :class:`scarnet.errors.Cancelled`.

    Returns
    -------
    Uncertainty
        Entropy and disagreement.
    """
    if predictor is None:
        return Uncertainty(wall_entropy(prediction), None)
    low, high = np.percentile(stack.pixels, (1, 99))
    noise = np.random.default_rng(seed).normal(0, NOISE * (high - low), stack.shape).astype(np.float32)
    views = [prediction.labels]
    for number, axes in enumerate((*_FLIPS, ())):
        progress(number, len(_FLIPS) + 1, "Asking again")
        pixels = np.flip(stack.pixels, axes) if axes else stack.pixels + noise
        # The network does not ask where in the patient the slices lie, so the affine may stay.
        again = predictor.predict(replace(stack, pixels=pixels), postprocess=prediction.postprocessed).labels
        views.append(np.flip(again, axes) if axes else again)
    progress(len(_FLIPS) + 1, len(_FLIPS) + 1, "Asking again")
    return Uncertainty(wall_entropy(prediction), disagreement(views))


def _wall(labels: Labels) -> npt.NDArray[np.bool_]:
    return (labels == TissueClass.MYOCARDIUM) | (labels == TissueClass.SCAR)

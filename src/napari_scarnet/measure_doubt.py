"""How far to trust the volumes, from a prediction's probabilities."""

from collections.abc import Callable
from typing import Any

from scarnet.measure import probability_intervals
from scarnet.predict.prediction import Prediction
from scarnet.progress import Progress
from scarnet.stack import LGEStack

__all__ = ["doubt_work"]


def doubt_work(prediction: Prediction, stack: LGEStack) -> Callable[[Progress], dict[str, Any] | None]:
    """Give the work that finds what the probabilities expect, for a thread.

    Parameters
    ----------
    prediction : Prediction
        The case's prediction.
    stack : LGEStack
        The study.

    Returns
    -------
    callable
        Takes a progress callback; gives what :func:`scarnet.measure.probability_intervals` does, or None where the
        prediction is not of this stack any more.
    """

    def work(progress: Progress) -> dict[str, Any] | None:
        progress(0, 0, "Probabilities")
        if prediction.probabilities.shape[1:] != stack.shape:
            return None
        return probability_intervals(prediction.probabilities, stack)

    return work

"""A loss or a gradient that is no longer a number: what it ends, and how that is told."""

import math
from collections.abc import Callable, Iterable

from scarnet.errors import ScarNetError

__all__ = ["NumberWatch", "lost_number"]

# The scaler's factor starts at 2^16 and is halved each time: what overflows 20 times is not the scale's fault.
MOST_SKIPPED = 20


def lost_number(what: str, where: str, slices: str, advice: str = "") -> ScarNetError:
    """Make the error that ends a training.

    Parameters
    ----------
    what : {"loss", "gradient"}
        What is no longer a number.
    where : str
        Epoch and step.
    slices : str
        Those of the batch, by case.
    advice : str
        What to do besides looking at the slices.

    Returns
    -------
    ScarNetError
        To be raised.
    """
    return ScarNetError(
        f"The {what} is no longer a number in {where}, whose batch held {slices}; stopped. Look at these "
        f"slices{advice}."
    )


class NumberWatch:
    """Ends a training whose numbers are lost.

    Parameters
    ----------
    scaled : bool
        Whether gradients are scaled, as in fp16: one overflows now and then, and the scaler leaves such a step out.
    """

    def __init__(self, scaled: bool) -> None:
        self._scaled, self._skipped = scaled, 0

    def check(self, terms: Iterable[float], norm: float, where: str, slices: Callable[[], str]) -> None:
        """Look at what a step measured.

        Parameters
        ----------
        terms : iterable of float
            The loss and its terms.
        norm : float
            The gradient's norm.
        where : str
            Epoch and step.
        slices : callable
            Names the batch's slices.

        Raises
        ------
        ScarNetError
            The loss or the gradient is no longer a number, or the scaler has left out too many steps in a row.
        """
        if not all(map(math.isfinite, terms)):
            raise lost_number("loss", where, slices(), ", or lower the learning rate")
        if math.isfinite(norm):
            self._skipped = 0
        elif not self._scaled:
            raise lost_number("gradient", where, slices(), ", or lower the learning rate")
        else:
            self._skipped += 1
            if self._skipped == MOST_SKIPPED:
                raise ScarNetError(
                    f"The gradient was no number in {MOST_SKIPPED} steps in a row, which changed nothing, up to "
                    f"{where}, whose batch held {slices()}; stopped. Set training.precision = 'no', or lower the "
                    "learning rate."
                )

"""Weights and constants of the composite loss, and the two published sets of them."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from scarnet.classes import N_CLASSES
from scarnet.errors import ScarNetError

__all__ = ["PRESETS", "TERMS", "AdaptiveWeighting", "LossSettings"]

AdaptiveWeighting = Literal["none", "scar-presence", "uncertainty"]

TERMS = ("dice", "focal_tversky", "cross_entropy", "scar", "myocardium")
"""The five terms, in the order in which they are reported; each is also the name of its weight λ."""


@dataclass(frozen=True)
class LossSettings:
    """Weights and constants of the loss; the defaults are the paper's.

    Attributes
    ----------
    dice, focal_tversky, cross_entropy, scar, myocardium : float
        Weight λ of each term; the last two are the Dice loss of that class alone (supplement).
    alpha, beta, gamma : float
        Focal Tversky's weights of false positives and false negatives, and its exponent (Eq. 9).
    epsilon : float
        Smoothing ε of the ratios (Eqs. 9 and 10), in pixels.
    class_weights : tuple of float
        w_c of the cross-entropy (Eq. 11), by class; empty for 1 each.
    adaptive : {"none", "scar-presence", "uncertainty"}
        How the weights change during training. ``scar-presence``: the focal Tversky term counts `presence_factor`
        times in a batch that holds scar. ``uncertainty``: learned, see
        :class:`~scarnet_training.loss.CompositeLoss`.
    presence_factor : float
        The factor of ``scar-presence``.
    log_variance_limit : float
        The log variances that ``uncertainty`` learns stay between minus and plus this, so that a term which is nearly
        0 cannot take over: at 3 a term's weight changes by a factor of 20 at most.

    Raises
    ------
    ScarNetError
        A setting is not a finite number or makes no loss.
    """

    dice: float = 0.2
    focal_tversky: float = 0.2
    cross_entropy: float = 0.1
    scar: float = 0.25
    myocardium: float = 0.25
    alpha: float = 0.3
    beta: float = 0.7
    gamma: float = 0.75
    epsilon: float = 1.0
    class_weights: tuple[float, ...] = (1.0,) * N_CLASSES
    adaptive: AdaptiveWeighting = "none"
    presence_factor: float = 1.5
    log_variance_limit: float = 3.0

    def __post_init__(self) -> None:
        """Refuse settings that make no loss."""
        at_least_0 = (*TERMS, "alpha", "beta")
        above_0 = ("gamma", "epsilon", "presence_factor", "log_variance_limit")
        for name in (*at_least_0, *above_0):
            value = getattr(self, name)
            if not math.isfinite(value) or value < 0 or (value == 0 and name in above_0):
                wanted = "above 0" if name in above_0 else "0 or more"
                raise ScarNetError(f"The loss setting {name} is {value}, but must be a finite number {wanted}.")
        if not any(getattr(self, name) for name in TERMS):
            raise ScarNetError(f"All weights of the loss are 0; set at least one of {', '.join(TERMS)}.")
        if self.focal_tversky and self.alpha == self.beta == 0:
            raise ScarNetError("The loss settings alpha and beta are both 0, which leaves focal_tversky nothing to do.")
        self._check_class_weights()
        if self.adaptive not in get_args(AdaptiveWeighting):
            known = ", ".join(get_args(AdaptiveWeighting))
            raise ScarNetError(f"The loss setting adaptive is {self.adaptive!r}; use one of: {known}.")

    def _check_class_weights(self) -> None:
        weights = self.class_weights
        if len(weights) not in (0, N_CLASSES):
            raise ScarNetError(
                f"The loss setting class_weights has {len(weights)} entries; give {N_CLASSES}, one a class, or none."
            )
        if not all(math.isfinite(w) and w >= 0 for w in weights) or (weights and not any(weights)):
            raise ScarNetError("The loss setting class_weights must be finite numbers of 0 or more, and not all 0.")

    def weights(self) -> dict[str, float]:
        """Give the terms that count.

        Returns
        -------
        dict of str to float
            The weight λ of each term whose weight is above 0, in the order of `TERMS`.
        """
        return {name: getattr(self, name) for name in TERMS if getattr(self, name) > 0}


PRESETS: dict[str, LossSettings] = {
    "paper": LossSettings(),
    # The authors' published configuration.
    "repository": LossSettings(
        dice=0.4,
        focal_tversky=0.5,
        cross_entropy=0.1,
        scar=0.0,
        myocardium=0.0,
        alpha=0.7,
        beta=0.3,
        gamma=1.0,
        class_weights=(0.1, 0.3, 0.3, 0.3),
        adaptive="scar-presence",
        presence_factor=1.5,
    ),
}

"""The paper's composite loss (Eqs. 7-11 and the supplement)."""

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from scarnet.classes import N_CLASSES, TissueClass
from scarnet.errors import ScarNetError

__all__ = ["PRESETS", "CompositeLoss", "LossSettings"]


@dataclass(frozen=True)
class LossSettings:
    """Weights and constants of the loss; the defaults are the paper's.

    Attributes
    ----------
    dice, focal_tversky, cross_entropy, scar, myocardium : float
        Weight λ of each term; the last two are the Dice loss of that class alone.
    alpha, beta, gamma : float
        Focal Tversky's weights of false positives and false negatives, and its exponent (Eq. 9).
    epsilon : float
        Smoothing of the ratios, in pixels.
    class_weights : tuple of float
        w_c of the cross-entropy (Eq. 11), by class.
    scar_presence : float
        Factor on the focal Tversky term of a batch that holds scar; 1 for no adaptive weighting.
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
    class_weights: tuple[float, ...] = field(default=(1.0,) * N_CLASSES)
    scar_presence: float = 1.0

    def __post_init__(self) -> None:
        """Refuse settings that make no loss."""
        numbers = (self.dice, self.focal_tversky, self.cross_entropy, self.scar, self.myocardium)
        if min(numbers) < 0 or sum(numbers) == 0:
            raise ScarNetError("The loss weights must not be negative, and not all 0.")
        if min(self.alpha, self.beta) < 0 or min(self.gamma, self.epsilon, self.scar_presence) <= 0:
            raise ScarNetError("The loss needs alpha, beta ≥ 0 and gamma, epsilon, scar_presence > 0.")
        if len(self.class_weights) != N_CLASSES or min(self.class_weights) < 0:
            raise ScarNetError(f"The loss needs {N_CLASSES} class weights that are not negative.")


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
        scar_presence=1.5,
    ),
}


class CompositeLoss:
    """L = λ₁·DL + λ₂·FTL + λ₃·CE + λ_scar·L_scar + λ_myo·L_myo.

    Overlaps are summed over the whole batch before the ratio is taken, so that a slice without scar does not count as
    a perfect one.

    Parameters
    ----------
    settings : LossSettings
        Weights and constants.
    """

    def __init__(self, settings: LossSettings) -> None:
        self.settings = settings

    def __call__(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Measure how far the logits are from the labels.

        Parameters
        ----------
        logits : Tensor, shape (B, C, H, W)
            Before softmax.
        labels : Tensor of int64, shape (B, H, W)
            Class of each pixel.

        Returns
        -------
        loss : Tensor
            The weighted sum, a scalar.
        terms : dict of str to float
            Each term before its weight.
        """
        s = self.settings
        logits = logits.float()  # sums over a batch overflow the precision of 16 bits
        p = torch.softmax(logits, dim=1)
        g = functional.one_hot(labels, N_CLASSES).movedim(-1, 1).to(p.dtype)
        axes = (0, 2, 3)
        overlap = (p * g).sum(axes)
        predicted, present = p.sum(axes), g.sum(axes)
        dice = 1 - (2 * overlap + s.epsilon) / (predicted + present + s.epsilon)
        tversky = (overlap + s.epsilon) / (
            overlap + s.alpha * (predicted - overlap) + s.beta * (present - overlap) + s.epsilon
        )
        # A power below 1 has an infinite slope at 0, which a perfectly predicted class reaches.
        focal_tversky = (1 - tversky).clamp_min(1e-6).pow(s.gamma).mean()
        if s.scar_presence != 1.0 and bool(present[TissueClass.SCAR] > 0):
            focal_tversky = focal_tversky * s.scar_presence
        weights = torch.tensor(s.class_weights, dtype=p.dtype, device=p.device)
        cross_entropy = (functional.cross_entropy(logits, labels, reduction="none") * weights[labels]).mean()
        terms = {
            "dice": dice.mean(),
            "focal_tversky": focal_tversky,
            "cross_entropy": cross_entropy,
            "scar": dice[TissueClass.SCAR],
            "myocardium": dice[TissueClass.MYOCARDIUM],
        }
        loss = torch.stack([getattr(s, name) * term for name, term in terms.items()]).sum()
        return loss, {name: float(term.detach()) for name, term in terms.items()}

"""What is done to a trained network's logits, and taken back before it trains on."""

from typing import NamedTuple

import torch

from scarnet.classes import TissueClass
from scarnet.models.card import ModelCard
from scarnet.network.scarnet import ScarNet

__all__ = ["Correction", "carried_correction"]


class Correction(NamedTuple):
    """A constant on the fused scar logit; each branch's own stay.

    It is built into the last convolution's bias. A training that went on with it there would train it away, and with
    it whatever else makes the network call scar.

    Attributes
    ----------
    shift : float
        Added to the scar logit; see :mod:`scarnet_training.operating_point`.
    """

    shift: float = 0.0

    def apply(self, network: ScarNet) -> None:
        """Build it into a network, which is changed in place."""
        self._add(network, self.shift)

    def undo(self, network: ScarNet) -> None:
        """Take it out of a network, which is changed in place."""
        self._add(network, -self.shift)

    @staticmethod
    def _add(network: ScarNet, shift: float) -> None:
        bias = network.classifier.bias
        assert bias is not None
        with torch.no_grad():
            bias[TissueClass.SCAR] += shift


def carried_correction(card: ModelCard) -> Correction:
    """Give the correction that is in a model's weights, its own or that of a model it was fine-tuned from.

    Parameters
    ----------
    card : ModelCard
        The model's card.

    Returns
    -------
    Correction
        What was built in; one that changes nothing where nothing was.
    """
    own = card.validation.get("summary", {}).get("operating_point", {})
    if "shift" in own:
        return Correction(float(own["shift"]))
    return Correction(float(card.recipe.get("scar_shift", 0.0)))

"""How readily a trained network calls scar: a shift of its scar logit, chosen on held-out patients.

A loss that weighs overlap leaves probabilities near 0 or 1, so that the likeliest class misses faint scar. A constant
on the scar logit moves that decision and changes nothing else; it goes into the last convolution's bias.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from scarnet.classes import TissueClass
from scarnet.errors import ScarNetError
from scarnet.models.store import Model
from scarnet.network.scarnet import ScarNet
from scarnet.predict.labels import postprocess_labels
from scarnet.predict.predictor import Predictor
from scarnet.progress import Progress, silent
from scarnet_training.data import LabelledCase
from scarnet_training.validation import compare_labels

__all__ = ["OperatingPoint", "choose_shift", "measure_shifts", "shift_scar"]

SHIFTS = tuple(float(shift) for shift in np.arange(0.0, 4.01, 0.25))
LARGEST_BIAS = 1.0
"""A shift that calls more scar raises Dice in the hard patients and the amount of scar in all; points of the wall."""


@dataclass(frozen=True)
class OperatingPoint:
    """What was chosen, and what it can be expected to do.

    Attributes
    ----------
    shift : float
        Added to the scar logit.
    dice_scar_unshifted, dice_scar : float
        Mean scar Dice of the patients it was chosen on, without it and with it.
    dice_scar_left_out : float
        Mean scar Dice when each patient's shift is chosen on the other patients alone, by the same rule.
    patients : int
        Number of patients with scar.
    """

    shift: float
    dice_scar_unshifted: float
    dice_scar: float
    dice_scar_left_out: float
    patients: int

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values, as it stands in a card."""
        return {name: round(value, 4) for name, value in vars(self).items()}


def measure_shifts(
    model: Model, cases: Sequence[LabelledCase], device: str = "auto", progress: Progress = silent
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Measure each patient at each shift.

    Parameters
    ----------
    model : Model
        The model, unshifted.
    cases : sequence of LabelledCase
        Held-out patients.
    device : str
        Where to predict.
    progress : Progress
        Called before each patient.

    Returns
    -------
    overlap : ndarray, shape (P, S)
        Scar Dice in 3D of P patients at the S shifts tried; NaN for patients without scar.
    error : ndarray, shape (P, S)
        Predicted less reference scar, in points of the whole wall.
    """
    predictor = Predictor(model, device)
    overlap = np.full((len(cases), len(SHIFTS)), np.nan)
    error = np.zeros((len(cases), len(SHIFTS)))
    for patient, case in enumerate(cases):
        progress(patient, len(cases), "Choosing how readily scar is called")
        logits = predictor.predict(case.stack).logits.copy()
        scar = logits[TissueClass.SCAR].copy()
        for index, shift in enumerate(SHIFTS):
            logits[TissueClass.SCAR] = scar + shift
            figures = compare_labels(case.labels, postprocess_labels(logits.argmax(axis=0).astype(np.uint8)))
            error[patient, index] = figures["scar_percent_predicted"] - figures["scar_percent_reference"]
            if case.has_scar:
                overlap[patient, index] = figures["dice_scar"]
    return overlap, error


def choose_shift(overlap: npt.NDArray[np.float64], error: npt.NDArray[np.float64]) -> OperatingPoint:
    """Choose the shift of the highest mean scar Dice among those that hardly bias the amount of scar.

    Parameters
    ----------
    overlap, error : ndarray, shape (P, S)
        From :func:`measure_shifts`.

    Returns
    -------
    OperatingPoint
        The choice, with what it gives on each patient when the others alone choose.

    Raises
    ------
    ScarNetError
        Fewer than two patients have scar.
    """
    with_scar = np.flatnonzero(~np.isnan(overlap[:, 0]))
    if len(with_scar) < 2:
        raise ScarNetError("Choosing the scar shift needs at least two held-out patients with scar.")
    best = _best(overlap, error)
    left_out = [overlap[p, _best(np.delete(overlap, p, axis=0), np.delete(error, p, axis=0))] for p in with_scar]
    return OperatingPoint(
        shift=SHIFTS[best],
        dice_scar_unshifted=float(overlap[with_scar, 0].mean()),
        dice_scar=float(overlap[with_scar, best].mean()),
        dice_scar_left_out=float(np.mean(left_out)),
        patients=len(with_scar),
    )


def _best(overlap: npt.NDArray[np.float64], error: npt.NDArray[np.float64]) -> int:
    bias = np.abs(error.mean(axis=0))
    allowed = bias <= max(LARGEST_BIAS, bias.min())
    return int(np.where(allowed, np.nanmean(overlap, axis=0), -1.0).argmax())


def shift_scar(network: ScarNet, shift: float) -> None:
    """Add a constant to the fused scar logit; each branch's own logits stay.

    Parameters
    ----------
    network : ScarNet
        The network, changed in place.
    shift : float
        The constant.
    """
    bias = network.classifier.bias
    assert bias is not None
    with torch.no_grad():
        bias[TissueClass.SCAR] += shift

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
from torch import nn

from scarnet.classes import TissueClass
from scarnet.errors import ScarNetError
from scarnet.models.store import Model
from scarnet.network.scarnet import ScarNet
from scarnet.predict.labels import postprocess_labels
from scarnet.predict.predictor import Predictor
from scarnet.progress import Progress, silent
from scarnet_training.data import LabelledCase
from scarnet_training.validation import dice

__all__ = ["OperatingPoint", "choose_shift", "measure_shifts", "shift_scar"]

SHIFTS = tuple(float(shift) for shift in np.arange(0.0, 4.01, 0.25))


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
        Mean scar Dice when each patient's shift is chosen on the other patients alone.
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
) -> npt.NDArray[np.float64]:
    """Measure each patient's scar Dice at each shift.

    Parameters
    ----------
    model : Model
        The model, unshifted.
    cases : sequence of LabelledCase
        Held-out patients; those without scar are left out.
    device : str
        Where to predict.
    progress : Progress
        Called before each patient.

    Returns
    -------
    ndarray, shape (P, S)
        Scar Dice in 3D of P patients with scar at the S shifts tried.
    """
    predictor = Predictor(model, device)
    with_scar = [case for case in cases if case.has_scar]
    table = []
    for done, case in enumerate(with_scar):
        progress(done, len(with_scar), "Choosing how readily scar is called")
        logits = predictor.predict(case.stack).logits.copy()
        scar, truth, row = logits[TissueClass.SCAR].copy(), case.labels == TissueClass.SCAR, []
        for shift in SHIFTS:
            logits[TissueClass.SCAR] = scar + shift
            labels = postprocess_labels(logits.argmax(axis=0).astype(np.uint8))
            row.append(dice(truth, labels == TissueClass.SCAR) or 0.0)
        table.append(row)
    return np.array(table)


def choose_shift(table: npt.NDArray[np.float64]) -> OperatingPoint:
    """Choose the shift of the highest mean scar Dice.

    Parameters
    ----------
    table : ndarray, shape (P, S)
        From :func:`measure_shifts`.

    Returns
    -------
    OperatingPoint
        The choice, with what it gives on patients that had no say in it.

    Raises
    ------
    ScarNetError
        Fewer than two patients have scar.
    """
    if len(table) < 2:
        raise ScarNetError("Choosing the scar shift needs at least two held-out patients with scar.")
    best = int(table.mean(axis=0).argmax())
    others = [int(np.delete(table, patient, axis=0).mean(axis=0).argmax()) for patient in range(len(table))]
    return OperatingPoint(
        shift=SHIFTS[best],
        dice_scar_unshifted=float(table[:, 0].mean()),
        dice_scar=float(table[:, best].mean()),
        dice_scar_left_out=float(table[np.arange(len(table)), others].mean()),
        patients=len(table),
    )


def shift_scar(network: ScarNet, shift: float) -> None:
    """Add a constant to the fused scar logit; each branch's own logits stay.

    Parameters
    ----------
    network : ScarNet
        The network, changed in place.
    shift : float
        The constant.
    """
    classify = network.fusion.classify
    assert isinstance(classify, nn.Conv2d)
    assert classify.bias is not None
    with torch.no_grad():
        classify.bias[TissueClass.SCAR] += shift

"""How readily a trained network calls scar, chosen on held-out patients: a shift of its logit, and a smallest size.

A loss that weighs overlap leaves probabilities near 0 or 1, so that the likeliest class misses faint scar. A constant
on the scar logit moves that decision and changes nothing else; it goes into the last convolution's bias. Specks of scar
in a patient without any are dropped by their size, which stands in the card.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from scarnet.classes import TissueClass
from scarnet.errors import ScarNetError
from scarnet.models.store import Model
from scarnet.predict.labels import drop_small_scar, postprocess_labels
from scarnet.predict.predictor import Predictor
from scarnet.progress import Progress, silent
from scarnet_training.correction import Correction
from scarnet_training.labelled_case import LabelledCase
from scarnet_training.validation import compare_labels

__all__ = [
    "Choices",
    "OperatingPoint",
    "choose_on_patients",
    "choose_point",
    "measure_choices",
]

SHIFTS = tuple(float(shift) for shift in np.arange(-1.0, 4.01, 0.25))
SIZES_ML = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
LARGEST_BIAS = 1.0
"""A shift that calls more scar raises Dice in the hard patients and the amount of scar in all; points of the wall."""
LEAST_SPECIFICITY = 0.8
"""Share of the patients without scar in whom none is to be claimed."""

Numbers = npt.NDArray[np.float64]
Predicted = tuple[LabelledCase, npt.NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Choices:
    """What each choice gives in each patient; every array has the shape (P patients, S shifts, G sizes).

    Attributes
    ----------
    overlap : ndarray
        3D scar Dice; NaN for patients without scar.
    error : ndarray
        Predicted less reference scar, in points of the whole wall.
    claimed : ndarray of bool
        Whether any scar is claimed.
    """

    overlap: Numbers
    error: Numbers
    claimed: npt.NDArray[np.bool_]

    def without(self, patient: int) -> "Choices":
        """Leave a patient out."""
        kept = np.arange(len(self.overlap)) != patient
        return Choices(self.overlap[kept], self.error[kept], self.claimed[kept])


@dataclass(frozen=True)
class OperatingPoint:
    """What was chosen, and what it can be expected to do.

    Attributes
    ----------
    shift : float
        Added to the scar logit.
    smallest_scar_ml : float
        Connected scar below this is not claimed.
    dice_scar_unshifted, dice_scar : float
        Mean scar Dice of the patients it was chosen on, with neither and with both.
    dice_scar_left_out, specificity_left_out : float
        Mean scar Dice, and share of the patients without scar in whom none is claimed, when each patient's choice is
        made on the other patients alone, by the same rule.
    bias : float
        Mean predicted less reference scar of all patients, in points of the whole wall.
    patients : int
        Number of patients with scar.
    """

    shift: float
    smallest_scar_ml: float
    dice_scar_unshifted: float
    dice_scar: float
    dice_scar_left_out: float
    specificity_left_out: float | None
    bias: float
    patients: int

    @property
    def correction(self) -> Correction:
        """What is to be built into the network."""
        return Correction(self.shift)

    def logits(self, logits: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
        """Give the logits (C, Z, Y, X) of the model with the choice built in, of those without."""
        shifted = logits.copy()
        shifted[TissueClass.SCAR] += self.shift
        return shifted

    def labels(self, logits: npt.NDArray[np.floating[Any]], voxel_ml: float) -> npt.NDArray[np.uint8]:
        """Give the labels of a model that was not shifted, as those of the shifted one would be.

        Parameters
        ----------
        logits : ndarray, shape (C, Z, Y, X)
            Its logits.
        voxel_ml : float
            Volume of a voxel.

        Returns
        -------
        ndarray of uint8, shape (Z, Y, X)
            The likeliest class of each voxel, cleaned, without scar that is too small to be believed.
        """
        labels = postprocess_labels(self.logits(logits).argmax(axis=0).astype(np.uint8))
        return drop_small_scar(labels, math.ceil(self.smallest_scar_ml / voxel_ml))

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values, as it stands in a card."""
        return {name: None if value is None else round(value, 4) for name, value in vars(self).items()}


def choose_on_patients(
    model: Model, cases: Sequence[LabelledCase], device: str = "auto", progress: Progress = silent
) -> OperatingPoint:
    """Choose shift and smallest size on patients that a model has not seen.

    Parameters
    ----------
    model : Model
        The model, without any correction.
    cases : sequence of LabelledCase
        Held-out patients.
    device : str
        Where to predict.
    progress : Progress
        Called before each patient.

    Returns
    -------
    OperatingPoint
        The choice.

    Raises
    ------
    ScarNetError
        Fewer than two patients have scar.
    """
    predictor = Predictor(model, device)

    def predicted() -> Iterator[Predicted]:
        for done, case in enumerate(cases):
            progress(done, len(cases), "Choosing how readily scar is called")
            yield case, predictor.predict(case.stack).logits

    return choose_point(measure_choices(predicted()))


def measure_choices(predicted: Iterable[Predicted]) -> Choices:
    """Measure each choice on logits of held-out patients, of one model or of each fold's.

    Parameters
    ----------
    predicted : iterable of (LabelledCase, ndarray of shape (C, Z, Y, X))
        Patients with their unshifted logits.

    Returns
    -------
    Choices
        What each gives.
    """
    rows: list[list[list[tuple[float, float, bool]]]] = []
    for case, logits in predicted:
        # Background everywhere, whatever the shift: leaving it out changes nothing but the time it takes.
        most = logits.copy()
        most[TissueClass.SCAR] += SHIFTS[-1]
        box = ndimage.find_objects(((case.labels > 0) | (most.argmax(axis=0) > 0)).astype(np.uint8))
        reference, logits = (case.labels[box[0]], logits[:, *box[0]]) if box else (case.labels, logits)
        shifted = logits.copy()
        rows.append([])
        for shift in SHIFTS:
            shifted[TissueClass.SCAR] = logits[TissueClass.SCAR] + shift
            labels = postprocess_labels(shifted.argmax(axis=0).astype(np.uint8))
            rows[-1].append([])
            for size_ml in SIZES_ML:
                figures = compare_labels(reference, drop_small_scar(labels, math.ceil(size_ml / case.stack.voxel_ml)))
                overlap = figures["dice_scar"] if case.has_scar else np.nan
                error = figures["scar_percent_predicted"] - figures["scar_percent_reference"]
                rows[-1][-1].append((overlap, error, figures["scar_percent_predicted"] > 0))
    values = np.array(rows, dtype=np.float64).reshape(len(rows), len(SHIFTS), len(SIZES_ML), 3)
    return Choices(values[..., 0], values[..., 1], values[..., 2] > 0)


def choose_point(choices: Choices) -> OperatingPoint:
    """Choose shift and smallest size: the best mean scar Dice that hardly biases the amount and seldom alarms falsely.

    Parameters
    ----------
    choices : Choices
        From :func:`measure_choices`.

    Returns
    -------
    OperatingPoint
        Of the choices with a bias within :data:`LARGEST_BIAS` and no scar claimed in :data:`LEAST_SPECIFICITY` of the
        patients without any, that of the highest mean scar Dice; where none holds both, those nearest to it.

    Raises
    ------
    ScarNetError
        Fewer than two patients have scar.
    """
    with_scar = np.flatnonzero(~np.isnan(choices.overlap[:, 0, 0]))
    without = np.flatnonzero(np.isnan(choices.overlap[:, 0, 0]))
    if len(with_scar) < 2:
        raise ScarNetError("Choosing how readily scar is called needs at least two held-out patients with scar.")
    best = _best(choices)
    left_out = {int(p): _best(choices.without(int(p))) for p in range(len(choices.overlap))}
    return OperatingPoint(
        shift=SHIFTS[best[0]],
        smallest_scar_ml=SIZES_ML[best[1]],
        dice_scar_unshifted=float(choices.overlap[with_scar, SHIFTS.index(0.0), 0].mean()),
        dice_scar=float(choices.overlap[with_scar, best[0], best[1]].mean()),
        dice_scar_left_out=float(np.mean([choices.overlap[p, *left_out[p]] for p in with_scar.tolist()])),
        specificity_left_out=float(np.mean([not choices.claimed[p, *left_out[p]] for p in without.tolist()]))
        if len(without)
        else None,
        bias=float(choices.error[:, best[0], best[1]].mean()),
        patients=len(with_scar),
    )


def _best(choices: Choices) -> tuple[int, int]:
    bias = np.abs(choices.error.mean(axis=0))
    without = np.isnan(choices.overlap[:, 0, 0])
    alarms = choices.claimed[without].mean(axis=0) if without.any() else np.zeros_like(bias)
    most = 1 - LEAST_SPECIFICITY + 1e-9
    allowed = (bias <= LARGEST_BIAS) & (alarms <= most)
    if not allowed.any():
        excess = np.maximum(bias - LARGEST_BIAS, 0) / LARGEST_BIAS + np.maximum(alarms - most, 0)
        allowed = excess <= excess.min() + 1e-9
    scored = np.where(allowed, np.nanmean(choices.overlap, axis=0), -1.0)
    shift, size = np.unravel_index(int(scored.argmax()), scored.shape)
    return int(shift), int(size)

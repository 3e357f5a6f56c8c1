"""What each fold's model says about the patients it has not seen, kept so that tables need no network."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.errors import ScarNetError
from scarnet.files import atomic_path
from scarnet.models.card import ModelCard
from scarnet.models.store import read_model
from scarnet.predict.outside import OUTSIDE_LOGITS
from scarnet.predict.predictor import Predictor
from scarnet.progress import Progress, silent
from scarnet_training.cohort import load_cohort
from scarnet_training.experiments.crossval import check_fold
from scarnet_training.labelled_case import LabelledCase
from scarnet_training.recipe import Recipe

__all__ = ["OUTPUTS", "OutOfFold", "output_used", "predict_fold", "read_predictions"]

OUTPUTS = ("plain", "flips", "unet", "medsam")
"""The fused logits without and with test-time flips, and each branch's own without."""

FILE = "predictions.npz"


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """One patient's logits from the model that has not seen it.

    Attributes
    ----------
    case : LabelledCase
        The patient.
    window : tuple of int
        The part of each slice that was computed, (y0, y1, x0, x1).
    inside : Mapping of str to ndarray of float16, shape (C, Z, h, w)
        Logits in the window, by output; those of a branch the network lacks are missing.
    """

    case: LabelledCase
    window: tuple[int, int, int, int]
    inside: dict[str, npt.NDArray[np.float16]]

    def logits(self, output: str) -> npt.NDArray[np.float32]:
        """Give an output's logits (C, Z, Y, X) on the patient's own grid."""
        y0, y1, x0, x1 = self.window
        whole = np.empty((len(OUTSIDE_LOGITS), *self.case.stack.shape), np.float32)
        whole[:] = np.array(OUTSIDE_LOGITS)[:, None, None, None]
        whole[:, :, y0:y1, x0:x1] = self.inside[output]
        return whole


def output_used(card: ModelCard) -> str:
    """Say which of :data:`OUTPUTS` a model is meant to be used with."""
    return "flips" if card.recipe.get("test_time_flips") else "plain"


def predict_fold(recipe: Recipe, folder: Path, with_flips: bool, progress: Progress = silent) -> Path:
    """Predict a fold's held-out patients from their whole stacks, unless that was done.

    Parameters
    ----------
    recipe : Recipe
        The fold's recipe.
    folder : Path
        Its run folder, with the model.
    with_flips : bool
        With test-time flips too, which take four times as long.
    progress : Progress
        Called before each patient.

    Returns
    -------
    Path
        The file with the logits.

    Raises
    ------
    ScarNetError
        The fold was trained by another recipe.
    """
    check_fold(recipe, folder)
    path = folder / FILE
    if path.is_file():
        return path
    model = read_model(folder / "model.safetensors")
    plain, flips = (Predictor(model, test_time_flips=on) for on in (False, True))
    kept: dict[str, Any] = {}
    validation = load_cohort(recipe).validation
    for done, case in enumerate(validation):
        progress(done, len(validation), "Predicting held-out patients")
        one = plain.predict(case.stack, branches=True)
        y0, y1, x0, x1 = one.window
        found = {"plain": one.logits, **one.branch_logits}
        if with_flips:
            found["flips"] = flips.predict(case.stack).logits
        name = case.stack.case
        kept[f"{name}/window"] = np.array(one.window)
        for output, logits in found.items():
            kept[f"{name}/{output}"] = logits[:, :, y0:y1, x0:x1].astype(np.float16)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **kept)
    return path


def read_predictions(folder: Path, cases: dict[str, LabelledCase]) -> Iterator[OutOfFold]:
    """Read what :func:`predict_fold` kept.

    Parameters
    ----------
    folder : Path
        The fold's run folder.
    cases : dict of str to LabelledCase
        The patients by name.

    Yields
    ------
    OutOfFold
        One a patient.

    Raises
    ------
    ScarNetError
        The file is not there, or names a patient that is not among the cases.
    """
    path = folder / FILE
    if not path.is_file():
        raise ScarNetError(f"{path} is not there; run the experiment first.")
    with np.load(path) as stored:
        for name in sorted({key.partition("/")[0] for key in stored.files}):
            if name not in cases:
                raise ScarNetError(f"{path} holds the case {name}, which the dataset does not.")
            y0, y1, x0, x1 = (int(value) for value in stored[f"{name}/window"])
            inside = {output: stored[f"{name}/{output}"] for output in OUTPUTS if f"{name}/{output}" in stored.files}
            yield OutOfFold(cases[name], (y0, y1, x0, x1), inside)

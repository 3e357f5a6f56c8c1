"""Figures on patients that the training never saw."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.evaluate.case import class_mask
from scarnet.evaluate.overlap import dice
from scarnet.models.store import Model
from scarnet.predict.predictor import Predictor
from scarnet.progress import Progress, silent
from scarnet_training.labelled_case import LabelledCase

__all__ = ["compare_labels", "summarise", "validate_model"]


def compare_labels(reference: npt.NDArray[np.uint8], predicted: npt.NDArray[np.uint8]) -> dict[str, Any]:
    """Compare one patient's labels in 3D.

    Parameters
    ----------
    reference, predicted : ndarray of uint8, shape (Z, Y, X)
        Our classes.

    Returns
    -------
    dict
        ``dice_myocardium`` (whole wall: myocardium and scar), ``dice_blood_pool`` and ``dice_scar``, each None where
        the reference holds none, as where nobody labelled the blood pool; ``scar_percent_reference`` and
        ``scar_percent_predicted`` of the whole wall.
    """
    (wall, wall_found), (scar, scar_found), (pool, pool_found) = (
        (class_mask(reference, name), class_mask(predicted, name)) for name in ("myocardium", "scar", "blood_pool")
    )
    return {
        "dice_myocardium": dice(wall, wall_found) if wall.any() else None,
        "dice_blood_pool": dice(pool, pool_found) if pool.any() else None,
        "dice_scar": dice(scar, scar_found) if scar.any() else None,
        "scar_percent_reference": 100 * float(scar.sum()) / max(int(wall.sum()), 1),
        "scar_percent_predicted": 100 * float(scar_found.sum()) / max(int(wall_found.sum()), 1),
    }


def summarise(patients: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Summarise patients.

    Parameters
    ----------
    patients : Mapping
        From case name to what :func:`compare_labels` gave.

    Returns
    -------
    dict
        Mean and median Dice by class with the number of patients they rest on; scar Dice only over patients with
        reference scar; the others are counted in ``false_alarms`` of ``patients_without_scar``.
    """
    summary: dict[str, Any] = {}
    for key in ("dice_myocardium", "dice_blood_pool", "dice_scar"):
        values = [p[key] for p in patients.values() if p[key] is not None]
        if values:
            summary[key] = {
                "mean": round(float(np.mean(values)), 4),
                "median": round(float(np.median(values)), 4),
                "n": len(values),
            }
    without = [p for p in patients.values() if p["scar_percent_reference"] == 0]
    summary["patients_without_scar"] = len(without)
    summary["false_alarms"] = sum(p["scar_percent_predicted"] > 0 for p in without)
    differences = [p["scar_percent_predicted"] - p["scar_percent_reference"] for p in patients.values()]
    if differences:
        summary["scar_percent_bias"] = round(float(np.mean(differences)), 3)
    return summary


def validate_model(
    model: Model, cases: Sequence[LabelledCase], device: str = "auto", progress: Progress = silent
) -> dict[str, Any]:
    """Predict cases just as a user would, from the whole uncropped stack, and compare.

    Parameters
    ----------
    model : Model
        The model, with the test-time flips its card recommends.
    cases : sequence of LabelledCase
        Patients it has not seen.
    device : str
        Where to predict.
    progress : Progress
        Called before each case.

    Returns
    -------
    dict
        ``summary`` and ``patients``.
    """
    predictor = Predictor(model, device)
    patients = {}
    for done, case in enumerate(cases):
        progress(done, len(cases), "Validating")
        patients[case.stack.case] = {
            key: None if value is None else round(value, 4)
            for key, value in compare_labels(case.labels, predictor.predict(case.stack).labels).items()
        }
    return {"summary": summarise(patients), "patients": patients}

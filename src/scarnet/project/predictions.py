"""A case's prediction on disk: labels for any tool to open, logits of the window the network saw, and its card."""

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from scarnet.errors import ScarNetError
from scarnet.files import atomic_path, make_folder, reason_of, scratch_in
from scarnet.io import read_labels, write_labels
from scarnet.models import ModelCard
from scarnet.predict import OUTSIDE_LOGITS, Prediction
from scarnet.project.layout import LABELS
from scarnet.project.stored import read_json, write_json
from scarnet.stack import LGEStack

__all__ = ["PredictionInfo", "read_info", "read_predicted_labels", "read_prediction", "write_prediction"]

_INFO, _LOGITS = "prediction.json", "logits.npz"
_OWN = {"background": 0, "myocardium": 1, "blood pool": 2, "scar": 3}


@dataclass(frozen=True)
class PredictionInfo:
    """What the queue shows of a prediction.

    Attributes
    ----------
    model, sha256 : str
        What predicted it: the model's name, in the project where it has it, else in the registry; and its digest.
    time : str
        When (UTC).
    scar_percent : float or None
        In percent of the wall; None without a wall.
    entropy, disagreement : float or None
        See :class:`scarnet.project.uncertainty.Uncertainty`.
    """

    model: str
    sha256: str
    time: str
    scar_percent: float | None
    entropy: float | None
    disagreement: float | None


def write_prediction(folder: Path, prediction: Prediction, stack: LGEStack, info: PredictionInfo) -> None:
    """Write a prediction; the one before is replaced once all of it is written.

    Parameters
    ----------
    folder : Path
        Where it belongs.
    prediction : Prediction
        All of the stack's slices.
    stack : LGEStack
        The study.
    info : PredictionInfo
        What the queue shows.

    Raises
    ------
    ScarNetError
        It cannot be written; the one before is as it was.

    Notes
    -----
    Logits are kept in 16 bits, which moves a probability by about 0.001 at most, and only within the window that the
    network saw: outside it they are one constant. Branch logits are not kept.
    """
    y0, y1, x0, x1 = prediction.window
    inside = prediction.logits[:, list(prediction.slices), y0:y1, x0:x1]
    description = {
        **vars(info),
        "window": list(prediction.window),
        "slices": list(prediction.slices),
        "device": prediction.device,
        "seconds": round(prediction.seconds, 3),
        "postprocessed": prediction.postprocessed,
        "smallest_scar_voxels": prediction.smallest_scar_voxels,
        "notices": list(prediction.notices),
        "card": json.loads(prediction.card.to_json()),
    }
    make_folder(folder)
    try:
        with scratch_in(folder) as scratch:
            write_labels(scratch / LABELS, prediction.labels, stack)
            with atomic_path(scratch / _LOGITS) as temporary:
                np.savez_compressed(temporary, logits=inside.astype(np.float16))
            write_json(scratch / _INFO, description)
            # Without its description a prediction counts as none, so that no mixture of two is ever taken for one.
            (folder / _INFO).unlink(missing_ok=True)
            for name in (LABELS, _LOGITS, _INFO):
                (scratch / name).replace(folder / name)
    except (OSError, ScarNetError) as error:
        raise ScarNetError(f"Cannot write {folder}: {reason_of(error)}.") from error


def read_info(folder: Path) -> PredictionInfo | None:
    """Read what the queue shows of a prediction.

    Parameters
    ----------
    folder : Path
        Where it is.

    Returns
    -------
    PredictionInfo or None
        None where there is none, or a damaged one: it can be made again at any time.
    """
    try:
        values = read_json(folder / _INFO)
        return PredictionInfo(**{name: values[name] for name in PredictionInfo.__dataclass_fields__})
    except (ScarNetError, KeyError):
        return None


def read_prediction(folder: Path, stack: LGEStack) -> Prediction | None:
    """Read a prediction back.

    Parameters
    ----------
    folder : Path
        Where it is.
    stack : LGEStack
        The study.

    Returns
    -------
    Prediction or None
        On the study's grid; None where there is none.

    Raises
    ------
    ScarNetError
        A file is damaged or missing; predict the case again.
    """
    if read_info(folder) is None:
        return None
    values = read_json(folder / _INFO)
    try:
        y0, y1, x0, x1 = (int(edge) for edge in values["window"])
        slices = tuple(int(z) for z in values["slices"])
        logits = _outside(stack)
        with np.load(folder / _LOGITS) as stored:
            logits[:, list(slices), y0:y1, x0:x1] = stored["logits"]
        return Prediction(
            logits=logits,
            probabilities=_softmax(logits),
            labels=read_labels(folder / LABELS, stack, _OWN),
            slices=slices,
            window=(y0, y1, x0, x1),
            card=ModelCard.from_json(json.dumps(values["card"])),
            model_sha256=str(values["sha256"]),
            case=stack.case,
            device=str(values["device"]),
            seconds=float(values["seconds"]),
            postprocessed=bool(values["postprocessed"]),
            smallest_scar_voxels=int(values["smallest_scar_voxels"]),
            notices=tuple(values["notices"]),
        )
    except (OSError, ValueError, KeyError, TypeError, BadZipFile, zlib.error) as error:
        raise ScarNetError(f"{stack.case}: its prediction is damaged; predict the case again.") from error


def read_predicted_labels(folder: Path, stack: LGEStack) -> npt.NDArray[np.uint8] | None:
    """Read a prediction's labels alone.

    Parameters
    ----------
    folder : Path
        Where it is.
    stack : LGEStack
        The study.

    Returns
    -------
    ndarray of uint8, shape (Z, Y, X), or None
        Class of each voxel; None where there is no prediction.

    Raises
    ------
    ScarNetError
        The file is damaged or missing; predict the case again.
    """
    if read_info(folder) is None:
        return None
    try:
        return read_labels(folder / LABELS, stack, _OWN)
    except ScarNetError as error:
        raise ScarNetError(f"{stack.case}: its prediction is damaged; predict the case again.") from error


def _outside(stack: LGEStack) -> Any:
    logits = np.empty((len(OUTSIDE_LOGITS), *stack.shape), np.float32)
    logits[:] = np.asarray(OUTSIDE_LOGITS, np.float32)[:, None, None, None]
    return logits


def _softmax(logits: Any) -> Any:
    shifted = np.exp(logits - logits.max(axis=0))
    return shifted / shifted.sum(axis=0)

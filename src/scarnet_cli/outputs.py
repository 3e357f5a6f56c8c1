"""A case's folder of results, written whole or not at all."""

import json
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import scarnet
from scarnet.errors import ScarNetError
from scarnet.files import atomic_path, make_folder, reason_of, scratch_in

if TYPE_CHECKING:
    from scarnet.predict.prediction import Prediction
    from scarnet.stack import LGEStack

__all__ = ["CASE_FILES", "FURTHER_OUTPUTS", "OUTPUTS", "check_replaceable", "replaced_folder", "write_case"]

OUTPUTS = ("labels", "probabilities", "logits")
"""What a case's folder holds besides ``result.json`` unless ``--save`` says otherwise."""

FURTHER_OUTPUTS = {"tiff": "labels_imagej.tif", "dicom": "segmentation.dcm"}
"""What it can hold besides, as in ``--save``, and the file it is."""

CASE_FILES = (*(f"{name}.nii.gz" for name in OUTPUTS), *FURTHER_OUTPUTS.values(), "result.json")

_OF_THE_SYSTEM = (".DS_Store", "Thumbs.db", "desktop.ini")


def check_replaceable(target: Path, may_hold: Collection[str]) -> None:
    """Refuse to replace a folder that holds anything we did not write.

    Parameters
    ----------
    target : Path
        The folder that would be replaced, if it exists.
    may_hold : collection of str
        Names of what we write into it, or patterns such as ``*.dcm``.

    Raises
    ------
    ScarNetError
        It is a file, or holds something else: a study, or someone's corrections.
    """
    if target.resolve() == Path.cwd():
        raise ScarNetError(
            f"{target} is the folder you are in, which cannot be replaced; choose another output folder."
        )
    try:
        if target.is_symlink() or (target.exists() and not target.is_dir()):
            raise ScarNetError(f"{target} exists and is not a folder; choose another output folder with -o.")
        names = [path.name for path in target.iterdir()] if target.exists() else []
    except OSError as error:
        raise ScarNetError(f"Cannot write to {target}: {error.strerror}.") from error
    ours = (*may_hold, *_OF_THE_SYSTEM)
    if names and not may_hold:
        raise ScarNetError(f"{target} is not empty; choose a new or an empty folder.")
    if not all(any(fnmatchcase(name, pattern) for pattern in ours) for name in names):
        raise ScarNetError(
            f"{target} would be replaced, but holds files that this command did not write; "
            "move it away, or choose another output folder with -o."
        )


@contextmanager
def replaced_folder(target: Path, may_hold: Collection[str]) -> Iterator[Path]:
    """Give a new folder that takes the target's place when the block ends well.

    Parameters
    ----------
    target : Path
        Where the finished folder belongs; what stands there is replaced as a whole, only at the end.
    may_hold : collection of str
        Names of what we write into it, or patterns such as ``*.dcm``.

    Yields
    ------
    Path
        An empty folder of the target's name.

    Raises
    ------
    ScarNetError
        The place cannot be written to, the disk is full, or the target holds anything we did not write;
        the target is as it was before.
    """
    check_replaceable(target, may_hold)
    make_folder(target.parent)
    with scratch_in(target.parent) as folder:
        fresh, old = folder / target.name, folder / "replaced" / target.name
        try:
            fresh.mkdir()
            yield fresh
            old.parent.mkdir()
            _swap(fresh, target, old)
        except ScarNetError as error:
            # The user knows the target, not the folder beside it.
            raise ScarNetError(str(error).replace(str(fresh), str(target))) from error
        except OSError as error:
            raise ScarNetError(f"Cannot write {target}: {reason_of(error)}.") from error


def _swap(fresh: Path, target: Path, old: Path) -> None:
    """Put the fresh folder in the target's place; undo that if it fails or is interrupted half-way."""
    try:
        if target.exists():
            target.replace(old)
        fresh.replace(target)
    except BaseException:
        if old.exists() and not target.exists():
            old.replace(target)
        raise


def write_case(
    folder: Path,
    stack: "LGEStack",
    prediction: "Prediction",
    *,
    model_name: str,
    read_seconds: float,
    save: Sequence[str] = OUTPUTS,
) -> dict[str, Any]:
    """Write what was found in a case: NIfTI files on the study's grid, and ``result.json``.

    Parameters
    ----------
    folder : Path
        An existing folder, as :func:`replaced_folder` gives.
    stack : LGEStack
        The study.
    prediction : Prediction
        What the network said about it.
    model_name : str
        The model's name in the registry.
    read_seconds : float
        How long reading the study took.
    save : sequence of str
        Which of :data:`OUTPUTS` to write.

    Returns
    -------
    dict
        What ``result.json`` holds.

    Raises
    ------
    ScarNetError
        A file cannot be written.
    """
    from scarnet.io import write_channels, write_labels
    from scarnet.measure import measure_labels

    started = time.perf_counter()
    if "labels" in save:
        write_labels(folder / "labels.nii.gz", prediction.labels, stack)
    for name in ("probabilities", "logits"):
        if name in save:
            write_channels(folder / f"{name}.nii.gz", getattr(prediction, name), stack)
    result: dict[str, Any] = {
        "case": stack.case,
        "model": {"name": model_name, "sha256": prediction.model_sha256},
        # What a card that does not tell its cases cannot say is null.
        "seen_in_training": prediction.card.saw_in_training(stack.case),
        "device": prediction.device,
        "seconds": {
            "read": round(read_seconds, 3),
            "predict": round(prediction.seconds, 3),
            "write": round(time.perf_counter() - started, 3),
        },
        "spacing_mm": list(stack.spacing_mm),
        "measures": measure_labels(prediction.labels, stack),
        "notes": list(stack.source.notes),
        "notices": list(prediction.notices),
        "scarnet_version": scarnet.__version__,
    }
    with atomic_path(folder / "result.json") as path:
        path.write_text(json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    return result

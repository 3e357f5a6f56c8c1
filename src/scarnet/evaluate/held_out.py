"""Patients a model was trained on say nothing about new ones: who they are, and how to leave them out."""

import json
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from scarnet.errors import ScarNetError
from scarnet.evaluate.pairing import LabelSet

__all__ = ["keep_cases", "read_held_out", "seen_in_training"]

_RESULT = "result.json"


def read_held_out(path: Path) -> tuple[str, ...]:
    """Read who a training held out to measure its model on.

    Parameters
    ----------
    path : Path
        A run's ``splits.json``, or nnU-Net's ``splits_final.json``: a list with one ``{"train": [], "val": []}``.

    Returns
    -------
    tuple of str
        The names of its cases to validate on, at least one.

    Raises
    ------
    ScarNetError
        The file cannot be read, is something else, holds several splits, or holds nobody out.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScarNetError(f"Cannot read {path}: {error.strerror}.") from error
    except ValueError as error:
        raise ScarNetError(f"{path} is not valid JSON; give a run's splits.json.") from error
    splits = stored if isinstance(stored, list) else [stored]
    if not splits or not all(isinstance(split, dict) and _is_names(split.get("val")) for split in splits):
        raise ScarNetError(f'{path} is no list of splits such as [{{"train": [names], "val": [names]}}].')
    if len(splits) > 1:
        raise ScarNetError(
            f"{path} holds {len(splits)} splits, and which of them is meant is not known; give a file with the one "
            "that the model was trained with."
        )
    held_out = tuple(splits[0]["val"])
    if not held_out:
        raise ScarNetError(f"{path} holds nobody out: there is no patient that this training has not seen.")
    return held_out


def keep_cases(labels: LabelSet, cases: Collection[str]) -> LabelSet:
    """Keep the files of some cases.

    Parameters
    ----------
    labels : LabelSet
        The files.
    cases : collection of str
        The cases to keep.

    Returns
    -------
    LabelSet
        With their files alone.
    """
    return replace(labels, files={name: file for name, file in labels.files.items() if name in cases})


def seen_in_training(files: dict[str, Path]) -> tuple[str, ...]:
    """Say which cases were labelled by a model that had been trained on them.

    Parameters
    ----------
    files : dict of str to Path
        Label files by case. What ``scarnet segment`` wrote has a ``result.json`` beside it that tells; nothing is
        known of others.

    Returns
    -------
    tuple of str
        The cases, in their order.
    """
    return tuple(case for case, file in files.items() if _says_seen(file.parent / _RESULT))


def _says_seen(result: Path) -> bool:
    try:
        told = json.loads(result.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False  # labels are evaluated with or without it
    return isinstance(told, dict) and told.get("seen_in_training") is True


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)

"""Which cases to train and which to validate on: by patient, with alike shares of scar, kept in a file."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from scarnet.errors import ScarNetError
from scarnet.files import atomic_path
from scarnet_training.labelled_case import LabelledCase

__all__ = [
    "Split",
    "apply_split",
    "fold_patients",
    "read_named_splits",
    "read_splits",
    "split_patients",
    "write_splits",
]

Split = tuple[list[str], list[str]]
"""Names of the cases to train on, and of those to validate on."""

# A sentence names this many cases before it only counts.
_NAMED = 10


def split_patients(
    cases: Sequence[LabelledCase], fraction: float, seed: int
) -> tuple[list[LabelledCase], list[LabelledCase]]:
    """Split by patient, keeping the share of patients with scar.

    Where two or more patients have scar, there is one with scar on either side; a single one is trained on.

    Parameters
    ----------
    cases : sequence of LabelledCase
        Real cases.
    fraction : float
        Share of patients to hold out, above 0 and below 1.
    seed : int
        Seed of the draw, which does not depend on the order of the cases.

    Returns
    -------
    training, validation : list of LabelledCase
        Disjoint in patients; together all of the cases, in their order.

    Raises
    ------
    ScarNetError
        Two cases have one name, or a side of the split would be empty.
    """
    patients = _patients_of(cases)
    if len(patients) < 2:
        raise ScarNetError(
            "There is only one patient, so nobody can be held out to measure the model on; add patients, or hold out "
            "none (--validation 0, data.validation_fraction in a recipe)."
        )
    if not 0 < fraction < 1:
        raise ScarNetError(f"A share of {fraction:g} of the patients cannot be held out; choose one between 0 and 1.")
    generator = np.random.default_rng(seed)
    groups = [
        generator.permutation(sorted(name for name, own in patients.items() if _any_scar(own) == with_scar)).tolist()
        for with_scar in (True, False)
    ]
    scarred, unscarred = (len(group) for group in groups)
    count = int(np.clip(round(fraction * scarred), min(1, scarred - 1), max(scarred - 1, 0))) if scarred else 0
    # Either side may go without these patients, as long as others fill it.
    fewest, most = int(count == 0), unscarred - int(scarred == 0)
    count_unscarred = int(np.clip(round(fraction * unscarred), fewest, most)) if unscarred else 0
    held_out = {*groups[0][:count], *groups[1][:count_unscarred]}
    training = [case for case in cases if case.patient not in held_out]
    return training, [case for case in cases if case.patient in held_out]


def fold_patients(cases: Sequence[LabelledCase], folds: int, seed: int) -> list[Split]:
    """Split for cross-validation: each patient is validated on in exactly one fold.

    Stratified: patients without scar, and the tertiles of scar volume among those with it, are each dealt out in turn,
    so that their numbers differ by at most one between folds, and so do the numbers with scar and of all patients.
    Where fewer patients have scar than there are folds, some folds have none to validate on.

    Parameters
    ----------
    cases : sequence of LabelledCase
        Cases, of which those of one patient stay together; a patient's scar volume is the mean over them.
    folds : int
        Number of folds, from 2 to the number of patients.
    seed : int
        Seed of the draw, which does not depend on the order of the cases.

    Returns
    -------
    list of (training names, validation names)
        A fold each; names of cases, sorted.

    Raises
    ------
    ScarNetError
        Two cases have one name, or there are fewer than two patients or folds, or fewer patients than folds.
    """
    patients = _patients_of(cases)
    if len(patients) < 2:
        raise ScarNetError(
            f"{len(patients)} patient(s) cannot be split by patient; add cases until there are 2 or more."
        )
    if not 2 <= folds <= len(patients):
        raise ScarNetError(
            f"{len(patients)} patients cannot be split into {folds} folds; ask for 2 to {len(patients)}."
        )
    volume = {name: float(np.mean([case.scar_ml for case in own])) for name, own in patients.items()}
    with_scar = sorted(
        (name for name, own in patients.items() if _any_scar(own)), key=lambda name: (volume[name], name)
    )
    without_scar = sorted(set(patients) - set(with_scar))
    generator = np.random.default_rng(seed)
    strata = [*np.array_split(np.array(with_scar, dtype=object), 3), np.array(without_scar, dtype=object)]
    # Dealing on from one stratum to the next is what keeps the sums over strata even, too.
    dealt = [name for stratum in strata for name in generator.permutation(stratum).tolist()]
    fold_of = {name: index % folds for index, name in enumerate(dealt)}
    splits = []
    for fold in range(folds):
        training = sorted(case.stack.case for case in cases if fold_of[case.patient] != fold)
        splits.append((training, sorted(case.stack.case for case in cases if fold_of[case.patient] == fold)))
    return splits


def apply_split(cases: Sequence[LabelledCase], split: Split) -> tuple[list[LabelledCase], list[LabelledCase]]:
    """Pick the cases that a split names.

    Parameters
    ----------
    cases : sequence of LabelledCase
        Cases of unlike names.
    split : (training names, validation names)
        From :func:`fold_patients` or :func:`read_splits`.

    Returns
    -------
    training, validation : list of LabelledCase
        In the order of the cases.
    """
    training, validation = (set(side) for side in split)
    return (
        [case for case in cases if case.stack.case in training],
        [case for case in cases if case.stack.case in validation],
    )


def write_splits(path: Path | str, splits: Sequence[Split]) -> None:
    """Write splits as nnU-Net's ``splits_final.json``: a list of ``{"train": [names], "val": [names]}``.

    Parameters
    ----------
    path : Path or str
        The file.
    splits : sequence of (training names, validation names)
        A fold each.

    Raises
    ------
    ScarNetError
        The file cannot be written.
    """
    text = json.dumps([{"train": training, "val": validation} for training, validation in splits], indent=1)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_splits(path: Path | str, cases: Sequence[LabelledCase]) -> list[Split]:
    """Read splits from nnU-Net's ``splits_final.json`` and make sure that they fit the cases.

    Parameters
    ----------
    path : Path or str
        The file.
    cases : sequence of LabelledCase
        Every case that the splits may name, phantoms included; those that a split does not name are left out of it.

    Returns
    -------
    list of (training names, validation names)
        A fold each.

    Raises
    ------
    ScarNetError
        The file cannot be read or is no list of splits, or in one of them a side is empty, a case is unknown or named
        twice, or a case or patient is on both sides.
    """
    return read_named_splits(path, {case.stack.case: case.patient for case in cases})


def read_named_splits(path: Path | str, patients: Mapping[str, str]) -> list[Split]:
    """Do as :func:`read_splits`, for cases of which only the names are known.

    Parameters
    ----------
    path : Path or str
        The file.
    patients : mapping
        ``{case: patient}``.

    Returns
    -------
    list of (training names, validation names)
        A fold each.

    Raises
    ------
    ScarNetError
        As :func:`read_splits`.
    """
    path = Path(path)
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScarNetError(f"Cannot read {path}: {error.strerror}.") from error
    except ValueError as error:
        raise ScarNetError(f"{path} is not valid JSON; write the splits anew.") from error
    if not isinstance(stored, list) or not stored or not all(map(_is_split, stored)):
        raise ScarNetError(f'{path} is no list of splits; write [{{"train": [names], "val": [names]}}, …].')
    splits = [(list(fold["train"]), list(fold["val"])) for fold in stored]
    for number, split in enumerate(splits, start=1):
        _check_split(f"{path}, split {number}", split, patients)
    return splits


def _is_split(fold: object) -> bool:
    return isinstance(fold, dict) and all(
        isinstance(fold.get(side), list) and all(isinstance(name, str) for name in fold[side])
        for side in ("train", "val")
    )


def _check_split(where: str, split: Split, patients: Mapping[str, str]) -> None:
    for name, side in zip(("train", "val"), split, strict=True):
        if not side:
            raise ScarNetError(f"{where}: '{name}' is empty; name at least one case on either side.")
        if unknown := set(side) - set(patients):
            raise ScarNetError(f"{where}: '{name}' names cases that the data do not have: {_listed(unknown)}.")
        if twice := {case for case, count in Counter(side).items() if count > 1}:
            raise ScarNetError(f"{where}: '{name}' names a case twice: {_listed(twice)}.")
    training, validation = map(set, split)
    if both := training & validation:
        raise ScarNetError(f"{where}: cases are both trained and validated on: {_listed(both)}; leave one side each.")
    trained = {patients[name] for name in training}
    if parted := {name for name in validation if patients[name] in trained}:
        raise ScarNetError(
            f"{where}: cases to validate on are of patients who are trained on, too: {_listed(parted)}; keep all cases "
            "of a patient on one side."
        )


def _patients_of(cases: Sequence[LabelledCase]) -> dict[str, list[LabelledCase]]:
    """Give each patient's cases; names are what splits are kept by, so there may be none twice."""
    counts = Counter(case.stack.case for case in cases)
    if repeated := {name for name, count in counts.items() if count > 1}:
        raise ScarNetError(
            f"Several cases are named {_listed(repeated)}; a case must not be in the data twice, and unlike cases need "
            "unlike names."
        )
    patients: dict[str, list[LabelledCase]] = {}
    for case in cases:
        patients.setdefault(case.patient, []).append(case)
    return patients


def _any_scar(cases: Sequence[LabelledCase]) -> bool:
    return any(case.has_scar for case in cases)


def _listed(names: set[str]) -> str:
    shown = sorted(names)[:_NAMED]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return ", ".join(shown) + more

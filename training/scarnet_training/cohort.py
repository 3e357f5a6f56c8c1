"""Who is trained on and who is validated on."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np

from scarnet.errors import ScarNetError
from scarnet.progress import Progress, silent
from scarnet_training.data import load_datasets, load_phantoms
from scarnet_training.labelled_case import LabelledCase
from scarnet_training.recipe import Recipe
from scarnet_training.splits import apply_split, fold_patients, read_splits, split_patients

__all__ = ["Cohort", "load_cohort"]

# Phantoms to replay must not be those that are trained on.
REPLAY_SEED = 500_000


@dataclass(frozen=True, eq=False)
class Cohort:
    """The cases of a training.

    Attributes
    ----------
    training, validation, replayed : list of LabelledCase
        Those to train on, those to validate on, and earlier ones that are shown again.
    warnings : tuple of str
        What is odd about the data, but no reason to stop. One sentence each.
    """

    training: list[LabelledCase]
    validation: list[LabelledCase]
    replayed: list[LabelledCase]
    warnings: tuple[str, ...] = ()

    def names(self) -> list[dict[str, list[str]]]:
        """Give the split as nnU-Net writes it, of this one fold."""
        sides = {"train": self.training, "val": self.validation, "replay": self.replayed}
        named = {side: [case.stack.case for case in cases] for side, cases in sides.items()}
        return [{side: names for side, names in named.items() if names or side != "replay"}]


def load_cohort(recipe: Recipe, progress: Progress = silent) -> Cohort:
    """Read the cases a recipe names and split them by patient.

    Parameters
    ----------
    recipe : Recipe
        The recipe.
    progress : Progress
        Called before each case.

    Returns
    -------
    Cohort
        The cases.

    Raises
    ------
    ScarNetError
        There is nothing to train on, or a dataset has faults, or cannot be split so; or a replayed patient is among
        those to validate on.
    """
    data = recipe.data
    if not data.datasets and not data.phantoms:
        raise ScarNetError("The recipe names nothing to train on; set data.datasets or data.phantoms.")
    cases, report = load_datasets(data.datasets, progress) if data.datasets else ([], None)
    training, validation = _split(cases, recipe)
    if data.patients:
        training = _some_patients(training, data.patients, recipe.training.seed)
    training += load_phantoms(data.phantoms, data.phantom_seed, progress)
    if not cases:
        validation = load_phantoms(data.phantom_validation, data.phantom_seed + data.phantoms, progress)
    replayed = load_datasets(recipe.start.replay, progress)[0] if recipe.start.replay else []
    held_out = {mark for case in validation for mark in _marks(case)}
    leaked = sorted(case.stack.case for case in replayed if _marks(case) & held_out)
    if leaked:
        raise ScarNetError(f"start.replay holds patients that are to be validated on: {', '.join(leaked)}.")
    replayed += load_phantoms(recipe.start.replay_phantoms, REPLAY_SEED, progress)
    if recipe.training.choose_scar_shift and sum(case.has_scar for case in validation) < 2:
        raise ScarNetError("Fewer than two held-out patients have scar; set training.choose_scar_shift = false.")
    return Cohort(training, validation, replayed, tuple(report.warnings) if report else ())


def _marks(case: LabelledCase) -> set[Any]:
    """Give what tells a patient again: names, and the very pixels under another name."""
    return {case.stack.case, case.patient, sha256(case.stack.pixels.tobytes()).digest()}


def _split(cases: list[LabelledCase], recipe: Recipe) -> tuple[list[LabelledCase], list[LabelledCase]]:
    data, seed = recipe.data, recipe.training.seed
    if not cases:
        return [], []
    if data.splits:
        splits: list[Any] = read_splits(data.splits, cases)
        if data.fold >= len(splits):
            raise ScarNetError(f"data.fold is {data.fold}, but {data.splits} holds {len(splits)} splits.")
        return apply_split(cases, splits[data.fold])
    if data.folds:
        return apply_split(cases, fold_patients(cases, data.folds, seed)[data.fold])
    if not data.validation_fraction:
        return cases, []
    return split_patients(cases, data.validation_fraction, seed)


def _some_patients(cases: list[LabelledCase], number: int, seed: int) -> list[LabelledCase]:
    """Draw patients, those with scar in proportion; a larger draw holds every smaller one."""
    rng = np.random.default_rng(seed)
    groups = []
    for with_scar in (True, False):
        names = sorted({case.patient for case in cases if case.has_scar == with_scar})
        # Ranks spread evenly over both groups, so that any first part has both in proportion.
        groups += [((rank + 0.5) / len(names), name) for rank, name in enumerate(rng.permutation(names).tolist())]
    if number > len(groups):
        raise ScarNetError(f"data.patients is {number}, but there are only {len(groups)} patients to train on.")
    chosen = {name for _, name in sorted(groups)[:number]}
    return [case for case in cases if case.patient in chosen]

"""Who is trained on and who is validated on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np

from scarnet.errors import ScarNetError
from scarnet.progress import Progress, silent
from scarnet_training.data import load_datasets, load_phantoms
from scarnet_training.dataset_check import named_cases
from scarnet_training.dataset_report import listed
from scarnet_training.labelled_case import LabelledCase
from scarnet_training.recipe import Recipe
from scarnet_training.splits import (
    Split,
    apply_split,
    fold_patients,
    read_named_splits,
    read_splits,
    split_patients,
)

__all__ = ["Cohort", "check_named_data", "load_cohort"]

# Phantoms to replay must not be those that are trained on.
REPLAY_SEED = 500_000

# Of fewer patients a model learns next to nothing, and of fewer held-out ones figures say next to nothing.
FEWEST_PATIENTS, FEWEST_HELD_OUT = 5, 3


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

    def digests(self) -> dict[str, str]:
        """Give a digest of each patient's image and labels, by case, to know later whether either has changed."""
        # Phantoms are made anew each time, by another machine perhaps in other bits.
        cases = [case for case in (*self.training, *self.validation, *self.replayed) if not case.synthetic]
        return {case.stack.case: _digest(case, labels=True) for case in cases}


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
        There is nothing to train on, or a dataset has faults, or cannot be split so; or an earlier patient to show
        again is among those held out.
    """
    data = recipe.data
    _check_anything_named(recipe)
    cases, report = load_datasets(data.datasets, progress) if data.datasets else ([], None)
    training, validation = _split(cases, recipe)
    if data.patients:
        training = _some_patients(training, data.patients, recipe.training.seed)
    training += load_phantoms(data.phantoms, data.phantom_seed, progress)
    if not cases:
        validation = load_phantoms(data.phantom_validation, data.phantom_seed + data.phantoms, progress)
    replayed, alike = _replayed(recipe.start.replay, [*training, *validation], validation, progress)
    replayed += load_phantoms(recipe.start.replay_phantoms, REPLAY_SEED, progress)
    if recipe.training.choose_scar_shift and sum(case.has_scar for case in validation) < 2:
        raise ScarNetError("Fewer than two held-out patients have scar; set training.choose_scar_shift = false.")
    warnings = (*(report.warnings if report else ()), *alike, *_too_few(cases, validation))
    return Cohort(training, validation, replayed, warnings)


def check_named_data(recipe: Recipe) -> None:
    """Make sure that what a recipe names is there and named as it must be, without opening an image.

    Parameters
    ----------
    recipe : Recipe
        The recipe.

    Raises
    ------
    ScarNetError
        As :func:`load_cohort`, as far as names tell.
    """
    _check_anything_named(recipe)
    patients = named_cases(recipe.data.datasets)
    if patients and recipe.data.splits:
        _fold(recipe, read_named_splits(recipe.data.splits, patients))
    for folder in recipe.start.replay:
        named_cases([folder])


def _check_anything_named(recipe: Recipe) -> None:
    if not recipe.data.datasets and not recipe.data.phantoms:
        raise ScarNetError("The recipe names nothing to train on; set data.datasets or data.phantoms.")


def _fold(recipe: Recipe, splits: Sequence[Split]) -> Split:
    data = recipe.data
    if data.fold >= len(splits):
        raise ScarNetError(f"data.fold is {data.fold}, but {data.splits} holds {len(splits)} splits.")
    return splits[data.fold]


def _too_few(cases: Sequence[LabelledCase], validation: Sequence[LabelledCase]) -> list[str]:
    """Warn where there are too few patients to learn from, or to measure the model on."""
    patients, held_out = (len({case.patient for case in some}) for some in (cases, validation))
    if cases and patients < FEWEST_PATIENTS:
        return [
            f"There are only {patients} patients: of fewer than {FEWEST_PATIENTS} a model hardly learns anything, and "
            "its figures mean nothing."
        ]
    if cases and 0 < held_out < FEWEST_HELD_OUT:
        return [f"Only {held_out} of {patients} patients are held out: figures on so few say next to nothing."]
    return []


def _replayed(
    folders: Sequence[str], own: Sequence[LabelledCase], held_out: Sequence[LabelledCase], progress: Progress
) -> tuple[list[LabelledCase], list[str]]:
    """Read earlier patients to show again, and warn; cohorts that number alike keep their cases apart by new names."""
    taken, pixels = {case.stack.case for case in own}, {_digest(case) for case in held_out}
    replayed: list[LabelledCase] = []
    warnings = []
    for number, folder in enumerate(folders, start=1):
        cases = load_datasets([folder], progress)[0]
        again = [
            case.stack.case
            for case in cases
            if _digest(case) in pixels or any(_of_one_key(case, other) for other in held_out)
        ]
        if again:
            raise ScarNetError(
                f"{folder}, to be shown again (--replay, start.replay in a recipe), holds patients who are held out to "
                f"measure the model on: {listed(again)}; take them out there, or hold out others (--splits)."
            )
        alike = sorted({case.stack.case for case in cases} & {case.stack.case for case in held_out})
        if alike:
            warnings.append(
                f"{folder}, to be shown again, numbers cases like held-out ones ({listed(alike)}); they are taken for "
                "other patients, as their images differ. Should they be the same, say so in a patients.csv in both."
            )
        for case in cases:
            if case.stack.case in taken:
                case = replace(case, stack=replace(case.stack, case=f"{case.stack.case} of replay {number}"))
            taken.add(case.stack.case)
            replayed.append(case)
    return replayed, warnings


def _of_one_key(case: LabelledCase, other: LabelledCase) -> bool:
    """Tell a patient again by a key that a cohort gives; names of cases say nothing, for each has its case 1."""
    given = any(each.patient != each.stack.case for each in (case, other))
    return given and case.patient == other.patient


def _digest(case: LabelledCase, labels: bool = False) -> str:
    digest = sha256(repr((case.stack.shape, case.stack.spacing_mm)).encode() if labels else b"")
    digest.update(case.stack.pixels.tobytes())
    if labels:
        digest.update(case.labels.tobytes())
    return digest.hexdigest()


def _split(cases: list[LabelledCase], recipe: Recipe) -> tuple[list[LabelledCase], list[LabelledCase]]:
    data, seed = recipe.data, recipe.training.seed
    if not cases:
        return [], []
    if data.splits:
        return apply_split(cases, _fold(recipe, read_splits(data.splits, cases)))
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

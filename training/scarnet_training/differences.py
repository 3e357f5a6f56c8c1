"""What differs between a run as it was begun and as it would be gone on with, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from scarnet_training.dataset_report import listed

__all__ = ["changed_cases", "changed_settings", "changed_split"]


def changed_settings(begun: Mapping[str, Any], now: Mapping[str, Any], section: str = "") -> list[str]:
    """Tell which settings differ.

    Parameters
    ----------
    begun, now : Mapping
        A recipe's sections as JSON holds them.
    section : str
        Put before each setting.

    Returns
    -------
    list of str
        ``section.setting was value and is now value``, one for each.
    """
    told: list[str] = []
    for name in dict.fromkeys([*begun, *now]):
        before, after = begun.get(name), now.get(name)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            told += changed_settings(before, after, f"{section}{name}.")
        elif before != after and name == "sha256":
            told.append("the file of the model it starts from has changed")
        elif before != after:
            told.append(f"{section}{name} was {before!r} and is now {after!r}")
    return told


def changed_split(begun: Sequence[Mapping[str, list[str]]], now: Sequence[Mapping[str, list[str]]]) -> list[str]:
    """Tell which cases are new, missing, or on another side.

    Parameters
    ----------
    begun, now : sequence of Mapping
        Splits as ``splits.json`` holds them.

    Returns
    -------
    list of str
        Up to three phrases that name the cases; empty where the splits differ in order alone.
    """
    before, after = (
        {case: side for fold in split for side, cases in fold.items() for case in cases} for split in (begun, now)
    )
    kinds = {
        "new": [case for case in after if case not in before],
        "missing": [case for case in before if case not in after],
        "on another side": [case for case in after if before.get(case, after[case]) != after[case]],
    }
    return [f"{what}: {listed(sorted(cases))}" for what, cases in kinds.items() if cases]


def changed_cases(begun: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Tell which cases have another image or other labels.

    Parameters
    ----------
    begun, now : Mapping
        Digests by case, as :meth:`scarnet_training.cohort.Cohort.digests` gives them.

    Returns
    -------
    list of str
        The cases' names, in order.
    """
    return sorted(case for case in {*begun, *now} if begun.get(case) != now.get(case))

"""Two or more methods, or readers, compared over the same patients."""

from collections.abc import Mapping, Sequence
from typing import Any

from scarnet.errors import ScarNetError
from scarnet.evaluate.case import CLASSES, CaseResult
from scarnet.evaluate.significance import complete, friedman, kruskal_wallis, normality, wilcoxon_pairs

__all__ = ["compare_methods"]

Values = list[float | None]
REFERENCE = "reference"


def compare_methods(
    methods: Mapping[str, Sequence[CaseResult]], reference: str = REFERENCE, seed: int = 0
) -> dict[str, Any]:
    """Test every measure for differences between methods that segmented the same patients.

    Parameters
    ----------
    methods : Mapping of str to sequence of CaseResult
        By the method's name, the same cases in any order.
    reference : str
        What the reference is called where amounts of scar are compared with it too.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    dict
        By measure (``dice_scar``, ``hd95_mm_myocardium`` …; with the reference as one more group ``scar_percent`` and
        ``scar_volume_ml``; and ``scar_percent_error``, the absolute difference from the reference): ``n`` patients
        with a value in every group, ``left_out``, ``normality`` by group, ``kruskal_wallis`` as in the paper,
        ``friedman`` and ``wilcoxon`` as recommended: the same patients are in every group. A measure with one group
        has ``normality`` only.

    Raises
    ------
    ScarNetError
        There is no method, the methods hold different cases, or one is called like the reference.
    """
    ordered = _ordered(methods, reference)
    measures: dict[str, dict[str, Values]] = {}
    for name in CLASSES:
        measures[f"dice_{name}"] = {m: [case.classes[name].dice for case in cases] for m, cases in ordered.items()}
        for key in ("hd95_mm", "assd_mm"):
            distances = {m: [_distance(case, name, key) for case in cases] for m, cases in ordered.items()}
            if any(value is not None for values in distances.values() for value in values):
                measures[f"{key}_{name}"] = distances
    measures["scar_percent_error"] = {m: [_error(case) for case in cases] for m, cases in ordered.items()}
    any_cases = next(iter(ordered.values()))
    measures["scar_percent"] = {
        reference: [case.scar_percent_reference for case in any_cases],
        **{m: [case.scar_percent_predicted for case in cases] for m, cases in ordered.items()},
    }
    measures["scar_volume_ml"] = {
        reference: [case.classes["scar"].reference_ml for case in any_cases],
        **{m: [case.classes["scar"].predicted_ml for case in cases] for m, cases in ordered.items()},
    }
    return {name: _test(groups, seed) for name, groups in measures.items()}


def _test(groups: dict[str, Values], seed: int) -> dict[str, Any]:
    # The same patients in every test, whatever it needs.
    values, left_out = complete(groups)
    kept = {name: numbers.tolist() for name, numbers in values.items()}
    found = {
        "n": len(next(iter(kept.values()))),
        "left_out": left_out,
        "normality": {name: normality(numbers) for name, numbers in kept.items()},
    }
    if len(kept) < 2:
        return found
    return found | {
        "kruskal_wallis": kruskal_wallis(kept),
        "friedman": friedman(kept),
        "wilcoxon": wilcoxon_pairs(kept, seed),
    }


def _ordered(methods: Mapping[str, Sequence[CaseResult]], reference: str) -> dict[str, list[CaseResult]]:
    """Bring the cases of all methods into one order."""
    if not methods or not all(methods.values()):
        raise ScarNetError("There is no method, or no case, to compare; give at least one.")
    if reference in methods:
        raise ScarNetError(f"A method is called {reference!r} like the reference; give it another name.")
    ordered = {name: sorted(cases, key=lambda case: case.case) for name, cases in methods.items()}
    if len({tuple(case.case for case in cases) for cases in ordered.values()}) > 1:
        raise ScarNetError("The methods hold different cases; compare them over the cases that all of them have.")
    return ordered


def _distance(case: CaseResult, name: str, key: str) -> float | None:
    distances = case.classes[name].distances
    return None if distances is None else getattr(distances, key)


def _error(case: CaseResult) -> float | None:
    if case.scar_percent_reference is None or case.scar_percent_predicted is None:
        return None
    return abs(case.scar_percent_predicted - case.scar_percent_reference)

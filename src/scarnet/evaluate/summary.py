"""What many patients come to: overlap, distances and amounts over a cohort, with what each number rests on."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from scarnet.errors import ScarNetError
from scarnet.evaluate.agreement import agreement
from scarnet.evaluate.case import CLASSES, CaseResult, say_undefined

__all__ = ["describe", "summarise"]

_DISTANCES = ("hd95_mm", "hd_mm", "assd_mm")
_LOW_DICE = 0.2


def summarise(cases: Sequence[CaseResult]) -> dict[str, Any]:
    """Summarise a cohort that one method, or one reader, was compared in.

    Parameters
    ----------
    cases : sequence of CaseResult
        One a patient.

    Returns
    -------
    dict
        Plain JSON values, None where there is nothing to tell:

        - ``n``: patients.
        - ``classes``: for ``myocardium`` (whole wall), ``blood_pool`` and ``scar``: ``dice`` (3D, per patient),
          ``slice_dice`` (per slice), ``hd95_mm``, ``hd_mm`` and ``assd_mm`` as :func:`describe` gives them, the
          distances with ``undefined``: how many patients have none, by reason. Scar Dice is over patients, and
          slices, with reference scar only.
        - ``scar_percent``, ``scar_volume_ml``, ``myocardium_volume_ml``: :func:`scarnet.evaluate.agreement.agreement`
          over all patients; ``scar_percent_with_scar``: the first over patients with reference scar. Patients
          without any pull bias and limits towards 0.
        - ``false_alarms``: ``patients_without_scar`` in the reference, ``patients`` of them in whom scar was claimed,
          ``percent``, and ``claimed_ml``: the volumes claimed in these, described.
        - ``missed``: ``patients_with_scar`` and ``patients`` of them in whom no scar was claimed.
        - ``presence``, in place of the last two where two readers are compared: patients in whom ``both``,
          ``only_first``, ``only_second`` or ``neither`` marked scar.
        - ``notes``: a sentence each on what a reader of the numbers should know.

    Raises
    ------
    ScarNetError
        There is no case, or two have one name, or comparisons of readers and others are mixed.
    """
    _check(cases)
    readers = cases[0].readers
    classes = {name: _class_summary(cases, name) for name in CLASSES}
    with_scar = [case for case in cases if case.has_scar]
    summary: dict[str, Any] = {
        "n": len(cases),
        "classes": classes,
        "scar_percent": _scar_percent(cases),
        "scar_percent_with_scar": _scar_percent(with_scar),
        "scar_volume_ml": _volume(cases, "scar"),
        "myocardium_volume_ml": _volume(cases, "myocardium"),
    }
    if readers:
        summary["presence"] = {
            name: sum((case.has_scar, case.claims_scar) == marks for case in cases)
            for name, marks in (
                ("both", (True, True)),
                ("only_first", (True, False)),
                ("only_second", (False, True)),
                ("neither", (False, False)),
            )
        }
    else:
        without = [case for case in cases if not case.has_scar]
        alarms = [case.classes["scar"].predicted_ml for case in without if case.claims_scar]
        summary["false_alarms"] = {
            "patients_without_scar": len(without),
            "patients": len(alarms),
            "percent": 100 * len(alarms) / len(without) if without else None,
            "claimed_ml": describe(alarms),
        }
        missed = sum(not case.claims_scar for case in with_scar)
        summary["missed"] = {"patients_with_scar": len(with_scar), "patients": missed}
    summary["notes"] = _notes(summary, with_scar)
    return summary


def describe(values: Iterable[float | None]) -> dict[str, Any]:
    """Describe a distribution.

    Parameters
    ----------
    values : iterable of (float or None)
        Those that are None are not counted.

    Returns
    -------
    dict
        ``mean``, ``sd`` (n − 1), ``median``, ``iqr`` (the 25th and the 75th percentile), ``min``, ``max``, each None
        where there are too few values, and ``n``.
    """
    numbers = np.array([value for value in values if value is not None], dtype=np.float64)
    if not len(numbers):
        return {**dict.fromkeys(("mean", "sd", "median", "iqr", "min", "max")), "n": 0}
    low, median, high = (float(value) for value in np.percentile(numbers, (25, 50, 75)))
    return {
        "mean": float(numbers.mean()),
        "sd": float(numbers.std(ddof=1)) if len(numbers) > 1 else None,
        "median": median,
        "iqr": [low, high],
        "min": float(numbers.min()),
        "max": float(numbers.max()),
        "n": len(numbers),
    }


def _class_summary(cases: Sequence[CaseResult], name: str) -> dict[str, Any]:
    results = [case.classes[name] for case in cases]
    summary: dict[str, Any] = {
        "dice": describe(result.dice for result in results),
        "slice_dice": describe(one.dice[name] for case in cases for one in case.slices),
    }
    distances = [result.distances for result in results if result.distances is not None]
    told = (say_undefined(found.undefined, cases[0].readers) for found in distances)
    undefined = Counter(reason for reason in told if reason is not None)
    for key in _DISTANCES:
        described = describe(getattr(found, key) for found in distances)
        summary[key] = {**described, "undefined": dict(sorted(undefined.items()))}
    return summary


def _scar_percent(cases: Sequence[CaseResult]) -> dict[str, Any]:
    return agreement([case.scar_percent_reference for case in cases], [case.scar_percent_predicted for case in cases])


def _volume(cases: Sequence[CaseResult], name: str) -> dict[str, Any]:
    results = [case.classes[name] for case in cases]
    return agreement([result.reference_ml for result in results], [result.predicted_ml for result in results])


def _notes(summary: dict[str, Any], with_scar: Sequence[CaseResult]) -> list[str]:
    notes = []
    if not with_scar:
        notes.append("No reference holds scar: there is no scar Dice.")
    best = {name: summary["classes"][name]["dice"]["max"] for name in ("myocardium", "blood_pool")}
    low = [
        f"{_said(name)} (Dice at most {dice:.2f})"
        for name, dice in best.items()
        if dice is not None and dice < _LOW_DICE
    ]
    if low:
        notes.append(
            f"Hardly any overlap in any case: {', '.join(low)}; check that both label the classes alike: other label "
            "values are mapped by name with a dataset.json beside the files."
        )
    outside = summary["scar_percent"]["left_out"]
    if outside:
        notes.append(f"Patients without a wall are left out of the scar percentage: {outside}.")
    without = []
    for name in CLASSES:
        undefined = summary["classes"][name]["hd95_mm"]["undefined"]
        missing = {reason: count for reason, count in undefined.items() if reason != "both empty"}
        if missing:
            without.append(f"{_said(name)} ({', '.join(f'{reason} in {count}' for reason, count in missing.items())})")
    if without:
        notes.append(f"Patients without a surface are left out of the distances: {', '.join(without)}.")
    return notes


def _said(name: str) -> str:
    return name.replace("_", " ")


def _check(cases: Sequence[CaseResult]) -> None:
    if not cases:
        raise ScarNetError("There is no case to summarise; give at least one.")
    repeated = sorted(name for name, count in Counter(case.case for case in cases).items() if count > 1)
    if repeated:
        raise ScarNetError(f"Several cases are named {', '.join(repeated)}; a patient must not be counted twice.")
    if len({case.readers for case in cases}) > 1:
        raise ScarNetError("Comparisons of two readers and with a reference are mixed; summarise them on their own.")

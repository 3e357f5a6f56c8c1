"""An old and a new model of a project on patients that neither has seen: the case for promoting it, or against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.classes import MEASURED_CLASSES
from scarnet.errors import ScarNetError
from scarnet.evaluate import CLASSES, CaseResult, evaluate_case
from scarnet.evaluate.significance import mean_difference
from scarnet.models import load_model
from scarnet.progress import Progress, silent
from scarnet.project import CaseRow, Project, model_card, model_path
from scarnet_training.as_drawn import NOTHING_LEFT, drawn_sentence
from scarnet_training.project.collecting import collect_model

__all__ = ["ComparedCase", "ModelComparison", "compare_models", "judge"]

WORSE_MEAN = 0.01
"""A class's mean Dice that falls by more than this is told."""

WORSE_PATIENT = 0.05
"""A single patient's Dice that falls by more than this is told."""

WORSE_PERCENT = 1.0
"""A mean error of the scar percentage that grows by more points than this is told."""

Labels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class ComparedCase:
    """A case by both models against its accepted labels.

    Attributes
    ----------
    case, patient : str
        Its name, and the patient's group.
    old, new : CaseResult
        Either model's labels against the accepted ones.
    drawn_by : str or None
        The model of the two as which the case was accepted unchanged. Its Dice is 1 by construction, so the case says
        nothing of which is better.
    """

    case: str
    patient: str
    old: CaseResult
    new: CaseResult
    drawn_by: str | None = None


@dataclass(frozen=True, eq=False)
class ModelComparison:
    """Two models over the held-out patients.

    Attributes
    ----------
    old, new : str
        The models.
    cases : tuple of ComparedCase
        Case by case.
    summary : dict
        By class: ``old`` and ``new`` mean Dice over patients, ``difference`` (new − old), ``ci``, its bootstrap 95 %
        interval over patients (None where there are too few), and ``n`` patients. Cases that were accepted as one of
        the two drew them are left out.
    warnings : tuple of str
        Where the new model is worse in what matters; a sentence each.
    notes : tuple of str
        What a reader of the figures should know.
    labels : dict
        By case the labels of the old and of the new model, to be looked at side by side.
    """

    old: str
    new: str
    cases: tuple[ComparedCase, ...]
    summary: Mapping[str, Mapping[str, Any]]
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()
    labels: Mapping[str, tuple[Labels, Labels]] = field(default_factory=dict)

    @property
    def comparable(self) -> bool:
        """Whether any case says which of the two is better."""
        return any(case.drawn_by is None for case in self.cases)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Say which cases say nothing and are left out; a sentence for each model, none where none is."""
        told = []
        for name in (self.old, self.new):
            if count := sum(case.drawn_by == name for case in self.cases):
                told.append(drawn_sentence(count, len(self.cases), "accepted", name))
        if told and not self.comparable:
            told.append(NOTHING_LEFT)
        return tuple(told)


def compare_models(
    project: Project, new: str, *, against: str | None = None, device: str = "auto", progress: Progress = silent
) -> ModelComparison:
    """Compare a model with another on the patients that were held out from it.

    Parameters
    ----------
    project : Project
        The project; it may be read-only where the model was taken in before.
    new : str
        A fine-tuned model, or a finished fine-tuning.
    against : str, optional
        The model to compare with; without it the project's, or where that is the new one, what it was fine-tuned from.
    device : str
        Where to predict.
    progress : Progress
        Called often; may raise :class:`scarnet.errors.Cancelled`.

    Returns
    -------
    ModelComparison
        Case by case and over the patients.

    Raises
    ------
    ScarNetError
        The model was not fine-tuned here, or no accepted patient is left that neither model was trained on.
    """
    record = collect_model(project, new)
    current = project.state.current_model
    other = against or (current.name if current and current.name != new else record.base)
    if record.base is None or other is None:
        raise ScarNetError(f"{new!r} was not fine-tuned in this project, so no patients were held out from it.")
    if other == new:
        raise ScarNetError("A model cannot be compared with itself; name another one.")
    unfit = {*record.trained_on, *project.state.model(other).trained_on}
    rows = [row for row in project.rows() if row.status == "accepted" and row.patient in {*record.held_out} - unfit]
    if not rows:
        raise ScarNetError(f"No accepted patient is left that neither {new!r} nor {other!r} was trained on.")
    labels: dict[str, list[Labels]] = {row.case: [] for row in rows}
    for number, name in enumerate((other, new)):
        _predict(project, name, labels, device, number, progress)
    compared = []
    for row in rows:
        reference, spacing = project.labels(row.case), project.stack(row.case).spacing_mm
        if reference is None:
            raise ScarNetError(f"{row.case} is accepted, but its labels are gone; reopen it and accept it again.")
        old, found = (evaluate_case(reference, one, spacing, row.case, distances=False) for one in labels[row.case])
        drawn_by = _drawn_by(project, row, reference, dict(zip((other, new), labels[row.case], strict=True)))
        compared.append(ComparedCase(row.case, row.patient, old, found, drawn_by))
    summary, warnings = judge(compared)
    told = {case.case for case in compared if case.drawn_by is None}
    notes = _notes(project, [row for row in rows if row.case in told], other)
    both = {case: (first, second) for case, (first, second) in labels.items()}
    return ModelComparison(other, new, tuple(compared), summary, warnings, notes, both)


def judge(cases: Sequence[ComparedCase]) -> tuple[dict[str, dict[str, Any]], tuple[str, ...]]:
    """Summarise a comparison by class, and find where the new model is worse.

    Parameters
    ----------
    cases : sequence of ComparedCase
        The cases; those of one patient are averaged first, and those that a model of the two drew are left out.

    Returns
    -------
    summary : dict
        As in :class:`ModelComparison`.
    warnings : tuple of str
        As in :class:`ModelComparison`.
    """
    summary: dict[str, dict[str, Any]] = {}
    warnings: list[str] = []
    cases = [case for case in cases if case.drawn_by is None]
    for name in CLASSES:
        told = MEASURED_CLASSES[name]
        pairs = _by_patient(cases, name)
        differences = {patient: new - old for patient, (old, new) in pairs.items()}
        mean = mean_difference(list(differences.values()))
        summary[name] = {
            "old": float(np.mean([old for old, _ in pairs.values()])) if pairs else None,
            "new": float(np.mean([new for _, new in pairs.values()])) if pairs else None,
            "difference": mean["mean"],
            "ci": mean["ci"],
            "n": mean["n"],
        }
        if mean["mean"] is not None and mean["mean"] < -WORSE_MEAN:
            warnings.append(f"The Dice of {told} is {-mean['mean']:.3f} lower on average.")
        for patient, difference in differences.items():
            if difference < -WORSE_PATIENT:
                old, new = pairs[patient]
                warnings.append(f"{patient}: the Dice of {told} falls from {old:.2f} to {new:.2f}.")
    for case in cases:
        if not case.new.has_scar and case.new.claims_scar and not case.old.claims_scar:
            warnings.append(f"{case.case}: scar is claimed where there is none, and was not before.")
        if case.new.has_scar and not case.new.claims_scar and case.old.claims_scar:
            warnings.append(f"{case.case}: its scar is missed, and was found before.")
    errors = [(_percent_error(case.old), _percent_error(case.new)) for case in cases]
    known = [(old, new) for old, new in errors if old is not None and new is not None]
    if known and (grown := float(np.mean([new - old for old, new in known]))) > WORSE_PERCENT:
        warnings.append(f"The scar percentage is {grown:.1f} points further from the accepted one on average.")
    return summary, tuple(warnings)


def _drawn_by(project: Project, row: CaseRow, reference: Labels, found: Mapping[str, Labels]) -> str | None:
    """Name the model of the two as which a case was accepted unchanged."""
    for name, labels in found.items():
        if np.array_equal(reference, labels):
            return name
    # On another device a model may draw a few voxels otherwise than when the case was accepted.
    # Its name does not tell it: another version's built-in model has the same.
    drew = [name for name in found if row.sha256 == project.state.model(name).sha256]
    return drew[0] if drew and not any(project.changes(row.case).values()) else None


def _notes(project: Project, rows: Sequence[CaseRow], old: str) -> tuple[str, ...]:
    """Say what makes the comparison easier for the old model."""
    notes = []
    begun = sum(row.sha256 == project.state.model(old).sha256 for row in rows)
    if begun:
        notes.append(
            f"The accepted labels of {begun} of {len(rows)} cases began as predictions of {old}, which favours it."
        )
    card = model_card(project, old)
    if seen := [row.case for row in rows if card.saw_in_training(row.case)]:
        notes.append(
            f"{old} was trained on cases of these names: {', '.join(seen)}; if they are the same, that favours it, too."
        )
    return tuple(notes)


def _by_patient(cases: Sequence[ComparedCase], name: str) -> dict[str, tuple[float, float]]:
    """Average the Dice of a class over each patient's cases that have one by both models."""
    found: dict[str, list[tuple[float, float]]] = {}
    for case in cases:
        old, new = case.old.classes[name].dice, case.new.classes[name].dice
        if old is not None and new is not None:
            found.setdefault(case.patient, []).append((old, new))
    return {
        patient: (float(np.mean([old for old, _ in pairs])), float(np.mean([new for _, new in pairs])))
        for patient, pairs in found.items()
    }


def _percent_error(result: CaseResult) -> float | None:
    reference, predicted = result.scar_percent_reference, result.scar_percent_predicted
    return None if reference is None or predicted is None else abs(predicted - reference)


def _predict(
    project: Project, name: str, labels: dict[str, list[Labels]], device: str, number: int, progress: Progress
) -> None:
    from scarnet.predict import Predictor

    predictor = Predictor(load_model(model_path(project, name)), device)
    for done, case in enumerate(labels):
        start = 100 * (number * len(labels) + done)

        def tell(part: int, total: int, what: str, start: int = start) -> None:
            progress(start + 100 * part // max(total, 1), 200 * len(labels), f"Comparing on held-out patients: {name}")

        labels[case].append(predictor.predict(project.stack(case), progress=tell).labels)

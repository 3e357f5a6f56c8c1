"""Who a fine-tuning in a project trains on and who it is validated on: by patient, for all rounds to come."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from scarnet.errors import ScarNetError
from scarnet.project import Project, model_path
from scarnet.project.layout import JOBS
from scarnet.project.naming import check_name, generated_name
from scarnet.wording import counted

__all__ = ["FinetunePlan", "plan_finetune"]

_FEW_PATIENTS = 3


@dataclass(frozen=True)
class FinetunePlan:
    """What a fine-tuning is to do, to be shown before it starts.

    Attributes
    ----------
    name : str
        Of the job, and of the model that it makes.
    base : str
        The project's model that it starts from.
    training, validation : tuple of str
        The cases on either side.
    patients : dict
        ``{case: patient's group}``; no patient is on both sides.
    seed : int
        Of the draw, and of the training.
    warnings : tuple of str
        What one should know before starting; a sentence each.
    """

    name: str
    base: str
    training: tuple[str, ...]
    validation: tuple[str, ...]
    patients: Mapping[str, str]
    seed: int
    warnings: tuple[str, ...] = ()

    def patients_of(self, cases: Sequence[str]) -> tuple[str, ...]:
        """Give the patients that cases are of, each once."""
        return tuple(sorted({self.patients[case] for case in cases}))

    def lines(self) -> list[str]:
        """Lay the plan out for a reader.

        Returns
        -------
        list of str
            A line for either side, and one for each warning.
        """
        sides = (("train on", self.training), ("hold out", self.validation))
        return [
            f"{self.name}: {self.base} fine-tuned",
            *(
                f"  {what} {counted(len(self.patients_of(cases)), 'patient')}: {', '.join(cases)}"
                for what, cases in sides
            ),
            *(f"  warning: {warning}" for warning in self.warnings),
        ]

    def to_dict(self) -> dict[str, Any]:
        """Give the plan as JSON values."""
        return {**asdict(self), "patients": dict(self.patients)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_dict` gave.

        Raises
        ------
        ScarNetError
            It is something else.
        """
        try:
            return cls(
                name=str(values["name"]),
                base=str(values["base"]),
                training=tuple(map(str, values["training"])),
                validation=tuple(map(str, values["validation"])),
                patients=dict(values["patients"]),
                seed=int(values["seed"]),
                warnings=tuple(map(str, values["warnings"])),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ScarNetError("The plan of a fine-tuning is damaged; start another one.") from error


def plan_finetune(
    project: Project,
    cases: Sequence[str] | None = None,
    *,
    base: str | None = None,
    name: str | None = None,
    validation_fraction: float = 0.2,
    seed: int = 0,
) -> FinetunePlan:
    """Plan a fine-tuning; nothing is written.

    Parameters
    ----------
    project : Project
        The project.
    cases : sequence of str, optional
        Accepted cases; without it all of them.
    base : str, optional
        One of the project's models; without it the project's own.
    name : str, optional
        Of job and model; without it ``finetune-001`` and so on.
    validation_fraction : float
        Share of the patients to hold out, above 0 and below 1; one at least.
    seed : int
        Of the draw.

    Returns
    -------
    FinetunePlan
        The plan.

    Raises
    ------
    ScarNetError
        A case is not accepted, or there are too few patients for two sides.

    Notes
    -----
    A patient that the base model, or one that it comes from, was trained on is trained on again, since it could not
    show whether the new model is better. A patient that was once held out stays so: all of a project's models are
    measured on patients that none of them has seen. What is left is drawn in proportion of patients with scar.
    """
    accepted = [row.case for row in project.rows() if row.status == "accepted"]
    chosen = accepted if cases is None else list(dict.fromkeys(cases))
    if refused := [case for case in chosen if case not in accepted]:
        raise ScarNetError(f"A model is trained on accepted cases only; accept {', '.join(refused)} first.")
    if not 0 < validation_fraction < 1:
        raise ScarNetError(f"The share to hold out is {validation_fraction:g}, but must be above 0 and below 1.")
    start = project.state.model(base) if base else project.state.current_model
    if start is None:
        raise ScarNetError("The project has no model to start from; add one first.")
    model_path(project, start.name)
    taken = {record.name for record in project.state.models} | {
        path.parent.name for path in (project.folder / JOBS).glob("*/plan.json")
    }
    patients = {case: project.record(case).patient for case in chosen}
    scarred = {patients[case] for case in chosen if project.record(case).scar_percent}
    seen = set(start.trained_on)
    held = {patient for record in project.state.models for patient in record.held_out} - seen
    held_out = _hold_out(set(patients.values()), scarred, seen, held, validation_fraction, seed)
    validation = tuple(case for case in chosen if patients[case] in held_out)
    return FinetunePlan(
        name=generated_name(taken, "finetune") if name is None else check_name(name, "model", taken),
        base=start.name,
        training=tuple(case for case in chosen if case not in validation),
        validation=validation,
        patients=patients,
        seed=seed,
        warnings=_warnings(set(patients.values()) - held_out, held_out, scarred),
    )


def _hold_out(
    patients: set[str], scarred: set[str], seen: set[str], held: set[str], fraction: float, seed: int
) -> set[str]:
    """Choose the patients to hold out."""
    if len(patients) < 2:
        raise ScarNetError(
            f"There are accepted cases of {len(patients)} patient(s), but one is to be trained on and another to be "
            "held out; accept cases of 2 patients or more."
        )
    held_out = held & patients
    free = patients - seen - held
    missing = max(1, round(fraction * len(patients))) - len(held_out)
    for patient in _drawn(free, scarred, bool(held_out & scarred), seed):
        left = patients - held_out - {patient}
        # Whoever has scar must not all be held out, nor must anybody's being so leave nobody to train on.
        if missing > 0 and left and (patient not in scarred or left & scarred or len(scarred) < 2):
            held_out.add(patient)
            missing -= 1
    if not held_out:
        raise ScarNetError(
            "The model to start from was trained on all of the accepted patients, so none is left to measure the new "
            "one on; accept cases of another patient, or start from an earlier model."
        )
    if not patients - held_out:
        raise ScarNetError("All of the patients chosen are held out; accept cases of others to train on.")
    return held_out


def _drawn(free: set[str], scarred: set[str], scar_is_held: bool, seed: int) -> list[str]:
    """Order patients by chance, those with scar in proportion; the first has scar where nobody held out does."""
    generator = np.random.default_rng(seed)
    ranked = []
    for group in (sorted(free & scarred), sorted(free - scarred)):
        names = generator.permutation(group).tolist()
        ranked += [((rank + 0.5) / len(names), name) for rank, name in enumerate(names)]
    order = [name for _, name in sorted(ranked)]
    first = None if scar_is_held else next((name for name in order if name in scarred), None)
    return sorted(order, key=lambda name: name != first)


def _warnings(training: set[str], validation: set[str], scarred: set[str]) -> tuple[str, ...]:
    found = []
    if len(validation) < _FEW_PATIENTS:
        found.append(f"Only {len(validation)} held out: figures of so few patients say little.")
    if not validation & scarred:
        found.append("Nobody held out has scar, so the scar Dice cannot be measured.")
    if not training & scarred:
        found.append("Nobody to train on has scar: the model would learn that there is none.")
    return tuple(found)

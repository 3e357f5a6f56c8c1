"""``scarnet project add-model, compare, promote, discard, rollback``: which model is the project's."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scarnet.wording import counted
from scarnet_cli.arguments import add_device
from scarnet_cli.columns import in_columns
from scarnet_cli.failures import OK
from scarnet_cli.progress import Bars
from scarnet_cli.project_opening import opened_to_write

if TYPE_CHECKING:
    from scarnet.project import Project
    from scarnet_training.project import ModelComparison

__all__ = ["add_actions"]

_COMPARE = """
Compare a fine-tuned model with the project's on the patients that were held
out: Dice by case and class, the mean difference over patients with its
bootstrap 95 % interval, and where the new one is worse.
"""

_EXAMPLES = {
    "add-model": "  scarnet project add-model heart-study mine\n      a model of the registry, or a .safetensors file",
    "compare": "  scarnet project compare heart-study finetune-001\n      the new model against the project's",
    "promote": "  scarnet project promote heart-study finetune-001\n      then: scarnet project predict heart-study",
    "discard": "  scarnet project discard heart-study finetune-001\n      its card is kept",
    "rollback": "  scarnet project rollback heart-study\n      back to the model before; --to names any earlier one",
}


def add_actions(actions: Any, add_action: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the actions to the parser of ``scarnet project``.

    Parameters
    ----------
    actions : argparse subparsers
        Where they belong.
    add_action : callable
        Adds one, with what every action has.
    """
    text = "Copy another model into the project, to predict with or to start from."
    parser = add_action(actions, "add-model", run_add, "take in a model", text, _EXAMPLES["add-model"])
    parser.add_argument("model", metavar="M", help="a model's name, as 'scarnet models' lists them, or a file")
    parser.add_argument("--name", help="what to call it in the project (default: as it is called)")
    parser = add_action(actions, "compare", run_compare, "compare two models", _COMPARE, _EXAMPLES["compare"])
    parser.add_argument("model", metavar="MODEL", help="a finished fine-tuning, or its model")
    parser.add_argument("--against", metavar="M", help="the model to compare with (default: the project's)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_device(parser)
    text = "Make a model the project's. Cases that nobody edited can then be predicted again."
    parser = add_action(actions, "promote", run_promote, "make a model the project's", text, _EXAMPLES["promote"])
    parser.add_argument("model", metavar="MODEL", help="a finished fine-tuning, or a model of the project")
    text = "Delete the weights of a model that never was the project's; its card is kept."
    parser = add_action(actions, "discard", run_discard, "delete a model", text, _EXAMPLES["discard"])
    parser.add_argument("model", metavar="MODEL", help="a finished fine-tuning, or a model of the project")
    text = "Return to a model that was the project's before."
    parser = add_action(actions, "rollback", run_rollback, "return to an earlier model", text, _EXAMPLES["rollback"])
    parser.add_argument("--to", metavar="MODEL", help="which (default: the one before)")


def run_add(args: argparse.Namespace) -> int:
    """Take in a model; 0."""
    from scarnet.project import add_model

    with Bars(args.quiet) as bars, opened_to_write(args, bars) as project:
        record = add_model(project, args.model, args.name)
        bars.say(f"{record.name}: {project.state.state_of(record.name)}")
    return OK


def run_compare(args: argparse.Namespace) -> int:
    """Compare two models; 0."""
    from scarnet_training.project import compare_models

    with Bars(args.quiet) as bars, opened_to_write(args, bars) as project:
        found = compare_models(project, args.model, against=args.against, device=args.device, progress=bars)
        then = _what_next(project, found.new, args.project)
    if args.json:
        print(json.dumps(_as_dict(found), indent=2, ensure_ascii=False))
        return OK
    with Bars(args.quiet) as bars:
        for line in _table(found):
            bars.say(line)
        for note in found.notes:
            bars.note(note)
        for warning in (*found.left_out, *found.warnings):
            bars.say(f"warning: {warning}")
        if found.comparable and not found.warnings:
            bars.say(f"{found.new} is nowhere clearly worse.")
        bars.say(then)
    return OK


def _what_next(project: "Project", model: str, folder: Path) -> str:
    """Say what can be done with a model that was compared."""
    from scarnet.project import why_kept

    state = project.state.state_of(model)
    if state == "current":
        return f"{model} is the project's model already."
    action = f"rollback {folder} --to {model}" if state == "earlier" else f"promote {folder} {model}"
    kept = why_kept(project.state, model, project.rows())
    return f"Then: scarnet project {action}" + ("" if kept else ", or discard in its place")


def _table(found: "ModelComparison") -> list[str]:
    from scarnet.classes import MEASURED_CLASSES
    from scarnet.evaluate import CLASSES

    rows = [("CASE", *(MEASURED_CLASSES[name].upper() for name in CLASSES))]
    for case in found.cases:
        cells = [f"{_two(case.old.classes[name].dice)} → {_two(case.new.classes[name].dice)}" for name in CLASSES]
        cells[-1] += f"  left out: as {case.drawn_by} drew it" if case.drawn_by else ""
        rows.append((case.case, *cells))
    means = [f"{_two(found.summary[name]['old'])} → {_two(found.summary[name]['new'])}" for name in CLASSES]
    rows.append(("mean", *means))
    lines = [f"Dice, {found.old} → {found.new}, against the accepted labels", *in_columns(rows)]
    for name in CLASSES:
        values = found.summary[name]
        if values["difference"] is not None:
            interval = f" (95 % CI {values['ci'][0]:+.3f} to {values['ci'][1]:+.3f})" if values["ci"] else ""
            told = f"{values['difference']:+.3f}{interval}, {counted(values['n'], 'patient')}"
            lines.append(f"{MEASURED_CLASSES[name]}: {told}")
    return lines


def _as_dict(found: "ModelComparison") -> dict[str, Any]:
    from scarnet.evaluate import CLASSES

    cases = [
        {
            "case": case.case,
            "patient": case.patient,
            "drawn_by": case.drawn_by,
            "dice": {name: [case.old.classes[name].dice, case.new.classes[name].dice] for name in CLASSES},
            "scar_percent": [
                case.old.scar_percent_reference,
                case.old.scar_percent_predicted,
                case.new.scar_percent_predicted,
            ],
        }
        for case in found.cases
    ]
    return {
        "old": found.old,
        "new": found.new,
        "cases": cases,
        "summary": dict(found.summary),
        "left_out": list(found.left_out),
        "warnings": list(found.warnings),
        "notes": list(found.notes),
    }


def _two(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def run_promote(args: argparse.Namespace) -> int:
    """Make a model the project's; 0."""
    from scarnet.project import cases_to_predict, promote
    from scarnet_training.project import collect_model

    with Bars(args.quiet) as bars, opened_to_write(args, bars) as project:
        collect_model(project, args.model)
        promote(project, args.model)
        waiting = len(cases_to_predict(project))
        bars.say(f"{args.model} is the project's model now.")
        if waiting:
            cases = counted(waiting, "case")
            bars.say(f"{cases} that nobody edited can be predicted by it: scarnet project predict {args.project}")
    return OK


def run_discard(args: argparse.Namespace) -> int:
    """Delete a model's weights; 0."""
    from scarnet.project import discard
    from scarnet_training.project import collect_model

    with Bars(args.quiet) as bars, opened_to_write(args, bars) as project:
        collect_model(project, args.model)
        discard(project, args.model)
        bars.say(f"{args.model} was discarded; its card is kept.")
    return OK


def run_rollback(args: argparse.Namespace) -> int:
    """Return to an earlier model; 0."""
    from scarnet.project import roll_back

    with Bars(args.quiet) as bars, opened_to_write(args, bars) as project:
        bars.say(f"{roll_back(project, args.to).name} is the project's model now.")
    return OK

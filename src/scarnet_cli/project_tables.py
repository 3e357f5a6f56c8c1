"""``scarnet project status, log``: how far a project is, and who did what."""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from scarnet.wording import counted
from scarnet_cli.arguments import natural, positive
from scarnet_cli.columns import in_columns
from scarnet_cli.failures import OK
from scarnet_cli.progress import Bars
from scarnet_cli.project_opening import opened_to_read

if TYPE_CHECKING:
    from scarnet.project import CaseRow, Order, Project

__all__ = ["add_actions"]

_STATUS = """
Show how far a project is: its cases, its models, its fine-tunings, and which
case comes next. Uncertainty is the mean of two shares from 0 to 1: the entropy
of the prediction within the wall, and how much of the wall the network labels
otherwise when the slices are mirrored or noise is added.
"""

_STATUS_EXAMPLES = """
  scarnet project status heart-study
      the cases in the order of their import
  scarnet project status heart-study --order "most uncertain first"
      those that wait first, the most uncertain one at the top
  scarnet project status heart-study --json
      the same for programs
"""

_LOG = """
Print the review log: time, annotator, action, case, model, and the voxels
that came to (+) and left (-) each class. The number in front orders it, for
clocks can be wrong. Times are this computer's; with --json they are UTC.
"""

_LOG_EXAMPLES = """
  scarnet project log heart-study
      everything
  scarnet project log heart-study --case case-001 --json
      one case, a line of JSON each
"""

_ORDERS = ("import", "random", "in order", "most uncertain first")


def add_actions(actions: Any, add_action: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the actions to the parser of ``scarnet project``.

    Parameters
    ----------
    actions : argparse subparsers
        Where they belong.
    add_action : callable
        Adds one, with what every action has.
    """
    parser = add_action(actions, "status", run_status, "show how far a project is", _STATUS, _STATUS_EXAMPLES)
    parser.add_argument(
        "--order", choices=_ORDERS, default="import", help="which order; all but 'import' put first what waits"
    )
    parser.add_argument("--seed", metavar="N", type=natural, default=0, help="of the random order")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser = add_action(actions, "log", run_log, "show who did what", _LOG, _LOG_EXAMPLES)
    parser.add_argument("--case", metavar="CASE", help="only of this case")
    parser.add_argument("--last", metavar="N", type=positive, help="only the last so many entries")
    parser.add_argument("--json", action="store_true", help="print each entry as a line of JSON")


def run_status(args: argparse.Namespace) -> int:
    """Print a project's cases, models and fine-tunings; 0."""
    from scarnet.project import next_case, order_cases
    from scarnet_training.project import finetune_jobs

    with Bars(args.quiet) as bars, opened_to_read(args, bars) as project:
        rows = project.rows()
        order: Order = "in order" if args.order == "import" else args.order
        upcoming = next_case(rows, order, seed=args.seed)
        if args.order != "import":
            place = {case: number for number, case in enumerate(order_cases(rows, order, args.seed))}
            rows.sort(key=lambda row: place.get(row.case, len(place)))
        jobs = [(job.name, job.job.state()) for job in finetune_jobs(project)]
        if args.json:
            models = [{**asdict(m), "state": project.state.state_of(m.name)} for m in project.state.models]
            told = {
                "name": project.name,
                "cases": [asdict(row) for row in rows],
                "models": models,
                "finetunings": [{"name": name, "state": state} for name, state in jobs],
                "next": upcoming,
            }
            print(json.dumps(told, indent=2, ensure_ascii=False))
            return OK
        _print_cases(rows)
        counts = ", ".join(f"{count} {status}" for status, count in project.progress().items() if count)
        print(
            f"\n{counted(len(rows), 'case')}{': ' + counts if counts else ''}"
            + (f"; next: {upcoming}" if upcoming else "")
        )
        _print_models(project)
        if jobs:
            print("Fine-tunings: " + ", ".join(f"{name} ({state})" for name, state in jobs))
    return OK


def _print_cases(rows: "Sequence[CaseRow]") -> None:
    several = len({row.patient for row in rows}) < len(rows)
    columns: dict[str, list[str]] = {
        "CASE": [row.case for row in rows],
        "STATUS": [row.status for row in rows],
        "SCAR %": ["" if row.scar_percent is None else f"{row.scar_percent:.1f}" for row in rows],
        "UNCERTAINTY": ["" if row.uncertainty is None else f"{row.uncertainty:.3f}" for row in rows],
        "MODEL": [row.model or "" for row in rows],
        "LAST EDIT": [_local(row.edited_at) if row.edited_at else "" for row in rows],
        "ANNOTATORS": [", ".join(row.annotators) for row in rows],
        "PATIENT OF": [row.patient if several else "" for row in rows],
    }
    # A column that is empty all the way down is left out.
    table = [[name, *cells] for name, cells in columns.items() if any(cells)]
    for line in in_columns(list(zip(*table, strict=True))):
        print(line)


def _print_models(project: "Project") -> None:
    told = [f"{record.name} ({project.state.state_of(record.name)})" for record in project.state.models]
    if told:
        print("Models: " + ", ".join(told))


def _local(time: str) -> str:
    """Give a time of a project, which is UTC, on this computer's clock; as it is where it is none."""
    try:
        return datetime.fromisoformat(time).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return time


def run_log(args: argparse.Namespace) -> int:
    """Print the review log; 0."""
    with Bars(args.quiet) as bars, opened_to_read(args, bars) as project:
        entries = [entry for entry in project.log() if args.case in (None, entry.case)]
        for entry in entries[-(args.last or len(entries)) :] if entries else []:
            if args.json:
                print(json.dumps({name: value for name, value in asdict(entry).items() if value not in (None, "", {})}))
                continue
            changed = ", ".join(
                f"{name} +{count['added']} -{count['removed']}" for name, count in entry.changed.items()
            )
            cells = (entry.deed, entry.case, entry.model, changed, entry.note)
            print(f"{entry.seq:>5}  {_local(entry.time)}  {entry.who}: " + ", ".join(cell for cell in cells if cell))
    return OK

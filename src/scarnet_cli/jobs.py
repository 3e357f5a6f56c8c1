"""``scarnet jobs``: the trainings that run in the background."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scarnet.errors import ScarNetError
from scarnet_cli.arguments import Parser, add_command
from scarnet_cli.columns import in_columns
from scarnet_cli.failures import BAD_INPUT, CANCELLED, OK, report
from scarnet_cli.job_lines import as_dict, event_line, latest, left, row, span, when, where
from scarnet_cli.job_options import add_resources, asked_resources

if TYPE_CHECKING:
    from scarnet_training.jobs import Job, Status

__all__ = ["add"]

_TEXT = """
List, follow, cancel or resume the trainings that run in the background.

A job is the folder of its run: recipe.toml, events.jsonl, checkpoints/,
log.txt and status.json. Any terminal that sees the folder can look after it,
also after the one that started it was closed. Trainings without --job are
listed, shown and watched too; Ctrl-C, where they run, stops them.
"""

_EXAMPLES = """
  scarnet train my-recipe.toml -o runs/first --job local
      start a job
  scarnet jobs
      the jobs in and below this folder (the same as: scarnet jobs list)
  scarnet jobs watch runs/first
      follow a job to its end; Ctrl-C stops watching only
"""

_LIST = """
  scarnet jobs list
      the jobs in and below this folder
  scarnet jobs list runs --json
      the same of another folder, for programs
"""

_SHOW = """
  scarnet jobs show runs/first
      where it runs, since when, how far it is, the end of its log
"""

_WATCH = """
  scarnet jobs watch runs/first
      follow a job to its end; Ctrl-C stops watching only
  scarnet jobs watch runs/first --json
      the events as they are in events.jsonl, for programs
"""

_CANCEL = """
  scarnet jobs cancel runs/first
      stop a job; 'scarnet jobs resume runs/first' goes on with it
"""

_RESUME = """
  scarnet jobs resume runs/first
      go on from the last checkpoint, with what the job asked for before
  scarnet jobs resume runs/first --minutes 600
      the same with another time limit
"""


def add(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Add the command to the parser.

    Parameters
    ----------
    commands : argparse subparsers
        Where it belongs.
    """
    parser = add_command(commands, "jobs", run_list, "look after trainings in the background", _TEXT, _EXAMPLES)
    parser.set_defaults(json=False, folder=Path())
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    listing = add_command(actions, "list", run_list, "list the jobs", "List the jobs in and below a folder.", _LIST)
    listing.add_argument(
        "folder", metavar="FOLDER", type=Path, nargs="?", default=Path(), help="where to look (default: here)"
    )
    listing.add_argument("--json", action="store_true", help="print JSON")
    text = "Show where a job runs, since when, how far it is, and the end of its log."
    showing = _add_action(actions, "show", run_show, "show what is known of a job", text, _SHOW)
    showing.add_argument("--json", action="store_true", help="print JSON")
    text = "Print a job's events as they come, from the first on, until it ends."
    watching = _add_action(actions, "watch", run_watch, "follow a job", text, _WATCH)
    watching.add_argument("--steps", action="store_true", help="print every step, not only epochs")
    watching.add_argument("--json", action="store_true", help="print each event as a line of JSON")
    text = "Ask a job to stop at its next batch, and end its processes if it does not."
    cancelling = _add_action(actions, "cancel", run_cancel, "stop a job", text, _CANCEL)
    cancelling.add_argument(
        "--grace", metavar="S", type=_seconds, default=10.0, help="seconds it has to stop by itself"
    )
    text = "Go on with a job that was interrupted or cancelled, or that failed, from its last checkpoint."
    resuming = _add_action(actions, "resume", run_resume, "go on with a job", text, _RESUME)
    resuming.add_argument("--job", choices=("local", "slurm"), help="move the job (default: where it was)")
    add_resources(resuming)


def _add_action(actions: Any, name: str, run: Any, summary: str, text: str, examples: str) -> Parser:
    parser = add_command(actions, name, run, summary, text, examples)
    parser.add_argument("folder", metavar="JOB", type=Path, help="the job's folder")
    return parser


def run_list(args: argparse.Namespace) -> int:
    """Print a line for each job.

    Parameters
    ----------
    args : Namespace
        The parsed command line.

    Returns
    -------
    int
        0, or 2 where a job's status cannot be read.
    """
    from scarnet_training.jobs import list_jobs

    readable: list[tuple[Job, Status]] = []
    outcome = OK
    for job in list_jobs(args.folder):
        try:
            readable.append((job, job.status()))
        except ScarNetError as error:
            report(error, debug=False)
            outcome = BAD_INPUT
    if args.json:
        print(json.dumps([as_dict(job, status) for job, status in readable], indent=2, ensure_ascii=False))
        return outcome
    if not readable and outcome == OK:
        print(f"There are no jobs in {args.folder.absolute()}; 'scarnet train RECIPE -o OUT --job local' starts one.")
    if readable:
        root = args.folder.absolute()
        rows = [("JOB", "STATE", "WHERE", "SINCE", "LATEST")]
        rows += [row(root, job, status) for job, status in readable]
        for line in in_columns(rows):
            print(line)
    return outcome


def run_show(args: argparse.Namespace) -> int:
    """Print what is known of a job.

    Parameters
    ----------
    args : Namespace
        The parsed command line.

    Returns
    -------
    int
        0.
    """
    from scarnet_training.jobs import read_job

    job = read_job(args.folder)
    status = job.status()
    if args.json:
        print(json.dumps(as_dict(job, status), indent=2, ensure_ascii=False))
        return OK
    print(f"{job.folder}: {status.state}")
    if status.sentence:
        print(f"  {status.sentence}")
    options = {} if status.foreground else status.options.to_dict()
    asked = {name: value for name, value in options.items() if value is not None and name != "where"}
    event, remaining = latest(job, status)
    ended, started = status.ended, status.started
    lines = {
        "Where": where(status),
        "Asked for": ", ".join(f"{name} {value}" for name, value in asked.items()),
        "Submitted": when(status.submitted),
        "Started": f"{when(started)} (start {status.starts})" if started else "",
        "Ended": when(ended) + (f" (after {span(ended - started)})" if started and ended and ended > started else ""),
        "Latest": event,
        "Left": remaining,
    }
    for title, text in lines.items():
        if text:
            print(f"{title + ':':<11}{text}")
    log = job.log(10)
    if log:
        print("\nEnd of log.txt", *(f"  {line}" for line in log), sep="\n")
    return OK


def run_watch(args: argparse.Namespace) -> int:
    """Print a job's events until it ends.

    Parameters
    ----------
    args : Namespace
        The parsed command line.

    Returns
    -------
    int
        0 when it is done, 130 when it was cancelled or Ctrl-C stopped the watching.

    Raises
    ------
    ScarNetError
        It failed or was interrupted.
    """
    from scarnet_training.jobs import read_job
    from scarnet_training.jobs.milestones import is_step
    from scarnet_training.jobs.pace import time_left

    job = read_job(args.folder)
    milestones = []
    try:
        for event in job.watch():
            if not is_step(event):
                milestones.append(event)
            if args.json:
                print(json.dumps(event), flush=True)
            elif args.steps or not is_step(event):
                told = event_line(event)
                if event["event"].endswith("epoch"):
                    # Of epochs long ago: what was left then.
                    remaining = left(time_left(milestones, event.get("time", time.time())))
                    told = ", ".join(filter(None, (told, remaining)))
                print(f"{when(event.get('time')) or ' ' * 19}  {told}", flush=True)
    except KeyboardInterrupt:
        print(f"Stopped watching; the job in {args.folder} goes on.", file=sys.stderr)
        return CANCELLED
    status = job.status()
    if status.state in ("failed", "interrupted"):
        raise ScarNetError(
            f"The job {status.state}: {status.sentence}".replace("job interrupted", "job was interrupted")
        )
    if not args.json:
        print(f"The job is {status.state}." if status.state == "done" else f"The job was {status.state}.")
    return OK if status.state == "done" else CANCELLED


def run_cancel(args: argparse.Namespace) -> int:
    """Stop a job.

    Parameters
    ----------
    args : Namespace
        The parsed command line.

    Returns
    -------
    int
        0.
    """
    from scarnet_training.jobs import read_job

    state = read_job(args.folder).cancel(args.grace)
    if state == "cancelled":
        print(f"Cancelled. To go on with it: scarnet jobs resume {args.folder}")
    else:
        print(f"The job was quicker: it {'is done' if state == 'done' else 'failed'}.")
    return OK


def run_resume(args: argparse.Namespace) -> int:
    """Go on with a job.

    Parameters
    ----------
    args : Namespace
        The parsed command line.

    Returns
    -------
    int
        0.
    """
    from scarnet_training.jobs import read_job

    job = read_job(args.folder).resume(where=args.job, **asked_resources(args))
    print(f"Resumed: {job.folder}\nTo follow it: scarnet jobs watch {args.folder}")
    return OK


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to 3600")
    return seconds

"""``scarnet project predict, finetune``: what a model says, and one that learnt from what was accepted."""

import argparse
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from scarnet.errors import Cancelled, ScarNetError
from scarnet_cli.arguments import add_device, natural, positive
from scarnet_cli.failures import BAD_INPUT, CANCELLED, OK, report
from scarnet_cli.progress import Bars
from scarnet_cli.project_opening import opened_to_read, opened_to_write

if TYPE_CHECKING:
    from scarnet_training.project import FinetuneJob

__all__ = ["add_actions"]

_PREDICT = """
Predict cases with the project's model: without --cases, all new ones, and those
that another model predicted and nobody edited. Labels that a person made are
never touched. How unsure the network is orders the queue.
"""

_PREDICT_EXAMPLES = """
  scarnet project predict heart-study
      whatever a prediction would help
  scarnet project predict heart-study --cases case-001 --model finetune-001
      one case, by another of the project's models
"""

_FINETUNE = """
Fine-tune the project's model on the accepted cases, as a job that outlives the
terminal. A share of the patients is held out to measure the new model on; who
is trained on and who is held out is printed first. A patient that was once
held out stays held out, and one that the model was trained on in this project
is never; what a model has seen elsewhere the project does not know.
"""

_FINETUNE_EXAMPLES = """
  scarnet project finetune heart-study --plan
      only show who would be trained on and who held out
  scarnet project finetune heart-study
      start it; 'scarnet jobs watch PROJECT/jobs/finetune-001/run' follows it
  scarnet project finetune heart-study --wait
      and wait for its end; Ctrl-C cancels it
  scarnet project finetune heart-study --resume finetune-001
      go on with one that was cancelled or interrupted
"""

_LOOK_SECONDS = 0.5


def add_actions(actions: Any, add_action: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the actions to the parser of ``scarnet project``.

    Parameters
    ----------
    actions : argparse subparsers
        Where they belong.
    add_action : callable
        Adds one, with what every action has.
    """
    parser = add_action(actions, "predict", run_predict, "predict cases", _PREDICT, _PREDICT_EXAMPLES)
    parser.add_argument("--cases", metavar="CASE", nargs="+", help="which (default: those a prediction would help)")
    parser.add_argument("--model", metavar="M", help="one of the project's models (default: the project's)")
    add_device(parser)
    parser.add_argument(
        "--flips", action=argparse.BooleanOptionalAction, help="average over flips (default: as the model recommends)"
    )
    parser.add_argument(
        "--entropy-only", action="store_true", help="do not ask the network again over flips and noise: a third quicker"
    )
    parser = add_action(actions, "finetune", run_finetune, "learn from accepted cases", _FINETUNE, _FINETUNE_EXAMPLES)
    parser.add_argument("--cases", metavar="CASE", nargs="+", help="which accepted ones (default: all of them)")
    parser.add_argument("--plan", action="store_true", help="only show the split")
    parser.add_argument("--resume", metavar="NAME", help="go on with this fine-tuning")
    parser.add_argument("--base", metavar="M", help="one of the project's models (default: the project's)")
    parser.add_argument("--name", help="of the fine-tuning and its model (default: finetune-001 and so on)")
    parser.add_argument("--validation", metavar="SHARE", type=float, default=0.2, help="share of the patients held out")
    parser.add_argument("--seed", metavar="N", type=natural, default=0, help="seed of split, order and views")
    parser.add_argument(
        "--parts", choices=("heads", "decoder", "all", "adapters"), help="what trains (default: decoder)"
    )
    parser.add_argument("--epochs", metavar="N", type=positive, help="passes (default: 20)")
    parser.add_argument("--learning-rate", metavar="LR", type=float, help="its peak (default: 1e-4)")
    parser.add_argument("--replay-phantoms", metavar="N", type=natural, help="synthetic patients to show beside yours")
    parser.add_argument("--job", choices=("local", "slurm"), default="local", help="on this machine, or in Slurm")
    parser.add_argument("--gpus", metavar="N", type=natural, help="GPUs; 0 for the CPU alone")
    parser.add_argument("--minutes", metavar="N", type=positive, help="time limit of a job")
    parser.add_argument("--partition", metavar="P", help="Slurm's partition")
    parser.add_argument("--cpus", metavar="N", type=positive, help="CPUs of a job in Slurm")
    parser.add_argument("--memory-gb", metavar="N", type=positive, help="memory of a job in Slurm, in GB")
    parser.add_argument("--wait", action="store_true", help="wait for its end; Ctrl-C cancels it")


def run_predict(args: argparse.Namespace) -> int:
    """Predict cases; 0, or 2 where one could not be."""
    from scarnet.project import predict_cases

    with Bars(args.quiet) as bars, opened_to_write(args, bars) as project:

        def told(case: str) -> None:
            # The prediction's scar, where somebody's labels have another.
            percent = getattr(project.prediction_info(case), "scar_percent", None)
            found = "no wall found" if percent is None else f"scar {percent:.1f} % of the wall"
            bars.say(f"{case}: {found}, uncertainty {project.row(case).uncertainty:.3f}")

        try:
            found = predict_cases(
                project,
                args.cases,
                model=args.model,
                device=args.device,
                flips=args.flips,
                with_disagreement=not args.entropy_only,
                progress=bars,
                on_case=told,
            )
        except (KeyboardInterrupt, Cancelled):
            bars.note("stopped: what was predicted stays; the same command goes on.")
            raise
        for case, sentence in found.failed.items():
            with bars.cleared():
                report(ScarNetError(sentence), debug=False, case=case)
        if not found.done and not found.failed:
            bars.say("There is nothing to predict: no case is new, and none was predicted by another model.")
    return BAD_INPUT if found.failed else OK


def run_finetune(args: argparse.Namespace) -> int:
    """Plan a fine-tuning, start it or go on with it; 0, or 130 where Ctrl-C cancelled it."""
    from scarnet_training.project import plan_finetune, resume_finetune, start_finetune

    opened = opened_to_read if args.plan else opened_to_write
    with Bars(args.quiet) as bars, opened(args, bars) as project:
        if args.resume:
            found = resume_finetune(project, args.resume)
        else:
            plan = plan_finetune(
                project,
                args.cases,
                base=args.base,
                name=args.name,
                validation_fraction=args.validation,
                seed=args.seed,
            )
            for line in plan.lines():
                bars.say(line)
            if args.plan:
                return OK
            found = start_finetune(
                project,
                plan,
                args.job,
                gpus=args.gpus,
                minutes=args.minutes,
                partition=args.partition,
                cpus=args.cpus,
                memory_gb=args.memory_gb,
                epochs=args.epochs,
                parts=args.parts,
                learning_rate=args.learning_rate,
                replay_phantoms=args.replay_phantoms,
            )
        bars.say(f"Started: {found.name}")
    # The job has its own copy of the cases, so the project is free for others meanwhile.
    return _wait(found, args) if args.wait else _tell(found, args)


def _tell(found: "FinetuneJob", args: argparse.Namespace) -> int:
    if not args.quiet:
        print(
            f"To follow it: scarnet jobs watch {found.run}\n"
            f"When it is done: scarnet project compare {args.project} {found.name}"
        )
    return OK


def _wait(found: "FinetuneJob", args: argparse.Namespace) -> int:
    from scarnet_cli.job_lines import event_line
    from scarnet_training.jobs.milestones import is_step

    with Bars(args.quiet) as bars:
        try:
            for event in found.job.watch(_LOOK_SECONDS):
                if not is_step(event):
                    bars.say(f"{time.strftime('%H:%M:%S')}  {event_line(event)}")
        except KeyboardInterrupt:
            found.job.cancel()
            print(
                f"Cancelled; to go on: scarnet project finetune {args.project} --resume {found.name}", file=sys.stderr
            )
            return CANCELLED
        status = found.job.status()
        if status.state != "done":
            raise ScarNetError(f"The fine-tuning is {status.state}: {status.sentence or 'it did not say why'}")
        bars.say(f"Done. To see whether it is better: scarnet project compare {args.project} {found.name}")
    return OK

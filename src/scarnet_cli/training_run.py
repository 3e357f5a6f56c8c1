"""What ``scarnet train`` and ``scarnet finetune`` share: a recipe trained here and now, or started as a job."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from scarnet.errors import Cancelled
from scarnet_cli.arguments import add_device, add_quiet
from scarnet_cli.failures import OK
from scarnet_cli.job_options import add_job_options, start_job, wants_job
from scarnet_cli.progress import Bars

if TYPE_CHECKING:
    from scarnet_training.recipe import Recipe

__all__ = ["add_run_options", "run_recipe"]


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add where to write, whether to go on, on what to run, and the options of a job.

    Parameters
    ----------
    parser : ArgumentParser
        The command's parser.
    """
    parser.add_argument("-o", "--output", metavar="OUT", type=Path, required=True, help="folder for the model")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in OUT")
    add_device(parser)
    add_quiet(parser)
    add_job_options(parser)


def run_recipe(args: argparse.Namespace, recipe: "Recipe") -> int:
    """Train a recipe, go on with it, or start a job that does.

    Parameters
    ----------
    args : Namespace
        The parsed command line, with the options of :func:`add_run_options`.
    recipe : Recipe
        What to train.

    Returns
    -------
    int
        0.
    """
    if wants_job(args):
        return start_job(args, recipe, args.output, resume=args.resume)
    from scarnet_training.trainer import train

    with Bars(args.quiet) as bars:
        try:
            model = train(recipe, args.output, resume=args.resume, progress=bars, device=args.device)
        except (KeyboardInterrupt, Cancelled):
            if any((args.output / "checkpoints").glob("*.pt")):
                bars.note("the same command with --resume goes on from the last checkpoint.")
            raise
        bars.say(f"Trained: {model}\nTo use it: scarnet segment INPUT -o OUT --model {model}")
    return OK

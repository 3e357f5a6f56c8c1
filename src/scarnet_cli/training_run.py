"""What ``scarnet train`` and ``scarnet finetune`` share: a recipe trained here and now, or started as a job."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from scarnet.errors import Cancelled
from scarnet_cli.arguments import add_device, add_quiet, positive
from scarnet_cli.failures import CANCELLED, OK
from scarnet_cli.job_options import add_job_options, start_job, wants_job
from scarnet_cli.progress import Bars
from scarnet_cli.training_summary import summary_lines

if TYPE_CHECKING:
    from scarnet_training.recipe import Recipe

__all__ = ["add_run_options", "run_recipe"]


def add_run_options(parser: argparse.ArgumentParser, output_required: bool = True) -> None:
    """Add where to write, whether to go on, on what to run and in how much memory, and the options of a job.

    Parameters
    ----------
    parser : ArgumentParser
        The command's parser.
    output_required : bool
        Whether the command always trains.
    """
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        type=_folder,
        required=output_required,
        help="folder for the model: a new or empty one, or with --resume that of the run",
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in OUT")
    parser.add_argument(
        "--micro-batch",
        metavar="N",
        type=positive,
        help="slices in memory at a time in each process, the rest of a batch accumulated; may change with --resume "
        "(default: as the recipe says, fewer where memory gives out)",
    )
    add_device(parser)
    add_quiet(parser)
    add_job_options(parser)


def _folder(text: str) -> Path:
    if not text.strip():
        raise argparse.ArgumentTypeError(f"{text!r} names no folder")
    return Path(text)


def _check_what_is_named(recipe: "Recipe") -> None:
    """Refuse what a training here would refuse before it reads an image; a job would only do so in the background."""
    from scarnet.models import find_model, read_card
    from scarnet_training.cohort import check_named_data
    from scarnet_training.start import check_encoder_weights

    check_encoder_weights(recipe)
    if recipe.start.model:
        read_card(find_model(recipe.start.model))
    check_named_data(recipe)


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
        0, or 130 where Ctrl-C ended it.

    Raises
    ------
    ScarNetError
        The folder, the recipe or the data are not fit.
    """
    from scarnet_training.folder_check import check_run_folder

    if args.micro_batch is not None:
        recipe = replace(recipe, training=replace(recipe.training, micro_batch=args.micro_batch))
    check_run_folder(args.output, args.resume)
    if wants_job(args):
        _check_what_is_named(recipe)
        return start_job(args, recipe, args.output, resume=args.resume)
    from scarnet_training.processes import is_first_process
    from scarnet_training.trainer import train

    with Bars(args.quiet) as bars:

        def remark(kind: str, text: str) -> None:
            if kind == "note":
                bars.note(text)
            elif not args.quiet:
                with bars.cleared():
                    print(f"{kind}: {text}", file=sys.stderr, flush=True)

        try:
            model = train(recipe, args.output, resume=args.resume, progress=bars, device=args.device, remark=remark)
        except (KeyboardInterrupt, Cancelled):
            if not any((args.output / "checkpoints").glob("*.pt")):
                raise
            if is_first_process():
                with bars.cleared():
                    print("Stopped; the same command with --resume goes on from the last checkpoint.", file=sys.stderr)
            return CANCELLED
        # Of several processes, as torchrun starts them, one tells.
        if is_first_process():
            for line in summary_lines(model):
                bars.say(line)
    return OK

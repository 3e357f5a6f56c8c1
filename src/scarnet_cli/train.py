"""``scarnet train``: a recipe in, a model out."""

import argparse
from pathlib import Path

from scarnet.errors import Cancelled
from scarnet_cli.arguments import Parser, add_command, add_quiet
from scarnet_cli.failures import OK
from scarnet_cli.progress import Bars

__all__ = ["add"]

_TEXT = """
Train a model from scratch with a recipe.

RECIPE is a TOML file, or the name of a recipe that comes with the package.
It names the data (nnU-Net's raw layout), the network and the schedule.
OUT receives model.safetensors with its card, events.jsonl with the losses of
every epoch, and checkpoints/ to go on from.
"""

_EXAMPLES = """
  scarnet train my-recipe.toml -o runs/first
      train with a recipe of your own
  scarnet train my-recipe.toml -o runs/first --resume
      go on after Ctrl-C, from the last checkpoint
  scarnet models import runs/first/model.safetensors --name mine
      use the trained model: scarnet segment ... --model mine
"""


def add(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Add the command to the parser.

    Parameters
    ----------
    commands : argparse subparsers
        Where it belongs.
    """
    parser = add_command(commands, "train", run, "train a model with a recipe", _TEXT, _EXAMPLES)
    parser.add_argument("recipe", metavar="RECIPE", help="a recipe's TOML file, or the name of a shipped recipe")
    parser.add_argument("-o", "--output", metavar="OUT", type=Path, required=True, help="folder for the model")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in OUT")
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Train, or go on training.

    Parameters
    ----------
    args : Namespace
        The parsed command line.

    Returns
    -------
    int
        0.
    """
    from scarnet_training.recipe import find_recipe, load_recipe

    recipe = load_recipe(find_recipe(args.recipe))
    from scarnet_training.trainer import train

    with Bars(args.quiet) as bars:
        try:
            model = train(recipe, args.output, resume=args.resume, progress=bars)
        except (KeyboardInterrupt, Cancelled):
            if any((args.output / "checkpoints").glob("*")):
                bars.note("the same command with --resume goes on from the last checkpoint.")
            raise
        bars.say(f"Trained: {model}\nTo use it: scarnet segment INPUT -o OUT --model {model}")
    return OK

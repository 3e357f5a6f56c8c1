"""``scarnet train``: a recipe in, a model out."""

import argparse

from scarnet_cli.arguments import Parser, add_command
from scarnet_cli.training_run import add_run_options, run_recipe

__all__ = ["add"]

_TEXT = """
Train a model with a recipe.

RECIPE is a TOML file, or the name of a recipe that comes with the package.
It names the data (nnU-Net's raw layout), the network and the schedule.
OUT receives model.safetensors with its card, events.jsonl with the losses of
every step, and checkpoints/ to go on from.
"""

_EXAMPLES = """
  scarnet train my-recipe.toml -o runs/first
      train with a recipe of your own
  scarnet train my-recipe.toml -o runs/first --resume
      go on after Ctrl-C or a crash, from the last checkpoint
  scarnet train my-recipe.toml -o runs/first --job slurm --gpus 2 --minutes 600
      train on a cluster; 'scarnet jobs' follows, cancels and resumes it
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
    add_run_options(parser)


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

    return run_recipe(args, load_recipe(find_recipe(args.recipe)))

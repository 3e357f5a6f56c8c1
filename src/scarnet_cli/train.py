"""``scarnet train``: a recipe in, a model out."""

import argparse
from dataclasses import replace
from pathlib import Path

from scarnet.errors import ScarNetError
from scarnet_cli.arguments import Parser, add_command
from scarnet_cli.failures import OK
from scarnet_cli.training_run import add_run_options, run_recipe

__all__ = ["add"]

_TEXT = """
Train a model with a recipe.

RECIPE is a TOML file, or the name of a recipe that comes with the package.
It names the data (nnU-Net's raw layout), the network and the schedule; --data
names other data, and --write writes a recipe to edit.
OUT receives model.safetensors with its card, events.jsonl with the losses of
every step, and checkpoints/ to go on from.
"""

_EXAMPLES = """
  scarnet train finetune --data my-cohort -o runs/first
      train with a recipe that comes with the package
  scarnet train paper --write my-recipe.toml
      write such a recipe to edit, and train nothing yet
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
    parser.add_argument(
        "--data",
        metavar="DATASET",
        action="append",
        help="folder in nnU-Net's raw layout to train on instead of the recipe's; may be repeated",
    )
    parser.add_argument("--write", metavar="FILE", type=Path, help="write the recipe there to edit, and train nothing")
    add_run_options(parser, output_required=False)


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
    from scarnet_training.recipe import copy_recipe, find_recipe, load_recipe

    path = find_recipe(args.recipe)
    recipe = load_recipe(path)
    if args.write is not None:
        if args.output is not None or args.data:
            raise ScarNetError(
                "--write trains nothing: name the data in the written recipe, and give -o when training."
            )
        copy_recipe(path, args.write)
        print(f"Written: {args.write}\nTo train it: scarnet train {args.write} -o OUT")
        return OK
    if args.output is None:
        raise ScarNetError("-o OUT is missing: the folder for the model; see 'scarnet train --help'.")
    if args.data:
        recipe = replace(recipe, data=replace(recipe.data, datasets=tuple(args.data)))
    return run_recipe(args, recipe)

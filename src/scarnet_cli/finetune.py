"""``scarnet finetune``: one's own cohort and a model in, a better model out."""

import argparse
from pathlib import Path

from scarnet_cli.arguments import Parser, add_command, add_model, natural, positive
from scarnet_cli.training_run import add_run_options, run_recipe

__all__ = ["add"]

_TEXT = """
Fine-tune a model on your own patients.

DATASET is a folder in nnU-Net's raw layout: imagesTr/CASE_0000.nii.gz,
labelsTr/CASE.nii.gz and dataset.json, which names the label values. From 5
patients up it works without any option. A fifth of the patients is held out
to measure the new model on; OUT/splits.json says who.
"""

_EXAMPLES = """
  scarnet finetune my-cohort -o runs/mine
      fine-tune the built-in model
  scarnet finetune my-cohort -o runs/mine --resume
      go on after Ctrl-C or a crash
  scarnet finetune my-cohort -o runs/mine --job local
      the same in the background: 'scarnet jobs watch runs/mine' follows it
  scarnet finetune my-cohort -o runs/mine --replay earlier-cohort
      show earlier patients again, so that the model does not unlearn them
  scarnet models import runs/mine/model.safetensors --name mine
      use the new model: scarnet segment ... --model mine
"""


def add(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Add the command to the parser.

    Parameters
    ----------
    commands : argparse subparsers
        Where it belongs.
    """
    parser = add_command(commands, "finetune", run, "fine-tune a model on your own patients", _TEXT, _EXAMPLES)
    parser.add_argument("dataset", metavar="DATASET", nargs="+", type=Path, help="folder in nnU-Net's raw layout")
    add_model(parser)
    parser.add_argument("--name", default="finetuned", help="name of the new model")
    parser.add_argument(
        "--parts",
        choices=("heads", "decoder", "all", "adapters"),
        help="what trains: the last layers, all but the encoder, everything, or all but the encoder with low-rank "
        "adapters in it (default: decoder)",
    )
    parser.add_argument("--epochs", metavar="N", type=positive, help="passes (default: 20, of at least 30 steps each)")
    parser.add_argument("--learning-rate", metavar="LR", type=float, help="its peak (default: 1e-4)")
    parser.add_argument(
        "--replay",
        metavar="DATASET",
        type=Path,
        action="append",
        help="earlier patients to show again; may be repeated",
    )
    parser.add_argument("--replay-phantoms", metavar="N", type=natural, help="synthetic patients to show beside yours")
    parser.add_argument(
        "--validation", metavar="SHARE", type=float, help="share of the patients held out, 0 for none (default: 0.2)"
    )
    parser.add_argument("--splits", metavar="FILE", type=Path, help="who is held out, as nnU-Net's splits_final.json")
    parser.add_argument("--seed", metavar="N", type=natural, help="seed of split, order and views (default: 0)")
    add_run_options(parser)


def run(args: argparse.Namespace) -> int:
    """Fine-tune, or go on with it.

    Parameters
    ----------
    args : Namespace
        The parsed command line.

    Returns
    -------
    int
        0.
    """
    from scarnet_training.finetune import finetune_recipe

    recipe = finetune_recipe(
        args.dataset,
        args.model,
        name=args.name,
        parts=args.parts,
        epochs=args.epochs,
        learning_rate=args.learning_rate,
        replay=args.replay or (),
        replay_phantoms=args.replay_phantoms,
        validation_fraction=args.validation,
        splits=args.splits,
        seed=args.seed,
    )
    return run_recipe(args, recipe)

"""``scarnet project``: a cohort annotated in a folder, from the first study to a better model."""

import argparse
from pathlib import Path
from typing import Any

from scarnet_cli import project_cases, project_labels, project_models, project_tables, project_training
from scarnet_cli.arguments import Parser, add_command, add_quiet

__all__ = ["add"]

_TEXT = """
Annotate a cohort: import studies, predict them, correct and accept labels,
fine-tune on what was accepted, and choose between the old and the new model.

A project is a folder. It can be moved, it is opened for writing by one
program at a time, and napari works on the same one. Its accepted cases are an
nnU-Net dataset: with nnUNet_raw=PROJECT it is dataset 1. Patients' names, IDs
and dates do not come in; a log keeps who did what.
"""

_EXAMPLES = """
  scarnet project init heart-study
  scarnet project import heart-study studies/*
  scarnet project predict heart-study
      ... correct the labels in napari, or with import-labels
  scarnet project accept heart-study case-001 case-002
  scarnet project finetune heart-study --wait
  scarnet project compare heart-study finetune-001
  scarnet project promote heart-study finetune-001
  scarnet project predict heart-study
      the whole loop, once round
  scarnet project status heart-study
      what there is, and what comes next
"""


def add(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Add the command to the parser.

    Parameters
    ----------
    commands : argparse subparsers
        Where it belongs.
    """
    parser = add_command(commands, "project", _no_action, "annotate a cohort and learn from it", _TEXT, _EXAMPLES)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action")
    for part in (project_cases, project_labels, project_tables, project_training, project_models):
        part.add_actions(actions, _add_action)


def _add_action(actions: Any, name: str, run: Any, summary: str, text: str, examples: str) -> Parser:
    """Add an action with what every action has: the project, who works with it, and whether to be quiet."""
    parser = add_command(actions, name, run, summary, text, examples)
    parser.add_argument("project", metavar="PROJECT", type=Path, help="the project's folder")
    parser.add_argument("--who", metavar="NAME", help="who you are, for the log (default: your name on this computer)")
    parser.add_argument(
        "--take-over", action="store_true", help="write although another machine opened the project and never closed it"
    )
    add_quiet(parser)
    return parser


def _no_action(args: argparse.Namespace) -> int:
    from scarnet.errors import ScarNetError

    raise ScarNetError("'scarnet project' needs an action, such as status; see 'scarnet project --help'.")

"""The options of every command that can start a job, and its start."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scarnet.errors import ScarNetError
from scarnet_cli.arguments import natural, positive
from scarnet_cli.failures import OK

if TYPE_CHECKING:
    from scarnet_training.recipe import Recipe

__all__ = ["add_job_options", "add_resources", "asked_resources", "start_job", "wants_job"]

_RESOURCES = ("gpus", "nodes", "minutes", "partition", "cpus", "memory_gb")


def add_job_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--job`` and what a job may ask for.

    Parameters
    ----------
    parser : ArgumentParser
        The command's parser.
    """
    group = parser.add_argument_group("in the background", "see 'scarnet jobs --help' to follow, cancel or resume")
    group.add_argument(
        "--job",
        choices=("local", "slurm"),
        help="start a job and return: a process on this machine that outlives the terminal, or a job in Slurm",
    )
    add_resources(group)


def add_resources(group: "argparse._ArgumentGroup | argparse.ArgumentParser") -> None:
    """Add what a job may ask for.

    Parameters
    ----------
    group : argument group or ArgumentParser
        Where the options belong.
    """
    group.add_argument(
        "--gpus",
        metavar="N",
        type=natural,
        help="GPUs a node, one process each; 0 for the CPU alone (default: one process, on a GPU where there is one; "
        "Slurm is asked for none)",
    )
    group.add_argument("--nodes", metavar="N", type=positive, help="machines, in Slurm (default: 1)")
    group.add_argument(
        "--minutes",
        metavar="N",
        type=positive,
        help="time limit, after which the job is started again from its last checkpoint (default: none here, "
        "the partition's in Slurm)",
    )
    group.add_argument("--partition", metavar="P", help="Slurm's partition (default: Slurm's default)")
    group.add_argument("--cpus", metavar="N", type=positive, help="CPUs a process, in Slurm (default: Slurm's own)")
    group.add_argument(
        "--memory-gb", metavar="N", type=positive, help="memory a node in GB, in Slurm (default: Slurm's own)"
    )


def asked_resources(args: argparse.Namespace) -> dict[str, Any]:
    """Give what the command line says that a job should have.

    Parameters
    ----------
    args : Namespace
        The parsed command line, with the options of :func:`add_resources`.

    Returns
    -------
    dict
        ``{name: value}``, without what it does not say.
    """
    return {name: getattr(args, name) for name in _RESOURCES if getattr(args, name) is not None}


def wants_job(args: argparse.Namespace) -> bool:
    """Whether the command line asks for a job.

    Parameters
    ----------
    args : Namespace
        The parsed command line, with the options of :func:`add_job_options`.

    Returns
    -------
    bool
        True with ``--job``.

    Raises
    ------
    ScarNetError
        It does not, but says what the job should have.
    """
    given = [f"--{name.replace('_', '-')}" for name in asked_resources(args)]
    if args.job is None and given:
        raise ScarNetError(f"{given[0]} belongs to a job; add --job local or --job slurm.")
    if args.job is not None and getattr(args, "device", "auto") != "auto":
        raise ScarNetError("--device is for a training here and now; a job takes --gpus, 0 for the CPU alone.")
    return args.job is not None


def start_job(args: argparse.Namespace, recipe: "Recipe", out: Path, *, resume: bool = False) -> int:
    """Start a training as a job and say how to follow it.

    Parameters
    ----------
    args : Namespace
        The parsed command line, with the options of :func:`add_job_options`.
    recipe : Recipe
        What to train.
    out : Path
        The run's folder.
    resume : bool
        Go on with the run in it.

    Returns
    -------
    int
        0.

    Raises
    ------
    ScarNetError
        The job cannot be started.
    """
    from scarnet_training.jobs import submit

    job = submit(recipe, out, args.job, **asked_resources(args), resume=resume)
    print(f"Started: {job.folder}\nTo follow it: scarnet jobs watch {out}", flush=True)
    return OK

"""The command ``scarnet``: its commands put together, and what the terminal is told when one fails."""

import os
import sys
import warnings
from collections.abc import Sequence

import scarnet
from scarnet.errors import Cancelled
from scarnet_cli import demo, evaluate, finetune, jobs, measure, models, phantom, project, segment, train, view
from scarnet_cli.arguments import Parser
from scarnet_cli.failures import BAD_INPUT, CANCELLED, OK, exit_status, report

__all__ = ["build_parser", "main"]

_TEXT = """
ScarNet for late gadolinium enhancement (LGE) cardiac MRI, in the terminal:
myocardium, blood pool and scar with their probabilities and logits.
For research use only.
"""

_EXAMPLES = """
examples:
  scarnet demo
      see everything work on a built-in synthetic study
  scarnet segment patient01/ -o results
      segment a study
  scarnet segment --help
      how to use a command
"""


def build_parser() -> Parser:
    """Put the parser together; loads nothing heavy.

    Returns
    -------
    Parser
        The parser of the whole command line.
    """
    parser = Parser(prog="scarnet", description=_TEXT.strip(), epilog=_EXAMPLES.strip())
    parser.add_argument("--version", action="version", version=f"scarnet {scarnet.__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for command in (demo, view, segment, measure, evaluate, train, finetune, jobs, project, models, phantom):
        command.add(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; without them the process's own.

    Returns
    -------
    int
        The exit status: 0 done, 1 a bug, 2 bad input, 130 stopped with Ctrl-C.
    """
    _print_whatever_the_encoding()
    debug = False
    try:
        parser = build_parser()
        args = parser.parse_args(argv)
        debug = args.debug
        if args.command is None:
            parser.print_help(sys.stderr)
            return BAD_INPUT
        with warnings.catch_warnings():
            if not debug:
                # A library's warning about a file may quote the file's header.
                warnings.simplefilter("ignore")
            status = int(args.run(args))
        sys.stdout.flush()
        return status
    except SystemExit as finished:
        return finished.code if isinstance(finished.code, int) else OK
    except (KeyboardInterrupt, Cancelled):
        print("Stopped.", file=sys.stderr)
        return CANCELLED
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain again when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as error:
        report(error, debug=debug)
        return exit_status(error)


def _print_whatever_the_encoding() -> None:
    """Let a terminal that lacks a letter show a question mark instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")

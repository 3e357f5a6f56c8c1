"""The parser every command shares: helps that read alike, and one sentence for a wrong command line."""

import argparse
from collections.abc import Callable
from typing import Any, NoReturn

from scarnet.errors import ScarNetError

__all__ = [
    "HelpFormatter",
    "Parser",
    "add_command",
    "add_device",
    "add_keep_identity",
    "add_model",
    "add_quiet",
    "add_study_options",
    "natural",
    "positive",
    "spacing_mm",
]

Run = Callable[[argparse.Namespace], int]


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keep the examples' lines as written, and show each default there is."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        """Add the default to an option's help."""
        text = action.help or ""
        told = action.default is not None and action.default is not argparse.SUPPRESS
        shown = told and not isinstance(action.default, bool) and bool(action.option_strings)
        if shown and "%(default)" not in text and "(default:" not in text:
            text += " (default: %(default)s)"
        return text


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are exceptions, for one place to print them all."""

    def __init__(self, **kwargs: Any) -> None:
        """Make a parser with our help, without abbreviated options."""
        super().__init__(**{"formatter_class": HelpFormatter, "allow_abbrev": False, **kwargs})

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong with the command line as one sentence."""
        raise ScarNetError(f"{message}; see '{self.prog} --help'.")


def add_command(
    commands: "argparse._SubParsersAction[Parser]", name: str, run: Run, summary: str, text: str, examples: str
) -> Parser:
    """Add a command's parser, with the options that every command has.

    Parameters
    ----------
    commands : argparse subparsers
        Where the command belongs.
    name : str
        The command's name.
    run : callable
        ``run(args) -> exit status``.
    summary : str
        A few words for the list of commands.
    text : str
        What the command does, for its own help.
    examples : str
        Command lines with what they do, for the end of its help.

    Returns
    -------
    Parser
        The parser, for the command's own arguments.
    """
    epilog = "examples:\n" + examples.strip("\n")
    parser = commands.add_parser(name, help=summary, description=text.strip(), epilog=epilog)
    # Also an option of `scarnet` itself, whose value an absent one here must not overwrite.
    parser.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help="show the traceback of an error"
    )
    parser.set_defaults(run=run)
    return parser


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Add ``--quiet``.

    Parameters
    ----------
    parser : ArgumentParser
        The command's parser.
    """
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only: no progress bars, no summary")


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add ``--model``.

    Parameters
    ----------
    parser : ArgumentParser
        The command's parser.
    """
    parser.add_argument(
        "--model",
        metavar="M",
        help="a model's name, as 'scarnet models' lists them, or a .safetensors file (default: the built-in model)",
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add ``--device``.

    Parameters
    ----------
    parser : ArgumentParser
        The command's parser.
    """
    parser.add_argument(
        "--device",
        choices=("auto", "cuda", "mps", "cpu"),
        default="auto",
        help="where to run the network; auto takes a GPU where there is one",
    )


def add_keep_identity(parser: argparse.ArgumentParser) -> None:
    """Add ``--keep-identity``.

    Parameters
    ----------
    parser : ArgumentParser
        The command's parser.
    """
    parser.add_argument(
        "--keep-identity",
        action="store_true",
        help="let the DICOM files carry the patient's and the study's identity, as an archive wants it "
        "(default: the case's name in its place)",
    )


def add_study_options(parser: argparse.ArgumentParser, names: "argparse._MutuallyExclusiveGroup | None" = None) -> None:
    """Add what tells of a study that its files leave open: ``--case``, ``--series``, ``--phase`` and ``--spacing``.

    Parameters
    ----------
    parser : ArgumentParser
        The command's parser.
    names : mutually exclusive group, optional
        Of the parser, where ``--case`` is one of several ways to name cases; their options then stand together.
    """
    (names or parser).add_argument("--case", metavar="NAME", help="what to call the case, where there is one study")
    parser.add_argument("--series", metavar="S", help="which series of a study with several: its number")
    parser.add_argument(
        "--phase", metavar="N", type=natural, help="which phase, from 0, where there are several at each position"
    )
    parser.add_argument(
        "--spacing",
        metavar="Z,Y,X",
        type=spacing_mm,
        help="voxel spacing in mm for files that do not tell theirs, such as TIFF: slices, rows, columns",
    )


def positive(text: str) -> int:
    """Read a whole number of at least 1, for argparse.

    Parameters
    ----------
    text : str
        What the user wrote.

    Returns
    -------
    int
        The number.

    Raises
    ------
    argparse.ArgumentTypeError
        It is something else.
    """
    return _whole_number(text, at_least=1)


def natural(text: str) -> int:
    """Read a whole number of at least 0, for argparse.

    Parameters
    ----------
    text : str
        What the user wrote.

    Returns
    -------
    int
        The number.

    Raises
    ------
    argparse.ArgumentTypeError
        It is something else.
    """
    return _whole_number(text, at_least=0)


def spacing_mm(text: str) -> tuple[float, float, float]:
    """Read a voxel spacing such as ``8,1.4,1.4``, for argparse.

    Parameters
    ----------
    text : str
        What the user wrote.

    Returns
    -------
    tuple of float
        Spacing in mm, (z, y, x).

    Raises
    ------
    argparse.ArgumentTypeError
        It is something else.
    """
    try:
        z, y, x = (float(part) for part in text.split(","))
        valid = all(0 < value < float("inf") for value in (z, y, x))
    except ValueError:
        valid = False
    if not valid:
        raise argparse.ArgumentTypeError(f"{text!r} is not three positive numbers in mm such as 8,1.4,1.4")
    return z, y, x


def _whole_number(text: str, at_least: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = at_least - 1
    if number < at_least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {at_least}")
    return number

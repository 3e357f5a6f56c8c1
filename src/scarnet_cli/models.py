"""``scarnet models``: what models there are, what is known of one, and adding one."""

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from scarnet.errors import ScarNetError
from scarnet_cli.arguments import Parser, add_command
from scarnet_cli.columns import in_columns
from scarnet_cli.failures import OK

if TYPE_CHECKING:
    from scarnet.models import ModelEntry

__all__ = ["add"]

_TEXT = """
List the models, show what is known of one, or add one.

Weights are safetensors files with a card in them: what the network is, what
it was trained on, how good it was on patients it had not seen, its licence
and its limits. Other files of weights may run code when they are opened, so
they are refused unopened.

Models that you add are kept in your own data folder, or in the one that the
environment variable SCARNET_MODELS names, which several people may share.
"""

_EXAMPLES = """
  scarnet models
      the models there are (the same as: scarnet models list)
  scarnet models show scarnet-lite
      a model's card
  scarnet models import runs/first/model.safetensors --name mine
      add a model, to be used as: scarnet segment ... --model mine
"""

_LIST = """
  scarnet models list
      the models there are
  scarnet models list --json
      the same with all of their cards, for programs
"""

_SHOW = """
  scarnet models show scarnet-lite
      a model's card
  scarnet models show runs/first/model.safetensors --json
      the card of a file, for programs
"""

_IMPORT = """
  scarnet models import runs/first/model.safetensors
      add a model under the name that it was trained with
  scarnet models import runs/first/model.safetensors --name mine
      add a model under the name 'mine'
"""


def add(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Add the command to the parser.

    Parameters
    ----------
    commands : argparse subparsers
        Where it belongs.
    """
    parser = add_command(commands, "models", run_list, "list, show or import models", _TEXT, _EXAMPLES)
    parser.set_defaults(json=False)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    # Without 'list', `scarnet models` lists too.
    listing = add_command(actions, "list", run_list, "list the models", "List the models.", _LIST)
    listing.add_argument("--json", action="store_true", help="print JSON")
    showing = add_command(actions, "show", run_show, "show a model's card", "Show a model's card.", _SHOW)
    showing.add_argument("name", metavar="NAME", help="a model's name, or a .safetensors file")
    showing.add_argument("--json", action="store_true", help="print JSON")
    adding = add_command(
        actions, "import", run_import, "add a model", "Check a model's file and copy it into the registry.", _IMPORT
    )
    adding.add_argument("path", metavar="PATH", type=Path, help="a .safetensors file with a ScarNet card")
    adding.add_argument("--name", metavar="N", help="what to call the model (default: the name on its card)")


def run_list(args: argparse.Namespace) -> int:
    """Print a line for each model.

    Parameters
    ----------
    args : Namespace
        The parsed command line.

    Returns
    -------
    int
        0.
    """
    from scarnet.models import list_models

    entries = list_models()
    if args.json:
        print(json.dumps([_as_dict(entry) for entry in entries], indent=2, ensure_ascii=False))
        return OK
    if not entries:
        print("There are no models yet; 'scarnet models import PATH' adds one.")
        return OK
    rows = [("NAME", "FROM", "SHA256", "LICENCE")]
    rows += [(e.name, "built in" if e.builtin else "imported", e.sha256[:12], e.card.licence) for e in entries]
    for line in in_columns(rows):
        print(line)
    return OK


def run_show(args: argparse.Namespace) -> int:
    """Print a model's card.

    Parameters
    ----------
    args : Namespace
        The parsed command line.

    Returns
    -------
    int
        0.
    """
    entry = _find(args.name)
    if args.json:
        print(json.dumps(_as_dict(entry), indent=2, ensure_ascii=False))
    else:
        print("\n".join(_lines(entry)))
    return OK


def run_import(args: argparse.Namespace) -> int:
    """Add a model to the registry.

    Parameters
    ----------
    args : Namespace
        The parsed command line.

    Returns
    -------
    int
        0.
    """
    from scarnet.models import import_model

    entry = import_model(args.path, args.name)
    print(f"Added {entry.name} (sha256 {entry.sha256[:12]}…); use it with --model {entry.name}")
    return OK


def _find(name: str) -> "ModelEntry":
    """Find a model by its name in the registry, or by its file."""
    from scarnet.models import ModelEntry, list_models
    from scarnet.models.store import file_sha256, read_card

    entries = list_models()
    for entry in entries:
        if entry.name == name:
            return entry
    path = Path(name)
    if path.is_file():
        return ModelEntry(path.stem, path, file_sha256(path), read_card(path), builtin=False)
    known = ", ".join(entry.name for entry in entries) or "none yet"
    raise ScarNetError(f"There is no model {name!r}; known models: {known}; or give a file's path.")


def _as_dict(entry: "ModelEntry") -> dict[str, Any]:
    """Give a model as plain JSON values."""
    return {
        "name": entry.name,
        "path": str(entry.path),
        "sha256": entry.sha256,
        "builtin": entry.builtin,
        "card": asdict(entry.card),
    }


def _lines(entry: "ModelEntry") -> Iterator[str]:
    """Lay a card out for a reader."""
    card = entry.card
    yield f"{entry.name} ({'built in' if entry.builtin else 'imported'})"
    yield _indented(card.description)
    for title, text in (("File", str(entry.path)), ("SHA256", entry.sha256), ("Licence", card.licence)):
        yield f"{title + ':':<9}{text}"
    network = card.config
    localiser = "finds the heart first" if network.localiser_width else "looks at the image's centre"
    yield (
        f"{'Network:':<9}{network.encoder} encoder, {network.fusion} fusion, {network.grid} × {network.grid} pixels "
        f"of {network.spacing_mm:g} mm, {localiser}"
    )
    if card.commit:
        yield f"{'Commit:':<9}{card.commit}"
    yield "\nTrained on"
    yield from (_indented(text, "- ") for text in card.data or ("not told",))
    yield "\nOn patients the training never saw"
    summary = card.validation.get("summary", {})
    yield from (_flat(summary) if summary else ("  not told",))
    patients = card.validation.get("patients", {})
    if patients:
        yield f"  ({len(patients)} patients; --json shows each)"
    yield "\nLimits"
    yield from (_indented(text, "- ") for text in card.limitations or ("not told",))


def _flat(values: Mapping[str, Any], depth: int = 1) -> Iterator[str]:
    """Lay nested figures out, a line each, deeper ones further in."""
    for key, value in values.items():
        label = "  " * depth + key.replace("_", " ")
        if isinstance(value, Mapping):
            yield label
            yield from _flat(value, depth + 1)
        elif isinstance(value, float):
            yield f"{label}: {value:.3g}"
        else:
            yield f"{label}: {value}"


def _indented(text: str, bullet: str = "") -> str:
    return fill(text, 100, initial_indent="  " + bullet, subsequent_indent="  " + " " * len(bullet))

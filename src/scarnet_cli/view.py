"""``scarnet view``: napari with a study and the plugin."""

import argparse
import importlib.util
import os
import sys
from pathlib import Path

from scarnet.errors import ScarNetError
from scarnet_cli.arguments import Parser, add_command
from scarnet_cli.failures import OK

__all__ = ["add", "open_viewer", "why_no_viewer"]

_PLUGIN = "napari-scarnet"
_WIDGET = "ScarNet"

_TEXT = """
Open napari with a study and ScarNet's dock beside it.

STUDY is a DICOM folder or file, NIfTI, TIFF or HDF5. Where it holds several
series, napari asks which.
"""

_EXAMPLES = """
  scarnet view patient01/
      a folder of DICOM files
  scarnet view patient01.nii.gz
      a NIfTI file
"""


def add(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Add the command to the parser.

    Parameters
    ----------
    commands : argparse subparsers
        Where it belongs.
    """
    parser = add_command(commands, "view", run, "open napari with a study and the plugin", _TEXT, _EXAMPLES)
    parser.add_argument("study", metavar="STUDY", type=Path, help="the study to open")


def run(args: argparse.Namespace) -> int:
    """Open the viewer and wait until it is closed.

    Parameters
    ----------
    args : Namespace
        The parsed command line.

    Returns
    -------
    int
        0.
    """
    from scarnet.io import is_study

    if not args.study.exists():
        raise ScarNetError(f"There is no file or folder {args.study}; check its spelling.")
    if not is_study(args.study):
        raise ScarNetError(f"{args.study} is no study; give a DICOM folder or file, NIfTI, TIFF or HDF5.")
    problem = why_no_viewer()
    if problem is not None:
        raise ScarNetError(problem)
    open_viewer(args.study)
    return OK


def why_no_viewer() -> str | None:
    """Say why napari cannot open a window here.

    Returns
    -------
    str or None
        One sentence with what to do; None where it can.
    """
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "There is no display to open a window on; log in with a desktop for that."
    if not any(importlib.util.find_spec(name) for name in ("PyQt6", "PySide6", "PyQt5", "PySide2")):
        return f"napari needs a Qt binding to open a window; run: pip install '{_PLUGIN}[all]'."
    return None


def open_viewer(study: Path) -> None:
    """Open napari with a study and the plugin's dock, until the user closes it.

    Parameters
    ----------
    study : Path
        The study.
    """
    import napari

    viewer = napari.Viewer(title="ScarNet")
    viewer.open(str(study.resolve()), plugin=_PLUGIN)
    viewer.window.add_plugin_dock_widget(_PLUGIN, _WIDGET)
    napari.run()

"""Puts the manifest and the recipes, which stand outside the packages, where the installed packages look for them."""

import os
import shutil
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# From the project's root: what stands outside, its place in the source tree, its place in the wheel.
PLACES = (
    ("napari.yaml", "src/napari_scarnet/napari.yaml", "napari_scarnet/napari.yaml"),
    ("training/recipes", "training/scarnet_training/recipes", "scarnet_training/recipes"),
)


class OutsideFiles(BuildHookInterface):
    """Put the outside files into a wheel, or link to them (ignored by git) for an editable install."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Do it, before hatchling collects the files.

        Parameters
        ----------
        version : str
            ``"editable"`` or ``"standard"``.
        build_data : dict
            Its ``force_include`` is extended for a wheel.
        """
        root = Path(self.root)
        for outside, in_tree, in_wheel in PLACES:
            if version == "editable":
                place(root / in_tree, root / outside)
            else:
                build_data["force_include"][str(root / outside)] = in_wheel


def place(link: Path, target: Path) -> None:
    """Make `link` a relative symbolic link to `target`, or a copy of it where links are not allowed.

    Parameters
    ----------
    link : Path
        Where the file or folder is wanted; what an earlier install put there is replaced.
    target : Path
        The file or folder itself.
    """
    if link.is_symlink() or link.is_file():
        link.unlink()
    elif link.is_dir():
        shutil.rmtree(link)
    try:
        link.symlink_to(os.path.relpath(target, link.parent), target_is_directory=target.is_dir())
    except OSError:
        # Windows without developer mode: the copy is renewed by the next editable install.
        if target.is_dir():
            shutil.copytree(target, link)
        else:
            shutil.copy2(target, link)

"""What is loaded before anything is asked for: each case in an interpreter of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "matplotlib", "monai", "pandas", "statsmodels", "accelerate", "submitit")


def loaded_by(code: str, names: tuple[str, ...]) -> set[str]:
    """Which of `names` are loaded after `code` ran in a new interpreter."""
    report = f"\nimport sys\nprint('loaded:', *[name for name in {names!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code + report], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].removeprefix("loaded:").split())


def test_the_probe_sees_what_is_loaded() -> None:
    assert loaded_by("import matplotlib", HEAVY) == {"matplotlib"}


def test_listing_the_plugin_is_light() -> None:
    code = """
from npe2 import PluginManager
manager = PluginManager()
manager.discover()
manifest = manager.get_manifest("napari-scarnet")
assert manifest.contributions.widgets, "no widgets were listed"
import napari_scarnet
"""
    assert loaded_by(code, (*HEAVY, "napari.viewer", "qtpy", "vispy")) == set()


@pytest.mark.parametrize(
    "module",
    [
        "scarnet",
        "scarnet.evaluate",
        "scarnet.io",
        "scarnet.measure",
        "scarnet.models",
        "scarnet.phantom",
        "scarnet.predict",
        "scarnet.project",
        "scarnet_cli.main",
        "scarnet_training",
        "scarnet_training.jobs",
        "scarnet_training.project",
        "scarnet_training.recipe",
        "napari_scarnet",
    ],
)
def test_importing_is_light(module: str) -> None:
    assert loaded_by(f"import {module}", (*HEAVY, "napari", "qtpy")) == set()


def test_help_is_light() -> None:
    code = """
import contextlib, io
from scarnet_cli.main import main
with contextlib.redirect_stdout(io.StringIO()) as text, contextlib.suppress(SystemExit):
    main(["--help"])
assert "segment" in text.getvalue()
"""
    assert loaded_by(code, (*HEAVY, "napari", "qtpy")) == set()


def test_the_network_needs_no_torchvision() -> None:
    code = """
import sys
sys.modules["torchvision"] = None  # any import of it raises
import importlib, pkgutil
import scarnet.network
for module in pkgutil.walk_packages(scarnet.network.__path__, "scarnet.network."):
    importlib.import_module(module.name)
"""
    assert "torch" in loaded_by(code, HEAVY)

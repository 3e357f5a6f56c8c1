"""The import contracts of pyproject.toml, as the tests see them: read from the source, with no tool installed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    "scarnet": ROOT / "src" / "scarnet",
    "scarnet_training": ROOT / "training" / "scarnet_training",
    "scarnet_cli": ROOT / "src" / "scarnet_cli",
    "napari_scarnet": ROOT / "src" / "napari_scarnet",
}
SCREEN = {"magicgui", "napari", "npe2", "qtpy", "superqt", "vispy", "PyQt5", "PyQt6", "PySide2", "PySide6"}
FORBIDDEN = {
    "scarnet": {"scarnet_training", "scarnet_cli", "napari_scarnet", *SCREEN},
    "scarnet_training": {"scarnet_cli", "napari_scarnet", *SCREEN},
    "scarnet_cli": {"napari_scarnet"},
    "napari_scarnet": {"scarnet_cli"},
}


def imported(path: Path) -> set[str]:
    """Top-level names that a file imports anywhere, functions included."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_go_down_only(package: str) -> None:
    files = sorted(PACKAGES[package].rglob("*.py"))
    assert files
    wrong = {
        str(path.relative_to(ROOT)): sorted(found)
        for path in files
        if (found := imported(path) & (FORBIDDEN[package] | {"torchvision"}))
    }
    assert not wrong


def test_one_file_one_job() -> None:
    files = [path for folder in PACKAGES.values() for path in folder.rglob("*.py")]
    assert not [path.name for path in files if path.stem in {"utils", "helpers", "misc", "common"}]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert not {path: lines for path, lines in lengths.items() if lines > 300}

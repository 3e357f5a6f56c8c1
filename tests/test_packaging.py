"""The installed project: its manifest, its version, its command, and the versions it was tested with."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from npe2 import PluginManifest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import scarnet

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def manifest() -> PluginManifest:
    return PluginManifest.from_distribution("napari-scarnet")


def test_napari_finds_the_manifest_at_the_top(manifest: PluginManifest) -> None:
    found = [found for found in PluginManifest.discover() if found.manifest and found.manifest.name == "napari-scarnet"]
    assert [result.error for result in found] == [None]
    at_the_top = PluginManifest.from_file(ROOT / "napari.yaml")
    assert manifest.contributions == at_the_top.contributions


def test_every_name_in_the_manifest_is_there(manifest: PluginManifest) -> None:
    assert manifest.contributions.commands
    manifest.validate_imports()


def test_one_version(manifest: PluginManifest) -> None:
    assert manifest.package_version == scarnet.__version__ == metadata.version("napari-scarnet")


def test_the_command_is_installed() -> None:
    (command,) = [point for point in metadata.distribution("napari-scarnet").entry_points if point.name == "scarnet"]
    assert callable(command.load())


def test_the_recipes_are_in_the_package() -> None:
    import scarnet_training

    in_package = {path.name for path in (Path(scarnet_training.__file__).parent / "recipes").glob("*.toml")}
    assert in_package == {path.name for path in (ROOT / "training" / "recipes").glob("*.toml")} != set()


def test_no_dependency_is_a_qt_binding_or_shut_upwards() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirements = [Requirement(line) for line in project["dependencies"]]
    assert not [r.name for r in requirements if r.extras or re.match(r"(?i)py(qt|side)\d", r.name)]
    assert not [str(r) for r in requirements if any(spec.operator in {"<", "<=", "==", "~="} for spec in r.specifier)]
    assert project["optional-dependencies"]["all"] == ["napari[all]"]


def test_every_dependency_has_a_tested_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {canonicalize_name(name): version for name, version in (line.split("==") for line in lines if "==" in line)}
    wanted = project["dependencies"] + [line for extra in project["optional-dependencies"].values() for line in extra]
    for requirement in map(Requirement, wanted):
        if requirement.name == "napari-scarnet":
            continue
        assert pins[canonicalize_name(requirement.name)] in requirement.specifier, requirement


def test_the_citation_names_the_paper_and_the_data() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["preferred-citation"]["title"].startswith("ScarNet: A Novel Foundation Model")
    assert any("Emidec" in reference["title"] for reference in citation["references"])

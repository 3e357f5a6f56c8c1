"""What all tests share: a place of their own for settings, the shared data where it lies, a small study."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from scarnet.phantom import Phantom
    from scarnet.stack import LGEStack

ROOT = Path(__file__).resolve().parents[1]


def pytest_configure(config: pytest.Config) -> None:
    """Keep tests away from the user's settings and models, before anything reads where those are."""
    home = tempfile.TemporaryDirectory(prefix="scarnet-tests-")
    config.add_cleanup(home.cleanup)
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        os.environ[variable] = str(Path(home.name) / variable.lower())
    os.environ["NAPARI_CONFIG"] = str(Path(home.name) / "napari" / "settings.yaml")
    os.environ["MPLBACKEND"] = "Agg"
    if "PYTEST_XDIST_WORKER" in os.environ:
        # Several processes of several threads each would wait for one another.
        os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where tests run in several processes, keep all windows in one of them, and a file's tests together."""
    from xdist.scheduler import LoadFileScheduling

    class WindowsTogether(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "windows" if nodeid.startswith("tests/plugin/") else super()._split_scope(nodeid)

    return WindowsTogether(config, log)


@pytest.fixture(autouse=True)
def turn(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let a test that measures time run alone, also where several processes run tests."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        yield
        return
    from filelock import FileLock

    place = tmp_path_factory.getbasetemp().parent  # the folder of all processes of this run
    workers = [f"gw{number}" for number in range(int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))]
    alone = request.node.get_closest_marker("alone") is not None
    with ExitStack() as held:
        # Whoever is alone keeps the gate, so that nobody else begins, and waits for those that have.
        with FileLock(place / ".turn-gate") as gate:
            for worker in workers if alone else [os.environ["PYTEST_XDIST_WORKER"]]:
                held.enter_context(FileLock(place / f".turn-{worker}"))
            if alone:
                held.enter_context(gate)
        yield


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The folder with pyproject.toml."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder ../shared/data, which is not part of the repository."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the data in ../shared/data, which is not there")
    return folder


@pytest.fixture(scope="session")
def phantom() -> Phantom:
    """One phantom study with its labels; treat it as read-only."""
    from scarnet.phantom import make_phantom

    return make_phantom(seed=0)


@pytest.fixture(scope="session")
def phantom_stack(phantom: Phantom) -> LGEStack:
    """The stack of `phantom`."""
    return phantom.stack

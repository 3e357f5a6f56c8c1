"""What all tests share: a place of their own for settings, the shared data where it lies, a small study."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

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
        if "DISPLAY" in os.environ and shutil.which("Xvfb") is not None:
            config.add_cleanup(_own_display())


def _own_display() -> Callable[[], None]:
    """Start a virtual screen for this process; on one screen two processes' windows would take the focus in turn."""
    reads, writes = os.pipe()
    command = ["Xvfb", "-displayfd", str(writes), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"]
    screen = subprocess.Popen(command, pass_fds=[writes], stderr=subprocess.DEVNULL)
    os.close(writes)
    with os.fdopen(reads) as told:
        os.environ["DISPLAY"] = f":{told.readline().strip()}"

    def stop() -> None:
        screen.terminate()
        screen.wait()

    return stop


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

"""LiteMedSAM's weights are found, checked and downloaded, here from a server of the test's own."""

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from scarnet.errors import Cancelled, ScarNetError
from scarnet.prompt import check_weights, download_weights, remember_weights, remembered_weights, weights

CONTENT = bytes(range(256)) * 12000  # 3 MB


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr("platformdirs.user_data_path", lambda *_, **__: tmp_path / "home")
    return tmp_path / "home" / "lite-medsam"


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "www"
    folder.mkdir()
    (folder / "weights.pth").write_bytes(CONTENT)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def right(monkeypatch):
    monkeypatch.setattr(weights, "WEIGHTS_SHA256", hashlib.sha256(CONTENT).hexdigest())


def test_a_download_is_checked_placed_and_remembered(home, server, right):
    seen = []
    path = download_weights(lambda *step: seen.append(step), f"{server}/weights.pth")
    assert path.read_bytes() == CONTENT
    assert path.parent == home
    assert remembered_weights() == path
    assert any(done == total == len(CONTENT) >> 20 for done, total, what in seen if "Downloading" in what)
    assert sorted(p.name for p in home.iterdir()) == ["lite_medsam.pth", "path.txt"]


def test_another_file_is_refused_and_not_kept(home, server):
    with pytest.raises(ScarNetError, match="another file than its authors published"):
        download_weights(url=f"{server}/weights.pth")
    assert list(home.iterdir()) == []
    assert remembered_weights() is None


def test_no_server_and_no_such_file_are_one_sentence(home, server):
    with pytest.raises(ScarNetError, match="cannot be downloaded"):
        download_weights(url=f"{server}/absent")
    with pytest.raises(ScarNetError, match="cannot be downloaded"):
        download_weights(url="http://127.0.0.1:9/weights.pth")


def test_cancelling_leaves_nothing(home, server, right):
    def cancel(done, total, what):
        if what.startswith("Downloading"):
            raise Cancelled

    with pytest.raises(Cancelled):
        download_weights(cancel, f"{server}/weights.pth")
    assert list(home.iterdir()) == []


def test_a_file_of_one_s_own(home, tmp_path, right):
    own = tmp_path / "mine.pth"
    own.write_bytes(CONTENT)
    assert remember_weights(own) == own == remembered_weights()
    own.unlink()
    assert remembered_weights() is None
    own.write_bytes(b"something else")
    with pytest.raises(ScarNetError, match="not LiteMedSAM's official"):
        check_weights(own)
    with pytest.raises(ScarNetError, match="cannot be read"):
        check_weights(tmp_path / "absent")

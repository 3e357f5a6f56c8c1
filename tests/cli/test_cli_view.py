"""`scarnet view`: napari with the study and the dock, or one sentence why not."""

import os
import sys

import pytest

from scarnet_cli import view

HAS_DISPLAY = sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@pytest.mark.skipif(not HAS_DISPLAY, reason="needs a display, such as xvfb-run gives")
def test_napari_opens_with_the_study_and_the_dock(scarnet, study, monkeypatch, qtbot):
    import napari

    seen = {}

    def look():
        viewer = napari.current_viewer()
        seen["layers"] = [(layer.name, layer.data.shape) for layer in viewer.layers]
        seen["docks"] = list(viewer.window.dock_widgets)
        viewer.close()

    monkeypatch.setattr(napari, "run", look)
    result = scarnet("view", study)
    assert result.status == 0, result.err
    assert seen["layers"] == [("anna", (3, 64, 72))]
    assert any("ScarNet" in name for name in seen["docks"])


@pytest.fixture
def display(monkeypatch):
    monkeypatch.setattr(view, "why_no_viewer", lambda: None)


def test_without_a_display_there_is_one_sentence(scarnet, study, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    result = scarnet("view", study)
    assert result.status == 2
    assert result.err.startswith("error: There is no display")
    assert result.err.count("\n") == 1


def test_without_qt_there_is_one_sentence_with_the_way_out(scarnet, study, monkeypatch):
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(view.importlib.util, "find_spec", lambda name: None)
    result = scarnet("view", study)
    assert result.status == 2
    assert "pip install 'napari-scarnet[all]'" in result.err


@pytest.mark.parametrize("name", ["missing.nii.gz", "text.txt", "empty"])
def test_what_is_no_study_opens_no_window(scarnet, tmp_path, monkeypatch, name):
    (tmp_path / "text.txt").write_text("text")
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(view, "open_viewer", lambda study: pytest.fail("a window was opened"))
    result = scarnet("view", tmp_path / name)
    assert result.status == 2
    assert result.err.startswith("error: ")
    assert name in result.err

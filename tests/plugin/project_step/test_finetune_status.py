"""What is said of a training: sentences, no raw lines of its log; and what matters is scrolled to."""

import time
from types import SimpleNamespace

import pytest
from qtpy.QtCore import Qt

from napari_scarnet.dock import Column, ScarNetDock
from napari_scarnet.finetune_reading import JobList, Reading
from napari_scarnet.finetune_watch import FinetuneWatch
from napari_scarnet.project_session import project_for

SETTINGS = {"epochs": 2, "localiser_epochs": 8, "validate_every": 5, "keep": "best"}


@pytest.fixture
def told(monkeypatch, folder):
    """What the next readings of a training give."""
    now = SimpleNamespace(state="running", events=[], log=[])
    (folder / "jobs" / "finetune-001").mkdir(parents=True)
    (folder / "jobs" / "finetune-001" / "plan.json").write_text("{}")
    jobs = JobList(["finetune-001"], {"finetune-001": "running"})

    def read(name, *_):
        events, now.events = now.events, []
        return Reading(name, now.state, "", "ward3", events, now.log)

    monkeypatch.setattr("napari_scarnet.finetune_watch.list_finetunes", lambda _: jobs)
    monkeypatch.setattr("napari_scarnet.finetune_watch.read_job", read)
    monkeypatch.setattr("scarnet_training.project.find_finetune", lambda *_: SimpleNamespace(job=object()))
    return now


def test_a_training_is_told_in_sentences(qtbot, desk, folder, told):
    told.log = ["=== Start 1, 2026-11-29 02:18:54, on vm"]
    desk.open(folder)
    watch = FinetuneWatch(desk.viewer)
    desk.viewer.window.add_dock_widget(watch, name="Watch")

    def until(words):
        qtbot.waitUntil(lambda: words in watch.told.text(), timeout=20000)

    until("It prepares the training …")
    assert "===" not in watch.told.text()
    told.log.append("Preparing slices")
    until("Preparing slices …")
    began = time.time() - 90
    start = {"event": "start", "recipe": {"training": SETTINGS}, "steps_an_epoch": 30, "validation": 1, "end_passes": 8}
    events = [start, *({"event": "progress", "of": "localiser", "done": done, "total": 8} for done in (0, 1, 2))]
    told.events = [event | {"time": began + 45 * max(number - 1, 0)} for number, event in enumerate(events)]
    until("Training the localiser, epoch 3 of 8.")
    assert "min left of the localiser" in watch.told.text()
    before = watch.bar.value()
    assert before > 0
    steps = [{"event": "step", "epoch": 0, "step": step, "loss": 0.3} for step in range(13)]
    events = [{"event": "localiser", "losses": []}, *steps]
    told.events = [event | {"time": began + 4 * number} for number, event in enumerate(events)]
    until("epoch 1 of 2; step 13 of 30, loss 0.300")
    assert " left, and then a validation" in watch.told.text()
    assert watch.bar.value() > before
    told.state = "done"
    until("is done")
    assert watch.bar.value() == 1000
    desk.viewer.window.remove_dock_widget(watch)


@pytest.fixture
def low_dock(qtbot, make_napari_viewer, engine, folder):
    """A dock in a low window, with a project whose first case is accepted."""
    from scarnet.project import Project

    with Project.open(folder) as project:
        for case in project.cases:
            project.accept(case)
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1200, 700)
    dock = ScarNetDock(viewer, engine)
    viewer.window.add_dock_widget(dock, name="ScarNet")
    for name, section in dock.sections.items():
        section.expand(name == "project")
    dock.project.opening.open_folder(folder)
    qtbot.waitUntil(lambda: project_for(viewer).snapshot is not None, timeout=20000)
    yield dock
    viewer.window.remove_dock_widget(dock)


def in_sight(widget):
    return widget.isVisible() and widget.visibleRegion().boundingRect() == widget.rect()


def test_the_split_is_scrolled_to(qtbot, low_dock):
    setup, section = low_dock.finetune.setup, low_dock.sections["finetune"]
    section.expand()
    qtbot.waitUntil(setup.plan_button.isEnabled, timeout=20000)
    qtbot.waitUntil(setup.plan_button.isVisible)
    # The button at the window's lower edge, as one finds it.
    column = low_dock.findChild(Column)
    column.ensureWidgetVisible(setup.plan_button, 0, 0)
    qtbot.mouseClick(setup.plan_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: in_sight(setup.split) and in_sight(setup.start_button), timeout=20000)


@pytest.mark.parametrize("known", ["before", "after"])
def test_a_training_that_runs_is_scrolled_to_when_its_section_opens(qtbot, told, low_dock, known):
    tune, section = low_dock.finetune, low_dock.sections["finetune"]
    tune.watch.find_jobs()
    if known == "before":
        qtbot.waitUntil(lambda: tune.watch.runs, timeout=20000)
        assert not tune.isVisible()
    qtbot.mouseClick(section.header, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: tune.watch.runs, timeout=20000)
    qtbot.waitUntil(lambda: in_sight(tune.watch.told) and in_sight(tune.watch.bar))
    # What it tells later does not scroll away what one looks at by then.
    column = low_dock.findChild(Column)
    column.verticalScrollBar().setValue(0)
    told.state = "queued"
    qtbot.waitUntil(lambda: "waits to start" in tune.watch.told.text(), timeout=20000)
    told.state = "running"
    qtbot.waitUntil(lambda: "is running" in tune.watch.told.text(), timeout=20000)
    assert column.verticalScrollBar().value() == 0

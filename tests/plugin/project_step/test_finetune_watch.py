"""A fine-tuning watched, left alone, found again, cancelled, resumed and killed; its training only counts."""

import os
from pathlib import Path

import pytest
from qtpy.QtCore import Qt

from napari_scarnet.finetune_widget import FinetuneWidget
from scarnet.project import Project
from scarnet_training.jobs import processes
from scarnet_training.project import finetune_jobs

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def counting(monkeypatch, project_root):
    """Let fine-tunings count instead of training, a tenth of a second an epoch."""
    path = [str(project_root / "tests" / "jobs"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, path)))
    monkeypatch.setenv("STEP_SECONDS", "0.1")
    monkeypatch.setenv("STEPS", "60")
    monkeypatch.setattr("scarnet_training.project.finetuning.TRAIN", "slow_training:train")


@pytest.fixture
def accepted(folder, counting):
    """A project whose three cases are accepted; what was started in it is ended when the test is over."""
    with Project.open(folder) as project:
        for case in project.cases:
            project.accept(case)
    yield folder
    with Project.open(folder, read_only=True) as project:
        for job in finetune_jobs(project):
            if job.job.state() in ("queued", "running"):
                processes.end(job.job.status().place, 0.5)


def test_a_training_is_independent_of_the_window(qtbot, desk, accepted):
    def until(condition):
        qtbot.waitUntil(condition, timeout=60000)

    def new_widget():
        widget = FinetuneWidget(desk.viewer)
        desk.viewer.window.add_dock_widget(widget, name="Fine-tune")
        return widget

    tune = new_widget()
    desk.open(accepted)
    until(tune.setup.plan_button.isEnabled)
    qtbot.mouseClick(tune.setup.plan_button, LEFT)
    until(tune.setup.start_button.isEnabled)
    qtbot.mouseClick(tune.setup.start_button, LEFT)
    until(lambda: tune.watch.state == "running" and tune.watch.record.done >= 2)
    assert os.getpid() != tune.watch.record.events[0]["pid"]
    assert tune.watch.record.events[0]["nice"] > os.nice(0)

    desk.viewer.window.remove_dock_widget(tune)
    desk.viewer.window.remove_dock_widget(desk.widget)
    tune = new_widget()
    desk.viewer.window.add_dock_widget(desk.widget, name="Project")
    until(lambda: tune.watch.state == "running" and tune.watch.record.done >= 3)
    assert tune.watch.record.terms["loss"][0] == (1.0, 1.0)  # read from the start again

    qtbot.mouseClick(tune.watch.cancel_job_button, LEFT)
    until(lambda: tune.watch.state == "cancelled" and tune.watch.job is None)
    done = tune.watch.record.done
    assert tune.watch.cancel_job_button.isHidden()
    qtbot.mouseClick(tune.watch.resume_button, LEFT)
    until(lambda: tune.watch.state == "running" and tune.watch.record.done > done)

    place = finetune_jobs(desk.widget.projects.project)[0].job.status().place
    for pid in (place["pid"], place["worker_pid"]):
        os.kill(pid, 9)
    until(lambda: tune.watch.state == "interrupted")
    assert "was gone before its end" in tune.watch.told.text()
    assert not tune.watch.resume_button.isHidden()
    assert Path(accepted / "jobs" / "finetune-001" / "run" / "checkpoints" / "last.pt").is_file()
    desk.viewer.window.remove_dock_widget(tune)

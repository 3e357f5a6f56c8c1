"""Predicting the project's cases in the background, while work on other cases goes on."""

from typing import Any

from napari.utils.notifications import show_info, show_warning
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from napari_scarnet.project_session import project_for
from napari_scarnet.segment_options import device_box
from napari_scarnet.smooth import FrozenHeap, preload_torch, without_collector_pauses
from napari_scarnet.step import Step
from scarnet.progress import Progress
from scarnet.wording import counted

__all__ = ["PredictCases"]


class PredictCases(Step):
    """A button, its own progress and its own cancel.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    _case_done = Signal(str)

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.projects = project_for(self.viewer)
        self._asked = False
        self.button = QPushButton("Predict all new")
        self.button.clicked.connect(self.predict)
        self.device = device_box()
        self.model = QLabel()
        self.model.setToolTip("The project's model; the Fine-tune step makes and changes it.")
        line = QHBoxLayout()
        line.addWidget(self.button, 1)
        line.addWidget(self.device)
        line.addWidget(self.model)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(line)
        for widget in (self.job_bar, self.status):
            layout.addWidget(widget)
        # From the worker's thread to Qt's; the session's signals belong to Qt's thread.
        self._case_done.connect(self._on_case)
        self.attach()
        self._show()

    def connect_viewer(self, link: Any) -> None:
        """Follow the project."""
        link.connect(self.projects.refreshed, self._on_refreshed)
        link.connect(self.projects.predict_asked, self._on_asked)
        link.connect(self.projects.opened, self._on_project)

    def set_busy(self, busy: bool) -> None:
        """One row of predictions at a time."""
        self._show()

    def predict(self, *_: Any) -> None:
        """Predict the new cases, and those of an earlier model that nobody has edited."""
        project, snapshot = self.projects.project, self.projects.snapshot
        if project is None or snapshot is None or self.job is not None or not snapshot.to_predict:
            return
        cases, device, on_case = snapshot.to_predict, self.device.currentData(), self._case_done.emit

        def work(progress: Progress) -> Any:
            with without_collector_pauses():
                preload_torch()
                from scarnet.project import predict_cases
            with FrozenHeap():
                return predict_cases(project, cases, device=device, progress=progress, on_case=on_case)

        self.run_job(work, self._on_predicted, "Predicting").progressed.connect(self._on_progress)

    def _on_asked(self) -> None:
        """Predict as soon as what is known of the project is new."""
        self._asked = True
        self.projects.refresh()

    def _on_refreshed(self, *_: Any) -> None:
        self._show()
        if self._asked and self.job is None:
            self._asked = False
            self.predict()

    def _on_progress(self, done: int, total: int, what: str) -> None:
        if total > 100:  # all cases, in hundredths of a case
            self.job_bar.bar.setFormat(f"{what} · {done // 100 + 1} of {total // 100}")

    def _on_case(self, case: str) -> None:
        self.projects.predicted.emit(case)
        self.projects.refresh()

    def _on_predicted(self, report: Any) -> None:
        told = f"{counted(len(report.done), 'case')} predicted."
        if report.failed:
            told += "\n" + "\n".join(f"⚠ {case}: {why}" for case, why in report.failed.items())
            show_warning(f"{counted(len(report.failed), 'case')} could not be predicted; the Project step says why.")
        else:
            show_info(told)
        self.say(told)
        self.projects.refresh()

    def _on_cancelled(self) -> None:
        self.say("Stopped; the cases that were done keep their predictions.")
        self.projects.refresh()

    def _on_project(self, project: Any) -> None:
        if self.job is not None:
            self.job.cancel()
        self._asked = False
        self.say("")
        self._show()

    def _show(self, *_: Any) -> None:
        project, snapshot = self.projects.project, self.projects.snapshot
        waiting = len(snapshot.to_predict) if snapshot else 0
        ready = project is not None and not project.read_only and waiting > 0 and self.job is None
        self.button.setEnabled(ready)
        self.button.setText(f"Predict all new ({waiting})" if waiting else "Predict all new")
        if waiting:
            tip = (
                "Predict the new cases, and those of an earlier model that nobody edited. Labels that somebody made "
                "are never touched, and you can go on working."
            )
        elif snapshot is None or not snapshot.rows:
            tip = "There are no cases yet: add studies first."
        elif snapshot.model is None:
            tip = "The project has no model yet: add one in the Fine-tune step."
        else:
            tip = "Every case is predicted by the project's model, or has labels that somebody made."
        self.button.setToolTip(tip)
        model = snapshot.model if snapshot else None
        self.model.setText(f"by <b>{model.name}</b>" if model else "no model yet")
        self.setVisible(project is not None)

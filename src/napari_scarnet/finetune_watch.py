"""Watching a fine-tuning: curves, step, time left, memory and log, read beside Qt while the job runs on its own."""

import time
from typing import Any

from napari.utils.notifications import show_info, show_warning
from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_scarnet.finetune_curve import RunCurve
from napari_scarnet.finetune_reading import JobList, Reading, list_finetunes, read_job, span
from napari_scarnet.finetune_record import RunRecord
from napari_scarnet.jobs import Job
from napari_scarnet.project_session import project_for
from napari_scarnet.section import Section
from napari_scarnet.smooth import preload_torch, without_collector_pauses
from napari_scarnet.step import Step
from scarnet.progress import Progress

__all__ = ["FinetuneWatch"]

_POLL_MS = 1000
_RUNNING = ("queued", "running")
_WORDS = {
    "queued": "waits to start",
    "running": "is running",
    "done": "is done",
    "failed": "failed",
    "cancelled": "was cancelled",
    "interrupted": "was interrupted",
}


class FinetuneWatch(Step):
    """The project's fine-tunings, one of them in detail; they go on when napari is closed.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    finished = Signal(str)
    """This fine-tuning is done, and its model waits."""
    chosen = Signal(str, str)
    """The fine-tuning on show and its state; told at each change."""

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.projects = project_for(self.viewer)
        self.record = RunRecord()
        self.state = ""
        self._handle: Any = None
        self._reading: Job | None = None
        self.jobs = QComboBox()
        self.jobs.setToolTip("All fine-tunings of this project; those of an earlier napari or of a terminal too.")
        self.jobs.currentIndexChanged.connect(self._on_choice)
        self.cancel_job_button = QPushButton("Cancel job")
        self.cancel_job_button.setToolTip("Stop the training; its last checkpoint stays, and it can be resumed.")
        self.cancel_job_button.clicked.connect(self.cancel_job)
        self.resume_button = QPushButton("Resume")
        self.resume_button.setToolTip("Go on from the last checkpoint.")
        self.resume_button.clicked.connect(self.resume_job)
        self.told = QLabel("No fine-tuning yet.")
        self.told.setWordWrap(True)
        self.told.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setToolTip("How far the training is.")
        self.news = QWidget()
        column = QVBoxLayout(self.news)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.told)
        column.addWidget(self.bar)
        self.curve = RunCurve()
        self.warnings = QLabel()
        self.warnings.setWordWrap(True)
        self.log = QPlainTextEdit()
        self.log.setReadOnly(True)
        self.log.setFixedHeight(120)
        self.log.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.log.setToolTip("The last lines that the job wrote.")
        self.log_section = Section("Log", self.log, tip="The last lines that the job wrote.")
        line = QHBoxLayout()
        line.addWidget(self.jobs, 1)
        line.addWidget(self.cancel_job_button)
        line.addWidget(self.resume_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(line)
        for widget in (self.news, self.curve, self.warnings, self.log_section, self.job_bar, self.status):
            layout.addWidget(widget)
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self.read)
        self.attach()
        self._on_project(self.projects.project)

    def connect_viewer(self, link: Any) -> None:
        """Follow the project."""
        link.connect(self.projects.opened, self._on_project)

    @property
    def runs(self) -> bool:
        """Whether the fine-tuning on show waits or trains."""
        return self.state in _RUNNING

    @property
    def name(self) -> str | None:
        """The fine-tuning on show."""
        return self.jobs.currentData()

    def set_busy(self, busy: bool) -> None:
        """One request at a time."""
        self._enable()

    def find_jobs(self, choose: str | None = None) -> None:
        """Look for the project's fine-tunings.

        Parameters
        ----------
        choose : str, optional
            The one to show; without it the one on show, or the latest.
        """
        project = self.projects.project
        if project is None:
            return

        def work(_: Progress) -> tuple[JobList, str | None]:
            if not any((project.folder / "jobs").glob("*/plan.json")):
                return JobList(), None  # a project without any needs nothing of the training imported
            with without_collector_pauses():
                preload_torch()
                import scarnet_training.project  # noqa: F401
            return list_finetunes(project), choose

        job = Job(work, name="scarnet fine-tunings")
        self.destroyed.connect(job.stop)
        job.returned.connect(self._on_jobs)
        job.failed.connect(self.show_failure)
        job.start()

    def _on_jobs(self, found: tuple[JobList, str | None]) -> None:
        jobs, choose = found
        wanted = choose or self.name
        self.jobs.blockSignals(True)
        self.jobs.clear()
        for name in jobs.names:
            self.jobs.addItem(f"{name} ({jobs.states[name]})", name)
        self.jobs.setCurrentIndex(max(self.jobs.findData(wanted), 0) if jobs.names else -1)
        self.jobs.blockSignals(False)
        self._on_choice()

    def _on_choice(self, *_: Any) -> None:
        """Begin anew with another job: its curve is read from the start."""
        self.record, self.state, self._handle = RunRecord(), "", None
        self.curve.show_record(self.record)
        shown = self.name is not None
        for widget in (self.bar, self.curve, self.log_section):
            widget.setVisible(shown)
        self.warnings.hide()
        self.log.clear()
        if not shown:
            self.told.setText("No fine-tuning yet.")
            self._timer.stop()
        else:
            self.read()
            self._timer.start()
        self._enable()

    def read(self) -> None:
        """Read what is new, unless the last reading still runs."""
        project, name = self.projects.project, self.name
        if project is None or name is None or self._reading is not None:
            return
        handle = self._handle

        def work(progress: Progress) -> tuple[Any, Reading]:
            from scarnet_training.project import find_finetune

            job = handle or find_finetune(project, name).job
            return job, read_job(name, job, progress)

        self._reading = job = Job(work, name="scarnet job reading")
        self.destroyed.connect(job.stop)
        job.returned.connect(self._on_read)
        job.failed.connect(self._on_read_failed)
        job.finished.connect(self._on_read_end)
        job.start()

    def _on_read(self, found: tuple[Any, Reading]) -> None:
        handle, reading = found
        if reading.name != self.name:
            return
        before, self._handle, self.state = self.state, handle, reading.state
        self.record.add(reading.events)
        self._show(reading)
        if reading.state != before:
            self.jobs.setItemText(self.jobs.currentIndex(), f"{reading.name} ({reading.state})")
            self.chosen.emit(reading.name, reading.state)
            self._enable()
            if before in _RUNNING and reading.state == "done":
                show_info(f"The fine-tuning {reading.name} is done; compare its model next.")
                self.finished.emit(reading.name)
            elif before in _RUNNING and reading.state in ("failed", "interrupted"):
                show_warning(f"The fine-tuning {reading.name} {_WORDS[reading.state]}. {reading.sentence}")
        if reading.state not in _RUNNING:
            self._timer.stop()

    def _show(self, reading: Reading) -> None:
        record, now = self.record, time.time()
        lines = [f"<b>{reading.name}</b> {_WORDS[reading.state]}" + (f" on {reading.where}" if reading.where else "")]
        if reading.sentence:
            lines.append(reading.sentence)
        begun = record.steps or record.doing or reading.state not in _RUNNING
        # Lines that only part the log into starts say nothing of what is done.
        doing = [line for line in reading.log if line.strip() and not line.startswith("===")]
        lines.append(record.sentence() if begun else (doing or ["It prepares the training"])[-1] + " …")
        details = []
        if reading.state == "running":
            from scarnet_training.jobs.pace import time_left

            left = time_left(record.events, now)
            told = "time left not known yet" if left is None else f"about {span(left.seconds)} left{left.until}"
            details.append(told)
        if record.memory_gb is not None:
            details.append(f"{record.memory_gb:.1f} GB of memory in use at most ({record.device})")
        if details:
            lines.append("; ".join(details))
        self.told.setText("<br>".join(lines))
        self.bar.setValue(1000 if reading.state == "done" else round(1000 * record.share))
        self.curve.show_record(record)
        self.warnings.setText("<br>".join(f"⚠ {text}" for text in record.warnings))
        self.warnings.setVisible(bool(record.warnings))
        text = "\n".join(reading.log)
        if text != self.log.toPlainText():
            self.log.setPlainText(text)
            self.log.verticalScrollBar().setValue(self.log.verticalScrollBar().maximum())

    def _on_read_failed(self, error: Exception) -> None:
        self._timer.stop()
        self.show_failure(error)

    def _on_read_end(self) -> None:
        self._reading = None
        if self._handle is None and self.name is not None and self._timer.isActive():
            self.read()  # another job was chosen while the last one was being read

    def cancel_job(self, *_: Any) -> None:
        """Stop the job on show."""
        handle = self._handle
        if handle is not None and self.job is None:
            self.run_job(lambda _: handle.cancel(), self._on_changed, "Stopping the training")

    def resume_job(self, *_: Any) -> None:
        """Go on with the job on show."""
        project, name = self.projects.project, self.name
        if project is None or name is None or self.job is not None:
            return

        def work(_: Progress) -> Any:
            from scarnet_training.project import resume_finetune

            return resume_finetune(project, name)

        self.run_job(work, self._on_changed, "Starting the training again")

    def _on_changed(self, *_: Any) -> None:
        self._timer.start()
        self.read()

    def _on_project(self, project: Any) -> None:
        self._timer.stop()
        self.jobs.clear()
        self.say("")
        self._on_choice()
        self.find_jobs()

    def _enable(self) -> None:
        free, project = self.job is None and self.name is not None, self.projects.project
        writable = project is not None and not project.read_only
        self.cancel_job_button.setVisible(self.state in _RUNNING)
        self.cancel_job_button.setEnabled(free)
        self.resume_button.setVisible(self.state in ("cancelled", "interrupted", "failed"))
        self.resume_button.setEnabled(free and writable)

    def release(self) -> None:
        """Look no more; the job itself goes on."""
        self._timer.stop()
        super().release()

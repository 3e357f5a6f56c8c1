"""Opening, making and closing a project, and what its folder says at that."""

from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QFormLayout, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from napari_scarnet.jobs import Job
from napari_scarnet.project_memory import Remembered, recall, remember
from napari_scarnet.project_session import project_for
from napari_scarnet.smooth import without_collector_pauses
from napari_scarnet.step import Step
from scarnet.errors import ScarNetError
from scarnet.progress import Progress

__all__ = ["ProjectOpening", "is_project"]


def is_project(path: Path) -> bool:
    """Tell whether a folder is a project.

    Parameters
    ----------
    path : Path
        Any path.

    Returns
    -------
    bool
        Whether a project's own file is in it.
    """
    return (path / "project.json").is_file()


class ProjectOpening(Step):
    """A line for the folder, who annotates, and the buttons; above a project that is open, its name and state.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    closing = Signal()
    """The user closes the project: whoever shows layers of it takes them away first."""

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.projects = project_for(self.viewer)
        self.path_edit = QLineEdit()
        self.path_edit.setPlaceholderText("A project's folder, or a new one")
        self.path_edit.setToolTip("Type or drop a project's folder; Enter opens it. A new or empty folder becomes one.")
        self.path_edit.setAcceptDrops(False)
        self.path_edit.returnPressed.connect(self.open_typed)
        self.browse_button = QPushButton("…")
        self.browse_button.setFixedWidth(32)
        self.browse_button.setToolTip("Choose a project's folder, or a new one.")
        self.browse_button.clicked.connect(self._browse)
        self.annotator = QLineEdit()
        self.annotator.setPlaceholderText("your name in the review log (optional)")
        self.annotator.setToolTip("Stands in the log beside what you do. Letters a–z, digits, . _ - only, no spaces.")
        self.open_button = QPushButton("Open or make project")
        self.open_button.setToolTip("Open the project in the folder; a new or empty folder becomes a project.")
        self.open_button.clicked.connect(self.open_typed)
        line = QHBoxLayout()
        line.addWidget(self.path_edit, 1)
        line.addWidget(self.browse_button)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Folder", line)
        form.addRow("Annotator", self.annotator)
        self.form = QWidget()
        column = QVBoxLayout(self.form)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(form)
        column.addWidget(self.open_button)

        self.title = QLabel()
        self.title.setWordWrap(True)
        self.banner = QLabel()
        self.banner.setWordWrap(True)
        self.banner.setStyleSheet("background: #7a5c00; color: white; padding: 4px; border-radius: 3px;")
        self.take_over_button = QPushButton("Take over")
        self.take_over_button.setToolTip("Write here, although another machine never closed the project.")
        self.take_over_button.clicked.connect(self.take_over)
        self.close_button = QPushButton("Close project")
        self.close_button.setToolTip("Save, let others write, and take the case's layers away.")
        self.close_button.clicked.connect(self.close_project)
        self.leave_button = QPushButton("Close, and keep the edits on this computer")
        self.leave_button.setToolTip("The edits that the project cannot take are offered when the case is open again.")
        self.leave_button.clicked.connect(self.leave_project)
        self.leave_button.hide()
        self.head = QWidget()
        head = QVBoxLayout(self.head)
        head.setContentsMargins(0, 0, 0, 0)
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(self.close_button)
        head.addLayout(top)
        head.addWidget(self.banner)
        head.addWidget(self.take_over_button)
        head.addWidget(self.leave_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.form, self.head, self.job_bar, self.status):
            layout.addWidget(widget)
        self.attach()
        self._on_opened(self.projects.project)
        self._recalling = job = Job(lambda _: recall(), name="scarnet last project", may_be_left=True)
        self.destroyed.connect(job.stop)
        job.returned.connect(self._on_recalled)
        job.start()

    def connect_viewer(self, link: Any) -> None:
        """Follow the viewer's project; a dock that comes back opens the one it had again."""
        link.connect(self.projects.opened, self._on_opened)
        if self.projects.project is None and self.projects.last_folder is not None:
            self.annotator.setText(self.projects.last_annotator)
            self.open_folder(self.projects.last_folder)

    def open_typed(self, *_: Any) -> None:
        """Open what the folder's line says."""
        text = self.path_edit.text().strip().strip("\"'")
        if text:
            self.open_folder(Path(text).expanduser())
        else:
            self.say("Type a folder first, or choose one with …")

    def open_folder(self, folder: Path, *, take_over: bool = False) -> None:
        """Open the project in a folder, or make one of a new or empty folder.

        Parameters
        ----------
        folder : Path
            The folder.
        take_over : bool
            Write also where another machine never closed it.
        """
        if self.job is not None:
            return
        self.path_edit.setText(str(folder))
        annotator = self.annotator.text().strip() or None

        def work(progress: Progress) -> Any:
            with without_collector_pauses():
                from scarnet.project import Project, add_model
                from scarnet.project.naming import check_name

            if annotator is not None:
                check_name(annotator, "annotator")
            if is_project(folder):
                project = Project.open(folder, annotator=annotator, take_over=take_over)
                remember(Remembered(str(project.folder), annotator or ""))
                return project
            project = Project.create(folder, annotator=annotator)
            try:
                progress(0, 0, "Copying the built-in model into the project")
                add_model(project)
            except BaseException:
                project.close()
                raise
            remember(Remembered(str(project.folder), annotator or ""))
            return project

        self.run_job(work, self._on_project, "Opening the project")

    def take_over(self, *_: Any) -> None:
        """Open the project once more, to write although another machine has a note in it."""
        folder = self.projects.last_folder
        if folder is not None and self._may_close():
            self.closing.emit()
            self.projects.close()
            self.open_folder(folder, take_over=True)

    def close_project(self, *_: Any) -> None:
        """Close the project and forget that it was open."""
        if self._may_close():
            self.closing.emit()
            self.projects.close()
            self.projects.last_folder = None

    def leave_project(self, *_: Any) -> None:
        """Close the project even if it cannot take the edits, which are kept on this computer then."""
        self.closing.emit()
        self.projects.leave()
        self.projects.last_folder = None

    def _may_close(self) -> bool:
        """Save what is on screen; tell whether the project can be closed without losing any of it."""
        reason = self.projects.save_edits()
        if reason:
            self.show_failure(ScarNetError(f"Your edits cannot be saved: {reason} The project stays open."))
        self.leave_button.setVisible(bool(reason))
        return not reason

    def set_busy(self, busy: bool) -> None:
        """One project at a time."""
        self.form.setEnabled(not busy)
        self.head.setEnabled(not busy)

    def _browse(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "A project, or a new folder for one", self.path_edit.text())
        if path:
            self.open_folder(Path(path))

    def _on_recalled(self, last: Remembered) -> None:
        """Fill the lines that are empty still; opening is left to the user."""
        for line, text in ((self.path_edit, last.folder), (self.annotator, last.annotator)):
            if not line.text():
                line.setText(text)

    def _on_project(self, project: Any) -> None:
        if not self._may_close():
            project.close()
            return
        if self.projects.project is not None:
            self.closing.emit()
        self.projects.use(project)
        self.projects.last_annotator = self.annotator.text().strip()
        if project.notices:
            self.say("\n".join(f"⚠ {notice}" for notice in project.notices))

    def _on_opened(self, project: Any) -> None:
        self.form.setVisible(project is None)
        self.head.setVisible(project is not None)
        self.leave_button.hide()
        if project is None:
            self.say("")
            return
        self.title.setText(f"<b>{project.name}</b> · {project.annotator}")
        self.title.setToolTip(str(project.folder))
        why = project.why_read_only
        self.banner.setText(f"Read-only: {why} You can look at everything; nothing you change is kept." if why else "")
        self.banner.setVisible(bool(why))
        self.take_over_button.setVisible("take over" in (why or ""))

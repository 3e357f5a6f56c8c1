"""The Project step: a cohort's folder, its studies, its queue, and predictions in the background."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_scarnet.attachable import Attachable
from napari_scarnet.metadata import unwrap
from napari_scarnet.project_cases import CaseDesk
from napari_scarnet.project_import import ImportForm
from napari_scarnet.project_label_import import LabelImport
from napari_scarnet.project_log import LogWindow
from napari_scarnet.project_opening import ProjectOpening, is_project
from napari_scarnet.project_predict import PredictCases
from napari_scarnet.project_session import project_for
from napari_scarnet.readers_compare_widget import ReadersCompare
from napari_scarnet.section import Section
from napari_scarnet.viewer_link import ViewerLink

if TYPE_CHECKING:
    import napari.viewer

__all__ = ["ProjectWidget"]


class ProjectWidget(Attachable):
    """Everything between a folder of studies and a folder of accepted labels.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    def __init__(self, viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        self.setAcceptDrops(True)
        self.viewer = unwrap(viewer)
        self.projects = project_for(viewer)
        self.cases = CaseDesk(viewer)
        self.opening = ProjectOpening(viewer)
        self.imports = ImportForm(viewer)
        self.labels = LabelImport(viewer)
        self.predicting = PredictCases(viewer)
        self.readers = ReadersCompare(viewer)
        self.steps = (self.readers, self.predicting, self.labels, self.imports, self.cases, self.opening)
        self.labels_button = QPushButton("Import labels…")
        self.labels_button.setToolTip("Take labels from a file for the case that is open.")
        self.labels_button.clicked.connect(self.labels.choose)
        self.log_button = QPushButton("Log…")
        self.log_button.setToolTip("Who did what to which case.")
        self.log_button.clicked.connect(self.show_log)
        buttons = QHBoxLayout()
        for button in (self.imports.add_button, self.labels_button, self.log_button):
            buttons.addWidget(button)
        self.work = QWidget()
        column = QVBoxLayout(self.work)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(buttons)
        for widget in (self.imports, self.labels, self.cases, self.predicting):
            column.addWidget(widget)
        column.addWidget(Section("Two readers", self.readers, tip="Compare and merge two people's labels of a case."))
        layout = QVBoxLayout(self)
        layout.addWidget(self.opening)
        layout.addWidget(self.work)
        layout.addStretch(1)
        self.opening.closing.connect(self.cases.close_case)
        self.labels.imported.connect(self.cases.take_labels)
        for button in (self.predicting.button, self.labels_button, self.log_button):
            button.clicked.connect(self.imports.forget)
        self._link = ViewerLink(self.viewer)
        self._link.connect(self.projects.opened, self._on_project)
        self._link.connect(self.projects.case_opened, self._on_case)
        # The widget's own methods are gone when it is destroyed; these are of plain objects.
        self.destroyed.connect(self._link.release)
        self.destroyed.connect(self.projects.close)
        self._on_project(self.projects.project)

    def show_log(self, *_: Any) -> None:
        """Read the review log and show it in a window."""
        project = self.projects.project
        if project is not None:
            self.opening.run_job(lambda _: project.log(), self._on_log, "Reading the log")

    def _on_log(self, entries: Any) -> None:
        self.log_window = LogWindow(entries, self)
        self.log_window.show()

    def open_paths(self, paths: list[Path]) -> None:
        """Open a project's folder, or offer studies and datasets for import.

        Parameters
        ----------
        paths : list of Path
            What was dropped.
        """
        if len(paths) == 1 and is_project(paths[0]):
            self.opening.open_folder(paths[0])
        elif self.projects.project is not None:
            self.imports.offer(paths)
        else:
            self.opening.say("Open or make a project first; then drop studies on it.")

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take local files and folders."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open or offer what was dropped."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.open_paths(paths)

    def attach(self) -> None:
        """Connect to the viewer again."""
        for step in self.steps:
            step.attach()

    def release(self) -> None:
        """Cancel what runs, save what is on screen, and close the project, so that others can write."""
        for step in self.steps:
            step.release()
        self.projects.close()

    def _on_project(self, project: Any) -> None:
        self.work.setVisible(project is not None)
        self.imports.set_busy(False)
        self._on_case(None)

    def _on_case(self, case: str | None) -> None:
        project = self.projects.project
        self.labels_button.setEnabled(project is not None and not project.read_only and case is not None)

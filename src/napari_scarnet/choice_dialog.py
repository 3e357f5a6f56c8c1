"""Asking which series or phase to open when an ambiguous study was dropped on napari."""

from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QDialog, QVBoxLayout

from napari_scarnet.metadata import unwrap
from napari_scarnet.study_widget import StudyWidget

__all__ = ["StudyDialog", "ask_and_open", "open_beside"]


class StudyDialog(QDialog):
    """The Study step in a window of its own, which closes when a study is open.

    Parameters
    ----------
    viewer : Viewer
        The viewer to add the study to.
    parent : QWidget, optional
        Qt's parent.
    """

    def __init__(self, viewer: Any, parent: Any = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("ScarNet · which study?")
        self.resize(480, 420)
        self.study = StudyWidget(viewer)
        layout = QVBoxLayout(self)
        layout.addWidget(self.study)
        self.study.opened.connect(self.accept)
        self.finished.connect(self.study.release)
        self.finished.connect(self.deleteLater)


def ask_and_open(viewer: Any, path: Path, error: Any) -> StudyDialog:
    """Show what a path offers and open what is chosen; returns at once.

    Parameters
    ----------
    viewer : Viewer
        The viewer to add the study to.
    path : Path
        The ambiguous study.
    error : AmbiguousStudyError
        What was found.

    Returns
    -------
    StudyDialog
        The window, which belongs to the viewer's.
    """
    dialog = _dialog(viewer)
    dialog.study.path_edit.setText(str(path))
    dialog.study.ask(error)
    return dialog


def open_beside(viewer: Any, path: Path) -> StudyDialog:
    """Read a study beside napari, with its progress in a window; returns at once.

    Parameters
    ----------
    viewer : Viewer
        The viewer to add the study to.
    path : Path
        The study.

    Returns
    -------
    StudyDialog
        The window, which belongs to the viewer's.
    """
    dialog = _dialog(viewer)
    dialog.study.open_path(path)
    return dialog


def _dialog(viewer: Any) -> StudyDialog:
    viewer = unwrap(viewer)
    dialog = StudyDialog(viewer, parent=getattr(viewer.window, "_qt_window", None))
    # open() instead of exec(): neither the reader nor a test may wait for the user.
    dialog.open()
    return dialog

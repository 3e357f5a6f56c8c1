"""Which file became which case: shown once after an import, and written nowhere."""

from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_scarnet.project_reveal import reveal
from napari_scarnet.step import push_button

__all__ = ["ImportedNames"]


class ImportedNames(QWidget):
    """A table of files and cases, until it is dismissed; hidden while there is nothing in it.

    Parameters
    ----------
    parent : QWidget, optional
        Qt's parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pairs: list[tuple[Path, str]] = []
        told = QLabel(
            "Which file became which case. The project does not keep this list, since a file's name can tell who a "
            "patient is: copy it now if you need it."
        )
        told.setWordWrap(True)
        self.table = QTableWidget(0, 2)
        self.table.setHorizontalHeaderLabels(["File", "Case"])
        self.table.setToolTip("Shown here only, until you dismiss it or the project is closed.")
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(22)
        self.table.setFixedHeight(120)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.copy_button = push_button("Copy", "Copy the list with whole paths, to paste it into a table.", self.copy)
        self.dismiss_button = push_button("Dismiss", "Forget the list.", self.clear)
        buttons = QHBoxLayout()
        buttons.addWidget(self.copy_button)
        buttons.addWidget(self.dismiss_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(told)
        layout.addWidget(self.table)
        layout.addLayout(buttons)
        self.hide()

    def add(self, path: Path, case: str) -> None:
        """Add a case to the list.

        Parameters
        ----------
        path : Path
            The study's file or folder.
        case : str
            What it is called in the project.
        """
        self._pairs.append((path, case))
        place = self.table.rowCount()
        self.table.insertRow(place)
        for column, text in enumerate((path.name, case)):
            item = QTableWidgetItem(text)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
            item.setToolTip(str(path))
            self.table.setItem(place, column, item)

    def show_if_any(self) -> None:
        """Show the list and scroll to it, where there is something in it."""
        if self._pairs:
            reveal(self)

    def copy(self, *_: Any) -> None:
        """Put the list on the clipboard: a line a case, file and case with a tab between."""
        QApplication.clipboard().setText("".join(f"{path}\t{case}\n" for path, case in self._pairs))

    def clear(self, *_: Any) -> None:
        """Forget the list."""
        self._pairs = []
        self.table.setRowCount(0)
        self.hide()

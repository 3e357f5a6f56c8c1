"""A table of what a path offers, to choose one series or phase from."""

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

__all__ = ["ChoiceTable"]

_KINDS = {"magnitude": "magnitude", "psir": "PSIR", "unknown": "not stated"}


class ChoiceTable(QWidget):
    """Lists series, or the phases of one series.

    Parameters
    ----------
    parent : QWidget, optional
        Qt's parent.
    """

    chosen = Signal(object, object)
    """The series' key or None, and the phase's index or None."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._series: str | None = None
        self._keys: list[tuple[str | None, int | None]] = []
        self.question = QLabel()
        self.question.setWordWrap(True)
        self.table = QTableWidget()
        self.table.setToolTip("What was found. Choose one row; double-click opens it at once.")
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        self.table.setMinimumHeight(110)
        self.table.cellDoubleClicked.connect(self._on_open)
        self.open_button = QPushButton("Open selected")
        self.open_button.setToolTip("Read the chosen series or phase.")
        self.open_button.clicked.connect(self._on_open)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.question, self.table, self.open_button):
            layout.addWidget(widget)

    def ask(self, series: Sequence[Any], phases: Sequence[str], chosen_series: str | None = None) -> None:
        """Fill the table.

        Parameters
        ----------
        series : sequence of SeriesInfo
            The series to choose from; empty where only the phase is missing.
        phases : sequence of str
            The phases to choose from; empty where the series is missing.
        chosen_series : str, optional
            Key of the series that the phases belong to.
        """
        self._series = chosen_series
        if series:
            self.question.setText(f"{len(series)} series were found. Which one is the study?")
            self._keys = [(info.key, None) for info in series]
            rows = [
                [
                    info.label or info.description,
                    str(info.n_slices),
                    str(info.n_phases),
                    f"{info.shape[0]} × {info.shape[1]}",
                    _KINDS[info.kind],
                ]
                for info in series
            ]
            self._fill(["Series", "Slices", "Phases", "Size", "Kind"], rows)
        else:
            self.question.setText(f"The slice positions repeat: {len(phases)} phases were found. Which one?")
            self._keys = [(chosen_series, index) for index in range(len(phases))]
            self._fill(["Phase"], [[phase] for phase in phases])
        self.table.selectRow(0)

    def _fill(self, headers: list[str], rows: list[list[str]]) -> None:
        self.table.clear()
        self.table.setColumnCount(len(headers))
        self.table.setHorizontalHeaderLabels(headers)
        self.table.setRowCount(len(rows))
        for r, row in enumerate(rows):
            for c, text in enumerate(row):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                if c:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                self.table.setItem(r, c, item)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)

    def _on_open(self, *_: Any) -> None:
        row = self.table.currentRow()
        if 0 <= row < len(self._keys):
            self.chosen.emit(*self._keys[row])

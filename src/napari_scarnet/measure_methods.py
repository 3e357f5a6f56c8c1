"""The threshold methods side by side with the labels, each with a check box for its mask."""

from collections.abc import Collection, Mapping
from typing import Any

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QBrush, QColor
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QLabel, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from napari_scarnet.measure_colours import dim_text_colour, text_colour
from napari_scarnet.measure_masks import METHODS, MethodResult

__all__ = ["MethodsTable"]

_COLUMNS = ("Method", "Scar, ml", "% of wall", "Dice")
_TIPS = (
    "Check a method to see its mask over the image",
    "Volume; core + grey zone in their row",
    "Share of the whole wall: healthy myocardium and scar",
    "Overlap with the labelled scar, 0 to 1",
)


class MethodsTable(QWidget):
    """A row a method; while newer numbers are being computed, all are dim and the caption says so."""

    maskToggled = Signal(str, bool)
    """The method, and whether its mask is to be seen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.caption = QLabel()
        self.caption.setWordWrap(True)
        self.table = QTableWidget(len(METHODS) + 1, len(_COLUMNS))
        self.table.setHorizontalHeaderLabels(_COLUMNS)
        self.table.setToolTip(_TIPS[0])
        self.table.setAccessibleName("Threshold methods")
        for column, tip in enumerate(_TIPS):
            self.table.horizontalHeaderItem(column).setToolTip(tip)
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.setShowGrid(False)
        self.table.setIconSize(QSize(10, 10))
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._set_row(0, "Labels", "What is labelled scar now")
        for row, (name, method) in enumerate(METHODS.items(), start=1):
            self._set_row(row, method.title, method.tip)
            item = self.table.item(row, 0)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Unchecked)
            item.setData(Qt.ItemDataRole.UserRole, name)
            item.setData(Qt.ItemDataRole.DecorationRole, QColor(method.colour))
        self.table.itemChanged.connect(self._on_changed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.caption)
        layout.addWidget(self.table)
        self._fit()
        self.set_state("none")

    @property
    def state(self) -> str:
        """``"fresh"``, ``"stale"`` while newer numbers are on their way, or ``"none"``."""
        return self._state

    def text(self, method: str, column: int = 1) -> str:
        """Give what a cell says.

        Parameters
        ----------
        method : str
            The method, or ``"labels"``.
        column : int
            0 to 3.

        Returns
        -------
        str
            The text.
        """
        row = 0 if method == "labels" else 1 + list(METHODS).index(method)
        return self.table.item(row, column).text()

    def set_state(self, state: str, why: str = "") -> None:
        """Say how the methods' numbers stand to the labels.

        Parameters
        ----------
        state : {"fresh", "stale", "none"}
            Up to date, out of date, or not there.
        why : str
            What the caption says; empty for the usual.
        """
        self._state = state
        usual = {
            "fresh": "Inside the labelled wall, against remote myocardium.",
            "stale": "⟳ Updating: the numbers below belong to earlier labels.",
            "none": "Not computed yet.",
        }
        self.caption.setText(why or usual[state])
        colour = text_colour(self) if state == "fresh" else dim_text_colour(self)
        self._quietly(lambda: self._dye(colour))

    def show_labels(self, values: dict[str, Any] | None) -> None:
        """Show the labels' own numbers, which are always of now.

        Parameters
        ----------
        values : dict or None
            The measures' values.
        """
        volume = None if values is None else values["scar_volume_ml"]
        percent = None if values is None else values["scar_percent_myocardium"]
        self._quietly(lambda: self._fill(0, (_text(volume, 1), _text(percent, 1), "")))

    def show_results(self, results: Mapping[str, MethodResult]) -> None:
        """Show what the methods found.

        Parameters
        ----------
        results : Mapping of str to MethodResult
            By method; a method that is not there shows no numbers.
        """
        self._quietly(lambda: self._fill_all(results))

    def set_checked(self, methods: Collection[str]) -> None:
        """Check the methods whose masks are on screen, without telling anyone.

        Parameters
        ----------
        methods : collection of str
            The methods.
        """

        def check() -> None:
            for row, name in enumerate(METHODS, start=1):
                on = Qt.CheckState.Checked if name in methods else Qt.CheckState.Unchecked
                self.table.item(row, 0).setCheckState(on)

        self._quietly(check)

    def _fill_all(self, results: Mapping[str, MethodResult]) -> None:
        for row, (name, method) in enumerate(METHODS.items(), start=1):
            one = results.get(name)
            texts = ("–", "–", "–")
            if one is not None:
                volume, percent = one.texts or (_text(one.volume_ml, 1), _text(one.percent, 1))
                texts = (volume, percent, _text(one.dice, 2))
            note = "" if one is None else one.note
            self._fill(row, texts)
            for column in range(len(_COLUMNS)):
                self.table.item(row, column).setToolTip(f"{method.tip}. {note}" if note else method.tip)
            doubtful = bool(note) and name != "no_reflow"
            self.table.item(row, 0).setText(f"{method.title}  ⚠" if doubtful else method.title)

    def _fill(self, row: int, texts: tuple[str, str, str]) -> None:
        for column, text in enumerate(texts, start=1):
            self.table.item(row, column).setText(text)

    def _dye(self, colour: QColor) -> None:
        for row in range(1, self.table.rowCount()):
            for column in range(1, len(_COLUMNS)):
                self.table.item(row, column).setForeground(QBrush(colour))

    def _set_row(self, row: int, title: str, tip: str) -> None:
        for column in range(len(_COLUMNS)):
            item = QTableWidgetItem(title if column == 0 else "–")
            item.setFlags(Qt.ItemFlag.ItemIsEnabled)
            item.setToolTip(tip)
            if column:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.table.setItem(row, column, item)

    def _fit(self) -> None:
        """Take the height of all rows: the dock scrolls, the table does not."""
        self.table.resizeRowsToContents()
        height = self.table.horizontalHeader().sizeHint().height() + 4
        self.table.setFixedHeight(height + sum(self.table.rowHeight(row) for row in range(self.table.rowCount())))

    def showEvent(self, event: Any) -> None:
        """Fit again: napari's style comes with the window."""
        super().showEvent(event)
        self._fit()

    def _quietly(self, change: Any) -> None:
        blocked = self.table.blockSignals(True)
        change()
        self.table.blockSignals(blocked)
        self.table.viewport().update()

    def _on_changed(self, item: QTableWidgetItem) -> None:
        name = item.data(Qt.ItemDataRole.UserRole)
        if item.column() == 0 and name:
            self.maskToggled.emit(name, item.checkState() == Qt.CheckState.Checked)


def _text(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"

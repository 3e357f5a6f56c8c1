"""The list of regions in which two readers differ: look at each, and choose whose it is to be."""

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

if TYPE_CHECKING:
    from scarnet.project import Region

__all__ = ["RegionList"]


class RegionList(QWidget):
    """A table of regions; none is taken from the second reader at first.

    Parameters
    ----------
    parent : QWidget, optional
        Qt's parent.
    """

    looked_at = Signal(object)
    """The :class:`scarnet.project.Region` that was clicked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.regions: tuple[Region, ...] = ()
        self._names = ("first", "second")
        self._from_second: set[int] = set()
        self.table = QTableWidget(0, 5)
        self.table.setToolTip("A click jumps to the region. Choose whose labels it gets; several rows can be selected.")
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(22)
        self.table.setMinimumHeight(140)
        self.table.currentCellChanged.connect(self._on_current)
        self.first_button, self.second_button = QPushButton("Take first"), QPushButton("Take second")
        self.first_button.setToolTip("The selected regions become as the first reader labelled them.")
        self.second_button.setToolTip("The selected regions become as the second reader labelled them.")
        self.first_button.clicked.connect(self._take_first)
        self.second_button.clicked.connect(self._take_second)
        line = QHBoxLayout()
        line.addWidget(self.first_button)
        line.addWidget(self.second_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table)
        layout.addLayout(line)

    @property
    def from_second(self) -> frozenset[int]:
        """Numbers of the regions that are to be the second reader's."""
        return frozenset(self._from_second)

    def show_regions(self, regions: "tuple[Region, ...]", first: str, second: str) -> None:
        """Fill the list.

        Parameters
        ----------
        regions : tuple of Region
            The regions.
        first, second : str
            The readers.
        """
        self.regions, self._names, self._from_second = regions, (first, second), set()
        self.table.setRowCount(0)  # no row of the old list may be the current one
        self.table.setHorizontalHeaderLabels(["Slice", "Voxels", first, second, "Take"])
        self.table.setRowCount(len(regions))
        for place, region in enumerate(regions):
            cells = (str(region.slice + 1), str(region.voxels), region.first, region.second, first)
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                if column < 2:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(place, column, item)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(4, QHeaderView.ResizeMode.Stretch)
        for button, name in ((self.first_button, first), (self.second_button, second)):
            button.setText(f"Take {name}")

    def _take_first(self, *_: Any) -> None:
        self._take(second=False)

    def _take_second(self, *_: Any) -> None:
        self._take(second=True)

    def _take(self, second: bool) -> None:
        rows = sorted({index.row() for index in self.table.selectedIndexes()})
        for row in rows:
            number = self.regions[row].number
            (self._from_second.add if second else self._from_second.discard)(number)
            self.table.item(row, 4).setText(self._names[second])
        if len(rows) == 1 and rows[0] + 1 < self.table.rowCount():
            self.table.selectRow(rows[0] + 1)  # on to the next, as most will want

    def _on_current(self, row: int, *_: Any) -> None:
        if 0 <= row < len(self.regions):
            self.looked_at.emit(self.regions[row])

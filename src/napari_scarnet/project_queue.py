"""The queue: the table of cases, filters, the order to work in, and how far the cohort is."""

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QModelIndex, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_scarnet.project_progress import CohortBar
from napari_scarnet.project_table import STATUS_COLOURS, QueueFilter, QueueModel

if TYPE_CHECKING:
    from napari_scarnet.project_session import Snapshot

__all__ = ["QueueView"]

# As scarnet.project.ORDERS has them; reading it here would import the project before there is one.
_ORDERS = (
    ("most uncertain first", "The case that the network is least sure of, of those that you have not opened yet."),
    ("in order", "As the cases were imported."),
    ("random", "Shuffled, the same way every time."),
)
# Of all columns but the case's, which takes the rest: headers with room for a sign of sorting would take too much.
_WIDTHS = (92, 56, 64, 80)


class QueueView(QWidget):
    """The table of cases and its controls; it reads nothing and decides nothing.

    Parameters
    ----------
    parent : QWidget, optional
        Qt's parent.
    """

    asked = Signal(str)
    """The case that the user double-clicked or pressed Enter on."""
    order_changed = Signal()
    """Another order was chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = QueueModel(self)
        self.filter = QueueFilter(self)
        self.filter.setSourceModel(self.model)
        self.words = QLineEdit()
        self.words.setPlaceholderText("find a case")
        self.words.setClearButtonEnabled(True)
        self.words.setToolTip("Show only cases with this in their name or their patient's.")
        self.words.textChanged.connect(self._on_filter)
        self.shown = QComboBox()
        self.shown.setToolTip("Show only cases of one status.")
        for text, status in (("all cases", ""), ("to do", "to do"), *((name, name) for name in STATUS_COLOURS)):
            self.shown.addItem(text, status)
        self.shown.currentIndexChanged.connect(self._on_filter)
        self.order = QComboBox()  # stands beside the button that opens the next case
        self.order.setToolTip("Which case comes next.")
        for name, tip in _ORDERS:
            self.order.addItem(name, name)
            self.order.setItemData(self.order.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.order.currentIndexChanged.connect(self.order_changed)
        self.table = QTableView()
        self.table.setModel(self.filter)
        self.table.setToolTip("The cases; double-click opens one. A click on a heading sorts.")
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.table.setShowGrid(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(22)
        self.table.setMinimumHeight(140)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column, width in enumerate(_WIDTHS, start=1):
            header.resizeSection(column, width)
        header.setHighlightSections(False)
        self.table.doubleClicked.connect(self._on_activated)
        self.bar = CohortBar()
        line = QHBoxLayout()
        line.addWidget(self.words, 1)
        line.addWidget(self.shown)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.bar)
        layout.addLayout(line)
        layout.addWidget(self.table)

    def show_snapshot(self, snapshot: "Snapshot | None") -> None:
        """Show a project as it is now.

        Parameters
        ----------
        snapshot : Snapshot or None
            What was read; None for no project.
        """
        self.model.set_rows(snapshot.rows if snapshot else [])
        self.bar.show_counts(dict(snapshot.counts) if snapshot else {})

    def mark_open(self, case: str | None) -> None:
        """Write the case that is in the viewer in bold, and select its row."""
        self.model.set_open_case(case)
        for place, row in enumerate(self.model.rows):
            if row.case == case:
                index = self.filter.mapFromSource(self.model.index(place, 0))
                self.table.selectRow(index.row())
                self.table.scrollTo(index)

    @property
    def selected(self) -> str | None:
        """The case of the selected row."""
        index = self.table.currentIndex()
        return self.model.rows[self.filter.mapToSource(index).row()].case if index.isValid() else None

    def _on_activated(self, index: QModelIndex) -> None:
        self.asked.emit(self.model.rows[self.filter.mapToSource(index).row()].case)

    def _on_filter(self, *_: Any) -> None:
        self.filter.ask(self.shown.currentData(), self.words.text())

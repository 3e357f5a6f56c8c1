"""The queue as a Qt table: one row a case, sorted and filtered without reading any file."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt
from qtpy.QtGui import QColor, QFont

if TYPE_CHECKING:
    from scarnet.project import CaseRow

__all__ = ["COLUMNS", "STATUS_COLOURS", "QueueFilter", "QueueModel"]

COLUMNS = ("Case", "Status", "Scar %", "Unsure", "Edited")
_TIPS = (
    "The case's name in the project; a second name is its patient's, where they differ.",
    "New: not predicted yet. Predicted: by the network alone. In progress: a person edited or imported labels.",
    "Scar in percent of the whole wall: of your labels, else of the prediction.",
    "How unsure the network is, 0 to 1: entropy within the wall, and disagreement over flips and noise.",
    "When a person last changed the labels.",
)
_ENTROPY_ALONE = (
    "The entropy alone, of all cases alike: of at least one the model was not asked again over flips and noise. It "
    "was segmented without test-time flips, or predicted with --entropy-only; segment it again with flips to have both."
)
STATUS_COLOURS = {
    "new": "#9a9a9a",
    "predicted": "#6fb1e8",
    "in progress": "#f0b43c",
    "accepted": "#63c174",
    "excluded": "#c97a7a",
}


class QueueModel(QAbstractTableModel):
    """The rows of a project.

    Parameters
    ----------
    parent : QObject, optional
        Qt's parent.
    """

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.rows: list[CaseRow] = []
        self.open_case: str | None = None

    def set_rows(self, rows: "list[CaseRow]") -> None:
        """Show other rows; where the cases are the same, what is selected stays so.

        Parameters
        ----------
        rows : list of CaseRow
            The rows.
        """
        same = [row.case for row in rows] == [row.case for row in self.rows]
        if not same:
            self.beginResetModel()
        self.rows = rows
        if not same:
            self.endResetModel()
        elif rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(COLUMNS) - 1))

    def set_open_case(self, case: str | None) -> None:
        """Write the case that is in the viewer in bold."""
        self.open_case = case
        if self.rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.rows) - 1, len(COLUMNS) - 1))

    def rowCount(self, parent: Any = None) -> int:
        """Count the cases."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Any = None) -> int:
        """Count the columns."""
        return 0 if parent is not None and parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Any, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Name the columns."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.ToolTipRole:
            return _TIPS[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Give a cell; the user role holds what it is sorted by."""
        row, column = self.rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == Qt.ItemDataRole.UserRole:
            return self._sort_key(row, column, index.row())
        if role == Qt.ItemDataRole.ForegroundRole and column == 1:
            return QColor(STATUS_COLOURS[row.status])
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (2, 3):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.FontRole and row.case == self.open_case:
            font = QFont()
            font.setBold(True)
            return font
        if role == Qt.ItemDataRole.ToolTipRole:
            if column == 3 and row.uncertainty is not None and row.uncertainty == row.entropy != row.disagreement:
                return _ENTROPY_ALONE
            readers = f"\nLabels of: {', '.join(row.annotators)}" if row.annotators else ""
            model = f"\nPredicted by {row.model}" if row.model else ""
            return f"{row.case}, patient {row.patient}{model}{readers}\nDouble-click opens the case."
        return None

    @staticmethod
    def _text(row: "CaseRow", column: int) -> str:
        if column == 0:
            return row.case if row.patient == row.case else f"{row.case} ({row.patient})"
        if column == 1:
            return row.status
        if column == 2:
            return "" if row.scar_percent is None else f"{row.scar_percent:.1f}"
        if column == 3:
            return "" if row.uncertainty is None else f"{row.uncertainty:.2f}"
        return _when(row.edited_at)

    @staticmethod
    def _sort_key(row: "CaseRow", column: int, place: int) -> Any:
        if column == 0:
            return place
        if column == 1:
            return list(STATUS_COLOURS).index(row.status)
        if column == 2:
            return -1.0 if row.scar_percent is None else row.scar_percent
        if column == 3:
            return -1.0 if row.uncertainty is None else row.uncertainty
        return row.edited_at or ""


class QueueFilter(QSortFilterProxyModel):
    """Sorts by what the cells mean, and leaves out what was not asked for.

    Parameters
    ----------
    parent : QObject, optional
        Qt's parent.
    """

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.setSortRole(Qt.ItemDataRole.UserRole)
        self._status, self._words = "", ""

    def ask(self, status: str, words: str) -> None:
        """Show some cases only.

        Parameters
        ----------
        status : str
            Cases of this status; ``"to do"`` for all that are neither accepted nor excluded; empty for all.
        words : str
            Cases with this in their name or their patient's.
        """
        self._status, self._words = status, words.strip().casefold()
        self.invalidate()

    def filterAcceptsRow(self, source_row: int, source_parent: QModelIndex) -> bool:
        """Decide on one case."""
        row = self.sourceModel().rows[source_row]
        done = row.status in ("accepted", "excluded")
        if self._status and not (row.status == self._status or (self._status == "to do" and not done)):
            return False
        return self._words in f"{row.case} {row.patient}".casefold()


def _when(time: str | None) -> str:
    """Write a time (UTC, ISO 8601) as today's hour or an earlier day, in the local time zone."""
    if not time:
        return ""
    try:
        local = datetime.fromisoformat(time).astimezone()
    except ValueError:
        return time
    return local.strftime("%H:%M" if local.date() == datetime.now().astimezone().date() else "%Y-%m-%d")

"""The review log in a window: who did what to which case."""

from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QAbstractItemView, QDialog, QHeaderView, QTableWidget, QTableWidgetItem, QVBoxLayout

if TYPE_CHECKING:
    from scarnet.project import LogEntry

__all__ = ["LogWindow", "changes_text"]

_COLUMNS = ("#", "Time (UTC)", "Who", "Action", "Case", "Model", "Voxels changed")


def changes_text(changed: Any) -> str:
    """Write how many voxels came to and left each class.

    Parameters
    ----------
    changed : Mapping
        ``{class: {"added": voxels, "removed": voxels}}``.

    Returns
    -------
    str
        Such as ``"scar +120 −8"``.
    """
    return ", ".join(f"{name} +{n['added']} −{n['removed']}" for name, n in changed.items())


class LogWindow(QDialog):
    """Shows the log as it was when the window opened, the newest first.

    Parameters
    ----------
    entries : list of LogEntry
        The log, oldest first.
    parent : QWidget
        The window it belongs to.
    """

    def __init__(self, entries: "list[LogEntry]", parent: Any = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("ScarNet · review log")
        self.resize(980, 460)
        self.table = QTableWidget(len(entries), len(_COLUMNS))
        self.table.setHorizontalHeaderLabels(_COLUMNS)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setToolTip("Only ever added to; what is numbered later came later, whatever the clock said.")
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(22)
        for place, entry in enumerate(reversed(entries)):
            model = f"{entry.model} ({(entry.sha256 or '')[:8]})" if entry.model else ""
            changed = "; ".join(filter(None, (changes_text(entry.changed), entry.note)))
            time = entry.time.replace("T", " ").removesuffix("Z")
            cells = (str(entry.seq), time, entry.who, entry.deed, entry.case or "", model, changed)
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setToolTip(f"{text}\nsha256 {entry.sha256}" if column == 5 and entry.sha256 else text)
                self.table.setItem(place, column, item)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(len(_COLUMNS) - 1, QHeaderView.ResizeMode.Stretch)
        layout = QVBoxLayout(self)
        layout.addWidget(self.table)

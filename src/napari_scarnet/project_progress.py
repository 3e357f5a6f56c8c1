"""How far a cohort is, as one bar in the colours of the statuses."""

from collections.abc import Mapping
from typing import Any

from qtpy.QtCore import QRectF, QSize
from qtpy.QtGui import QColor, QPainter
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_scarnet.project_table import STATUS_COLOURS

__all__ = ["CohortBar"]

# What is done comes first, so that the bar fills from the left.
_PLACES = ("accepted", "in progress", "predicted", "new", "excluded")


class _Strip(QWidget):
    """The bar itself."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Mapping[Any, int] = {}
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Be a thin line."""
        return QSize(200, 8)

    def paintEvent(self, event: Any) -> None:
        """Draw a part for each status."""
        total = sum(self.counts.values())
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("#3a3f47"))
        left = 0.0
        for status in _PLACES if total else ():
            width = self.width() * self.counts.get(status, 0) / total
            painter.fillRect(QRectF(left, 0, width, self.height()), QColor(STATUS_COLOURS[status]))
            left += width
        painter.end()


class CohortBar(QWidget):
    """A sentence and a bar below it.

    Parameters
    ----------
    parent : QWidget, optional
        Qt's parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.strip = _Strip()
        self.strip.setToolTip("The cohort by status, in the colours of the table.")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 2)
        layout.setSpacing(3)
        layout.addWidget(self.text)
        layout.addWidget(self.strip)

    def show_counts(self, counts: Mapping[Any, int]) -> None:
        """Show how many cases have which status.

        Parameters
        ----------
        counts : Mapping of str to int
            Cases by status.
        """
        self.strip.counts = counts
        total = sum(counts.values()) - counts.get("excluded", 0)
        parts = [f"<b>{counts.get('accepted', 0)} of {total} accepted</b>"]
        parts += [
            f"<span style='color:{STATUS_COLOURS[status]}'>{counts[status]} {status}</span>"
            for status in ("in progress", "predicted", "new", "excluded")
            if counts.get(status)
        ]
        self.text.setText(" · ".join(parts) if sum(counts.values()) else "No cases yet: add studies.")
        self.strip.update()

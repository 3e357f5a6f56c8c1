"""The four logits and probabilities at the cursor, as bars in the classes' colours."""

import math
from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFontMetricsF, QPainter, QPalette
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_scarnet.inspect_case import Reading
from scarnet.classes import CLASS_COLOURS, CLASS_NAMES, TissueClass
from scarnet.figure import PANEL_CLASSES

__all__ = ["ReadoutChart", "describe"]

_MESSAGES = {
    "outside-image": "Outside the image",
    "outside-window": "Outside the heart window: not computed",
    "slice-not-predicted": "Slice not predicted",
    "view-3d": "3D view: no single voxel",
    "no-prediction": "No prediction here yet: run the Segment step",
}
_BACKGROUND_COLOUR = "#9aa0a6"
_BAR, _GAP = 6, 4
_MINUS = "\N{MINUS SIGN}"


def describe(reading: Reading) -> str:
    """Say in one line where the cursor is and what it finds.

    Parameters
    ----------
    reading : Reading
        What is there.

    Returns
    -------
    str
        Slice (from 1), row and column (from 0) and intensity, or why there are no values.
    """
    parts = []
    if reading.index is not None:
        z, y, x = reading.index
        parts.append(f"slice {z + 1}   y {y}   x {x}")
    if reading.intensity is not None:
        parts.append(f"image {reading.intensity:.4g}")
    return "   ".join(parts)


class ReadoutChart(QWidget):
    """Bars of four logits and four probabilities; painted directly, so that it keeps up with the mouse."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._reading: Reading | None = None
        self._limit = 10.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(
            "Logits (left, from the middle: against or for the class) and probabilities (right, 0 to 1) "
            "of the four classes at the mouse cursor"
        )
        self._update_accessible()

    @property
    def reading(self) -> Reading | None:
        """What is shown now."""
        return self._reading

    @property
    def message(self) -> str:
        """What stands in place of the bars; empty while there are bars."""
        if self._reading is None:
            return "Move the mouse over the image"
        return _MESSAGES.get(self._reading.state, "")

    def set_limit(self, limit: float) -> None:
        """Set the logit at which a bar is full.

        Parameters
        ----------
        limit : float
            The largest absolute logit.
        """
        self._limit = max(float(limit), 1e-6)
        self.update()

    def show_reading(self, reading: Reading | None) -> None:
        """Show what is at the cursor.

        Parameters
        ----------
        reading : Reading or None
            None clears the chart.
        """
        if reading == self._reading:
            return
        self._reading = reading
        self._update_accessible()
        self.update()

    def _update_accessible(self) -> None:
        self.setAccessibleName("Values at the cursor")
        reading = self._reading
        text = self.message
        if not text and reading is not None:
            text = "; ".join(
                f"{CLASS_NAMES[c]} logit {_number(reading.logits, c)}, p {_number(reading.probabilities, c, 3)}"
                for c in PANEL_CLASSES
            )
        self.setAccessibleDescription(text)

    def sizeHint(self) -> QSize:
        """Give the size for a header, a title and four classes of a number above its bar."""
        line = QFontMetricsF(self.font()).height()
        return QSize(280, math.ceil(2 * (line + 3) + 4 * (line + _BAR + _GAP)))

    def minimumSizeHint(self) -> QSize:
        """Give the least size at which all bars can be told apart."""
        return QSize(220, self.sizeHint().height())

    def paintEvent(self, event: Any) -> None:
        """Paint the chart."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = QFontMetricsF(self.font()).height()
        text = self.palette().color(QPalette.ColorRole.WindowText)
        dim = QColor(text)
        dim.setAlpha(170)
        painter.setPen(dim)
        header = describe(self._reading) if self._reading is not None else ""
        painter.drawText(QRectF(2, 0, self.width() - 4, line), Qt.AlignmentFlag.AlignVCenter, header)
        if self._reading is None or self.message:
            painter.setPen(text)
            box = QRectF(2, line, self.width() - 4, self.height() - line)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self.message)
        else:
            self._paint_values(painter, self._reading, line, text, dim)

    def _paint_values(self, painter: QPainter, reading: Reading, line: float, text: QColor, dim: QColor) -> None:
        metrics = QFontMetricsF(self.font())
        name = max(metrics.horizontalAdvance(CLASS_NAMES[c]) for c in PANEL_CLASSES) + line + 10
        width = (self.width() - name - 12) / 2
        columns = (
            (name, "logit", reading.logits, 1, self._limit),
            (name + width + 10, "probability", reading.probabilities, 3, None),
        )
        painter.setPen(dim)
        for left, title, *_ in columns:
            place = QRectF(left, line + 3, width, line)
            painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, title)
        top = 2 * (line + 3)
        for tissue in PANEL_CLASSES:
            colour, height = _colour(tissue), line + _BAR
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawRoundedRect(QRectF(2, top + (height - line * 0.6) / 2, line * 0.6, line * 0.6), 2, 2)
            painter.setPen(text)
            place = QRectF(line * 0.6 + 8, top, name, height)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, CLASS_NAMES[tissue])
            for left, _, values, digits, limit in columns:
                painter.setPen(text)
                number = _number(values, tissue, digits)
                place = QRectF(left, top, width, line)
                painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, number)
                _paint_bar(painter, QRectF(left, top + line, width, _BAR), values[tissue], limit, colour, dim)
            top += height + _GAP


def _paint_bar(
    painter: QPainter, track: QRectF, value: float, limit: float | None, colour: QColor, dim: QColor
) -> None:
    """Paint a bar on its track: from the middle towards ±limit, or from the left towards 1."""
    faint = QColor(dim)
    faint.setAlpha(45)
    painter.fillRect(track, faint)
    if math.isfinite(value):
        part = max(-1.0, min(1.0, value / limit)) if limit else max(0.0, min(1.0, value))
        start, span = (track.center().x(), track.width() / 2) if limit else (track.left(), track.width())
        left = start + min(0.0, part) * span
        painter.fillRect(QRectF(left, track.top(), abs(part) * span, track.height()), colour)
    if limit:
        painter.fillRect(QRectF(track.center().x() - 0.5, track.top() - 1, 1, track.height() + 2), dim)


def _colour(tissue: TissueClass) -> QColor:
    """Give the class's colour; the background, which is clear on the image, is grey here."""
    if tissue == TissueClass.BACKGROUND:
        return QColor(_BACKGROUND_COLOUR)
    return QColor.fromRgbF(*CLASS_COLOURS[tissue])


def _number(values: Sequence[float], tissue: TissueClass, digits: int = 1) -> str:
    value = values[tissue]
    return "?" if not math.isfinite(value) else f"{value:.{digits}f}".replace("-", _MINUS)

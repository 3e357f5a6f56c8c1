"""The bullseye of 17 segments, painted directly so that it keeps up with a brush."""

import math
from collections.abc import Sequence
from typing import Any, Literal, get_args

from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFontMetricsF, QLinearGradient, QPainter, QPainterPath, QPen
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_scarnet.measure_colours import dim_text_colour, on_colour, ramp, text_colour
from scarnet.report.bullseye import segment_wedges

__all__ = ["Bullseye", "BullseyeQuantity", "segment_text"]

BullseyeQuantity = Literal["scar_percent", "transmurality_percent"]

_SIDES = ((90, "anterior"), (180, "septal"), (270, "inferior"), (0, "lateral"))
_INSERTION_DEG = 120.0
_BAR = 8


def segment_text(segment: dict[str, Any]) -> str:
    """Say in words what is known of a segment.

    Parameters
    ----------
    segment : dict
        An entry of the measures' ``segments``.

    Returns
    -------
    str
        Number, name, mass, scar percent and transmurality.
    """
    parts = [f"{segment['segment']}  {segment['name']}", f"{segment['myocardium_mass_g']:.1f} g of wall"]
    for key, name in (("scar_percent", "scar"), ("transmurality_percent", "transmurality")):
        value = segment[key]
        parts.append(f"{name} {'unknown' if value is None else f'{value:.0f} %'}")
    return ", ".join(parts)


class Bullseye(QWidget):
    """17 segments in the standard's polar plot: anterior on top, the septum on the left."""

    segmentChosen = Signal(int)
    """The segment, 1 to 17, that was clicked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._segments: Sequence[dict[str, Any]] = ()
        self._quantity: BullseyeQuantity = "scar_percent"
        self._estimated = True
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Bullseye of 17 segments")
        self.setToolTip("Scar in the 17 segments; a click on one shows the slice with most of its scar")
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    @property
    def quantity(self) -> BullseyeQuantity:
        """What the numbers are."""
        return self._quantity

    @property
    def values(self) -> list[float | None]:
        """The numbers on show, segment 1 first; empty where there are none."""
        return [segment[self._quantity] for segment in self._segments]

    def set_quantity(self, quantity: BullseyeQuantity) -> None:
        """Choose what the numbers are.

        Parameters
        ----------
        quantity : {"scar_percent", "transmurality_percent"}
            The key of the measures' ``segments``.
        """
        if quantity not in get_args(BullseyeQuantity):
            raise ValueError(quantity)
        self._quantity = quantity
        self._changed()

    def show_segments(self, segments: Sequence[dict[str, Any]], *, estimated: bool) -> None:
        """Show segments.

        Parameters
        ----------
        segments : sequence of dict
            The measures' ``segments``, all 17 or none.
        estimated : bool
            Nobody marked the insertion from which they are counted.
        """
        self._segments, self._estimated = segments, estimated
        self._changed()

    def segment_at(self, place: QPointF) -> int | None:
        """Find the segment at a point of the widget.

        Parameters
        ----------
        place : QPointF
            The point.

        Returns
        -------
        int or None
            1 to 17; None outside.
        """
        middle, radius = self._circle()
        right, up = place.x() - middle.x(), middle.y() - place.y()
        r, angle = math.hypot(right, up) / radius, math.degrees(math.atan2(up, right))
        for number, (outer, inner, start, end) in segment_wedges().items():
            if inner <= r < outer and (angle - start) % 360 < end - start:
                return number
        return None

    def _changed(self) -> None:
        known = [s for s in self._segments if s[self._quantity] is not None]
        worst = max(known, key=lambda s: s[self._quantity], default=None)
        text = "No segments" if worst is None else f"Most affected: {segment_text(worst)}"
        self.setAccessibleDescription(text)
        self.update()

    def _circle(self) -> tuple[QPointF, float]:
        metrics = QFontMetricsF(self.font())
        line, beside = metrics.height(), max(metrics.horizontalAdvance(name) for _, name in _SIDES) + 10
        height = self.height() - 3 * line - _BAR - 14
        radius = max(20.0, min(height, self.width() - 2 * beside) / 2)
        return QPointF(self.width() / 2, line + 4 + radius), radius

    def sizeHint(self) -> QSize:
        """Give a size at which all numbers can be read."""
        return QSize(300, 270)

    def minimumSizeHint(self) -> QSize:
        """Give the least size."""
        return QSize(220, 250)

    def event(self, event: QEvent) -> bool:
        """Tell of the segment under the mouse."""
        if event.type() == QEvent.Type.ToolTip and self._segments:
            number = self.segment_at(QPointF(event.pos()))
            if number is not None:
                QToolTip.showText(event.globalPos(), segment_text(self._segments[number - 1]), self)
                return True
        return super().event(event)

    def mouseReleaseEvent(self, event: Any) -> None:
        """Choose the segment that was clicked."""
        number = self.segment_at(event.position()) if self._segments else None
        if number is not None and event.button() == Qt.MouseButton.LeftButton:
            self.segmentChosen.emit(number)

    def paintEvent(self, event: Any) -> None:
        """Paint the plot."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle, radius = self._circle()
        for number, wedge in segment_wedges().items():
            self._paint_segment(painter, middle, radius, number, wedge)
        painter.setPen(dim_text_colour(self))
        line = QFontMetricsF(self.font()).height()
        for angle, name in _SIDES:
            width = QFontMetricsF(self.font()).horizontalAdvance(name)
            away = radius + (line * 0.7 if angle % 180 else width / 2 + 6)
            centre = middle + QPointF(away * math.cos(math.radians(angle)), -away * math.sin(math.radians(angle)))
            box = QRectF(centre.x() - width, centre.y() - line / 2, 2 * width, line)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, name)
        if self._segments:
            self._paint_insertion(painter, middle, radius)
        self._paint_bar(painter, middle.y() + radius + line + 6)

    def _paint_segment(
        self, painter: QPainter, middle: QPointF, radius: float, number: int, wedge: tuple[float, float, float, float]
    ) -> None:
        outer, inner, start, end = wedge
        path = _sector(middle, radius * inner, radius * outer, start, end - start)
        value = self._segments[number - 1][self._quantity] if self._segments else None
        if value is None:
            faint = QColor(text_colour(self))
            faint.setAlpha(28)
            painter.fillPath(path, faint)
            pen = dim_text_colour(self)
        else:
            painter.fillPath(path, ramp(value / 100))
            pen = on_colour(ramp(value / 100))
        painter.strokePath(path, QPen(self.palette().window().color(), 1.5))
        painter.setPen(pen)
        at, angle = radius * (inner + outer) / 2 if inner else 0.0, math.radians((start + end) / 2)
        centre = middle + QPointF(at * math.cos(angle), -at * math.sin(angle))
        box = QRectF(centre.x() - 24, centre.y() - 10, 48, 20)
        text = "–" if value is None else f"{value:.0f}"
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text if self._segments else str(number))

    def _paint_insertion(self, painter: QPainter, middle: QPointF, radius: float) -> None:
        """Mark where segments are counted from."""
        direction = QPointF(math.cos(math.radians(_INSERTION_DEG)), -math.sin(math.radians(_INSERTION_DEG)))
        pen = QPen(QColor("#ff9f1c" if self._estimated else "#2ee6a6"), 3)
        painter.setPen(pen)
        painter.drawLine(middle + direction * (radius + 1), middle + direction * (radius + 9))
        end = middle + direction * (radius + 10)
        text = "RV (estimated)" if self._estimated else "RV"
        box = QRectF(end.x() - 204, end.y() - 14, 200, 18)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_bar(self, painter: QPainter, top: float) -> None:
        """Paint the colour scale."""
        line = QFontMetricsF(self.font()).height()
        width = min(200.0, self.width() - 40.0)
        bar = QRectF((self.width() - width) / 2, top, width, _BAR)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        for step in range(5):
            gradient.setColorAt(step / 4, ramp(step / 4))
        painter.fillRect(bar, gradient)
        painter.setPen(dim_text_colour(self))
        for percent in (0, 50, 100):
            x = bar.left() + bar.width() * percent / 100
            painter.drawText(QRectF(x - 40, bar.bottom() + 1, 80, line), Qt.AlignmentFlag.AlignCenter, f"{percent} %")


def _sector(middle: QPointF, inner: float, outer: float, start: float, width: float) -> QPainterPath:
    """Give the outline of a part of a ring; angles in degrees, counter-clockwise from the right."""
    whole = QRectF(middle.x() - outer, middle.y() - outer, 2 * outer, 2 * outer)
    hole = QRectF(middle.x() - inner, middle.y() - inner, 2 * inner, 2 * inner)
    path = QPainterPath()
    if width >= 360:
        path.addEllipse(whole)
        return path
    path.arcMoveTo(whole, start)
    path.arcTo(whole, start, width)
    path.arcTo(hole, start + width, -width)
    path.closeSubpath()
    return path

"""The wall and its scar slice by slice, painted directly; a click shows the slice."""

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFontMetricsF, QPainter, QPen
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_scarnet.measure_colours import class_colour, dim_text_colour, text_colour
from scarnet.classes import TissueClass

__all__ = ["SliceProfile", "slice_text"]


def slice_text(one: dict[str, Any]) -> str:
    """Say in words what is known of a slice.

    Parameters
    ----------
    one : dict
        An entry of the measures' ``slices``.

    Returns
    -------
    str
        Its number from 1, level, wall and scar.
    """
    level = one.get("level")
    parts = [f"slice {one['index'] + 1}" + (f", {level}" if level else "")]
    if one["myocardium_volume_ml"] > 0:
        parts.append(f"wall {one['myocardium_volume_ml']:.1f} ml")
        parts.append(f"scar {one['scar_volume_ml']:.1f} ml")
        parts.append(f"{one['scar_percent_myocardium']:.0f} % of the wall")
    else:
        parts.append("no wall")
    return ", ".join(parts)


class SliceProfile(QWidget):
    """A bar a slice: the volume of the wall, and of the scar in it."""

    sliceChosen = Signal(int)
    """The slice, from 0, that was clicked or reached with the arrow keys."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._slices: Sequence[dict[str, Any]] = ()
        self._current = 0
        self._base_first: bool | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName("Wall and scar by slice")
        self.setToolTip("Wall (blue) and scar (yellow) in ml a slice; a click or the arrow keys show the slice")

    @property
    def current(self) -> int:
        """The slice that is marked."""
        return self._current

    def show_slices(self, slices: Sequence[dict[str, Any]], base_first: bool | None) -> None:
        """Show slices.

        Parameters
        ----------
        slices : sequence of dict
            The measures' ``slices``, in the stack's order.
        base_first : bool or None
            Whether the first is the basal one; None where nobody knows.
        """
        self._slices, self._base_first = slices, base_first
        self._changed()

    def set_current(self, z: int) -> None:
        """Mark the slice on screen.

        Parameters
        ----------
        z : int
            The slice, from 0.
        """
        if z != self._current:
            self._current = z
            self._changed()

    def slice_at(self, x: float) -> int | None:
        """Find the slice at a place of the widget.

        Parameters
        ----------
        x : float
            From the left.

        Returns
        -------
        int or None
            None beside the bars.
        """
        left, step = self._steps()
        z = int((x - left) // step) if self._slices else -1
        return z if 0 <= z < len(self._slices) else None

    def _changed(self) -> None:
        known = 0 <= self._current < len(self._slices)
        self.setAccessibleDescription(slice_text(self._slices[self._current]) if known else "No slices")
        self.update()

    def _steps(self) -> tuple[float, float]:
        left = QFontMetricsF(self.font()).horizontalAdvance("00 ml") + 4
        return left, (self.width() - left - 4) / max(1, len(self._slices))

    def sizeHint(self) -> QSize:
        """Give the usual size."""
        return QSize(300, 110)

    def minimumSizeHint(self) -> QSize:
        """Give the least size."""
        return QSize(220, 90)

    def event(self, event: QEvent) -> bool:
        """Tell of the slice under the mouse."""
        if event.type() == QEvent.Type.ToolTip:
            z = self.slice_at(event.pos().x())
            if z is not None:
                QToolTip.showText(event.globalPos(), slice_text(self._slices[z]), self)
                return True
        return super().event(event)

    def mousePressEvent(self, event: Any) -> None:
        """Show the slice that is clicked."""
        z = self.slice_at(event.position().x())
        if z is not None and event.button() == Qt.MouseButton.LeftButton:
            self.sliceChosen.emit(z)

    def keyPressEvent(self, event: Any) -> None:
        """Go from slice to slice."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(event.key())
        if step is None or not 0 <= self._current + step < len(self._slices):
            super().keyPressEvent(event)
        else:
            self.sliceChosen.emit(self._current + step)

    def paintEvent(self, event: Any) -> None:
        """Paint the bars."""
        painter = QPainter(self)
        line = QFontMetricsF(self.font()).height()
        left, step = self._steps()
        bottom, top = self.height() - line - 3, line * 0.5
        largest = max((one["myocardium_volume_ml"] for one in self._slices), default=0.0)
        painter.setPen(dim_text_colour(self))
        if not largest:
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "No wall in the labels")
            return
        scale = (bottom - top) / largest
        for z, one in enumerate(self._slices):
            column = QRectF(left + z * step, top, step, bottom - top)
            if z == self._current:
                mark = QColor(text_colour(self))
                mark.setAlpha(45)
                painter.fillRect(column.adjusted(0, -top, 0, line + 3), mark)
            inset = min(3.0, step * 0.15)
            for tissue, key in (
                (TissueClass.MYOCARDIUM, "myocardium_volume_ml"),
                (TissueClass.SCAR, "scar_volume_ml"),
            ):
                height = one[key] * scale
                bar = QRectF(column.left() + inset, bottom - height, step - 2 * inset, height)
                painter.fillRect(bar, class_colour(tissue))
            painter.setPen(text_colour(self) if z == self._current else dim_text_colour(self))
            if step >= QFontMetricsF(self.font()).horizontalAdvance("00") or z == self._current or z % 5 == 4:
                box = QRectF(column.center().x() - 20, bottom + 2, 40, line)
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(z + 1))
        self._paint_axis(painter, left, top, bottom, largest)
        if self.hasFocus():
            painter.setPen(QPen(text_colour(self), 1, Qt.PenStyle.DotLine))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def _paint_axis(self, painter: QPainter, left: float, top: float, bottom: float, largest: float) -> None:
        """Paint the scale, and where base and apex are."""
        line = QFontMetricsF(self.font()).height()
        painter.setPen(dim_text_colour(self))
        painter.drawLine(QPointF(left, bottom), QPointF(self.width() - 4, bottom))
        for value, y in ((f"{largest:.0f} ml", top), ("0", bottom - line * 0.5)):
            box = QRectF(0, y - line / 2 + 2, left - 4, line)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, value)
        if self._base_first is not None:
            ends = ("base", "apex") if self._base_first else ("apex", "base")
            box = QRectF(left + 3, 0, self.width() - left - 10, line)
            painter.setPen(text_colour(self))
            painter.drawText(box, Qt.AlignmentFlag.AlignLeft, ends[0])
            painter.drawText(box, Qt.AlignmentFlag.AlignRight, ends[1])

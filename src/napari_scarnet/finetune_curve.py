"""A run's curves, drawn with Qt alone: the loss and its parts above, validation Dice by class below."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_scarnet.finetune_record import CLASSES, LOSS_TERMS, RunRecord
from scarnet.classes import CLASS_COLOURS, MEASURED_CLASSES, TissueClass

__all__ = ["RunCurve"]

Series = Sequence[tuple[float, float]]

_MOST_POINTS = 600
_LOSS, _STEPS = QColor("#e8e8e8"), QColor("#6d7280")
_TERM_COLOURS = dict(zip(LOSS_TERMS, ("#56b4e9", "#009e73", "#cc79a7", "#e69f00", "#8f8fd8"), strict=True))
_TISSUES = (TissueClass.MYOCARDIUM, TissueClass.BLOOD_POOL, TissueClass.SCAR)
_AXIS, _GRID, _BACK = QColor("#b8bcc4"), QColor("#3c4250"), QColor("#1d2027")
_LEFT, _RIGHT, _TOP, _BOTTOM = 38, 8, 20, 20


@dataclass(frozen=True)
class _Plot:
    """One of the two plots: its curves by name, with colours, and its range."""

    title: str
    curves: Mapping[str, tuple[Series, QColor, float, bool]]
    low: float
    high: float


class RunCurve(QWidget):
    """Draws a :class:`napari_scarnet.finetune_record.RunRecord`.

    Parameters
    ----------
    parent : QWidget, optional
        Qt's parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.record = RunRecord()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(
            "Above: the training loss at each step (thin), its mean and its parts by epoch. Below: 3D Dice of the "
            "patients who were held out, by class and without flips at test time; the wall is myocardium and scar."
        )

    def sizeHint(self) -> QSize:
        """Be high enough for two plots."""
        return QSize(360, 300)

    def show_record(self, record: RunRecord) -> None:
        """Draw a run.

        Parameters
        ----------
        record : RunRecord
            The run; not copied.
        """
        self.record = record
        self.update()

    def paintEvent(self, event: Any) -> None:
        """Draw both plots."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), _BACK)
        half = self.height() / 2
        for top, plot in ((0.0, self._loss()), (half, self._dice())):
            self._draw(painter, plot, QRectF(0, top, self.width(), half))
        painter.end()

    def _loss(self) -> _Plot:
        record = self.record
        curves: dict[str, tuple[Series, QColor, float, bool]] = {
            "": (_thin(record.steps), QColor("#6d7280"), 1.0, False)
        }
        for name in LOSS_TERMS:
            if name in record.terms:
                curves[name.replace("_", " ")] = (record.terms[name], QColor(_TERM_COLOURS[name]), 1.2, True)
        if "loss" in record.terms:
            curves["loss"] = (record.terms["loss"], _LOSS, 2.2, True)
        values = sorted(value for series, *_ in curves.values() for _, value in series)
        # A first step far above all others must not flatten the rest.
        high = values[int(0.99 * (len(values) - 1))] if values else 1.0
        return _Plot("training loss", curves, 0.0, 1.1 * high or 1.0)

    def _dice(self) -> _Plot:
        curves = {
            MEASURED_CLASSES[name]: (
                self.record.dice[name],
                QColor.fromRgbF(*CLASS_COLOURS[tissue]).lighter(125),
                2.0,
                True,
            )
            for name, tissue in zip(CLASSES, _TISSUES, strict=True)
            if name in self.record.dice
        }
        return _Plot("validation Dice", curves, 0.0, 1.0)

    def _draw(self, painter: QPainter, plot: _Plot, area: QRectF) -> None:
        inside = area.adjusted(_LEFT, _TOP, -_RIGHT, -_BOTTOM)
        epochs = max(self.record.epochs, 1)
        font = painter.font()
        font.setPointSizeF(7.5)
        painter.setFont(font)
        for part in range(5):
            y = inside.bottom() - part / 4 * inside.height()
            painter.setPen(QPen(_GRID, 1))
            painter.drawLine(QPointF(inside.left(), y), QPointF(inside.right(), y))
            painter.setPen(_AXIS)
            value = plot.low + part / 4 * (plot.high - plot.low)
            box = QRectF(area.left(), y - 8, _LEFT - 5, 16)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{value:.2g}")
        for epoch in range(0, epochs + 1, max(1, -(-epochs // 6))):
            x = inside.left() + epoch / epochs * inside.width()
            box = QRectF(x - 20, inside.bottom() + 2, 40, 14)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"{epoch}" if epoch else "epoch 0")
        self._legend(painter, plot, area)
        painter.setClipRect(inside)
        for series, colour, width, dotted in plot.curves.values():
            points = [
                QPointF(
                    inside.left() + x / epochs * inside.width(),
                    inside.bottom() - (y - plot.low) / (plot.high - plot.low) * inside.height(),
                )
                for x, y in series
            ]
            painter.setPen(QPen(colour, width))
            painter.drawPolyline(QPolygonF(points))
            if dotted and len(points) <= 30:
                painter.setBrush(colour)
                for point in points:
                    painter.drawEllipse(point, 1.8, 1.8)
        painter.setClipping(False)

    def _legend(self, painter: QPainter, plot: _Plot, area: QRectF) -> None:
        x = area.left() + _LEFT
        painter.setPen(_AXIS)
        metrics = painter.fontMetrics()
        drawn = any(series for series, *_ in plot.curves.values())
        title = f"{plot.title}:" if drawn else f"{plot.title}: nothing yet"
        painter.drawText(QPointF(x, area.top() + 13), title)
        x += metrics.horizontalAdvance(title) + 8
        for name, (_, colour, *_rest) in plot.curves.items():
            if name:
                painter.setPen(colour)
                painter.drawText(QPointF(x, area.top() + 13), name)
                x += metrics.horizontalAdvance(name) + 8


def _thin(series: Series) -> Series:
    """Leave out steps that would lie on the same pixels; the last one stays."""
    every = -(-len(series) // _MOST_POINTS) or 1
    return [*series[::every], *series[-1:]]

"""The wall of a slice unwrapped: depth against angle, image above and labels below."""

from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QFontMetricsF, QImage, QPainter, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_scarnet.measure_colours import class_colour, dim_text_colour, text_colour
from scarnet.classes import TissueClass
from scarnet.measure import Chords, StudyMeasures, unwrap
from scarnet.measure.segments import chord_segments
from scarnet.stack import LGEStack

__all__ = ["PolarStrips", "PolarView", "polar_strips"]

_DEPTHS = 24
_GAP = 4


@dataclass(frozen=True, eq=False)
class PolarStrips:
    """A slice's unwrapped wall.

    Attributes
    ----------
    image : ndarray, shape (depths, N)
        Intensities, the epicardium on top; NaN where there is no wall.
    labels : ndarray, shape (depths, N)
        Classes; NaN where there is no wall.
    segments : ndarray of uint8, shape (N,)
        Segment of each chord, 0 where there is none.
    """

    image: npt.NDArray[Any]
    labels: npt.NDArray[Any]
    segments: npt.NDArray[np.uint8]


def polar_strips(measures: StudyMeasures, stack: LGEStack, z: int) -> PolarStrips | None:
    """Unwrap the wall of one slice.

    Parameters
    ----------
    measures : StudyMeasures
        The measures.
    stack : LGEStack
        The study.
    z : int
        The slice.

    Returns
    -------
    PolarStrips or None
        None where the slice has no wall.
    """
    if not 0 <= z < stack.shape[0] or np.isnan(measures.chords.outer_mm[z]).all():
        return None
    chords = Chords(**{field.name: getattr(measures.chords, field.name)[z : z + 1] for field in fields(Chords)})
    one = slice(z, z + 1)
    image = unwrap(stack.pixels[one], chords, stack.spacing_mm, _DEPTHS)[0]
    labels = unwrap(measures.labels[one], chords, stack.spacing_mm, _DEPTHS, order=0)[0]
    segments = chord_segments([measures.levels[z]], chords.angles_rad.shape[1])[0]
    return PolarStrips(image[::-1], labels[::-1], segments)


class PolarView(QWidget):
    """The strips, from the anterior insertion of the right ventricle once round in the order of the segments."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._strips: PolarStrips | None = None
        self._pictures: tuple[QImage, QImage] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Unwrapped wall of the slice")
        self.setToolTip(
            "The wall of this slice unwrapped: left to right from the anterior RV insertion over septal, inferior and "
            "lateral wall, bottom to top from endocardium to epicardium; numbers are segments"
        )

    @property
    def strips(self) -> PolarStrips | None:
        """What is shown."""
        return self._strips

    def show_strips(self, strips: PolarStrips | None, limits: tuple[float, float]) -> None:
        """Show a slice.

        Parameters
        ----------
        strips : PolarStrips or None
            The slice; None shows that it has no wall.
        limits : tuple of float
            Intensities that are black and white.
        """
        self._strips = strips
        self._pictures = None if strips is None else (_grey(strips.image, limits), _coloured(strips.labels))
        self.update()

    def sizeHint(self) -> QSize:
        """Give the usual size."""
        return QSize(300, 150)

    def minimumSizeHint(self) -> QSize:
        """Give the least size."""
        return QSize(220, 120)

    def paintEvent(self, event: Any) -> None:
        """Paint the strips."""
        painter = QPainter(self)
        painter.setPen(dim_text_colour(self))
        if self._pictures is None or self._strips is None:
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "No wall on this slice")
            return
        metrics = QFontMetricsF(self.font())
        line, left = metrics.height(), metrics.horizontalAdvance("endo") + 6
        height = (self.height() - line - 2 - _GAP) / 2
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        for row, picture in enumerate(self._pictures):
            strip = QRectF(left, row * (height + _GAP), self.width() - left - 2, height)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, row == 0)
            painter.drawImage(strip, picture)
            for text, where in (("epi", Qt.AlignmentFlag.AlignTop), ("endo", Qt.AlignmentFlag.AlignBottom)):
                box = QRectF(0, strip.top(), left - 4, strip.height())
                painter.drawText(box, Qt.AlignmentFlag.AlignRight | where, text)
        self._paint_segments(painter, self._strips.segments, left, line)

    def _paint_segments(self, painter: QPainter, segments: npt.NDArray[np.uint8], left: float, line: float) -> None:
        """Paint the borders of the segments and their numbers."""
        width, count = self.width() - left - 2, len(segments)
        borders = [0, *(np.flatnonzero(np.diff(segments)) + 1).tolist(), count]
        bottom = self.height() - line - 2
        for start, end in pairwise(borders):
            x0, x1 = (left + width * place / count for place in (start, end))
            if start:
                painter.setPen(QPen(dim_text_colour(self), 1, Qt.PenStyle.DotLine))
                painter.drawLine(QPointF(x0, 0), QPointF(x0, bottom))
            painter.setPen(text_colour(self))
            if segments[start]:
                box = QRectF(x0, bottom + 2, x1 - x0, line)
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(segments[start]))


def _grey(strip: npt.NDArray[Any], limits: tuple[float, float]) -> QImage:
    low, high = limits
    part = (strip - low) / max(high - low, 1e-9)
    grey = (255 * np.clip(np.nan_to_num(part), 0, 1)).astype(np.uint8)
    return _picture(np.repeat(grey[..., None], 3, axis=2), ~np.isnan(strip))


def _coloured(strip: npt.NDArray[Any]) -> QImage:
    classes = np.nan_to_num(strip).astype(int)
    colours = [class_colour(tissue) for tissue in TissueClass]
    table = np.array([(colour.red(), colour.green(), colour.blue()) for colour in colours], dtype=np.uint8)
    return _picture(table[classes], ~np.isnan(strip) & (classes > 0))


def _picture(colours: npt.NDArray[np.uint8], there: npt.NDArray[np.bool_]) -> QImage:
    pixels = np.ascontiguousarray(np.concatenate([colours, (255 * there[..., None]).astype(np.uint8)], axis=2))
    height, width = there.shape
    # QImage only borrows the bytes.
    return QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()

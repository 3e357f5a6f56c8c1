"""Asking for the voxel spacing of an image that does not state it."""

from qtpy.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

__all__ = ["SpacingForm"]


class SpacingForm(QWidget):
    """Three numbers in mm and a sentence that says why.

    Parameters
    ----------
    parent : QWidget, optional
        Qt's parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.reason = QLabel()
        self.reason.setWordWrap(True)
        self.boxes: list[QDoubleSpinBox] = []
        line = QHBoxLayout()
        self._names: list[QLabel] = []
        for axis, value, tip in (
            ("z", 8.0, "Distance between neighbouring slice centres, in mm."),
            ("y", 0.0, "Height of a pixel, in mm."),
            ("x", 0.0, "Width of a pixel, in mm."),
        ):
            box = QDoubleSpinBox()
            box.setRange(0.0, 100.0)
            box.setDecimals(3)
            box.setSingleStep(0.1)
            box.setValue(value)
            box.setSpecialValueText("?")
            box.setToolTip(tip)
            box.setMinimumWidth(70)
            name = QLabel(axis)
            line.addWidget(name)
            line.addWidget(box, 1)
            self.boxes.append(box)
            self._names.append(name)
        line.addWidget(QLabel("mm"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.reason)
        layout.addLayout(line)

    def ask(self, reason: str, axes: int) -> None:
        """Say why the spacing is needed, and ask for that of the axes there are.

        Parameters
        ----------
        reason : str
            A sentence.
        axes : int
            3, or 2 for a single slice, whose distance to others is not asked for.
        """
        self.reason.setText(reason)
        for widget in (self.boxes[0], self._names[0]):
            widget.setVisible(axes > 2)

    @property
    def spacing_mm(self) -> tuple[float, float, float] | None:
        """The spacing (z, y, x); None as long as a number is missing."""
        z, y, x = (box.value() for box in self.boxes)
        asked = (y, x) if self.boxes[0].isHidden() else (z, y, x)
        return (z, y, x) if min(asked) > 0 else None

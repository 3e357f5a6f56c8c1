"""Buttons that change the shape of the active class, and fill slices from their neighbours."""

from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QPushButton, QWidget

__all__ = ["ShapeTools", "changed_slices", "slices_to_interpolate"]

_BUTTONS = {
    "grow": ("Grow", "Grow the active class by one voxel."),
    "shrink": ("Shrink", "Shrink the active class by one voxel."),
    "smooth": ("Smooth", "Smooth the outline of the active class."),
    "fill": ("Fill holes", "Fill what the active class encloses: dark cores in scar, papillary muscles in blood."),
}


def slices_to_interpolate(changed: npt.NDArray[np.bool_], z: int) -> tuple[int, int] | None:
    """Find the two edited slices around a slice.

    Parameters
    ----------
    changed : ndarray of bool, shape (Z,)
        Which slices were edited.
    z : int
        The slice on screen.

    Returns
    -------
    tuple of int or None
        The nearest edited slices before and after; None where one is missing.
    """
    before, after = np.flatnonzero(changed[:z]), np.flatnonzero(changed[z + 1 :])
    return (int(before[-1]), int(after[0]) + z + 1) if before.size and after.size else None


class ShapeTools(QWidget):
    """Grow, shrink, smooth, fill; copy from the slice before or after; interpolate."""

    shape_asked = Signal(str)
    copy_asked = Signal(int)
    interpolate_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        grid = QGridLayout(self)
        grid.setContentsMargins(8, 0, 0, 0)
        self.buttons: dict[str, QPushButton] = {}
        for column, (name, (text, tip)) in enumerate(_BUTTONS.items()):
            button = self.buttons[name] = QPushButton(text)
            button.setToolTip(f"{tip} Only where the tools may work (above); one undo step.")
            button.clicked.connect(lambda _=False, name=name: self.shape_asked.emit(name))
            grid.addWidget(button, 0, 3 * column, 1, 3)
        self.copy_before, self.copy_after = QPushButton(), QPushButton()
        self.copy_before.clicked.connect(lambda: self.copy_asked.emit(-1))
        self.copy_after.clicked.connect(lambda: self.copy_asked.emit(1))
        self.interpolate = QPushButton()
        self.interpolate.clicked.connect(self.interpolate_asked)
        for column, button in enumerate((self.copy_before, self.copy_after, self.interpolate)):
            grid.addWidget(button, 1, 4 * column, 1, 4)
        self.show_slices(0, 1, None)

    def show_slices(self, z: int, n: int, between: tuple[int, int] | None) -> None:
        """Say which slices the buttons take.

        Parameters
        ----------
        z : int
            The slice on screen.
        n : int
            Number of slices.
        between : tuple of int or None
            The edited slices to interpolate between.
        """
        for button, other in ((self.copy_before, z - 1), (self.copy_after, z + 1)):
            possible = 0 <= other < n
            button.setEnabled(possible)
            button.setText(f"Copy slice {other + 1}" if possible else "Copy slice –")
            button.setToolTip(
                f"Replace this slice's labels by those of slice {other + 1}."
                if possible
                else "No slice is on that side."
            )
        self.interpolate.setEnabled(between is not None)
        if between is None:
            self.interpolate.setText("Interpolate")
            self.interpolate.setToolTip(
                "Edit a slice before and one after this one first; then those between are filled."
            )
        else:
            first, last = between[0] + 1, between[1] + 1
            self.interpolate.setText(f"Interpolate {first}–{last}")
            self.interpolate.setToolTip(
                f"Make the slices between {first} and {last}, which you edited, from the shapes in these two."
            )


def changed_slices(labels: npt.NDArray[Any], baseline: npt.NDArray[Any] | None) -> npt.NDArray[np.bool_]:
    """Tell which slices were edited.

    Parameters
    ----------
    labels : ndarray, shape (Z, Y, X)
        The labels.
    baseline : ndarray or None
        What the plugin wrote; where it never did, or a layer of another size, every slice that holds anything counts.

    Returns
    -------
    ndarray of bool, shape (Z,)
        One a slice.
    """
    old = 0 if baseline is None or baseline.size != labels.size else baseline.reshape(labels.shape)
    return np.asarray((labels != old).any(axis=(1, 2)))

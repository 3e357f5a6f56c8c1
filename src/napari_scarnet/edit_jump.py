"""Going to the slices that need a look, the worst first."""

from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

__all__ = ["JumpBar"]


class JumpBar(QWidget):
    """Which slices to look at, and buttons to the one before and the one after."""

    asked = Signal(int)
    """1 down the ranking, -1 up."""
    changed = Signal()
    """Other slices are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.reason = QComboBox()
        self.reason.addItem("Unsure slices", "unsure")
        self.reason.addItem("Changed slices", "changed")
        self.reason.setToolTip(
            "Unsure: the network hesitated between two classes (margin below 0.2).\n"
            "Changed: your labels differ from the prediction."
        )
        self.reason.setAccessibleName("Slices to look at")
        self.reason.currentIndexChanged.connect(self.changed)
        self.before = self._button("◀", "The slice that needs a look a little more (Shift+N).", -1)
        self.after = self._button("▶", "The next slice that needs a look, the worst first (N).", 1)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout()
        row.addWidget(self.reason, 1)
        row.addWidget(self.before)
        row.addWidget(self.after)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.text)

    def _button(self, text: str, tip: str, step: int) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip)
        button.clicked.connect(lambda: self.asked.emit(step))
        return button

    def show_counts(self, counts: npt.NDArray[Any] | None, z: int) -> None:
        """Say how many slices there are to look at, and what of the one on screen.

        Parameters
        ----------
        counts : ndarray of int, shape (Z,), or None
            Voxels of each slice; None where nothing was predicted.
        z : int
            The slice on screen.
        """
        order = [] if counts is None else self.ranking(counts)
        for button in (self.before, self.after):
            button.setEnabled(bool(order) and order != [z])
        what = "unsure" if self.reason.currentData() == "unsure" else "changed"
        if counts is None:
            self.text.setText("Nothing was predicted here yet.")
        elif not order:
            self.text.setText("There is no such slice.")
        elif z in order:
            rank = f"rank {order.index(z) + 1} of {len(order)}"
            self.text.setText(f"Slice {z + 1} has {counts[z]} {what} voxels: {rank}.")
        else:
            self.text.setText(f"Slice {z + 1} has none; {len(order)} others do.")

    @staticmethod
    def ranking(counts: npt.NDArray[Any]) -> list[int]:
        """Order slices by what there is to look at.

        Parameters
        ----------
        counts : ndarray of int, shape (Z,)
            Voxels of each slice.

        Returns
        -------
        list of int
            Slices with any, the most first.
        """
        return [int(z) for z in np.argsort(-counts, kind="stable") if counts[z]]

    @staticmethod
    def target(counts: npt.NDArray[Any], z: int, step: int) -> int | None:
        """Find the slice to go to: the one with the most first, then down the ranking and round again.

        Parameters
        ----------
        counts : ndarray of int, shape (Z,)
            Voxels of each slice.
        z : int
            The slice on screen.
        step : int
            1 down the ranking, -1 up.

        Returns
        -------
        int or None
            None where there is none.
        """
        order = JumpBar.ranking(counts)
        if not order:
            return None
        return order[(order.index(z) + step) % len(order)] if z in order else order[0]

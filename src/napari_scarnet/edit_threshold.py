"""FWHM and n-SD thresholds with a live preview."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QGridLayout, QLabel, QPushButton, QWidget

from scarnet.classes import TissueClass
from scarnet.stack import LGEStack

__all__ = ["ThresholdTool", "Thresholded", "threshold_in"]


@dataclass(frozen=True, eq=False)
class Thresholded:
    """What a threshold marks.

    Attributes
    ----------
    mask : ndarray of bool, shape (Z, Y, X)
        Scar by the threshold, within ``where``.
    where : ndarray of bool, shape (Z, Y, X)
        The wall in which it decides.
    text : str
        The threshold and what it comes to, in a sentence.
    """

    mask: npt.NDArray[np.bool_]
    where: npt.NDArray[np.bool_]
    text: str


def threshold_in(
    stack: LGEStack, labels: npt.NDArray[np.uint8], scope: npt.NDArray[np.bool_] | None, n: float | None
) -> Thresholded:
    """Threshold the wall, or the part of it in a scope.

    Parameters
    ----------
    stack : LGEStack
        The study.
    labels : ndarray of uint8, shape (Z, Y, X)
        The labels; give the wall.
    scope : ndarray of bool, shape (Z, Y, X), or None
        Where to work; None for the whole wall.
    n : float or None
        Standard deviations above remote myocardium, which is sought in the whole wall; None for FWHM.

    Returns
    -------
    Thresholded
        What is scar there.
    """
    from scarnet.measure import find_remote, fwhm, n_sd, wall_mask

    wall = wall_mask(labels)
    where = wall if scope is None else wall & scope
    if not where.any():
        return Thresholded(where, where, "There is no wall to threshold here.")
    remote = find_remote(stack.pixels, wall, stack.spacing_mm)
    found = fwhm(stack.pixels, where, remote) if n is None else n_sd(stack.pixels, where, remote, n)
    ml = float(found.mask.sum()) * stack.voxel_ml
    share = 100 * found.mask.sum() / where.sum()
    name = "FWHM" if n is None else f"{n:g} SD"
    above = "" if found.threshold is None else f" from intensity {found.threshold:.4g} on"
    text = f"{name}: scar{above}, {ml:.2f} ml, {share:.0f} % of the wall there."
    parts = [text, found.note, "" if found.mask.any() else _what_goes(stack, labels, where, found.threshold)]
    return Thresholded(found.mask, where, " ".join(part for part in parts if part))


def _what_goes(
    stack: LGEStack, labels: npt.NDArray[np.uint8], where: npt.NDArray[np.bool_], threshold: float | None
) -> str:
    """Say that a threshold which marks nothing takes all scar away, where there is any."""
    scar = int((labels[where] == TissueClass.SCAR).sum())
    if not scar:
        return ""
    brightest = float(stack.pixels[where].max())
    why = "" if threshold is None else f"Nothing there is as bright: the brightest is {brightest:.4g}. "
    return f"<b>⚠ {why}Applying removes all scar there ({scar} voxels).</b>"


class ThresholdTool(QWidget):
    """Method, its number, and a switch for the preview."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.method = QComboBox()
        self.method.addItem("FWHM", "fwhm")
        self.method.addItem("n SD above remote", "sd")
        self.method.setToolTip(
            "FWHM: half-way up to the brightest myocardium.\n"
            "n SD: above the mean of remote myocardium, which is found by itself."
        )
        self.method.setAccessibleName("Threshold method")
        self.number = QDoubleSpinBox()
        self.number.setRange(0.5, 12)
        self.number.setSingleStep(0.5)
        self.number.setDecimals(1)
        self.number.setValue(5)
        self.number.setToolTip("Standard deviations above the mean of remote myocardium.")
        self.number.setAccessibleName("Standard deviations")
        self.preview = QPushButton("Preview")
        self.preview.setCheckable(True)
        self.preview.setToolTip("Show what the threshold marks; nothing changes until you apply it.")
        grid = QGridLayout(self)
        grid.setContentsMargins(8, 0, 0, 0)
        grid.addWidget(self.method, 0, 0)
        grid.addWidget(QLabel("n"), 0, 1)
        grid.addWidget(self.number, 0, 2)
        grid.addWidget(self.preview, 0, 3)
        grid.setColumnStretch(0, 1)
        self.method.currentIndexChanged.connect(self._on_method)
        self.number.valueChanged.connect(self.changed)
        self.preview.toggled.connect(self.changed)
        self._on_method()

    @property
    def n(self) -> float | None:
        """Standard deviations, None for FWHM."""
        return self.number.value() if self.method.currentData() == "sd" else None

    def _on_method(self, *_: Any) -> None:
        self.number.setEnabled(self.n is not None)
        self.changed.emit()

"""Offering the last good version of labels that cannot be read."""

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFrame, QLabel, QPushButton, QVBoxLayout

from napari_scarnet.project_reveal import reveal

if TYPE_CHECKING:
    from scarnet.project import DamagedLabelsError

__all__ = ["DamagedLabels"]


class DamagedLabels(QFrame):
    """What is wrong with a case's labels, and a button for what can be done."""

    restore_asked = Signal()
    """The user wants the last good version."""

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.button = QPushButton("Put back the last good version")
        self.button.setToolTip("The damaged file is kept beside it, as labels.damaged.nii.gz.")
        self.button.clicked.connect(self.restore_asked)
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addWidget(self.button)

    def ask(self, error: "DamagedLabelsError", read_only: bool) -> None:
        """Show what is wrong.

        Parameters
        ----------
        error : DamagedLabelsError
            What was found.
        read_only : bool
            Nothing can be put back in a project that is read-only.
        """
        self.text.setText(f"⚠ {error}")
        self.button.setVisible(error.last_good and not read_only)
        reveal(self)

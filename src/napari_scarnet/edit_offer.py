"""The line that offers labels which were kept when a study was last edited."""

from datetime import datetime

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from napari_scarnet.edit_recovery import Recovered

__all__ = ["OfferBar"]


class OfferBar(QFrame):
    """Says since when edited labels are kept, with buttons to restore or discard them."""

    restored = Signal()
    discarded = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.restore = QPushButton("Restore")
        self.restore.setToolTip("Show these labels; over labels that are there now it is one undo step.")
        self.restore.clicked.connect(self.restored)
        self.discard = QPushButton("Discard")
        self.discard.setToolTip("Delete the kept labels from this computer.")
        self.discard.clicked.connect(self.discarded)
        buttons = QHBoxLayout()
        buttons.addWidget(self.restore)
        buttons.addWidget(self.discard)
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addLayout(buttons)
        self.hide()

    def show_offer(self, found: list[Recovered]) -> None:
        """Offer the newest of what was found.

        Parameters
        ----------
        found : list of Recovered
            The newest first; empty hides the line.
        """
        self.setVisible(bool(found))
        if found:
            saved, today = found[0].saved, datetime.now().date()
            day = "today" if saved.date() == today else f"on {saved:%d %b %Y}"
            more = f" ({len(found) - 1} older ones too)" if len(found) > 1 else ""
            self.text.setText(f"Labels that were edited in this study {day} at {saved:%H:%M} are kept{more}.")

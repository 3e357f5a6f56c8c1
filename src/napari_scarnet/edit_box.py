"""The controls of the box prompt: LiteMedSAM's weights, and the switch that lets a box be drawn."""

from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

__all__ = ["BoxTool"]


class BoxTool(QWidget):
    """Draw a box; or, as long as there are no weights, get them."""

    draw_asked = Signal(bool)
    file_chosen = Signal(object)
    download_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.draw = QPushButton("Draw box  B")
        self.draw.setCheckable(True)
        self.draw.setToolTip("Drag a box around the tissue of the active class; LiteMedSAM proposes its outline (B).")
        self.draw.clicked.connect(self.draw_asked)
        self.missing = QWidget()
        text = QLabel("LiteMedSAM's official weights (lite_medsam.pth, 39 MB, Apache-2.0) are needed once.")
        text.setWordWrap(True)
        self.choose = QPushButton("Choose file…")
        self.choose.setToolTip("Use a lite_medsam.pth that is on this computer; it stays where it is.")
        self.choose.clicked.connect(self._choose_file)
        self.download = QPushButton("Download")
        self.download.setToolTip("Get it from where its authors published it; its sha256 is checked.")
        self.download.clicked.connect(self.download_asked)
        buttons = QHBoxLayout()
        buttons.addWidget(self.choose)
        buttons.addWidget(self.download)
        column = QVBoxLayout(self.missing)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(text)
        column.addLayout(buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 0, 0, 0)
        layout.addWidget(self.draw)
        layout.addWidget(self.missing)
        self.show_weights(None)

    def show_weights(self, path: Path | None) -> None:
        """Offer the box where there are weights, else ways to get them.

        Parameters
        ----------
        path : Path or None
            The weights.
        """
        self.draw.setVisible(path is not None)
        self.missing.setVisible(path is None)

    def _choose_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "LiteMedSAM's weights", "", "LiteMedSAM (*.pth);;All files (*)")
        if path:
            self.file_chosen.emit(Path(path))

"""Choosing a model, with its card."""

from pathlib import Path
from typing import Any

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QPushButton, QTextBrowser, QVBoxLayout, QWidget

from napari_scarnet.model_card import card_html
from napari_scarnet.section import Section

__all__ = ["ModelChoice"]


class ModelChoice(QWidget):
    """A list of models, a button to import one, and the card of the chosen one.

    Parameters
    ----------
    parent : QWidget, optional
        Qt's parent.
    """

    import_asked = Signal(object)
    """The path of a file to import."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: list[Any] = []
        self.combo = QComboBox()
        self.combo.setToolTip("The model that segments. Its card below says what it was trained on and how good it is.")
        self.combo.setPlaceholderText("Looking for models…")
        self.combo.setMinimumContentsLength(12)
        self.combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.import_button = QPushButton("Import…")
        self.import_button.setToolTip("Copy a model file (.safetensors with a card) into your own models.")
        self.import_button.clicked.connect(self._choose_file)
        self.card = QTextBrowser()
        self.card.setOpenExternalLinks(True)
        self.card.setMinimumHeight(190)
        self.card.setToolTip("The card that travels in the model's file.")
        self.card_section = Section("Model card", self.card, tip="What this model is, from what data, and how good.")
        line = QHBoxLayout()
        line.addWidget(self.combo, 1)
        line.addWidget(self.import_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(line)
        layout.addWidget(self.card_section)
        self.combo.currentIndexChanged.connect(self._on_index)

    @property
    def entry(self) -> Any:
        """The chosen registry entry, or None."""
        index = self.combo.currentIndex()
        return self._entries[index] if 0 <= index < len(self._entries) else None

    def set_entries(self, entries: list[Any], chosen: str | None = None) -> None:
        """Fill the list.

        Parameters
        ----------
        entries : list of ModelEntry
            The models.
        chosen : str, optional
            Name of the model to choose; else the choice stays, or falls on the first.
        """
        names = [entry.name for entry in entries]
        wanted = chosen or (self.entry.name if self.entry is not None else None)
        with QSignalBlocker(self.combo):
            self._entries = list(entries)
            self.combo.clear()
            for entry in entries:
                self.combo.addItem(entry.name if entry.builtin else f"{entry.name} (imported)")
            self.combo.setPlaceholderText("No model is installed: import one")
            self.combo.setCurrentIndex(names.index(wanted) if wanted in names else (0 if names else -1))
        self._on_index()

    def _on_index(self, *_: Any) -> None:
        entry = self.entry
        self.card.setHtml(card_html(entry.card, entry.sha256) if entry is not None else "No model is chosen.")

    def _choose_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Import a model", "", "ScarNet models (*.safetensors)")
        if path:
            self.import_asked.emit(Path(path))

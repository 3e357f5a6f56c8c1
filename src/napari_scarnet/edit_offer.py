"""The line that offers labels which were kept when a study was last edited."""

import hashlib
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from napari_scarnet.edit_recovery import Recovered, find_recovered, read_recovered
from napari_scarnet.edit_saving import saving_for
from napari_scarnet.edit_target import as_volume
from napari_scarnet.jobs import Job
from napari_scarnet.label_layers import current_labels
from napari_scarnet.metadata import find_layers, image_layer_of, layer_meta
from scarnet.errors import ScarNetError
from scarnet.progress import Progress
from scarnet.stack import LGEStack

__all__ = ["OfferBar"]


_DIGESTS: dict[Recovered, bytes] = {}


class OfferBar(QFrame):
    """Looks for kept labels of a case, says since when they are kept, with buttons to restore or discard them.

    Parameters
    ----------
    viewer : Viewer
        The viewer itself, not napari's proxy.
    """

    found = Signal()
    """There are some."""
    restored = Signal(object)
    """A :class:`~napari_scarnet.edit_recovery.Recovered` that the user wants back."""
    failed = Signal(object)
    """An error."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer, self._saving = viewer, saving_for(viewer)
        self._case: str | None = None
        self._offers: list[Recovered] = []
        self._job: Job | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._look)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.restore = QPushButton("Restore")
        self.restore.setToolTip("Show these labels; over labels that are there now it is one undo step.")
        self.restore.clicked.connect(self._restore)
        self.discard = QPushButton("Discard")
        self.discard.setToolTip("Delete the kept labels from this computer.")
        self.discard.clicked.connect(self._discard)
        buttons = QHBoxLayout()
        buttons.addWidget(self.restore)
        buttons.addWidget(self.discard)
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addLayout(buttons)
        self.hide()

    def look_for(self, case: str | None, ms: int) -> None:
        """Look for kept labels in a moment; those of another case are offered no more.

        Parameters
        ----------
        case : str or None
            The case.
        ms : int
            When.
        """
        if case != self._case:
            self._case = case
            self._show([])
        self._timer.start(ms)

    def stop(self) -> None:
        """Look no more."""
        self._timer.stop()

    def _look(self) -> None:
        image = None if self._case is None else image_layer_of(self._viewer, self._case)
        if image is None or self._case is None:
            return
        project, own = layer_meta(image).get("project"), current_labels(self._viewer, self._case)
        # A project keeps its labels itself; what is kept beside was painted while it was closed, or on a duplicate.
        # Damaged labels, which cannot be edited, are mended first.
        if project is not None and (project.read_only or own is None or not own.editable):
            return
        stack, labels = layer_meta(image)["stack"], None if own is None else np.array(as_volume(own), dtype=np.uint8)

        def find(_: Progress) -> tuple[LGEStack, list[Recovered]]:
            return stack, [one for one in find_recovered(stack) if not _holds(one, stack, labels)]

        if self._job is not None:
            self._job.cancel()  # so that an older answer does not come over a newer one
        self._job = job = Job(find, name="scarnet kept labels")
        self.destroyed.connect(job.stop)
        job.returned.connect(self._on_found)
        job.failed.connect(self.failed)
        job.start()

    def _on_found(self, result: tuple[LGEStack, list[Recovered]]) -> None:
        stack, found = result
        image = None if self._case is None else image_layer_of(self._viewer, self._case)
        if image is None or layer_meta(image)["stack"] is not stack:
            return
        alive = {self._saving.file_of(layer) for layer in find_layers(self._viewer, "labels", kept=True)}
        self._show([one for one in found if one.path.name not in alive])
        if self._offers:
            self.found.emit()

    def _restore(self) -> None:
        kept = self._offers[0]
        self._show(self._offers[1:])
        self.restored.emit(kept)

    def _discard(self) -> None:
        path = self._offers[0].path
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            self.failed.emit(ScarNetError(f"{path} cannot be deleted: {error.strerror}."))
        self._show(self._offers[1:])

    def _show(self, offers: list[Recovered]) -> None:
        """Offer the newest of what was found, the first; with none the line is hidden."""
        self._offers = offers
        self.setVisible(bool(offers))
        if offers:
            saved, today = offers[0].saved, datetime.now().date()
            day = "today" if saved.date() == today else f"on {saved:%d %b %Y}"
            more = f" ({len(offers) - 1} older ones too)" if len(offers) > 1 else ""
            self.text.setText(f"Labels that were edited in this study {day} at {saved:%H:%M} are kept{more}.")


def _holds(kept: Recovered, stack: LGEStack, labels: npt.NDArray[np.uint8] | None) -> bool:
    """Whether kept labels are those that are on screen already."""
    if labels is None or labels.shape != stack.shape:
        return False
    try:
        return _digest_of(kept, stack) == _digest(labels)
    except ScarNetError:
        return False  # restoring tells what is wrong


def _digest_of(kept: Recovered, stack: LGEStack) -> bytes:
    """Digest kept labels; a file is read once as long as nobody writes it."""
    if kept not in _DIGESTS:
        _DIGESTS[kept] = _digest(read_recovered(kept.path, stack))
    return _DIGESTS[kept]


def _digest(labels: npt.NDArray[np.uint8]) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(labels).data).digest()

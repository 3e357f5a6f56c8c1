"""Saving edits as they happen, off Qt's thread: into the project, or into the recovery folder."""

from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary, WeakSet, ref

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QObject, QTime, QTimer, Signal
from qtpy.QtWidgets import QApplication

from napari_scarnet.edit_recovery import new_recovery_name, write_recovered
from napari_scarnet.edit_watch import watch_for
from napari_scarnet.edit_writer import LatestWriter
from napari_scarnet.label_layers import current_labels, labels_edited
from napari_scarnet.metadata import image_layer_of, layer_meta, unwrap
from scarnet.errors import ScarNetError

__all__ = ["Saving", "saving_for"]

_GATHER_MS = 300
_RETRY_MS = 2000

Write = Callable[[npt.NDArray[np.uint8]], Any]


@dataclass(frozen=True)
class _Place:
    """Where a layer's edits go."""

    key: Hashable
    write: Write


class Saving(QObject):
    """Saves the edited labels of a viewer; get it with :func:`saving_for`.

    With half a second of the watch and a third of a second of gathering, an edit is on disk about a second later.

    Parameters
    ----------
    viewer : Viewer
        The viewer itself, not napari's proxy.
    """

    changed = Signal(str)
    """What to say about it now; starts with ⚠ while edits cannot be saved."""
    _written = Signal(object, object)

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = ref(viewer)
        self._names: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
        self._places: WeakKeyDictionary[Any, _Place] = WeakKeyDictionary()
        self._saved: WeakSet[Any] = WeakSet()
        self._due: dict[Any, _Place] = {}
        self._running: dict[Hashable, tuple[Any, _Place]] = {}
        self._text = "Edits are saved by themselves."
        self._writer = LatestWriter(self._tell)
        self._written.connect(self._on_written)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._submit)
        self._watch = watch_for(viewer)
        self._watch.changed.connect(self._on_changed)
        self._watch.removed.connect(self._on_removed)
        app = QApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(self.flush)

    @property
    def text(self) -> str:
        """What was last said."""
        return self._text

    def file_of(self, layer: Any) -> str | None:
        """Give the name of the recovery file that a layer is kept in, None where it needed none so far."""
        return self._names.get(layer)

    def continue_in(self, layer: Any, path: Path) -> None:
        """Keep a layer in a recovery file that is there already, from which it was restored."""
        self._names[layer] = path.name
        self._places.pop(layer, None)

    def flush(self) -> None:
        """Hand everything to the writer now; the program ends only after it is written."""
        self._watch.check_all()
        self._submit()

    def wait(self, seconds: float) -> bool:
        """Wait for the writer, without running Qt's events; True when nothing is left to write."""
        return self._writer.wait(seconds)

    def _on_changed(self, layer: Any) -> None:
        # The place is noted now, as the image may be gone in a moment; whether it is an edit is asked later.
        self._due[layer] = self._place_of(layer)
        if not self._timer.isActive():
            self._timer.start(_GATHER_MS)

    def _on_removed(self, layer: Any) -> None:
        self._submit()

    def _place_of(self, layer: Any) -> _Place:
        meta, viewer = layer_meta(layer), self._viewer()
        image = image_layer_of(viewer, meta["case"]) if viewer is not None else None
        if image is None and layer in self._places:
            # Without its image a layer goes on where it was kept so far.
            return self._places[layer]
        own = layer_meta(image) if image is not None else {}
        save = own.get("save_labels")
        # A duplicate shares all that the case's own layer carries; it must not take its place in the project.
        stands_for_case = viewer is not None and current_labels(viewer, meta["case"]) in (layer, None)
        if save is not None and stands_for_case and not meta.get("kept"):
            self._places[layer] = _Place(("project", meta["case"]), save)
        else:
            name = self._names.setdefault(layer, new_recovery_name())
            self._places[layer] = _Place(name, partial(write_recovered, own.get("stack", meta["stack"]), name))
        return self._places[layer]

    def _submit(self) -> None:
        self._timer.stop()
        due, self._due = self._due, {}
        for layer, place in due.items():
            edited = labels_edited(layer)
            if not edited and layer not in self._saved:
                continue
            # Where all was undone, that is saved once more; what a model writes next is no edit.
            (self._saved.add if edited else self._saved.discard)(layer)
            labels = np.array(layer.data)
            self._running[place.key] = (layer, place)
            self._writer.submit(place.key, partial(place.write, labels if labels.ndim == 3 else labels[None]))
        if self._running and not self._text.startswith("⚠"):
            self._say("Saving…")

    def _tell(self, key: Hashable, error: Exception | None) -> None:
        # The window may be gone by the time the last file is written.
        with suppress(RuntimeError):
            self._written.emit(key, error)

    def _on_written(self, key: Hashable, error: Exception | None) -> None:
        written = self._running.pop(key, None)
        if error is not None:
            if written is not None:
                layer, place = written
                self._saved.add(layer)
                self._due.setdefault(layer, place)
            why = str(error) if isinstance(error, ScarNetError) else f"{type(error).__name__}: {error}"
            self._say(f"⚠ Your edits cannot be saved: {why} They stay in the viewer, and saving is tried again.")
            if not self._timer.isActive():
                self._timer.start(_RETRY_MS)
        elif not self._running:
            self._say(f"✓ All edits are saved ({QTime.currentTime().toString('HH:mm:ss')}).")

    def _say(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.changed.emit(text)


_SAVINGS: "WeakKeyDictionary[Any, Saving]" = WeakKeyDictionary()


def saving_for(viewer: Any) -> Saving:
    """Give what saves the edits of a viewer, which lives as long as the viewer.

    Parameters
    ----------
    viewer : Viewer
        The viewer, with or without napari's proxy.

    Returns
    -------
    Saving
        Always the same one for the same viewer.
    """
    viewer = unwrap(viewer)
    if viewer not in _SAVINGS:
        _SAVINGS[viewer] = Saving(viewer)
    return _SAVINGS[viewer]

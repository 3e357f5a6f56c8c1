"""Saving edits as they happen, off Qt's thread: into the project, or into the recovery folder."""

from collections.abc import Callable, Collection, Hashable
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary, WeakSet, ref

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QObject, QTime, QTimer, Signal
from qtpy.QtWidgets import QApplication

from napari_scarnet.edit_places import Place, Running, Write, of_project, reason_of
from napari_scarnet.edit_recovery import drop_recovered, new_recovery_name, write_recovered
from napari_scarnet.edit_watch import watch_for
from napari_scarnet.edit_writer import LatestWriter
from napari_scarnet.label_layers import current_labels, labels_edited
from napari_scarnet.metadata import image_layer_of, layer_meta, same_pixels
from napari_scarnet.per_viewer import PerViewer
from scarnet.errors import ScarNetError
from scarnet.stack import LGEStack

__all__ = ["Saving", "saving_for"]

_GATHER_MS = 300
_RETRY_MS = 2000
_BUSY_SECONDS = 60.0


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
    _written = Signal(object, object, object)

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = ref(viewer)
        self._names: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
        self._starts: WeakKeyDictionary[Any, npt.NDArray[np.uint8]] = WeakKeyDictionary()
        self._places: WeakKeyDictionary[Any, Place] = WeakKeyDictionary()
        self._saved: WeakSet[Any] = WeakSet()
        self._due: dict[Any, Place] = {}
        self._running: dict[Hashable, Running] = {}
        self._text = "Edits are saved by themselves."
        # Two, so that a project's disk that hangs does not hold up what is kept on this computer.
        self._writers = {in_project: LatestWriter(self._tell) for in_project in (True, False)}
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

    def start_of(self, layer: Any) -> npt.NDArray[np.uint8] | None:
        """Give the labels that a layer's edits began from, as the layer is shaped; None where that is not known."""
        baseline = layer_meta(layer).get("baseline")
        return self._starts.get(layer) if baseline is None else baseline

    def continue_in(self, layer: Any, path: Path) -> None:
        """Keep a layer in a recovery file that is there already, from which it was restored.

        The file of a project's layer is deleted once the project has these labels.
        """
        self._names[layer] = path.name
        self._places.pop(layer, None)

    def flush(self) -> None:
        """Hand everything to the writer now; the program ends only after it is written."""
        self._watch.check_all()
        self._submit()

    def wait(self, seconds: float) -> bool:
        """Wait for all writing, without running Qt's events; True when nothing is left to write."""
        until = monotonic() + seconds
        return all(writer.wait(max(until - monotonic(), 0)) for writer in self._writers.values())

    def save_now(self, seconds: float) -> str:
        """Save everything and wait for it, without running Qt's events.

        Parameters
        ----------
        seconds : float
            Longest wait.

        Returns
        -------
        str
            Why edits are not saved; empty when all are.
        """
        self._submit_all()
        return self._trouble(seconds)

    def hand_over(self, as_they_are: Collection[Any] = ()) -> Callable[[], None]:
        """Hand a project's labels to the writer now, as they are on screen.

        All labels go through the writer, so that none overtakes those that were painted later.

        Parameters
        ----------
        as_they_are : collection of Labels
            Layers to save also where nobody edited them.

        Returns
        -------
        callable
            For a worker: waits until the project has them; raises :class:`scarnet.errors.ScarNetError` where it
            cannot take them.
        """
        for layer in as_they_are:
            self._saved.add(layer)
            self._due[layer] = self._place_of(layer)
        self._submit_all()

        def wait() -> None:
            reason = self._trouble(_BUSY_SECONDS, in_project=True)
            if reason:
                raise ScarNetError(f"Your edits cannot be saved: {reason}")

        return wait

    def save_in_project(self, seconds: float) -> str:
        """Save a project's labels and wait for it, without running Qt's events; as :meth:`save_now`."""
        self._submit_all()
        return self._trouble(seconds, in_project=True)

    def leave_project(self) -> list[Any]:
        """Keep what a project could not take where any study's edits are kept.

        Returns
        -------
        list of Labels
            The layers of which that is true, in the viewer or not.
        """
        # In this order: what fails in between is in one of the two.
        writer = self._writers[True]
        idle, failed = writer.wait(0), writer.failures
        running = [task for key, task in self._running.items() if task.place.in_project and (key in failed or not idle)]
        left = [layer for layer, place in self._due.items() if place.in_project and layer in self._saved]
        left += [task.layer for task in running if task.layer not in left]
        self._due = {layer: place for layer, place in self._due.items() if not place.in_project}
        for layer in [layer for layer, place in self._places.items() if place.in_project]:
            del self._places[layer]
        for key in filter(of_project, (*failed, *self._running)):
            self._running.pop(key, None)
            writer.forget(key)
        if not idle:
            self._writers[True] = LatestWriter(self._tell)  # the next project's disk does not hang
        for layer in left:
            self._names.pop(layer, None)  # a save that hangs deletes the file of that name, should it end after all
            self._saved.add(layer)
            self._due[layer] = self._places[layer] = self._kept_beside(layer, layer_meta(layer)["stack"])
        if left:
            self._timer.start(_GATHER_MS)
        elif not self._due and not self._running:
            self._say_saved()  # what the writer told of the project is not listened to any more
        return left

    def _on_changed(self, layer: Any) -> None:
        # The place is noted now, as the image may be gone in a moment; whether it is an edit is asked later.
        self._due[layer] = self._place_of(layer)
        if not self._timer.isActive():
            self._timer.start(_GATHER_MS)

    def _on_removed(self, layer: Any) -> None:
        self._submit()

    def _place_of(self, layer: Any) -> Place:
        meta, viewer = layer_meta(layer), self._viewer()
        image = image_layer_of(viewer, meta["case"]) if viewer is not None else None
        own = meta if image is None else layer_meta(image)
        if image is None or not same_pixels(own["stack"], meta["stack"]):
            # Without its image a layer goes on where it was kept so far; another study may bear the case's name now.
            if layer in self._places:
                return self._places[layer]
            own = meta
        save, stack = own.get("save_labels"), own["stack"]
        # A duplicate shares all that the case's own layer carries; it must not take its place in the project.
        stands_for_case = viewer is not None and current_labels(viewer, meta["case"]) in (layer, None)
        if save is not None and stands_for_case and not meta.get("kept"):
            name = self._names.get(layer)
            write = save if name is None else partial(_save_and_drop, save, stack, name)
            self._places[layer] = Place(("project", meta["case"]), write)
        else:
            self._places[layer] = self._kept_beside(layer, stack)
        return self._places[layer]

    def _kept_beside(self, layer: Any, stack: Any) -> Place:
        """Give a place in the recovery folder."""
        name = self._names.setdefault(layer, new_recovery_name())
        return Place(name, partial(write_recovered, stack, name))

    def _submit_all(self) -> None:
        for task in self._running.values():
            # How it went may be known to Qt's events only; written once more it does no harm.
            self._saved.add(task.layer)
            self._due.setdefault(task.layer, task.place)
        self.flush()

    def _trouble(self, seconds: float, in_project: bool = False) -> str:
        """Wait for the writer, and say why edits are not saved; in any thread."""
        project, beside = self._writers[True], self._writers[False]
        if not (project.wait(seconds) if in_project else self.wait(seconds)):
            return "The disk is still busy with them."
        failed = list(project.failures.values()) + ([] if in_project else list(beside.failures.values()))
        return " ".join(sorted({reason_of(error) for error in failed}))

    def _submit(self) -> None:
        self._timer.stop()
        due, self._due = self._due, {}
        for layer, place in due.items():
            edited = labels_edited(layer)
            if not edited and layer not in self._saved:
                continue
            # Where all was undone, that is saved once more; what a model writes next is no edit.
            (self._saved.add if edited else self._saved.discard)(layer)
            if edited and place.in_project:
                # A person's from now on, also where all is undone: the project has them as such.
                start, layer_meta(layer)["baseline"] = layer_meta(layer).get("baseline"), None
                if start is not None:
                    self._starts[layer] = start
            labels = np.array(layer.data)
            job = partial(place.write, labels if labels.ndim == 3 else labels[None])
            self._running[place.key] = Running(job, layer, place)
            self._writers[place.in_project].submit(place.key, job)
        if self._running and not self._text.startswith("⚠"):
            self._say("Saving…")

    def _tell(self, key: Hashable, job: Callable[[], None], error: Exception | None) -> None:
        # The window may be gone by the time the last file is written.
        with suppress(RuntimeError):
            self._written.emit(key, job, error)

    def _on_written(self, key: Hashable, job: Callable[[], None], error: Exception | None) -> None:
        newest = self._running.get(key)
        if newest is None or newest.job is not job:
            return  # a newer version is on its way, and tells how it went itself
        del self._running[key]
        if error is not None:
            self._saved.add(newest.layer)
            self._due.setdefault(newest.layer, newest.place)
            text = (
                f"⚠ Your edits cannot be saved: {reason_of(error)} They stay in the viewer, and saving is tried again."
            )
            self._say(text)
            if not self._timer.isActive():
                self._timer.start(_RETRY_MS)
        elif not self._running:
            self._say_saved()

    def _say_saved(self) -> None:
        self._say(f"✓ All edits are saved ({QTime.currentTime().toString('HH:mm:ss')}).")

    def _say(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.changed.emit(text)


def _save_and_drop(save: Write, stack: LGEStack, name: str, labels: npt.NDArray[np.uint8]) -> None:
    save(labels)
    drop_recovered(stack, name, labels)


saving_for = PerViewer(Saving)
"""Gives what saves the edits of a viewer."""

"""The project that is open in a viewer, shared by the steps that work on it."""

from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np
from napari.utils.notifications import show_warning
from psygnal import Signal

from napari_scarnet.edit_places import reason_of
from napari_scarnet.edit_saving import saving_for
from napari_scarnet.jobs import Job
from napari_scarnet.label_layers import labels_edited
from napari_scarnet.metadata import find_layers, layer_meta
from napari_scarnet.per_viewer import PerViewer
from scarnet.errors import ScarNetError
from scarnet.progress import Progress

if TYPE_CHECKING:
    from scarnet.project import CaseRow, ModelRecord, Project, Status

__all__ = ["ProjectSession", "Snapshot", "project_for"]

_WRITING_SECONDS = 10.0
_LEAVING_SECONDS = 1.0
_ENDING_SECONDS = 0.1


class Snapshot:
    """What is shown of a project, read from its files in a worker.

    Parameters
    ----------
    project : Project
        The project.

    Attributes
    ----------
    rows : list of CaseRow
        The queue's rows.
    counts : dict of str to int
        Cases by status.
    models : list of tuple
        Each model's record, and what it is to the project.
    model : ModelRecord or None
        The project's model.
    to_predict : list of str
        Cases that "Predict all new" would predict.
    """

    def __init__(self, project: "Project") -> None:
        from collections import Counter

        from scarnet.project import STATUSES, cases_to_predict

        state = project.state
        self.rows: list[CaseRow] = project.rows()
        found = Counter(row.status for row in self.rows)
        self.counts: dict[Status, int] = {status: found[status] for status in STATUSES}
        self.models: list[tuple[ModelRecord, str]] = [(record, state.state_of(record.name)) for record in state.models]
        self.model: ModelRecord | None = state.current_model
        self.to_predict: list[str] = cases_to_predict(project) if self.model else []


class ProjectSession:
    """A viewer's open project; get it with :func:`project_for`. All of it belongs to Qt's thread.

    Attributes
    ----------
    opened : Signal
        Another project, or None, is open now.
    refreshed : Signal
        :attr:`snapshot` is new.
    case_opened : Signal
        The case whose layers are in the viewer, or None.
    case_shown : Signal
        All layers of this case are in the viewer.
    predicted : Signal
        This case has a new prediction on the disk.
    open_asked, predict_asked : Signal
        Another step wants this case opened, or all cases predicted that a prediction would help.
    """

    opened = Signal(object)
    refreshed = Signal(object)
    case_opened = Signal(object)
    case_shown = Signal(str)
    predicted = Signal(str)
    open_asked = Signal(str)
    predict_asked = Signal()

    def __init__(self, viewer: Any) -> None:
        self._viewer = ref(viewer)
        self._saving = saving_for(viewer)  # edits are saved as they happen, whether the Edit step is open or not
        self.project: Project | None = None
        self.snapshot: Snapshot | None = None
        self.case: str | None = None
        self.last_folder: Path | None = None
        """The project that was open last, for a dock that was closed and comes back."""
        self.last_annotator = ""
        """The name that was typed for it."""
        self._job: Job | None = None
        self._again = False

    def use(self, project: "Project") -> None:
        """Make a project that was just opened the viewer's.

        Parameters
        ----------
        project : Project
            The project; the one before is closed.
        """
        self.close()
        self.project, self.last_folder = project, project.folder
        self.opened.emit(project)
        self.refresh()

    def close(self, *_: Any) -> None:
        """Save what is on screen, close the project and let go of it; harmless without one."""
        self._close(_WRITING_SECONDS)

    def leave(self) -> None:
        """Close a project that was just found not to take the edits; it is not waited for once more."""
        self._close(_LEAVING_SECONDS)

    def _close(self, seconds: float) -> None:
        project, self.project = self.project, None
        if project is None:
            return
        until, left = monotonic() + seconds, list[Any]()
        reason = self._saving.save_in_project(seconds)

        def close(_: Progress) -> tuple[list[Any], str]:
            try:
                project.close()
            except Exception as error:
                return left, reason_of(error)
            return left, ""

        # Whoever writes to a disk that hangs holds the project until the disk is back; napari goes on meanwhile.
        closing = Job(close, name="scarnet closing the project")
        closing.returned.connect(self._on_closed)
        closing.start()
        closing.wait(max(until - monotonic(), _ENDING_SECONDS))
        self.snapshot, self.case = None, None
        left += self._let_go_of_layers(project)
        self.opened.emit(None)
        if left:
            show_warning(
                f"The project could not take your last edits: {reason} They are kept on this computer instead."
            )

    def _on_closed(self, how: tuple[list[Any], str]) -> None:
        """Say what went wrong at closing, which may be long ago."""
        left, fault = how
        if fault:
            edits = "is closed" if left else "has your edits"
            show_warning(f"The project {edits}, but its review log may lack the last: {fault}")

    def save_edits(self) -> str:
        """Save what is on screen at once; gives the reason where the project cannot take it, else an empty text."""
        return "" if self.project is None else self._saving.save_in_project(_WRITING_SECONDS)

    def _let_go_of_layers(self, project: "Project") -> list[Any]:
        """Make what is left in the viewer no project's: what is painted from now on goes where any study's edits go.

        Gives the layers whose last edits the project could not take.
        """
        viewer = self._viewer()
        for layer in find_layers(viewer, kept=True) if viewer is not None else []:
            meta = layer_meta(layer)
            if meta.get("project") is project:
                meta.pop("save_labels", None)
                if meta["kind"] == "labels":
                    del meta["project"]
                    meta["baseline"] = np.array(layer.data)  # all of it is saved
        left = self._saving.leave_project()
        for layer in left:
            layer_meta(layer)["baseline"] = None  # or else not
        return left

    def set_case(self, case: str | None) -> None:
        """Say which case's layers are in the viewer."""
        self.case = case
        self.case_opened.emit(case)

    def labels_on_screen(self, project: "Project") -> "dict[str, np.ndarray]":
        """Copy the labels of the project's cases that are in the viewer, so that a worker can look at them.

        Parameters
        ----------
        project : Project
            The project.

        Returns
        -------
        dict of str to ndarray of uint8, shape (Z, Y, X)
            By case, where somebody edited them; empty for a project that is read-only.
        """
        viewer = self._viewer()
        if viewer is None or project.read_only:
            return {}
        # From the top down, so that the lowest counts: a duplicate that somebody made lies above its original.
        return {
            layer_meta(layer)["case"]: np.array(layer.data, dtype=np.uint8)
            for layer in reversed(find_layers(viewer, "labels"))
            if layer_meta(layer).get("project") is project and labels_edited(layer)
        }

    def refresh(self) -> None:
        """Read the queue and the models again, beside Qt; :attr:`refreshed` tells when they are there."""
        project = self.project
        if project is None:
            return
        if self._job is not None:
            self._again = True
            return

        def read(_: Progress) -> Any:
            try:
                return project, Snapshot(project)
            except ScarNetError:
                return project, None  # the project is being closed, or its folder went away; the next action tells

        self._job = job = Job(read, name="scarnet project rows")
        job.returned.connect(self._on_read)
        job.finished.connect(self._on_finished)
        job.start()

    def _on_read(self, found: Any) -> None:
        project, snapshot = found
        if project is self.project and snapshot is not None:
            self.snapshot = snapshot
            self.refreshed.emit(snapshot)

    def _on_finished(self) -> None:
        self._job = None
        if self._again:
            self._again = False
            self.refresh()


project_for = PerViewer(ProjectSession)
"""Gives the project session of a viewer."""

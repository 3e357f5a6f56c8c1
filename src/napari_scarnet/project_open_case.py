"""Opening a project's case: what is on screen is saved first, then another case takes its place."""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_warning
from qtpy.QtCore import QTimer

from napari_scarnet.edit_saving import saving_for
from napari_scarnet.edit_target import apply_labels, as_volume
from napari_scarnet.inspect_grid import fig3_for
from napari_scarnet.label_layers import current_labels, labels_edited, labels_on_show
from napari_scarnet.metadata import find_layers, image_layer_of, layer_meta
from napari_scarnet.project_case_layers import (
    CaseContents,
    case_steps,
    missing_map_steps,
    read_case,
    refresh_steps,
    removal_steps,
)
from napari_scarnet.project_damaged import DamagedLabels
from napari_scarnet.project_session import project_for
from napari_scarnet.project_showing import CaseShow
from napari_scarnet.smooth import FrozenHeap
from napari_scarnet.step import Step
from napari_scarnet.studies import bring_forward
from scarnet.progress import Progress

if TYPE_CHECKING:
    from scarnet.project import Project

__all__ = ["CaseOpening"]

# Long enough that a row of strokes is one reading of the queue, short enough to see the scar percentage follow.
_AFTER_EDIT_MS = 3000
_AGAIN_MS = 200


class CaseOpening(Step):
    """The part of the queue's widget that reads and shows cases.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.projects = project_for(self.viewer)
        self.show_layers = CaseShow(self)
        self.show_layers.failed.connect(self._on_show_failed)
        self.damaged = DamagedLabels()
        self.damaged.restore_asked.connect(self._restore)
        self.damaged.hide()
        self._wanted: str | None = None
        self._edit_timer = QTimer(self)
        self._edit_timer.setSingleShot(True)
        self._edit_timer.setInterval(_AFTER_EDIT_MS)
        self._edit_timer.timeout.connect(self.projects.refresh)

    def connect_viewer(self, link: Any) -> None:
        """Follow new predictions and the layers."""
        link.connect(self.projects.predicted, self._on_predicted)
        link.connect(self.viewer.layers.events.removed, self._on_removed)

    @property
    def busy(self) -> bool:
        """Whether a case is being read or written."""
        return self.job is not None

    def set_busy(self, busy: bool) -> None:
        """One thing at a time; a case that is asked for meanwhile is opened afterwards."""
        if not busy and self._wanted is not None:
            wanted, self._wanted = self._wanted, None
            self.show_case(wanted)

    def show_case(self, case: str) -> None:
        """Save what is on screen, and show another case in its place; the one that is open is not read again.

        Parameters
        ----------
        case : str
            One of the project's cases.
        """
        project = self.projects.project
        if project is None:
            return
        if self.busy:
            self._wanted = case
            return
        if case == self.projects.case and self._go_to(case):
            return
        self.damaged.hide()
        self.show_layers.stop()
        saving = self.saving(project)

        def work(_: Progress) -> CaseContents:
            saving()
            return read_case(project, case)

        self.run_job(work, self._on_read, f"Opening {case}")

    def saving(self, project: "Project", as_they_are: Collection[Any] = ()) -> Callable[[], None]:
        """Give what a worker does first: wait until the labels on screen are saved, and tell the log.

        Parameters
        ----------
        project : Project
            The project.
        as_they_are : collection of Labels
            Layers to save also where nobody edited them.

        Returns
        -------
        callable
            For a worker; raises :class:`scarnet.errors.ScarNetError` where they cannot be saved.
        """
        written = saving_for(self.viewer).hand_over(as_they_are)

        def save() -> None:
            written()
            if not project.read_only:
                project.log_edits()

        return save

    def take_labels(self, case: str, labels: Any) -> None:
        """Show labels that came into the open case from elsewhere, as one undo step.

        Parameters
        ----------
        case : str
            The case; nothing happens where another one is open.
        labels : ndarray of uint8, shape (Z, Y, X)
            Its labels.
        """
        if case != self.projects.case:
            return
        layer = current_labels(self.viewer, case)
        if layer is None or not layer.editable:
            self.show_case(case)
            return
        layer_meta(layer)["baseline"] = None
        apply_labels(layer, labels)

    def close_case(self) -> None:
        """Take the case's layers away, whose labels are saved."""
        self.show_layers.stop()
        self._wanted = None
        with FrozenHeap():  # napari collects garbage at each layer
            for _ in removal_steps(self.viewer):
                pass
        self.projects.set_case(None)

    def release(self) -> None:
        """Cancel what runs and let go of the viewer."""
        self.show_layers.stop()
        self._wanted = None
        super().release()

    def _go_to(self, case: str) -> bool:
        """Bring the case that is open to the front; False where it has to be read."""
        image, own = image_layer_of(self.viewer, case), current_labels(self.viewer, case)
        if self.show_layers.is_running or image is None or own is None or not own.editable:
            return False
        fig3_for(self.viewer).leave()
        if not image.visible:
            bring_forward(self.viewer, image)
        shown = labels_on_show(self.viewer, case) or own
        image.visible = shown.visible = True
        self.viewer.layers.selection.active = shown
        self.show_layers.start(missing_map_steps(self.viewer, case), lambda: None)
        return True

    def _on_read(self, contents: CaseContents) -> None:
        project = contents.project
        if project is not self.projects.project:
            return  # closed meanwhile, and another may be open that has a case of this name
        fig3_for(self.viewer).leave()
        left = current_labels(self.viewer, contents.case)
        if left is not None and (layer_meta(left).get("project") is not project or not left.editable):
            left = None

        def steps() -> Any:
            yield from removal_steps(self.viewer)
            if left is not None and labels_edited(left):
                contents.own = np.array(as_volume(left), dtype=np.uint8)  # painted on since the file was read
            self.projects.set_case(contents.case)
            yield from case_steps(self.viewer, contents)

        self.show_layers.start(steps(), lambda: self._on_shown(contents))
        if contents.damaged is not None:
            self.damaged.ask(contents.damaged, project.read_only)
            show_warning(str(contents.damaged))
        if contents.notice:
            self.say(f"⚠ {contents.notice}")

    def _on_shown(self, contents: CaseContents) -> None:
        for layer in find_layers(self.viewer, "labels", case=contents.case):
            layer.events.set_data.connect(self._on_edit)
            layer.events.paint.connect(self._on_edit)
        if contents.prediction is not None:
            self.session.prediction_changed.emit(contents.case)
        self.projects.case_shown.emit(contents.case)

    def _on_edit(self, *_: Any) -> None:
        self._edit_timer.start()

    def _on_show_failed(self, error: Exception) -> None:
        self.projects.set_case(None)
        self.show_failure(error)

    def _on_predicted(self, case: str) -> None:
        """Show the new prediction of the case that is open."""
        project = self.projects.project
        if project is None or case != self.projects.case:
            return
        if self.busy or self.show_layers.is_running:
            QTimer.singleShot(_AGAIN_MS, lambda: self._on_predicted(case))
            return
        saving = self.saving(project)

        def work(_: Progress) -> CaseContents:
            saving()
            return read_case(project, case)

        self.run_job(work, self._on_read_again, f"Reading the new prediction of {case}")

    def _on_read_again(self, contents: CaseContents) -> None:
        if contents.project is self.projects.project and contents.case == self.projects.case:
            self.show_layers.start(refresh_steps(self.viewer, contents), lambda: self._on_shown(contents))

    def _restore(self) -> None:
        project, case = self.projects.project, self.projects.case
        if project is None or case is None or self.busy:
            return

        def work(_: Progress) -> CaseContents:
            project.restore_last_good(case)
            return read_case(project, case)

        self.damaged.hide()
        self.run_job(work, self._on_read, f"Restoring {case}")

    def _on_removed(self, event: Any) -> None:
        meta = layer_meta(event.value)
        taken = meta.get("kind") == "image" and meta.get("project") is not None and meta["case"] == self.projects.case
        # The user took the case away; the queue says so, and what is predicted for it stays on the disk.
        if taken and not self.show_layers.is_running:
            self.projects.set_case(None)

"""Working through the queue: opening cases, accepting, reopening and excluding them; no edit is ever left behind."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info, show_warning
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QPushButton, QVBoxLayout

from napari_scarnet.inspect_grid import fig3_for
from napari_scarnet.metadata import find_layers, layer_meta
from napari_scarnet.project_case_layers import (
    CaseContents,
    case_steps,
    layers_of_project,
    read_case,
    refresh_steps,
    removal_steps,
)
from napari_scarnet.project_damaged import DamagedLabels
from napari_scarnet.project_queue import QueueView
from napari_scarnet.project_session import project_for
from napari_scarnet.project_showing import CaseShow
from napari_scarnet.step import Step
from scarnet.progress import Progress

if TYPE_CHECKING:
    from scarnet.project import Project

__all__ = ["PROJECT_KEYS", "CaseDesk"]

PROJECT_KEYS = {
    "Alt-Right": ("Project: open the next case", "open_next"),
    "Alt-Left": ("Project: open the case before", "open_previous"),
    "Alt-A": ("Project: accept the case", "accept"),
    "Alt-X": ("Project: exclude the case, or take it back", "exclude"),
}

# Long enough that a row of strokes is one reading of the queue, short enough to see the scar percentage follow.
_AFTER_EDIT_MS = 3000


class CaseDesk(Step):
    """The queue and what can be done with its cases.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.projects = project_for(self.viewer)
        self.queue = QueueView()
        self.queue.asked.connect(self.open_case)
        self.queue.order_changed.connect(self._enable)
        self.show_layers = CaseShow(self)
        self.show_layers.failed.connect(self._on_show_failed)
        self._history: list[str] = []
        self._wanted: str | None = None
        self.previous_button = self._button("◀ Previous", "The case that was open before (Alt+←).", self.open_previous)
        self.next_button = self._button("Next ▶", "The next case in the chosen order (Alt+→).", self.open_next)
        self.accept_button = self._button(
            "✓ Accept", "Accept the labels as they are; they join the dataset (Alt+A).", self.accept
        )
        self.reopen_button = self._button("Reopen", "Take an accepted case back into work.", self.reopen)
        self.exclude_button = self._button("Exclude", "Leave the case out of queue and dataset (Alt+X).", self.exclude)
        self.go_on = QCheckBox("then open the next")
        self.go_on.setChecked(True)
        self.go_on.setToolTip("Accepting or excluding a case opens the next one.")
        self.damaged = DamagedLabels()
        self.damaged.restore_asked.connect(self._restore)
        self.damaged.hide()
        moves, decisions = QHBoxLayout(), QHBoxLayout()
        for button in (self.previous_button, self.next_button):
            moves.addWidget(button)
        for widget in (self.accept_button, self.reopen_button, self.exclude_button, self.go_on):
            decisions.addWidget(widget)
        decisions.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.queue)
        layout.addLayout(moves)
        layout.addLayout(decisions)
        for widget in (self.damaged, self.job_bar, self.status):
            layout.addWidget(widget)
        self._edit_timer = QTimer(self)
        self._edit_timer.setSingleShot(True)
        self._edit_timer.setInterval(_AFTER_EDIT_MS)
        self._edit_timer.timeout.connect(self.projects.refresh)
        self.attach()
        self._enable()

    def _button(self, text: str, tip: str, pressed: Any) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.clicked.connect(pressed)
        return button

    def connect_viewer(self, link: Any) -> None:
        """Follow the project and the layers, and take the keys."""
        link.connect(self.projects.opened, self._on_project)
        link.connect(self.projects.refreshed, self._on_refreshed)
        link.connect(self.projects.predicted, self._on_predicted)
        link.connect(self.viewer.layers.events.removed, self._on_removed)
        for key, (_, method) in PROJECT_KEYS.items():
            link.bind_key(key, getattr(self, method))

    @property
    def busy(self) -> bool:
        """Whether a case is being read or written."""
        return self.job is not None

    def set_busy(self, busy: bool) -> None:
        """One thing at a time; a case that is asked for meanwhile is opened afterwards."""
        self._enable()
        if not busy and self._wanted is not None:
            wanted, self._wanted = self._wanted, None
            self.open_case(wanted)

    def open_next(self, *_: Any) -> None:
        """Open the next case in the chosen order."""
        following = self._next()
        if following is not None:
            self.open_case(following)
        elif self.projects.snapshot is not None:
            self.say("No case is left to do: all are accepted or excluded.")

    def open_previous(self, *_: Any) -> None:
        """Open the case that was open before this one."""
        known = [row.case for row in self.projects.snapshot.rows] if self.projects.snapshot else []
        while self._history:
            case = self._history.pop()
            if case in known and case != self.projects.case:
                self._open(case)
                return

    def open_case(self, case: str) -> None:
        """Save what is on screen, and show another case in its place.

        Parameters
        ----------
        case : str
            One of the project's cases.
        """
        if self.projects.case not in (None, case):
            self._history.append(self.projects.case)
        self._open(case)

    def _open(self, case: str) -> None:
        project = self.projects.project
        if project is None:
            return
        if self.busy:
            self._wanted = case
            return
        self.damaged.hide()
        self.show_layers.stop()
        saving = self._saving(project)

        def work(_: Progress) -> CaseContents:
            saving()
            return read_case(project, case)

        self.run_job(work, self._on_read, f"Opening {case}")

    def _saving(self, project: "Project") -> Callable[[], None]:
        """Give what a worker does first: save the labels that are on screen now, and tell the log."""
        labels = self.projects.labels_on_screen(project)

        def save() -> None:
            for case, values in labels.items():
                if case in project.cases:
                    project.save_labels(case, values)
                    project.log_edits(case)

        return save

    def _on_read(self, contents: CaseContents) -> None:
        project = self.projects.project
        if project is None:
            return
        fig3_for(self.viewer).leave()

        def steps() -> Any:
            yield from removal_steps(self.viewer, layers_of_project(self.viewer))
            self.projects.set_case(contents.case)
            self.queue.mark_open(contents.case)
            yield from case_steps(self.viewer, project, contents)

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
        self._enable()

    def _on_edit(self, *_: Any) -> None:
        self._edit_timer.start()

    def _on_show_failed(self, error: Exception) -> None:
        self.projects.set_case(None)
        self.show_failure(error)
        self._enable()

    def _on_predicted(self, case: str) -> None:
        """Show the new prediction of the case that is open."""
        project = self.projects.project
        if project is None or case != self.projects.case:
            return
        if self.busy or self.show_layers.is_running:
            QTimer.singleShot(200, lambda: self._on_predicted(case))
            return
        saving = self._saving(project)

        def work(_: Progress) -> CaseContents:
            saving()
            return read_case(project, case)

        self.run_job(work, self._on_read_again, f"Reading the new prediction of {case}")

    def _on_read_again(self, contents: CaseContents) -> None:
        if contents.case == self.projects.case:
            self.show_layers.start(refresh_steps(self.viewer, contents), lambda: self._on_shown(contents))

    def accept(self, *_: Any) -> None:
        """Accept the case that is open, and open the next."""
        self._decide("accept", lambda project, case: project.accept(case), "is accepted")

    def reopen(self, *_: Any) -> None:
        """Take the case that is open back into work."""
        self._decide("reopen", lambda project, case: project.reopen(case), "is open again")

    def exclude(self, *_: Any) -> None:
        """Exclude the case that is open, or take it back into the queue."""
        if self._status() == "excluded":
            self._decide("include", lambda project, case: project.include(case), "is back in the queue")
        else:
            self._decide("exclude", lambda project, case: project.exclude(case), "is excluded")

    def _decide(self, action: str, decide: Callable[["Project", str], None], told: str) -> None:
        project, case = self.projects.project, self.projects.case
        if project is None or case is None or self.busy:
            return
        if action == "accept" and self._status() == "accepted":
            self.say(f"{case} is accepted already.")
            return
        saving = self._saving(project)
        following = self._next() if action in ("accept", "exclude") and self.go_on.isChecked() else None

        def work(_: Progress) -> tuple[str, str | None]:
            saving()
            decide(project, case)
            return f"{case} {told}.", following

        self.run_job(work, self._on_decided, f"{action.capitalize()} {case}")

    def _on_decided(self, found: tuple[str, str | None]) -> None:
        told, following = found
        show_info(told)
        self.say(told)
        # What was accepted is a person's from now on, also where it is what the network said.
        for layer in find_layers(self.viewer, "labels", case=self.projects.case):
            if "accepted" in told and layer_meta(layer).get("project") is self.projects.project:
                layer_meta(layer)["baseline"] = None
        self.projects.refresh()
        if following is not None:
            self._wanted = following  # opened as soon as this job has ended

    def _restore(self) -> None:
        project, case = self.projects.project, self.projects.case
        if project is None or case is None:
            return

        def work(_: Progress) -> CaseContents:
            project.restore_last_good(case)
            return read_case(project, case)

        self.damaged.hide()
        self.run_job(work, self._on_read, f"Restoring {case}")

    def _next(self) -> str | None:
        snapshot = self.projects.snapshot
        if snapshot is None:
            return None
        from scarnet.project import next_case

        return next_case(snapshot.rows, self.queue.order.currentData(), self.projects.case)

    def _status(self) -> str | None:
        rows = self.projects.snapshot.rows if self.projects.snapshot else []
        return next((row.status for row in rows if row.case == self.projects.case), None)

    def close_case(self) -> None:
        """Take the project's layers away; their labels are saved when the project closes."""
        self.show_layers.stop()
        project = self.projects.project
        if project is not None:
            self.projects.save_open_labels(project)
        for _ in removal_steps(self.viewer, layers_of_project(self.viewer)):
            pass
        self.projects.set_case(None)

    def release(self) -> None:
        """Cancel what runs and let go of the viewer."""
        self.show_layers.stop()
        self._wanted = None
        super().release()

    def _on_project(self, project: Any) -> None:
        self._history.clear()
        self.queue.show_snapshot(None)
        self._enable()

    def _on_refreshed(self, snapshot: Any) -> None:
        self.queue.show_snapshot(snapshot)
        self._enable()

    def _on_removed(self, event: Any) -> None:
        meta = layer_meta(event.value)
        if meta.get("kind") == "image" and meta.get("project") is not None and meta["case"] == self.projects.case:
            # The user took the case away; the queue says so, and what was predicted for it stays on the disk.
            if not self.show_layers.is_running:
                self.projects.set_case(None)
            self._enable()

    def _enable(self, *_: Any) -> None:
        project, status = self.projects.project, self._status()
        writable = project is not None and not project.read_only and not self.busy and status is not None
        self.previous_button.setEnabled(bool(self._history))
        self.next_button.setEnabled(self.projects.snapshot is not None and bool(self.projects.snapshot.rows))
        self.accept_button.setEnabled(writable and status in ("predicted", "in progress"))
        self.accept_button.setVisible(status != "accepted")
        self.reopen_button.setEnabled(writable)
        self.reopen_button.setVisible(status == "accepted")
        self.exclude_button.setEnabled(writable)
        self.exclude_button.setText("Include" if status == "excluded" else "Exclude")

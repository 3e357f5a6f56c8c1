"""Working through the queue: the next case, accepting, reopening and excluding; no edit is ever left behind."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_info
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout

from napari_scarnet.label_layers import labels_on_show
from napari_scarnet.metadata import find_layers, layer_meta
from napari_scarnet.project_open_case import CaseOpening
from napari_scarnet.project_queue import QueueView
from napari_scarnet.step import push_button
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


class CaseDesk(CaseOpening):
    """The queue and what can be done with its cases.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self._visited: list[str] = []
        self._seen: set[str] = set()
        self.queue = QueueView()
        self.queue.asked.connect(self.show_case)
        self.queue.order_changed.connect(self._enable)
        self.previous_button = push_button("◀ Previous", "The case that was open before (Alt+←).", self.open_previous)
        self.next_button = push_button("Next ▶", "The next case in the chosen order (Alt+→).", self.open_next)
        self.accept_button = push_button(
            "✓ Accept", "Accept the labels as they are; they join the dataset (Alt+A).", self.accept
        )
        self.reopen_button = push_button("Reopen", "Take an accepted case back into work.", self.reopen)
        self.exclude_button = push_button("Exclude", "Leave the case out of queue and dataset (Alt+X).", self.exclude)
        self.go_on = QCheckBox("then open the next")
        self.go_on.setChecked(True)
        self.go_on.setToolTip("Accepting or excluding a case opens the next one.")
        moves, decisions = QHBoxLayout(), QHBoxLayout()
        for button in (self.previous_button, self.next_button):
            moves.addWidget(button)
        moves.addWidget(self.queue.order, 1)
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
        self.attach()
        self._enable()

    def connect_viewer(self, link: Any) -> None:
        """Follow the project and its cases, and take the keys."""
        super().connect_viewer(link)
        link.connect(self.projects.opened, self._on_project)
        link.connect(self.projects.refreshed, self._on_refreshed)
        link.connect(self.projects.open_asked, self.show_case)
        link.connect(self.projects.case_opened, self._on_case)
        for key, (_, method) in PROJECT_KEYS.items():
            link.bind_key(key, getattr(self, method))

    def set_busy(self, busy: bool) -> None:
        """One thing at a time."""
        self._enable()
        super().set_busy(busy)

    def open_next(self, *_: Any) -> None:
        """Open the next case in the chosen order."""
        following = self._next()
        if following is not None:
            self.show_case(following)
        elif self.projects.snapshot is not None:
            self.say("No case is left to do: all are accepted or excluded.")

    def open_previous(self, *_: Any) -> None:
        """Open the case that was open before this one."""
        known = [row.case for row in self.projects.snapshot.rows] if self.projects.snapshot else []
        while len(self._visited) > 1:
            self._visited.pop()
            if self._visited[-1] in known:
                self.show_case(self._visited[-1])
                return

    def accept(self, *_: Any) -> None:
        """Accept the case that is open, and open the next."""
        if self._status() == "accepted":
            self.say(f"{self.projects.case} is accepted already.")
        else:
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
        shown = find_layers(self.viewer, "labels", case=case) if action == "accept" else []
        if shown and self._is_unclear(case, shown):
            return
        # What is accepted is what is on screen, also where that is a new threshold's or a new prediction's.
        saving = self.saving(project, [layer for layer in shown[:1] if layer.editable])
        following = self._next() if action in ("accept", "exclude") and self.go_on.isChecked() else None

        def work(_: Progress) -> tuple["Project", str, str, str, str | None]:
            saving()
            decide(project, case)
            return project, action, case, f"{case} {told}.", following

        self.run_job(work, self._on_decided, f"{action.capitalize()} {case}")

    def _is_unclear(self, case: str, shown: list[Any]) -> bool:
        """Say why labels cannot be accepted of which nobody knows whether they are the ones that are meant."""
        first, *others = shown
        other = next((layer for layer in others if not np.array_equal(layer.data, first.data)), None)
        if other is not None:
            self.say(f"⚠ {first.name} and {other.name} differ; delete the one that does not count, then accept.")
        elif labels_on_show(self.viewer, case) is not first:
            self.say("⚠ Labels at a threshold are shown in the place of the case's own; choose Argmax, then accept.")
        else:
            return False
        return True

    def _on_decided(self, found: tuple["Project", str, str, str, str | None]) -> None:
        project, action, case, told, following = found
        show_info(told)
        if project is not self.projects.project:
            return
        self.say(told)
        if action == "accept":
            # What was accepted is a person's from now on, also where it is what the network said.
            for layer in find_layers(self.viewer, "labels", case=case):
                layer_meta(layer)["baseline"] = None
        self.projects.refresh()
        self._wanted = following  # opened as soon as this job has ended

    def _next(self) -> str | None:
        snapshot = self.projects.snapshot
        if snapshot is None:
            return None
        from scarnet.project import next_case

        return next_case(snapshot.rows, self.queue.order.currentData(), self.projects.case, seen=self._seen)

    def _status(self) -> str | None:
        rows = self.projects.snapshot.rows if self.projects.snapshot else []
        return next((row.status for row in rows if row.case == self.projects.case), None)

    def _on_project(self, project: Any) -> None:
        self._visited.clear()
        self._seen.clear()
        self._wanted = None
        self.damaged.hide()
        self.say("")
        self.queue.show_snapshot(None)
        self._enable()

    def _on_refreshed(self, snapshot: Any) -> None:
        self.queue.show_snapshot(snapshot)
        self._enable()

    def _on_case(self, case: str | None) -> None:
        if case is not None:
            self._seen.add(case)
            if self._visited[-1:] != [case]:
                self._visited.append(case)
        self.queue.mark_open(case)
        self._enable()

    def _enable(self, *_: Any) -> None:
        project, status = self.projects.project, self._status()
        writable = project is not None and not project.read_only and not self.busy and status is not None
        self.previous_button.setEnabled(len(self._visited) > 1)
        self.next_button.setEnabled(self.projects.snapshot is not None and bool(self.projects.snapshot.rows))
        self.accept_button.setEnabled(writable and status in ("predicted", "in progress"))
        self.accept_button.setVisible(status != "accepted")
        self.reopen_button.setEnabled(writable)
        self.reopen_button.setVisible(status == "accepted")
        self.exclude_button.setEnabled(writable)
        self.exclude_button.setText("Include" if status == "excluded" else "Exclude")

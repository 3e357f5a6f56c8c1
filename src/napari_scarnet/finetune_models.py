"""The project's models: promote, discard, roll back, and take others in."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QTextBrowser,
    QVBoxLayout,
)

from napari_scarnet.jobs import Job
from napari_scarnet.project_session import project_for
from napari_scarnet.section import Section
from napari_scarnet.smooth import preload_torch, without_collector_pauses
from napari_scarnet.step import Step, push_button
from scarnet.progress import Progress

if TYPE_CHECKING:
    from scarnet.project import ModelRecord

__all__ = ["ModelTable"]

_STATES = {
    "current": "the project's",
    "earlier": "earlier",
    "candidate": "waits",
    "imported": "imported",
    "discarded": "discarded",
}
_TIPS = {
    "promote": "Make it the project's model; cases that nobody edited are predicted again.",
    "roll back": "Return to this earlier model.",
    "discard": "Delete its weights; the card stays.",
}
_NOT_EARLIER = "Only a model that was the project's before can be rolled back to."


class ModelTable(Step):
    """A row a model, and what can be done with the selected one.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.projects = project_for(self.viewer)
        self._models: list[tuple[ModelRecord, str]] = []
        self._select: str | None = None
        self._taking: str | None = None
        self.table = QTableWidget(0, 3)
        self.table.setHorizontalHeaderLabels(["Model", "State", "Made from"])
        self.table.setToolTip("Select a model to promote, discard or roll back to.")
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(22)
        self.table.setFixedHeight(120)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.itemSelectionChanged.connect(self._on_selected)
        self.promote_button = push_button("Promote", _TIPS["promote"], self.promote)
        self.discard_button = push_button("Discard", _TIPS["discard"], self.discard)
        self.roll_back_button = push_button("Roll back", _TIPS["roll back"], self.roll_back)
        self.add_button = push_button("Add…", "Copy a model's file into the project.", self._choose)
        self.card = QTextBrowser()
        self.card.setMinimumHeight(160)
        self.card_section = Section("Model card", self.card, tip="What the selected model is, and how good.")
        self.card_section.header.toggled.connect(self._show_card)
        line = QHBoxLayout()
        for button in (self.promote_button, self.roll_back_button, self.discard_button, self.add_button):
            line.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table)
        layout.addLayout(line)
        for widget in (self.card_section, self.job_bar, self.status):
            layout.addWidget(widget)
        self.attach()
        self._enable()

    def connect_viewer(self, link: Any) -> None:
        """Follow the project's models."""
        link.connect(self.projects.opened, self._on_project)
        link.connect(self.projects.refreshed, self._fill)

    def set_busy(self, busy: bool) -> None:
        """One change at a time."""
        self._enable()

    @property
    def selected(self) -> str | None:
        """The selected model's name."""
        row = self.table.currentRow()
        return self._models[row][0].name if 0 <= row < len(self._models) and self.table.selectedItems() else None

    def select(self, name: str) -> None:
        """Select a model.

        Parameters
        ----------
        name : str
            One of the project's.
        """
        for row, (record, _) in enumerate(self._models):
            if record.name == name:
                self.table.selectRow(row)

    def promote(self, *_: Any) -> None:
        """Make the selected model the project's."""
        self._change("promote", "is the project's model now")

    def roll_back(self, *_: Any) -> None:
        """Return to the selected model."""
        self._change("roll_back", "is the project's model again")

    def discard(self, *_: Any) -> None:
        """Delete the selected model's weights and keep its card."""
        self._change("discard", "is discarded; its card is kept")

    def _change(self, action: str, told: str) -> None:
        project, name = self.projects.project, self.selected
        if project is None or name is None or self.job is not None:
            return

        def work(_: Progress) -> tuple[str, bool]:
            import scarnet.project

            getattr(scarnet.project, action)(project, name)
            return f"{name} {told}.", action != "discard"

        self.run_job(work, self._on_changed, told)

    def _on_changed(self, found: tuple[str, bool]) -> None:
        told, other_model = found
        show_info(told)
        self.say(told)
        if other_model:
            self.projects.predict_asked.emit()
        self.projects.refresh()

    def take_in(self, path: Path) -> None:
        """Copy a model's file into the project.

        Parameters
        ----------
        path : Path
            A ``.safetensors`` file with a card.
        """
        project = self.projects.project
        if project is None or self.job is not None:
            return

        def work(_: Progress) -> tuple[str, bool]:
            with without_collector_pauses():
                preload_torch()
                from scarnet.project import add_model
            return f"{add_model(project, path).name} is in the project.", False

        self.run_job(work, self._on_changed, "Copying the model")

    def take_in_finished(self, name: str) -> None:
        """Take a finished fine-tuning's model into the project, where it waits to be promoted or discarded.

        Parameters
        ----------
        name : str
            The fine-tuning.
        """
        project = self.projects.project
        known = any(record.name == name for record, _ in self._models)
        if project is None or project.read_only or known or self._taking == name:
            return
        self._taking = name

        def work(_: Progress) -> str:
            from scarnet_training.project import collect_model

            return collect_model(project, name).name

        # A job of its own: the user may be promoting another model at this moment.
        job = Job(work, name="scarnet finished model")
        self.destroyed.connect(job.stop)
        job.returned.connect(self._on_taken_in)
        job.failed.connect(self.show_failure)
        job.start()

    def _on_taken_in(self, name: str) -> None:
        self._select = name
        self.say(f"{name} waits: compare it, then promote or discard it.")
        self.projects.refresh()

    def _choose(self, *_: Any) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "A model", "", "ScarNet models (*.safetensors)")
        if path:
            self.take_in(Path(path))

    def _fill(self, snapshot: Any) -> None:
        from scarnet.models import DEFAULT_MODEL

        chosen, self._select = self._select or self.selected, None
        self._models = list(reversed(snapshot.models))
        self.table.blockSignals(True)
        self.table.setRowCount(len(self._models))
        for row, (record, state) in enumerate(self._models):
            made_from = record.base or ("built-in" if record.name == DEFAULT_MODEL else "imported")
            for column, text in enumerate((record.name, _STATES[state], made_from)):
                item = QTableWidgetItem(text)
                item.setToolTip(f"{record.name}\nsha256 {record.sha256}\nsince {record.added}")
                self.table.setItem(row, column, item)
        self.table.blockSignals(False)
        if chosen is not None:
            self.select(chosen)
        self._enable()

    def _on_project(self, project: Any) -> None:
        self._models, self._taking = [], None
        self.table.setRowCount(0)
        self.say("")
        self._enable()

    def _on_selected(self) -> None:
        self._enable()
        self._show_card()

    def _show_card(self, *_: Any) -> None:
        """Read the selected model's card, where it is looked at."""
        project, name = self.projects.project, self.selected
        if project is None or name is None or not self.card_section.header.isChecked():
            return
        from napari_scarnet.model_card import card_html
        from scarnet.errors import ScarNetError
        from scarnet.project import model_card

        try:
            self.card.setHtml(card_html(model_card(project, name), project.state.model(name).sha256))
        except ScarNetError as error:
            self.card.setPlainText(str(error))

    def _enable(self) -> None:
        project, name = self.projects.project, self.selected
        free = project is not None and not project.read_only and self.job is None
        self.add_button.setEnabled(free)
        none = dict.fromkeys(_TIPS, "Select a model first.")
        whys = none if project is None or name is None else self._why_not(project, name)
        buttons = {"promote": self.promote_button, "roll back": self.roll_back_button, "discard": self.discard_button}
        for action, button in buttons.items():
            button.setEnabled(free and not whys[action])
            button.setToolTip(whys[action] or _TIPS[action])

    def _why_not(self, project: Any, name: str) -> dict[str, str]:
        """Say why each action is not for the selected model; an empty text where it is."""
        from scarnet.project import why_kept

        state = next(state for record, state in self._models if record.name == name)
        gone = f"{name} was discarded; only its card is left."
        promote = {"current": "the project's model already", "earlier": "an earlier model: roll back to it"}
        rows = self.projects.snapshot.rows if self.projects.snapshot else []
        return {
            "promote": gone if state == "discarded" else f"{name} is {promote[state]}." if state in promote else "",
            "roll back": gone if state == "discarded" else "" if state == "earlier" else _NOT_EARLIER,
            "discard": why_kept(project.state, name, rows) or "",
        }

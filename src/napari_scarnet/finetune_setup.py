"""Setting a fine-tuning up: cases, base model, parts, length and place, and the split by patient before it starts."""

from html import escape
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_scarnet.project_reveal import reveal
from napari_scarnet.project_session import project_for
from napari_scarnet.section import Section
from napari_scarnet.smooth import preload_torch, without_collector_pauses
from napari_scarnet.step import Step
from scarnet.progress import Progress
from scarnet.wording import counted

if TYPE_CHECKING:
    from scarnet_training.project import FinetunePlan

__all__ = ["FinetuneSetup"]

_PARTS = (
    ("as the recipe: decoder", None, "Everything but the image encoder."),
    ("heads", "heads", "Only the fusion and the last layers: quickest, for very few patients."),
    ("decoder", "decoder", "Everything but the image encoder."),
    ("all", "all", "The image encoder too: slow, for many patients and a GPU."),
    ("adapters", "adapters", "The decoder, and small adapters in the encoder: many patients and a GPU."),
)


class FinetuneSetup(Step):
    """The choices, then the split, then the start.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    started = Signal(str)
    """The fine-tuning that was started."""

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.projects = project_for(self.viewer)
        self._plan: FinetunePlan | None = None
        self._models: tuple[list[str], str | None] = ([], None)
        self.base = QComboBox()
        self.base.setToolTip("The model to start from.")
        self.cases = QListWidget()
        self.cases.setFixedHeight(130)
        self.cases.setToolTip("Accepted cases; untick those to leave out.")
        self.cases_section = Section("Cases", self.cases, tip="Which accepted cases to use; all of them at first.")
        self.parts = QComboBox()
        for text, value, tip in _PARTS:
            self.parts.addItem(text, value)
            self.parts.setItemData(self.parts.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.parts.setToolTip("What of the network trains.")
        self.epochs = QSpinBox()
        self.epochs.setRange(0, 10000)
        self.epochs.setSpecialValueText("as the recipe: 20")
        self.epochs.setToolTip("How often all slices are shown.")
        self.fraction = QDoubleSpinBox()
        self.fraction.setRange(0.05, 0.9)
        self.fraction.setSingleStep(0.05)
        self.fraction.setValue(0.2)
        self.fraction.setToolTip("Share of the patients that is never trained on, to measure the new model.")
        self.where = QComboBox()
        self.where.addItem("this computer", "local")
        self.where.addItem("Slurm", "slurm")
        self.where.setToolTip("A process of its own at low priority, or a job in the cluster's queue.")
        self.partition = QLineEdit()
        self.partition.setPlaceholderText("the default partition")
        self.partition.setToolTip("The part of the cluster to run in.")
        self.minutes = QSpinBox()
        self.minutes.setRange(0, 100000)
        self.minutes.setSpecialValueText("the partition's limit")
        self.minutes.setSuffix(" min")
        self.minutes.setToolTip("A job that reaches its limit goes on from its last checkpoint.")
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Start from", self.base)
        form.addRow("Train", self.parts)
        form.addRow("Epochs", self.epochs)
        form.addRow("Hold out", self.fraction)
        form.addRow("Where", self.where)
        self.slurm = QWidget()
        slurm = QFormLayout(self.slurm)
        slurm.setContentsMargins(12, 0, 0, 0)
        slurm.addRow("Partition", self.partition)
        slurm.addRow("Time limit", self.minutes)
        self.slurm.hide()
        self.plan_button = QPushButton("Show the split…")
        self.plan_button.setToolTip("See who is trained on and who is held out; nothing starts yet.")
        self.plan_button.clicked.connect(self.plan)
        self.split = QLabel()
        self.split.setWordWrap(True)
        self.split.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.start_button = QPushButton("Start fine-tuning")
        self.start_button.setToolTip("It runs in a process of its own: you can go on working, and close napari.")
        self.start_button.clicked.connect(self.start)
        self.planned = QWidget()
        planned = QVBoxLayout(self.planned)
        planned.setContentsMargins(0, 0, 0, 0)
        planned.addWidget(self.split)
        planned.addWidget(self.start_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        line = QHBoxLayout()
        line.addWidget(self.plan_button)
        for widget in (self.slurm, self.cases_section):
            layout.addWidget(widget)
        layout.addLayout(line)
        for widget in (self.planned, self.job_bar, self.status):
            layout.addWidget(widget)
        self.base.currentIndexChanged.connect(self._forget_plan)
        self.fraction.valueChanged.connect(self._forget_plan)
        self.cases.itemChanged.connect(self._on_ticked)
        self.where.currentIndexChanged.connect(self._on_where)
        self.attach()
        self._on_project(self.projects.project)

    def connect_viewer(self, link: Any) -> None:
        """Follow the project's cases and models."""
        link.connect(self.projects.opened, self._on_project)
        link.connect(self.projects.refreshed, self._fill)

    def set_busy(self, busy: bool) -> None:
        """One plan or start at a time."""
        self._enable()

    def chosen(self) -> list[str]:
        """Give the cases that are ticked."""
        items = [self.cases.item(place) for place in range(self.cases.count())]
        return [item.text() for item in items if item.checkState() == Qt.CheckState.Checked]

    def plan(self, *_: Any) -> None:
        """Work out who is trained on and who is held out."""
        project, cases = self.projects.project, self.chosen()
        base, fraction = self.base.currentData(), self.fraction.value()
        if project is None or self.job is not None:
            return

        def work(_: Progress) -> Any:
            with without_collector_pauses():
                preload_torch()
                from scarnet_training.project import plan_finetune
            return plan_finetune(project, cases, base=base, validation_fraction=fraction)

        self.run_job(work, self._on_plan, "Planning")

    def _on_plan(self, plan: "FinetunePlan") -> None:
        self._plan = plan
        sides = (("Train on", plan.training, "#6fb1e8"), ("Hold out", plan.validation, "#f0b43c"))
        cells = "".join(
            f"<tr><td style='color:{colour}; padding-right:10px'><b>{what}</b></td>"
            f"<td>{counted(len(plan.patients_of(cases)), 'patient')}</td><td style='padding-left:10px'>"
            f"{escape(', '.join(_of_patients(cases, plan)))}</td></tr>"
            for what, cases, colour in sides
        )
        warnings = "".join(f"<p style='margin:3px 0'>⚠ {escape(text)}</p>" for text in plan.warnings)
        self.split.setText(f"<b>{escape(plan.name)}</b>, from {escape(plan.base)}<table>{cells}</table>{warnings}")
        self._enable()
        reveal(self.planned)

    def start(self, *_: Any) -> None:
        """Start the job as it was planned."""
        project, plan = self.projects.project, self._plan
        if project is None or plan is None or self.job is not None:
            return
        where = self.where.currentData()
        slurm = where == "slurm"
        options = {
            "epochs": self.epochs.value() or None,
            "parts": self.parts.currentData(),
            "minutes": (self.minutes.value() or None) if slurm else None,
            "partition": (self.partition.text().strip() or None) if slurm else None,
        }

        def work(_: Progress) -> str:
            with without_collector_pauses():
                preload_torch()
                from scarnet_training.project import start_finetune
            start_finetune(project, plan, where, **options)
            return plan.name

        self.run_job(work, self._on_started, "Starting the job")

    def _on_started(self, name: str) -> None:
        self._forget_plan()
        self.say(f"{name} is started; it goes on when you close napari.")
        self.started.emit(name)

    def _forget_plan(self, *_: Any) -> None:
        """Take a plan away that the choices no longer agree with."""
        self._plan = None
        self.planned.hide()
        self._enable()

    def _on_ticked(self, *_: Any) -> None:
        self._name_cases()
        self._forget_plan()

    def _on_where(self, *_: Any) -> None:
        self.slurm.setVisible(self.where.currentData() == "slurm")

    def _on_project(self, project: Any) -> None:
        self.say("")
        self.cases.clear()
        self.base.clear()
        self._models = ([], None)
        self._forget_plan()

    def _fill(self, snapshot: Any) -> None:
        """Offer the accepted cases and the models; what was unticked or chosen stays so."""
        left_out = {self.cases.item(n).text() for n in range(self.cases.count())} - {*self.chosen()}
        accepted = [row.case for row in snapshot.rows if row.status == "accepted"]
        if accepted != [self.cases.item(n).text() for n in range(self.cases.count())]:
            self.cases.blockSignals(True)
            self.cases.clear()
            for case in accepted:
                item = QListWidgetItem(case)
                item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
                item.setCheckState(Qt.CheckState.Unchecked if case in left_out else Qt.CheckState.Checked)
                self.cases.addItem(item)
            self.cases.blockSignals(False)
            self._forget_plan()
        models = [record.name for record, state in snapshot.models if state != "discarded"]
        current = snapshot.model.name if snapshot.model else None
        if (models, current) != self._models:
            # After a promotion the project's model is what one starts from.
            chosen = self.base.currentData() if self._models[1] == current else current
            self._models = (models, current)
            self.base.blockSignals(True)
            self.base.clear()
            for name in models:
                self.base.addItem(f"{name} (the project's)" if name == current else name, name)
            self.base.setCurrentIndex(self.base.findData(chosen if chosen in models else current))
            self.base.blockSignals(False)
            self._forget_plan()
        self._name_cases()
        self._enable()

    def _name_cases(self) -> None:
        total = self.cases.count()
        self.cases_section.header.setText(f"Cases: {len(self.chosen())} of {total} accepted")

    def _enable(self) -> None:
        project = self.projects.project
        ready = project is not None and not project.read_only and self.job is None
        self.plan_button.setEnabled(ready and bool(self.chosen()) and self.base.count() > 0)
        self.start_button.setEnabled(ready and self._plan is not None)


def _of_patients(cases: tuple[str, ...], plan: "FinetunePlan") -> list[str]:
    """Name patients, each with its cases where these are called otherwise."""
    told = []
    for patient in plan.patients_of(cases):
        own = [case for case in cases if plan.patients[case] == patient]
        told.append(patient if own == [patient] else f"{patient} ({', '.join(own)})")
    return told

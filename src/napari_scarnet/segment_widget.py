"""Step two: choose a model and segment the study."""

from typing import TYPE_CHECKING, Any
from weakref import ref

from napari.utils.notifications import show_info, show_warning
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QPushButton, QVBoxLayout

from napari_scarnet.engine import Engine, SegmentResult, SegmentSettings
from napari_scarnet.metadata import find_layers, layer_meta
from napari_scarnet.predictions import PredictionLayers, current_labels
from napari_scarnet.presenter import Presenter
from napari_scarnet.project_session import project_for
from napari_scarnet.project_showing import CaseShow
from napari_scarnet.section import Section
from napari_scarnet.segment_away import AwayNotice
from napari_scarnet.segment_models import SegmentModels
from napari_scarnet.segment_options import SegmentOptions
from napari_scarnet.segment_project import keep_in_project, open_project_of, renewal_steps, what_became
from napari_scarnet.segment_summary import summarise
from napari_scarnet.spacing_form import SpacingForm
from napari_scarnet.studies import adopt_layer, needs_spacing, slice_on_screen, stack_of
from napari_scarnet.study_choice import StudyChoice
from scarnet.classes import TissueClass
from scarnet.errors import ScarNetError
from scarnet.progress import Progress
from scarnet.stack import LGEStack

if TYPE_CHECKING:
    import napari.viewer

__all__ = ["SEGMENT_KEYS", "SegmentWidget"]

SEGMENT_KEYS = {
    "F6": ("Segment the slice, in a project the stack", "segment_slice"),
    "F7": ("Segment the whole stack", "segment_stack"),
    "F8": ("Show or hide the labels", "toggle_labels"),
    "F9": ("Show or hide the scar probability", "toggle_scar"),
}


class SegmentWidget(SegmentModels):
    """Segments a study and shows labels, logits and probabilities.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    engine : Engine, optional
        What runs the models.
    """

    def __init__(self, viewer: "napari.viewer.Viewer", engine: Engine | None = None) -> None:
        super().__init__(viewer, engine)
        self._result: SegmentResult | None = None
        self._target: Any = None
        self._project: Any = None
        self._kept: list[SegmentResult] = []
        self._warm = False
        self.presenter = Presenter(self.viewer, self)
        self.presenter.shown.connect(self._on_shown)
        self.presenter.dropped.connect(self._on_dropped)
        self.presenter.failed.connect(self._on_show_failed)
        self.renewal = CaseShow(self)
        self.renewal.failed.connect(self._on_show_failed)
        self.study = StudyChoice(self.viewer)
        self.spacing = SpacingForm()
        self.spacing.hide()
        self.options = SegmentOptions()
        self.slice_button = QPushButton("Segment slice")
        self.slice_button.setToolTip(
            "Segment the slice on screen (F6). The other slices keep what they have; a project's case is always "
            "segmented as a whole."
        )
        self.slice_button.clicked.connect(self.segment_slice)
        self.stack_button = QPushButton("Segment stack")
        self.stack_button.setToolTip(
            "Segment all slices (F7). Labels you edited are kept in a layer of their own; in a project they stay the "
            "case's own."
        )
        self.stack_button.clicked.connect(self.segment_stack)
        self.away = AwayNotice(self.stack_button)

        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Study", self.study)
        form.addRow(self.spacing)
        form.addRow("Model", self.model)
        form.addRow("Device", self.device)
        buttons = QHBoxLayout()
        buttons.addWidget(self.slice_button)
        buttons.addWidget(self.stack_button)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(Section("Options", self.options))
        layout.addLayout(buttons)
        layout.addWidget(self.job_bar)
        layout.addWidget(self.status)
        layout.addStretch(1)
        self.study.layer_changed.connect(self._on_study)
        self.attach()
        self._load_models()

    def connect_viewer(self, link: Any) -> None:
        """Follow the viewer's studies and take the keys."""
        self.study.follow(link)
        link.connect(self.session.stack_opened, self._on_opened)
        for key, (_, method) in SEGMENT_KEYS.items():
            link.bind_key(key, getattr(self, method))

    @property
    def busy(self) -> bool:
        """Whether a prediction runs or its layers are being added."""
        return self.job is not None or self.presenter.is_running or self.renewal.is_running

    def set_busy(self, busy: bool) -> None:
        """Enable the buttons when there is a study, a model and no prediction on its way."""
        ready = not busy and not self.busy and self.study.layer is not None and self.model.entry is not None
        self.slice_button.setEnabled(ready)
        self.stack_button.setEnabled(ready)
        self.model.import_button.setEnabled(not self.busy)

    def settings(self) -> SegmentSettings:
        """Give what the controls say.

        Returns
        -------
        SegmentSettings
            The settings.
        """
        return SegmentSettings(
            model=str(self.model.entry.path),
            device=self.device.currentData(),
            batch_size=self.options.batch_size.value(),
            flips=self.options.flips.currentData(),
            postprocess=self.options.postprocess.isChecked(),
            branches=self.options.branches.isChecked(),
        )

    def segment_stack(self, *_: Any) -> None:
        """Segment all slices of the chosen study."""
        self._segment(whole=True)

    def segment_slice(self, *_: Any) -> None:
        """Segment the slice of the chosen study that is on screen."""
        self._segment(whole=False)

    def _segment(self, whole: bool) -> None:
        layer = self.study.layer
        if self.busy:
            return
        if layer is None or self.model.entry is None:
            self._tell("Open a study and choose a model first.")
            return
        self._project = project = open_project_of(self.viewer, layer)
        whole = whole or project is not None  # a project keeps predictions of whole stacks by one model
        if not whole and layer.ndim > 2 and self.viewer.dims.ndim - layer.ndim in self.viewer.dims.displayed:
            self._tell("There is no single slice on screen: show slices along z in 2D first, or segment the stack.")
            return
        try:
            stack = self._stack(layer) if project is None else layer_meta(layer)["stack"]
        except ScarNetError as error:
            self.show_failure(error)
            self._on_study()
            return
        slices = None if whole else [slice_on_screen(self.viewer, layer)]
        settings, engine, model = self.settings(), self.engine, self.model.entry.name
        previous = layer_meta(layer).get("prediction")
        kept_in = None if project is None or project.read_only else project
        self._target = ref(layer)
        self._kept = kept = []

        def predict(progress: Progress) -> SegmentResult:
            result = engine.predict(stack, slices, settings, previous, progress)
            if kept_in is not None:
                doubt = engine.measure_doubt(result.prediction, stack, settings, progress)
                progress(0, 0, "Keeping the prediction")  # the last chance to cancel
                keep_in_project(kept_in, result.prediction, model, doubt)
                kept.append(result)
            return result

        self.run_job(predict, self._on_predicted, "Segmenting")
        self.away.begin(f"Segmenting {stack.case}…")

    def _tell(self, text: str) -> None:
        """Say something, in napari's notifications too where the step's own line is out of sight."""
        self.say(text)
        self.away.tell(text)

    def _stack(self, layer: Any) -> LGEStack:
        """Give the study of a layer; a plain image becomes one, with the spacing from the form if it has none."""
        if layer_meta(layer).get("kind") == "image":
            return stack_of(layer)
        spacing = self.spacing.spacing_mm if needs_spacing(layer) else None
        stack = adopt_layer(self.viewer, layer, spacing)
        self.study.refresh()
        self.session.stack_opened.emit(layer)
        return stack

    def _on_cancelled(self) -> None:
        """Show a prediction that the project had already taken when Cancel was pressed."""
        if self._kept:
            self._on_predicted(self._kept[0])
        else:
            super()._on_cancelled()

    def _on_predicted(self, result: SegmentResult) -> None:
        self._result, kept, self._kept = result, bool(self._kept), []
        if self._project is not None:
            steps = renewal_steps(self.viewer, self._project, result.prediction)
            self.renewal.start(steps, lambda: self._on_renewed(result, kept))
            return
        self.presenter.show(self._target() if self._target is not None else None, result.prediction, result.slices)

    def _on_shown(self, layers: PredictionLayers) -> None:
        result, layer = self._result, self._target()
        self.set_busy(False)
        self._offer_devices()
        if result is None or layer is None:
            return
        self._tell(summarise(result, layers))
        if layers.kept is not None:
            show_info(f"Your edited labels were kept in the layer {layers.kept.name}.")
        for notice in result.prediction.notices:
            show_warning(notice)
        self.session.prediction_changed.emit(layer_meta(layer)["case"])

    def _on_renewed(self, result: SegmentResult, kept: bool) -> None:
        case = result.prediction.case
        self.set_busy(False)
        self._offer_devices()
        project_for(self.viewer).refresh()
        became = what_became(self.viewer, self._project, case, kept)
        self._tell(f"{summarise(result, PredictionLayers())}<br>{became}")
        for notice in result.prediction.notices:
            show_warning(notice)
        self.session.prediction_changed.emit(case)

    def _on_dropped(self, message: str) -> None:
        self.set_busy(False)
        show_info(message)
        self.say(message)

    def _on_show_failed(self, error: Exception) -> None:
        self.set_busy(False)
        self.show_failure(error)

    def toggle_labels(self) -> None:
        """Show or hide the labels of the chosen study."""
        layer = self._current(lambda case: current_labels(self.viewer, case))
        if layer is not None:
            layer.visible = not layer.visible

    def toggle_scar(self) -> None:
        """Show or hide the scar probability of the chosen study."""
        layer = self._current(
            lambda case: next(iter(find_layers(self.viewer, "probability", TissueClass.SCAR, case)), None)
        )
        if layer is not None:
            layer.visible = not layer.visible

    def _current(self, find: Any) -> Any:
        layer = self.study.layer
        case = layer_meta(layer).get("case") if layer is not None else None
        return find(case) if case else None

    def _on_opened(self, layer: Any) -> None:
        self.study.refresh()
        if not self.busy:
            self.study.choose(layer)

    def _on_study(self) -> None:
        layer = self.study.layer
        missing = layer is not None and not layer_meta(layer) and needs_spacing(layer)
        if missing:
            self.spacing.ask(
                f"{layer.name} does not say how large its voxels are. Enter their spacing, so that the heart is "
                "sought at its real size:",
                layer.ndim,
            )
        self.spacing.setVisible(missing)
        self.set_busy(self.busy)
        if layer is not None and not self._warm:
            self._warm = True
            self._background(self.engine.warm_up, self._offer_devices)

"""The models and devices that the Segment step offers."""

from pathlib import Path
from typing import Any

from napari_scarnet.engine import Engine
from napari_scarnet.jobs import Job
from napari_scarnet.model_choice import ModelChoice
from napari_scarnet.segment_options import device_box, enable_devices
from napari_scarnet.step import Step
from scarnet.progress import Progress

__all__ = ["SegmentModels"]


class SegmentModels(Step):
    """Lists models, imports one, and offers the devices that work.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    engine : Engine, optional
        What runs the models.
    """

    def __init__(self, viewer: Any, engine: Engine | None = None) -> None:
        super().__init__(viewer)
        self.engine = engine or Engine()
        self.model = ModelChoice()
        self.model.import_asked.connect(self.import_model)
        self.device = device_box()

    @property
    def busy(self) -> bool:
        """Whether work is on its way."""
        return self.job is not None

    def _load_models(self) -> None:
        self._background(lambda _: self.engine.list_models(), self._on_models)

    def _background(self, work: Any, done: Any) -> None:
        """Do something small in a thread that the user need not know of."""
        job = Job(work, name="scarnet background")
        self.destroyed.connect(job.stop)
        job.returned.connect(done)
        job.failed.connect(self.show_failure)
        job.start()

    def _on_models(self, entries: list[Any]) -> None:
        self.model.set_entries(entries)
        self.set_busy(self.busy)

    def import_model(self, path: Path) -> None:
        """Copy a model into the registry and choose it.

        Parameters
        ----------
        path : Path
            A ``.safetensors`` file.
        """
        if self.busy:
            return
        engine = self.engine

        def work(_: Progress) -> tuple[str, list[Any]]:
            entry = engine.import_model(path)
            return entry.name, engine.list_models()

        self.run_job(work, self._on_imported, "Importing the model")

    def _on_imported(self, result: tuple[str, list[Any]]) -> None:
        name, entries = result
        self.model.set_entries(entries, chosen=name)
        self.say(f"The model {name} was imported.")

    def _offer_devices(self, *_: Any) -> None:
        enable_devices(self.device, self.engine.devices())

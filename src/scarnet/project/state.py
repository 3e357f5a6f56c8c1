"""``project.json``: which cases and models a project has, and which model is the project's."""

from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, Self

from scarnet.errors import ScarNetError
from scarnet.project.layout import PROJECT_FILE
from scarnet.project.stored import read_json, write_json

__all__ = ["ModelRecord", "ModelState", "ProjectState"]

FORMAT = 1

ModelState = Literal["current", "earlier", "candidate", "imported", "discarded"]


@dataclass(frozen=True)
class ModelRecord:
    """A model of a project.

    Attributes
    ----------
    name : str
        Its name in the project.
    sha256 : str
        Digest of its file.
    added : str
        When it came (UTC).
    base : str or None
        The project's model it was fine-tuned from; None for an imported one.
    trained_on : tuple of str
        The project's patients that it, or a model it comes from, was trained on.
    held_out : tuple of str
        The project's patients that it was validated on.
    discarded : bool
        Only its card is left.
    """

    name: str
    sha256: str
    added: str
    base: str | None = None
    trained_on: tuple[str, ...] = ()
    held_out: tuple[str, ...] = ()
    discarded: bool = False


@dataclass(frozen=True)
class ProjectState:
    """``project.json``.

    Attributes
    ----------
    name : str
        What the project is called.
    created : str
        When (UTC).
    cases : tuple of str
        The cases, in the order of their import.
    models : tuple of ModelRecord
        The models, in the order they came.
    promotions : tuple of str
        The models that were the project's, one after the other; the last is.
    """

    name: str
    created: str
    cases: tuple[str, ...] = ()
    models: tuple[ModelRecord, ...] = ()
    promotions: tuple[str, ...] = ()

    @property
    def current_model(self) -> ModelRecord | None:
        """The project's model."""
        return self.model(self.promotions[-1]) if self.promotions else None

    @property
    def model_names(self) -> list[str]:
        """The models' names, in the order they came."""
        return [record.name for record in self.models]

    def model(self, name: str) -> ModelRecord:
        """Find a model.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        ModelRecord
            The model.

        Raises
        ------
        ScarNetError
            There is none.
        """
        for record in self.models:
            if record.name == name:
                return record
        known = ", ".join(self.model_names) or "none yet"
        raise ScarNetError(f"The project has no model {name!r}; it has: {known}.")

    def state_of(self, name: str) -> ModelState:
        """Say what a model is to the project.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        {"current", "earlier", "candidate", "imported", "discarded"}
            The project's model, one that was, a fine-tuned one that waits for a decision, an imported one that never
            was, or one of which only the card is left.

        Raises
        ------
        ScarNetError
            There is none of this name.
        """
        record = self.model(name)
        if record.discarded:
            return "discarded"
        if name in self.promotions:
            return "current" if name == self.promotions[-1] else "earlier"
        return "candidate" if record.base else "imported"

    def with_model(self, record: ModelRecord) -> Self:
        """Give the state with a model added, or in the place of the one of its name."""
        names = self.model_names
        if record.name not in names:
            return replace(self, models=(*self.models, record))
        return replace(self, models=tuple(record if known.name == record.name else known for known in self.models))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read a project's state.

        Parameters
        ----------
        folder : Path
            The project.

        Returns
        -------
        ProjectState
            The state.

        Raises
        ------
        ScarNetError
            The folder is no project, or a newer version's, or the file is damaged.
        """
        if not (folder / PROJECT_FILE).is_file():
            raise ScarNetError(
                f"{folder} is no project: there is no {PROJECT_FILE}; make one with 'scarnet project init'."
            )
        values = read_json(folder / PROJECT_FILE)
        if values.get("format") != FORMAT:
            raise ScarNetError(
                f"{folder / PROJECT_FILE} is of format {values.get('format')!r}, but this version reads {FORMAT}; "
                "use the version of napari-scarnet that wrote it."
            )
        try:
            models = tuple(_model(entry) for entry in values["models"])
            lists = {name: tuple(map(str, values[name])) for name in ("cases", "promotions")}
            state = cls(name=str(values["name"]), created=str(values["created"]), models=models, **lists)
            for name in state.promotions:
                state.model(name)
        except (KeyError, TypeError, ValueError) as error:
            raise ScarNetError(f"{folder / PROJECT_FILE} is damaged; put it back from a backup.") from error
        return state

    def write(self, folder: Path) -> None:
        """Write the state.

        Parameters
        ----------
        folder : Path
            The project.

        Raises
        ------
        ScarNetError
            It cannot be written.
        """
        write_json(folder / PROJECT_FILE, {"format": FORMAT, **asdict(self)})


def _model(values: dict[str, Any]) -> ModelRecord:
    known = {f.name for f in fields(ModelRecord)}
    record = ModelRecord(**{name: value for name, value in values.items() if name in known})
    return replace(record, trained_on=tuple(record.trained_on), held_out=tuple(record.held_out))

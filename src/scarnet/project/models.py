"""A project's models: taken in, promoted, discarded, and rolled back to."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from scarnet.errors import ScarNetError
from scarnet.files import atomic_path, make_folder
from scarnet.models import DEFAULT_MODEL, ModelCard, find_model, read_card
from scarnet.models.store import file_sha256
from scarnet.project.layout import MODELS
from scarnet.project.naming import check_name, fit_name
from scarnet.project.project import Project
from scarnet.project.record import CaseRow
from scarnet.project.review_log import now
from scarnet.project.state import ModelRecord, ProjectState

__all__ = ["add_model", "discard", "model_card", "model_path", "promote", "roll_back", "take_in", "why_kept"]


def model_path(project: Project, name: str) -> Path:
    """Say where a model's file is.

    Parameters
    ----------
    project : Project
        The project.
    name : str
        The model.

    Returns
    -------
    Path
        The file, for :func:`scarnet.models.load_model`.

    Raises
    ------
    ScarNetError
        The project has no such model, or only its card is left, or its file was taken out by hand.
    """
    if project.state.model(name).discarded:
        raise ScarNetError(f"The model {name!r} was discarded, only its card is left; choose another one.")
    path = project.folder / MODELS / f"{name}.safetensors"
    if not path.is_file():
        raise ScarNetError(f"{MODELS}/{path.name} was taken out of the project; put it back, or choose another model.")
    return path


def model_card(project: Project, name: str) -> ModelCard:
    """Read a model's card, which is kept when the model is discarded.

    Raises
    ------
    ScarNetError
        There is no such model, or its card cannot be read.
    """
    project.state.model(name)
    path = project.folder / MODELS / f"{name}.json"
    try:
        return ModelCard.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ScarNetError(f"{MODELS}/{path.name} cannot be read; put it back from a backup.") from error


def add_model(project: Project, model: str | Path = DEFAULT_MODEL, name: str | None = None) -> ModelRecord:
    """Copy a model into the project; the first one becomes the project's model.

    Parameters
    ----------
    project : Project
        The project.
    model : str or Path
        A model's name in the registry, or its file.
    name : str, optional
        What to call it in the project; without it, as it is called.

    Returns
    -------
    ModelRecord
        The model; the one that is there already if it is the very same.

    Raises
    ------
    ScarNetError
        There is no such model, the name is taken, or the copy cannot be written.
    """
    path = find_model(model)
    with project.writing():
        digest = file_sha256(path)
        for record in project.state.models:
            if record.sha256 == digest and not record.discarded:
                return record
        record = take_in(project, path, ModelRecord(name or fit_name(path.stem), digest, now()))
        project.log_action("add model", model=record.name, sha256=digest)
        if not project.state.promotions:
            promote(project, record.name)
        return record


def take_in(project: Project, path: Path, record: ModelRecord) -> ModelRecord:
    """Copy a model's file and card into the project.

    Parameters
    ----------
    project : Project
        The project.
    path : Path
        The file.
    record : ModelRecord
        What the project is to know of it.

    Returns
    -------
    ModelRecord
        The same.

    Raises
    ------
    ScarNetError
        The name is taken, the file is no model, or the copies cannot be written.
    """
    with project.writing():
        check_name(record.name, "model", project.state.model_names)
        card = read_card(path)
        folder = make_folder(project.folder / MODELS)
        with atomic_path(folder / f"{record.name}.json") as temporary:
            temporary.write_text(card.to_json() + "\n", encoding="utf-8")
        with atomic_path(folder / f"{record.name}.safetensors") as temporary:
            shutil.copyfile(path, temporary)
        project.change_state(models=project.state.with_model(record).models)
        return record


def promote(project: Project, name: str) -> ModelRecord:
    """Make a model the project's.

    Parameters
    ----------
    project : Project
        The project.
    name : str
        One of its models.

    Returns
    -------
    ModelRecord
        The model.

    Raises
    ------
    ScarNetError
        There is no such model, it was discarded, or it is the project's already.
    """
    return _make_current(project, name, "promote")


def roll_back(project: Project, to: str | None = None) -> ModelRecord:
    """Return to a model that was the project's before.

    Parameters
    ----------
    project : Project
        The project.
    to : str, optional
        Which; without it the one before the present one first came.

    Returns
    -------
    ModelRecord
        The model that is the project's now.

    Raises
    ------
    ScarNetError
        There was no other before, or `to` never was the project's.
    """
    state = project.state
    promotions = [name for name in state.promotions if not state.model(name).discarded]
    if to is None:
        # Where it first stood: going back twice goes back two models, and not to and fro.
        place = promotions.index(promotions[-1]) if promotions else 0
        if place == 0:
            raise ScarNetError("The project's model has no earlier one; there is nothing to roll back to.")
        to = promotions[place - 1]
    elif to not in promotions[:-1]:
        known = ", ".join(dict.fromkeys(name for name in promotions if name != promotions[-1])) or "none"
        raise ScarNetError(f"{to!r} was not the project's model before; these were: {known}.")
    return _make_current(project, to, "roll back")


def discard(project: Project, name: str) -> ModelRecord:
    """Delete a model's weights and keep its card.

    Parameters
    ----------
    project : Project
        The project.
    name : str
        One of its models.

    Returns
    -------
    ModelRecord
        The model.

    Raises
    ------
    ScarNetError
        There is no such model, or :func:`why_kept` says why it is kept.
    """
    with project.writing():
        record = project.state.model(name)
        if record.discarded:
            return record
        reason = why_kept(project.state, name, project.rows())
        if reason is not None:
            raise ScarNetError(reason)
        record = replace(record, discarded=True)
        project.change_state(models=project.state.with_model(record).models)
        (project.folder / MODELS / f"{name}.safetensors").unlink(missing_ok=True)
        project.log_action("discard", model=name, sha256=record.sha256)
        return record


def why_kept(state: ProjectState, name: str, rows: Sequence[CaseRow]) -> str | None:
    """Say why a model cannot be discarded.

    Parameters
    ----------
    state : ProjectState
        What the project has.
    name : str
        One of its models.
    rows : sequence of CaseRow
        All of its cases.

    Returns
    -------
    str or None
        A sentence; None where it can be.
    """
    record = state.model(name)
    if record.discarded:
        return f"{name} was discarded; only its card is left."
    if state.current_model == record:
        return f"{name} is the project's model, so it is kept; promote another one, or roll back, first."
    using = [row.case for row in rows if row.sha256 == record.sha256]
    if using:
        told = ", ".join(using[:3]) + (f" and {len(using) - 3} more" if len(using) > 3 else "")
        return f"{name} is kept, since its predictions are in use: {told}. Let another model predict these first."
    return None


def _make_current(project: Project, name: str, action: str) -> ModelRecord:
    with project.writing():
        model_path(project, name)
        record, current = project.state.model(name), project.state.current_model
        if current == record:
            raise ScarNetError(f"{name!r} is the project's model already.")
        project.change_state(promotions=(*project.state.promotions, name))
        project.log_action(action, model=name, sha256=record.sha256)
        return record

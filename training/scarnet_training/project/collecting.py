"""The models of finished fine-tunings, taken into their project."""

from scarnet.errors import ScarNetError
from scarnet.models.store import file_sha256
from scarnet.project import ModelRecord, Project
from scarnet.project.models import take_in
from scarnet.project.review_log import now
from scarnet_training.project.finetuning import find_finetune

__all__ = ["collect_model"]


def collect_model(project: Project, name: str) -> ModelRecord:
    """Take a finished fine-tuning's model into the project, where it waits to be promoted or discarded.

    Parameters
    ----------
    project : Project
        The project.
    name : str
        The fine-tuning.

    Returns
    -------
    ModelRecord
        The model; as it is where it was taken in before.

    Raises
    ------
    ScarNetError
        The fine-tuning is not done, or the model cannot be copied.
    """
    if name in project.state.model_names:
        return project.state.model(name)
    found = find_finetune(project, name)
    model = found.run / "model.safetensors"
    if not model.is_file():
        state = found.job.state() if found.started else "not started"
        raise ScarNetError(f"The fine-tuning {name!r} is {state}; it has no model yet.")
    with project.writing():
        if name in project.state.model_names:  # by another thread meanwhile
            return project.state.model(name)
        base = project.state.model(found.plan.base)
        record = ModelRecord(
            name=name,
            sha256=file_sha256(model),
            added=now(),
            base=base.name,
            trained_on=tuple(sorted({*base.trained_on, *found.plan.patients_of(found.plan.training)})),
            held_out=found.plan.patients_of(found.plan.validation),
        )
        take_in(project, model, record)
        project.log_action("fine-tuned", model=name, sha256=record.sha256, note=f"from {base.name}")
        return record

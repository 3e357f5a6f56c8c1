"""What of a recipe is impossible, or does not go together."""

from typing import Any

from scarnet_training.settings import DataSettings, StartSettings, TrainingSettings, impossible_values

__all__ = ["impossible"]


def impossible(sections: dict[str, Any]) -> list[str]:
    """Say what of a recipe's sections is impossible, or does not go together.

    Parameters
    ----------
    sections : dict
        Those of a :class:`scarnet_training.recipe.Recipe`, by name.

    Returns
    -------
    list of str
        A clause each, which names the setting and what is allowed.
    """
    checked = ("data", "start", "training", "augmentation")
    problems = [f"{name}.{problem}" for name in checked for problem in impossible_values(sections[name])]
    data, start, training = sections["data"], sections["start"], sections["training"]
    problems += _of_data(data)
    problems += _of_training(training, data)
    problems += _of_start(start, training)
    return [*problems, *_of_epochs(training, start, sections["network"].encoder)]


def _of_data(data: DataSettings) -> list[str]:
    problems = []
    if data.folds == 1:
        problems.append("data.folds is 1, but must be 0 or at least 2")
    if data.folds and data.fold >= data.folds:
        problems.append(f"data.fold is {data.fold}, but must be below data.folds, {data.folds}")
    return problems


def _of_training(training: TrainingSettings, data: DataSettings) -> list[str]:
    problems = []
    if training.micro_batch > training.batch_size:
        problems.append(f"training.micro_batch is {training.micro_batch}, but must be at most the batch_size")
    if training.patience and not training.validate_every:
        problems.append(
            f"training.patience is {training.patience}, but must be 0 where training.validate_every is 0: it counts "
            "validations"
        )
    # Without datasets others may be named yet, or phantoms are validated on.
    holds_out = data.validation_fraction or data.folds or data.splits or not data.datasets
    if training.choose_scar_shift and not holds_out:
        problems.append(
            "training.choose_scar_shift is true, but must be false where data.validation_fraction is 0 and neither "
            "data.folds nor data.splits is set: it is chosen on held-out patients"
        )
    return problems


def _of_start(start: StartSettings, training: TrainingSettings) -> list[str]:
    if start.model:
        if training.train_encoder:
            return ["training.train_encoder is true, but must be false with start.model; set start.parts to 'all'"]
        return []
    # From scratch all is trained but the encoder, which the choice may say as well.
    trained = ("all",) if training.train_encoder else ("all", "decoder")
    problems = []
    if start.parts not in trained:
        allowed = " or ".join(map(repr, trained))
        problems.append(f"start.parts is {start.parts!r}, but must be {allowed} without start.model")
    if start.encoder:
        problems.append(f"start.encoder is {start.encoder!r}, but must be '' without start.model; set network.encoder")
    if start.context >= 0:
        problems.append(f"start.context is {start.context}, but must be -1 without start.model; set network.context")
    return problems


def _of_epochs(training: TrainingSettings, start: StartSettings, encoder: str) -> list[str]:
    if training.unet_epochs + training.epochs < 1:
        return ["training.unet_epochs and training.epochs are both 0, but one must be at least 1"]
    if not training.unet_epochs:
        return []
    if training.epochs:
        if encoder == "none":
            return ["training.unet_epochs trains all of a network without an encoder; set it or epochs to 0"]
    # A model to start from has a trained fusion, unless its branch is new.
    elif start.encoder if start.model else encoder != "none":
        return [
            "training.epochs is 0, but must be at least 1 for a new network with an encoder: training.unet_epochs do "
            "not train its fusion"
        ]
    return []

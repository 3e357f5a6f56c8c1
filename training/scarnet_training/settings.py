"""What a recipe can set, section by section, with the values each setting may take."""

import math
from dataclasses import dataclass, field, fields
from typing import Any

__all__ = [
    "AugmentationSettings",
    "DataSettings",
    "ModelSettings",
    "StartSettings",
    "TrainingSettings",
    "impossible_values",
]


def _setting(
    default: Any, least: float | None = None, most: float | None = None, above: float | None = None, choices: Any = None
) -> Any:
    """Give a setting's default, and the values it may take."""
    return field(default=default, metadata={"least": least, "most": most, "above": above, "choices": choices})


def impossible_values(section: Any) -> list[str]:
    """Say which settings of a section have a value they cannot have.

    Parameters
    ----------
    section : dataclass
        A section of a recipe.

    Returns
    -------
    list of str
        ``name is value, but must be …``, one for each.
    """
    problems = []
    for entry in fields(section):
        value, allowed = getattr(section, entry.name), entry.metadata
        choices, least, most, above = (allowed.get(key) for key in ("choices", "least", "most", "above"))
        wanted = []
        if isinstance(value, float) and not math.isfinite(value):
            wanted.append("a finite number")
        if choices is not None and value not in choices:
            wanted.append("one of: " + ", ".join(repr(choice) for choice in choices))
        if least is not None and value < least:
            wanted.append(f"at least {least}")
        if above is not None and value <= above:
            wanted.append(f"above {above}")
        if most is not None and value > most:
            wanted.append(f"at most {most}")
        if wanted:
            problems.append(f"{entry.name} is {value!r}, but must be {' and '.join(wanted)}")
    return problems


@dataclass(frozen=True)
class DataSettings:
    """What to train on.

    Attributes
    ----------
    datasets : tuple of str
        Folders in nnU-Net's raw layout, relative to the current folder.
    phantoms : int
        Synthetic patients added to the training side.
    phantom_seed : int
        The first one's seed; the others follow.
    phantom_validation : int
        Synthetic patients to validate on, where no dataset is given.
    folds, fold : int
        Cross-validation: number of folds, and the one that is held out; 0 folds for `validation_fraction`.
    validation_fraction : float
        Share of the real patients held out; 0 to train on all of them, without validation.
    patients : int
        Train on so many patients only, drawn by the seed from the training side; 0 for all.
    splits : str
        A file in the form of nnU-Net's ``splits_final.json`` to use instead; `fold` counts in it.
    """

    datasets: tuple[str, ...] = ()
    phantoms: int = _setting(0, least=0)
    phantom_seed: int = _setting(1000, least=0)
    phantom_validation: int = _setting(0, least=0)
    folds: int = _setting(0, least=0)
    fold: int = _setting(0, least=0)
    validation_fraction: float = _setting(0.2, least=0, most=0.9)
    patients: int = _setting(0, least=0)
    splits: str = ""


@dataclass(frozen=True)
class StartSettings:
    """What the training starts from.

    Attributes
    ----------
    model : str
        A model's name in the registry or its file; empty to train from scratch. Its network is used.
    parts : {"all", "decoder", "heads", "adapters"}
        What of the model trains; see :mod:`scarnet_training.parts`.
    context : int
        Neighbouring slices on either side that it is to see, if more than the model does; -1 for as many.
    encoder : {"", "lite", "vit_b"}
        The encoder of a MedSAM branch to put beside the U-Net of a model without one, with new weights but for
        `training.encoder_weights`; empty to leave the model as it is.
    fusion : {"attentive", "concat"}
        How that branch and the U-Net's are fused.
    hold_norms : bool
        Keep the model's normalisation statistics, which batches of a small cohort would spoil.
    replay : tuple of str
        Datasets of earlier patients that are shown again, so that the model does not unlearn them.
    replay_phantoms : int
        Synthetic patients for the same.
    replay_share : float
        Share of each batch that is replayed.
    """

    model: str = ""
    parts: str = _setting("all", choices=("heads", "decoder", "all", "adapters"))
    context: int = _setting(-1, least=-1, most=3)
    encoder: str = _setting("", choices=("", "lite", "vit_b"))
    fusion: str = _setting("attentive", choices=("attentive", "concat"))
    hold_norms: bool = True
    replay: tuple[str, ...] = ()
    replay_phantoms: int = _setting(0, least=0)
    replay_share: float = _setting(0.25, least=0, most=0.9)


@dataclass(frozen=True)
class TrainingSettings:
    """How to train.

    Attributes
    ----------
    seed : int
        Seed of split, weights, augmentation and order.
    unet_epochs : int
        Passes that train the U-Net branch alone first; they need no encoder.
    epochs : int
        Passes over the training slices that train the whole network.
    least_steps : int
        Steps an epoch has at least: a small cohort is passed through several times an epoch.
    batch_size : int
        Slices an optimizer step, over all processes.
    micro_batch : int
        Slices that are in memory, and share a loss, at a time; the rest is accumulated. 0 for as many as there are
        for each process.
    optimizer : {"adamw", "adam"}
        Which.
    beta1, beta2 : float
        Its decays.
    learning_rate : float
        Its peak.
    schedule : {"cosine", "exponential"}
        A linear warm-up over 3 % of the steps, but 20 at least where there are enough, then a cosine to zero; or
        × `decay` an epoch.
    decay : float
        Factor an epoch of the exponential schedule.
    pretrained_factor : float
        Factor on the learning rate of parts that were trained before.
    weight_decay : float
        The optimizer's.
    branch_weight : float
        Weight of each branch's own loss (deep supervision).
    ema : float
        Decay a step of the averaged weights that are kept.
    train_encoder : bool
        In a training from scratch, train the encoder too; else it stays as it was pretrained.
    encoder_weights : str
        File of the pretrained encoder, relative to the current folder; empty for random weights.
    views : int
        How many views of each slice are kept with the frozen encoder's output, which is costly on a CPU; 0 to run
        the encoder in each step.
    refresh_epochs : int
        A new view of each slice every so many epochs.
    localiser_epochs : int
        Passes for the localiser, which is trained first; 0 leaves it as it is.
    scar_share : float
        Least share of each batch that is slices with scar; 0 takes them as they come.
    validate_every : int
        Validate every so many epochs; 0 only at the end.
    patience : int
        Stop after so many validations without a better scar Dice; 0 never.
    keep : {"best", "last"}
        The weights that become the model: those of the best validation, or the last, as also where none was done.
    choose_scar_shift : bool
        Choose on the validation patients how readily scar is called; see :mod:`scarnet_training.operating_point`.
    precision : {"auto", "no", "bf16", "fp16"}
        Mixed precision; auto is bf16 on GPUs and CPUs with instructions for it, else fp16 on GPUs and none on CPUs.
    threads : int
        CPU threads; 0 for all.
    """

    seed: int = _setting(0, least=0)
    unet_epochs: int = _setting(0, least=0)
    epochs: int = _setting(60, least=0)
    least_steps: int = _setting(1, least=1)
    batch_size: int = _setting(16, least=1)
    micro_batch: int = _setting(0, least=0)
    optimizer: str = _setting("adamw", choices=("adamw", "adam"))
    beta1: float = _setting(0.9, least=0, most=0.9999)
    beta2: float = _setting(0.999, least=0, most=0.99999)
    learning_rate: float = _setting(1e-3, above=0, most=1)
    schedule: str = _setting("cosine", choices=("cosine", "exponential"))
    decay: float = _setting(0.95, above=0, most=1)
    pretrained_factor: float = _setting(0.3, least=0, most=1)
    weight_decay: float = _setting(1e-2, least=0, most=1)
    branch_weight: float = _setting(0.3, least=0)
    ema: float = _setting(0.995, least=0, most=0.99999)
    train_encoder: bool = False
    encoder_weights: str = ""
    views: int = _setting(12, least=0)
    refresh_epochs: int = _setting(5, least=1)
    localiser_epochs: int = _setting(40, least=0)
    scar_share: float = _setting(0.0, least=0, most=1)
    validate_every: int = _setting(5, least=0)
    patience: int = _setting(0, least=0)
    keep: str = _setting("best", choices=("best", "last"))
    choose_scar_shift: bool = False
    precision: str = _setting("auto", choices=("auto", "no", "bf16", "fp16"))
    threads: int = _setting(0, least=0)


@dataclass(frozen=True)
class AugmentationSettings:
    """How far random views go; each change but the pose is made half of the time.

    Attributes
    ----------
    rotation_deg : float
        Largest rotation either way.
    scale : float
        Largest relative change of size.
    shift_mm : float
        Largest shift of the centre along each axis; covers the localiser's error.
    flips : bool
        Mirror along each axis.
    elastic_mm : float
        Standard deviation of a smooth displacement.
    intensity : float
        How far gamma, bias field, sharpness and noise go; 1 is strong, 0 changes nothing.
    ghosting : float
        Largest part of the image that appears again, shifted, as motion does it.
    brightness, contrast : float
        Largest relative change after normalisation, as in the paper.
    """

    rotation_deg: float = _setting(45.0, least=0, most=180)
    scale: float = _setting(0.2, least=0, most=0.5)
    shift_mm: float = _setting(10.0, least=0, most=100)
    flips: bool = True
    elastic_mm: float = _setting(0.0, least=0, most=20)
    intensity: float = _setting(0.6, least=0, most=2)
    ghosting: float = _setting(0.0, least=0, most=0.5)
    brightness: float = _setting(0.0, least=0, most=0.9)
    contrast: float = _setting(0.0, least=0, most=0.9)


@dataclass(frozen=True)
class ModelSettings:
    """What the card says besides figures.

    Attributes
    ----------
    name, description, licence : str
        As in :class:`scarnet.models.ModelCard`.
    data, limitations : tuple of str
        As in :class:`scarnet.models.ModelCard`.
    test_time_flips : bool
        Whether the model is meant to be used, and is validated, with flips at test time.
    half : bool
        Store the weights in 16 bits.
    """

    name: str = "model"
    description: str = ""
    licence: str = "unknown"
    data: tuple[str, ...] = ()
    limitations: tuple[str, ...] = ()
    test_time_flips: bool = False
    half: bool = True

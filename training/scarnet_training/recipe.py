"""A training recipe: one TOML file, checked entry by entry."""

import tomllib
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from scarnet.errors import ScarNetError
from scarnet.network.config import ScarNetConfig

__all__ = ["DataSettings", "ModelSettings", "Recipe", "TrainingSettings", "find_recipe", "load_recipe"]

RECIPES = (Path(__file__).parent / "recipes", Path(__file__).parent.parent / "recipes")


@dataclass(frozen=True)
class DataSettings:
    """What to train on.

    Attributes
    ----------
    datasets : tuple of str
        Folders in nnU-Net's raw layout, relative to the current folder.
    phantoms : int
        Synthetic patients added to the training side.
    validation_fraction : float
        Share of the real patients held out.
    """

    datasets: tuple[str, ...] = ()
    phantoms: int = 0
    validation_fraction: float = 0.2


@dataclass(frozen=True)
class TrainingSettings:
    """How to train.

    Attributes
    ----------
    seed : int
        Seed of split, augmentation and order.
    unet_epochs : int
        Passes that train the U-Net branch alone first; each has new views of every slice, for they need no encoder.
    epochs : int
        Passes over the training slices that train the whole network.
    batch_size : int
        Slices a step.
    learning_rate : float
        AdamW's peak; a linear warm-up over 3 % of the steps, then a cosine to zero.
    pretrained_factor : float
        Factor on the U-Net branch's learning rate once it was trained alone.
    weight_decay : float
        AdamW's.
    loss : {"paper", "repository"}
        Preset of the loss.
    branch_weight : float
        Weight of each branch's own loss (deep supervision).
    ema : float
        Decay a step of the averaged weights that are kept.
    train_encoder : bool
        Train the encoder too; else it stays as it was pretrained, and its output is kept with each view.
    view_intensity : bool
        Change the looks of each view once, before the encoder sees it.
    step_intensity : float
        How far the looks of each image change again in every step; 0 not at all.
    encoder_weights : str
        File of the pretrained encoder, relative to the current folder; empty for random weights.
    views : int
        How many random views of each slice are kept.
    refresh_epochs : int
        A new view of each slice every so many epochs.
    localiser_epochs : int
        Passes for the localiser, which is trained first.
    choose_scar_shift : bool
        Choose on the validation patients how readily scar is called; see :mod:`scarnet_training.operating_point`.
    validate_every : int
        Validate every so many epochs.
    threads : int
        CPU threads; 0 for all.
    """

    seed: int = 0
    unet_epochs: int = 0
    epochs: int = 60
    batch_size: int = 16
    learning_rate: float = 1e-3
    pretrained_factor: float = 0.3
    weight_decay: float = 1e-4
    loss: str = "paper"
    branch_weight: float = 0.3
    ema: float = 0.995
    train_encoder: bool = False
    view_intensity: bool = True
    step_intensity: float = 1.0
    encoder_weights: str = ""
    views: int = 12
    refresh_epochs: int = 5
    localiser_epochs: int = 40
    choose_scar_shift: bool = False
    validate_every: int = 5
    threads: int = 0


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


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how a training goes.

    Attributes
    ----------
    data : DataSettings
        What to train on.
    network : ScarNetConfig
        The network.
    training : TrainingSettings
        How to train.
    model : ModelSettings
        What the card says.
    """

    data: DataSettings = field(default_factory=DataSettings)
    network: ScarNetConfig = field(default_factory=ScarNetConfig)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    model: ModelSettings = field(default_factory=ModelSettings)

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        from scarnet_training.loss import PRESETS

        t = self.training
        if t.loss not in PRESETS:
            raise ScarNetError(f"The loss {t.loss!r} is not known; use one of: {', '.join(PRESETS)}.")
        least = {"epochs": 1, "batch_size": 2, "views": 1, "refresh_epochs": 1, "validate_every": 1}
        least |= {"unet_epochs": 0, "localiser_epochs": 0, "threads": 0, "pretrained_factor": 0, "step_intensity": 0}
        for name, value in least.items():
            if getattr(t, name) < value:
                raise ScarNetError(f"The recipe's training.{name} is {getattr(t, name)}, but must be at least {value}.")
        if not 0 < t.learning_rate <= 1 or not 0 <= t.ema < 1:
            raise ScarNetError("The recipe needs 0 < learning_rate ≤ 1 and 0 ≤ ema < 1.")
        if not 0 < self.data.validation_fraction < 1:
            raise ScarNetError("The recipe's data.validation_fraction must lie between 0 and 1.")

    def to_dict(self) -> dict[str, Any]:
        """Give the recipe as plain values, as it stands in a card.

        Returns
        -------
        dict
            One entry a section.
        """
        return asdict(self)


Section = TypeVar("Section")


def _read_section(kind: type[Section], values: Any, name: str) -> Section:
    if not isinstance(values, dict):
        raise ScarNetError(f"The recipe's {name} is not a section.")
    if kind is ScarNetConfig:
        return ScarNetConfig.from_dict(values)  # type: ignore[return-value]
    assert is_dataclass(kind)
    defaults = {f.name: getattr(kind(), f.name) for f in fields(kind)}
    for key, value in values.items():
        if key not in defaults:
            raise ScarNetError(f"The recipe's [{name}] has no setting {key!r}; known: {', '.join(defaults)}.")
        wanted = type(defaults[key])
        fits = isinstance(value, list) if wanted is tuple else type(value) is wanted
        if not fits and not (wanted is float and type(value) is int):
            raise ScarNetError(f"The recipe's {name}.{key} is {value!r}, but should be of type {wanted.__name__}.")
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def load_recipe(path: Path | str) -> Recipe:
    """Read a recipe.

    Parameters
    ----------
    path : Path or str
        A TOML file with any of the sections ``data``, ``network``, ``training`` and ``model``.

    Returns
    -------
    Recipe
        The recipe; what the file does not set keeps its default.

    Raises
    ------
    ScarNetError
        The file is not there or no TOML, or a setting is unknown or has the wrong type or value.
    """
    path = Path(path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScarNetError(f"Cannot read the recipe {path}: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScarNetError(f"The recipe {path} is not valid TOML: {error}.") from error
    kinds = {f.name: type(getattr(Recipe(), f.name)) for f in fields(Recipe)}
    unknown = sorted(set(values) - set(kinds))
    if unknown:
        raise ScarNetError(f"The recipe has no section {', '.join(unknown)}; known: {', '.join(kinds)}.")
    return Recipe(**{name: _read_section(kinds[name], section, name) for name, section in values.items()})


def find_recipe(name: str) -> Path:
    """Find a recipe by its path, or by its name among those that come with the package.

    Parameters
    ----------
    name : str
        A path, or a name such as ``"scarnet-lite"``.

    Returns
    -------
    Path
        The recipe's file.

    Raises
    ------
    ScarNetError
        There is no such recipe; the message lists those that come with the package.
    """
    if Path(name).is_file():
        return Path(name)
    shipped = {path.stem: path for folder in RECIPES for path in sorted(folder.glob("*.toml"))}
    if name in shipped:
        return shipped[name]
    raise ScarNetError(f"There is no recipe {name!r}; give a file's path or one of: {', '.join(shipped)}.")

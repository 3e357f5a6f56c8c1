"""A training recipe: one TOML file, checked entry by entry."""

import tomllib
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from scarnet.errors import ScarNetError
from scarnet.files import atomic_path
from scarnet.network.config import ScarNetConfig
from scarnet_training.loss_settings import PRESETS, LossSettings
from scarnet_training.settings import (
    AugmentationSettings,
    DataSettings,
    ModelSettings,
    StartSettings,
    TrainingSettings,
    impossible_values,
)

__all__ = ["Recipe", "find_recipe", "load_recipe", "read_recipe", "write_recipe"]

RECIPES = (Path(__file__).parent / "recipes", Path(__file__).parent.parent / "recipes")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how a training goes.

    Attributes
    ----------
    data : DataSettings
        What to train on.
    start : StartSettings
        What to start from.
    network : ScarNetConfig
        The network; a model to start from brings its own.
    training : TrainingSettings
        How to train.
    loss : LossSettings
        The loss; in a file, ``preset`` names what the other entries change.
    augmentation : AugmentationSettings
        How far views of a slice go.
    model : ModelSettings
        What the card says.

    Raises
    ------
    ScarNetError
        A value is impossible, or two do not go together; all of them are named.
    """

    data: DataSettings = field(default_factory=DataSettings)
    start: StartSettings = field(default_factory=StartSettings)
    network: ScarNetConfig = field(default_factory=ScarNetConfig)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)
    model: ModelSettings = field(default_factory=ModelSettings)

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        problems = [
            f"{name}.{problem}"
            for name in ("data", "start", "training", "augmentation")
            for problem in impossible_values(getattr(self, name))
        ]
        data, training = self.data, self.training
        if training.unet_epochs + training.epochs < 1:
            problems.append("training.unet_epochs and training.epochs are both 0, but one must be at least 1")
        if data.folds == 1:
            problems.append("data.folds is 1, but must be 0 or at least 2")
        if data.folds and data.fold >= data.folds:
            problems.append(f"data.fold is {data.fold}, but must be below data.folds, {data.folds}")
        if self.network.encoder == "none" and training.epochs and training.unet_epochs:
            problems.append("training.unet_epochs trains all of a network without an encoder; set it or epochs to 0")
        if training.micro_batch > training.batch_size:
            problems.append(f"training.micro_batch is {training.micro_batch}, but must be at most the batch_size")
        if problems:
            raise ScarNetError("The recipe cannot be trained: " + "; ".join(problems) + ".")

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
    values = dict(values)
    base: Any = kind()
    if kind is LossSettings:
        preset = values.pop("preset", "paper")
        if preset not in PRESETS:
            raise ScarNetError(f"The recipe's loss.preset is {preset!r}, but must be one of: {', '.join(PRESETS)}.")
        base = PRESETS[preset]
    assert is_dataclass(base)
    defaults = {f.name: getattr(base, f.name) for f in fields(base)}
    read = {}
    for key, value in values.items():
        if key not in defaults:
            raise ScarNetError(f"The recipe's [{name}] has no setting {key!r}; known: {', '.join(defaults)}.")
        wanted = type(defaults[key])
        if wanted is float and type(value) is int:
            value = float(value)
        if wanted is tuple and isinstance(value, list):
            value = _read_list(defaults[key], value, f"{name}.{key}")
        if type(value) is not wanted:
            shown = "list" if wanted is tuple else wanted.__name__
            raise ScarNetError(f"The recipe's {name}.{key} is {value!r}, but should be of type {shown}.")
        read[key] = value
    return replace(base, **read)  # type: ignore[type-var, return-value]


def _read_list(default: tuple[Any, ...], values: list[Any], key: str) -> tuple[Any, ...]:
    wanted = float if default and type(default[0]) is float else str
    read = tuple(float(value) if wanted is float and type(value) is int else value for value in values)
    if not all(type(value) is wanted for value in read):
        raise ScarNetError(f"The recipe's {key} is {values!r}, but should be a list of type {wanted.__name__}.")
    return read


def load_recipe(path: Path | str) -> Recipe:
    """Read a recipe.

    Parameters
    ----------
    path : Path or str
        A TOML file with any of the sections of :class:`Recipe`.

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
    return read_recipe(values)


def read_recipe(values: dict[str, Any]) -> Recipe:
    """Make a recipe of plain values, as :meth:`Recipe.to_dict` gives them or a TOML file holds them.

    Parameters
    ----------
    values : dict
        One entry a section.

    Returns
    -------
    Recipe
        The recipe.

    Raises
    ------
    ScarNetError
        A setting is unknown or has the wrong type or value.
    """
    kinds = {f.name: type(getattr(Recipe(), f.name)) for f in fields(Recipe)}
    unknown = sorted(set(values) - set(kinds))
    if unknown:
        raise ScarNetError(f"The recipe has no section {', '.join(unknown)}; known: {', '.join(kinds)}.")
    return Recipe(**{name: _read_section(kinds[name], section, name) for name, section in values.items()})


def write_recipe(recipe: Recipe, path: Path | str) -> None:
    """Write a recipe that :func:`load_recipe` reads back to an equal one.

    Parameters
    ----------
    recipe : Recipe
        The recipe.
    path : Path or str
        The TOML file.

    Raises
    ------
    ScarNetError
        The file cannot be written.
    """
    import tomli_w

    with atomic_path(Path(path)) as temporary:
        temporary.write_text(tomli_w.dumps(recipe.to_dict()), encoding="utf-8")


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

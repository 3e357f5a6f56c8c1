"""Models: their cards, their files and the registry. Importing this loads no torch."""

from scarnet.models.card import ModelCard
from scarnet.models.registry import DEFAULT_MODEL, ModelEntry, import_model, list_models, load_model
from scarnet.models.store import Model, save_model

__all__ = [
    "DEFAULT_MODEL",
    "Model",
    "ModelCard",
    "ModelEntry",
    "import_model",
    "list_models",
    "load_model",
    "save_model",
]

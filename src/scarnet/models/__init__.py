"""Models: their cards, their files and the registry. Importing this loads no torch."""

from scarnet.models.card import ModelCard
from scarnet.models.registry import DEFAULT_MODEL, ModelEntry, find_model, import_model, list_models, load_model
from scarnet.models.store import Model, read_card, save_model

__all__ = [
    "DEFAULT_MODEL",
    "Model",
    "ModelCard",
    "ModelEntry",
    "find_model",
    "import_model",
    "list_models",
    "load_model",
    "read_card",
    "save_model",
]

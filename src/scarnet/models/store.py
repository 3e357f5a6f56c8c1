"""Model files: safetensors with a card in their metadata, read without running anything in them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scarnet.errors import ScarNetError
from scarnet.files import atomic_path
from scarnet.models.card import ModelCard

if TYPE_CHECKING:
    from torch import Tensor

    from scarnet.network.scarnet import ScarNet

__all__ = ["Model", "file_sha256", "read_card", "read_model", "save_model"]

CARD_KEY = "scarnet_card"


@dataclass(frozen=True, eq=False)
class Model:
    """A network with its weights.

    Attributes
    ----------
    network : ScarNet
        The network, on the CPU and in evaluation mode.
    card : ModelCard
        What it is.
    sha256 : str
        Digest of the file it came from.
    name : str
        Name in the registry, or the file's.
    """

    network: "ScarNet"
    card: ModelCard
    sha256: str
    name: str


def file_sha256(path: Path | str) -> str:
    """Give a file's SHA-256 digest.

    Parameters
    ----------
    path : Path or str
        The file.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_model(path: Path | str, network: "ScarNet", card: ModelCard, half: bool = False) -> Path:
    """Write a network and its card.

    Parameters
    ----------
    path : Path or str
        The file, ``.safetensors``.
    network : ScarNet
        The network.
    card : ModelCard
        Its card; must hold the network's configuration.
    half : bool
        Store floating-point weights in 16 bits, which halves the file and rounds the weights.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ScarNetError
        The card belongs to another network, or the file cannot be written.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    path = Path(path)
    if card.config != network.config:
        raise ScarNetError(f"The card of {card.name!r} describes another network than the one to be saved.")
    state = {
        name: (tensor.half() if half and tensor.dtype == torch.float32 else tensor).contiguous().cpu().clone()
        for name, tensor in network.state_dict().items()
    }
    with atomic_path(path) as temporary:
        try:
            save_file(state, temporary, metadata={CARD_KEY: card.to_json()})
            temporary.chmod(0o644)  # safetensors lets only its owner read it
        except SafetensorError as error:
            raise ScarNetError(f"Cannot write {path}: {error}.") from error
    return path


def read_card(path: Path | str) -> ModelCard:
    """Read only the card of a model file; needs no torch.

    Parameters
    ----------
    path : Path or str
        The file.

    Returns
    -------
    ModelCard
        The card.

    Raises
    ------
    ScarNetError
        The file is no ScarNet model.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise ScarNetError(f"There is no model file {path}.")
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ScarNetError(f"{path.name} is not a safetensors file; nothing in it was run.") from error
    if CARD_KEY not in metadata:
        raise ScarNetError(f"{path.name} holds weights without a ScarNet card; it is not a ScarNet model.")
    return ModelCard.from_json(metadata[CARD_KEY])


def read_model(path: Path | str, name: str | None = None) -> Model:
    """Read a model file.

    Parameters
    ----------
    path : Path or str
        A ``.safetensors`` file with a card.
    name : str, optional
        Name to give the model; without it the file's.

    Returns
    -------
    Model
        The network in evaluation mode, in 32 bits, on the CPU.

    Raises
    ------
    ScarNetError
        The file is no ScarNet model, or its weights do not fit its card.
    """
    from safetensors.torch import load_file

    path = Path(path)
    card = read_card(path)
    return build_model(load_file(path), card, file_sha256(path), name or path.stem)


def build_model(state: "dict[str, Tensor]", card: ModelCard, sha256: str, name: str) -> Model:
    """Make a network of its card and put weights into it.

    Parameters
    ----------
    state : dict of str to Tensor
        The weights.
    card : ModelCard
        The card.
    sha256 : str
        Digest of the file they came from.
    name : str
        Name to give the model.

    Returns
    -------
    Model
        The network in evaluation mode.

    Raises
    ------
    ScarNetError
        The weights do not fit the card.
    """
    from scarnet.network.scarnet import ScarNet

    network = ScarNet(card.config)
    try:
        network.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise ScarNetError(f"The weights of {name!r} do not fit the network its card describes.") from error
    return Model(network.eval(), card, sha256, name)

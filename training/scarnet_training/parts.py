"""Which parts of a pretrained network train in a fine-tuning, and how fast."""

from collections.abc import Collection
from typing import Any

from torch.nn import Parameter

from scarnet.errors import ScarNetError
from scarnet.network.adapters import adapter_parameters, add_adapters
from scarnet.network.scarnet import ScarNet

__all__ = ["PARTS", "choose_parts", "parameter_groups", "trains_encoder"]

PARTS = ("heads", "decoder", "all", "adapters")

# What trains by the choice, from the outputs inwards. The heads make logits of the features F_sam and F_unet of the
# two branches: the fusion as a whole, which is small, and each branch's own 1×1 convolution.
TRAINED = {
    "heads": ("heads",),
    "decoder": ("heads", "decoder"),
    "all": ("heads", "decoder", "encoder"),
    "adapters": ("heads", "decoder", "adapters"),
}
HEADS = ("fusion", "medsam_head", "unet_head")

# Position tables are biases in all but shape, as the vision transformers' own recipes treat them.
TABLES = ("pos_embed", "attention_biases", "rel_pos_h", "rel_pos_w")


def choose_parts(network: ScarNet, parts: str) -> None:
    """Set `requires_grad` on what trains and take it from the rest.

    Parameters
    ----------
    network : ScarNet
        Changed in place. The localiser never trains here: that is done by itself.
    parts : {"heads", "decoder", "all", "adapters"}
        ``heads``: the fusion and the branches' 1×1 heads. ``decoder``: everything but the image encoder. ``all``: the
        encoder too. ``adapters``: the decoder and low-rank adapters in the encoder's attention, which are added with
        :func:`scarnet.network.adapters.add_adapters` and its defaults where the network has none.

    Raises
    ------
    ScarNetError
        There is no such choice, it needs an encoder and the network has none, or the network has adapters and the
        choice is another.
    """
    _check(parts)
    if parts == "adapters" and not adapter_parameters(network):
        add_adapters(network)
    if parts != "adapters" and adapter_parameters(network):
        raise ScarNetError(f"The model has adapters in its encoder; merge them before training {parts!r}.")
    for _, part, parameter in _parameters(network):
        parameter.requires_grad_(part in TRAINED[parts])


def trains_encoder(network: ScarNet, parts: str) -> bool:
    """Say whether the encoder's features change during a training, so that they cannot be computed once and kept.

    Parameters
    ----------
    network : ScarNet
        The network.
    parts : {"heads", "decoder", "all", "adapters"}
        What trains.

    Returns
    -------
    bool
        Whether gradients have to go through the encoder.

    Raises
    ------
    ScarNetError
        There is no such choice.
    """
    _check(parts)
    return network.encoder is not None and parts in ("all", "adapters")


def parameter_groups(
    network: ScarNet,
    parts: str,
    learning_rate: float,
    pretrained_factor: float,
    weight_decay: float,
    pretrained: Collection[str] = ("decoder", "encoder"),
) -> list[dict[str, Any]]:
    """Group what trains for an optimizer, by part and by whether it decays.

    Parameters
    ----------
    network : ScarNet
        A network on which :func:`choose_parts` was called with the same choice.
    parts : {"heads", "decoder", "all", "adapters"}
        What trains.
    learning_rate : float
        Highest learning rate of the parts that are new or nearest to the task.
    pretrained_factor : float
        Factor on it for pretrained parts.
    weight_decay : float
        Decay of matrices and kernels. Norms, biases, other vectors and position tables do not decay.
    pretrained : collection of str
        Which of ``heads``, ``decoder``, ``encoder`` and ``adapters`` take the factor. In a fine-tuning all came
        pretrained but the adapters, and the heads are the ones to go furthest; a training from scratch on a
        pretrained encoder names ``encoder`` alone.

    Returns
    -------
    list of dict
        Groups with the keys ``params``, ``peak`` (the highest learning rate), ``weight_decay`` and ``name`` (the part,
        or ``part-undecayed``), none empty, always in the same order. The optimizer wants a learning rate besides.

    Raises
    ------
    ScarNetError
        There is no such choice.
    ValueError
        What trains in the network is something else than the choice says.
    """
    _check(parts)
    groups: dict[str, dict[str, Any]] = {}
    for part in TRAINED[parts]:
        peak = learning_rate * (pretrained_factor if part in pretrained else 1.0)
        groups[part] = {"params": [], "peak": peak, "weight_decay": weight_decay, "name": part}
        groups[f"{part}-undecayed"] = {"params": [], "peak": peak, "weight_decay": 0.0, "name": f"{part}-undecayed"}
    for name, part, parameter in _parameters(network):
        if parameter.requires_grad != (part in TRAINED[parts]):
            raise ValueError(f"{name} does not train as {parts!r} wants; call choose_parts first.")
        if parameter.requires_grad:
            decays = parameter.dim() > 1 and name.rpartition(".")[2] not in TABLES
            groups[part if decays else f"{part}-undecayed"]["params"].append(parameter)
    return [group for group in groups.values() if group["params"]]


def _check(parts: str) -> None:
    if parts not in PARTS:
        raise ScarNetError(f"There is no choice {parts!r} of what trains; use one of: {', '.join(PARTS)}.")


def _parameters(network: ScarNet) -> list[tuple[str, str, Parameter]]:
    """Give the name of each parameter, the part it belongs to, and the parameter."""
    adapters = adapter_parameters(network)
    found = []
    for name, parameter in network.named_parameters():
        owner = name.partition(".")[0]
        part = "decoder"
        if name in adapters:
            part = "adapters"
        elif owner in HEADS:
            part = "heads"
        elif owner in ("encoder", "localiser"):
            part = owner
        found.append((name, part, parameter))
    return found

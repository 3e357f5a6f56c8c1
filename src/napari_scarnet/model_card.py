"""A model's card as text that a person can read."""

from collections.abc import Mapping
from html import escape
from typing import Any

from scarnet.models.card import ModelCard

__all__ = ["card_html"]


def card_html(card: ModelCard, sha256: str = "") -> str:
    """Write a card as rich text.

    Parameters
    ----------
    card : ModelCard
        The card.
    sha256 : str
        Digest of the weights.

    Returns
    -------
    str
        HTML.
    """
    parts = [f"<b>{escape(card.name)}</b>", f"<p>{escape(card.description)}</p>"]
    parts.append(_section("Licence", [card.licence]))
    parts.append(_section("Trained on", card.data))
    parts.append(_section("Validation on patients the training never saw", _figures(card.validation.get("summary"))))
    parts.append(_section("Limitations", card.limitations))
    config = card.config
    made = [f"grid {config.grid} × {config.grid} at {config.spacing_mm:g} mm"]
    if card.commit:
        made.append(f"trained by commit {card.commit[:10]}")
    if sha256:
        made.append(f"sha256 {sha256[:12]}…")
    parts.append(_section("Made", made))
    return "".join(parts)


def _section(title: str, lines: Any) -> str:
    lines = [str(line) for line in lines if str(line).strip()] or ["not stated"]
    if len(lines) == 1:
        return f"<p><b>{title}:</b> {escape(lines[0])}</p>"
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<p><b>{title}:</b></p><ul style='margin-top:0; margin-left:-20px'>{items}</ul>"


def _figures(values: Any, prefix: str = "") -> list[str]:
    """Flatten nested figures to "name: value" lines."""
    if not isinstance(values, Mapping):
        return []
    lines = []
    for key, value in values.items():
        name = f"{prefix}{str(key).replace('_', ' ')}"
        if isinstance(value, Mapping):
            lines += _figures(value, f"{name}, ")
        elif isinstance(value, float):
            lines.append(f"{name}: {value:.3g}")
        else:
            lines.append(f"{name}: {value}")
    return lines

"""Numbers and sentences as the report prints them."""

from collections.abc import Mapping
from typing import Any

from scarnet.export.origin import LabelOrigin
from scarnet.models.card import ModelCard

__all__ = ["card_paragraphs", "interval_of", "number", "origin_sentence"]


def number(value: float | None, digits: int, unit: str = "") -> str:
    """Print a number.

    Parameters
    ----------
    value : float or None
        The number.
    digits : int
        Digits after the point.
    unit : str
        What follows it.

    Returns
    -------
    str
        The number with its unit; a dash where there is none.
    """
    return "–" if value is None else f"{value:.{digits}f}{unit}"


def interval_of(values: Mapping[str, Any], quantity: str, unit: str) -> str:
    """Print the 95 % interval of a quantity, from a run with noise where there was one, or else from probabilities.

    Parameters
    ----------
    values : Mapping
        The measures.
    quantity : str
        A key of the measures.
    unit : str
        Its unit.

    Returns
    -------
    str
        Such as ``"17.1–20.3 % (95 %, noise)"``; empty where there is no interval.
    """
    for source, name in (("noise", "noise"), ("probabilities", "model")):
        found = (values["uncertainty"].get(source) or {}).get(quantity)
        if found and found["interval"]:
            low, high = found["interval"]
            return f"{low:.1f}–{high:.1f}{unit} (95 %, {name})"
    return ""


def origin_sentence(origin: LabelOrigin) -> str:
    """Say who drew the labels.

    Parameters
    ----------
    origin : LabelOrigin
        Who did.

    Returns
    -------
    str
        One sentence.
    """
    model = f"the model {origin.model_name} (sha256 {origin.model_sha256[:12]}…)"
    return {
        "automatic": f"Labels by {model}, not corrected.",
        "semiautomatic": f"Labels by {model}; they may have been corrected by hand.",
        "manual": "Labels drawn by hand or of unknown making.",
    }[origin.kind]


def card_paragraphs(origin: LabelOrigin, card: ModelCard | None) -> list[str]:
    """Say what is to be known of the model.

    Parameters
    ----------
    origin : LabelOrigin
        Who drew the labels.
    card : ModelCard or None
        The model's card, where there is one at hand.

    Returns
    -------
    list of str
        Paragraphs.
    """
    if origin.kind == "manual":
        return ["No model took part that this program knows of."]
    texts = [f"{origin.model_name}, sha256 {origin.model_sha256}."]
    if card is None:
        return [*texts, "Its card is not at hand; 'scarnet models show' prints it where the model is installed."]
    texts[0] = f"{origin.model_name}: {card.description} sha256 {origin.model_sha256}."
    texts.append(f"Licence of the weights: {card.licence}.")
    if card.data:
        texts.append("Trained on: " + "; ".join(text.removesuffix(".") for text in card.data) + ".")
    dice = _dice(card)
    if dice:
        texts.append(dice)
    if card.smallest_scar_ml:
        texts.append(f"It claims no connected scar under {card.smallest_scar_ml:g} ml.")
    return [*texts, *(f"Limit: {text}" for text in card.limitations)]


def _dice(card: ModelCard) -> str:
    summary = card.validation.get("summary", {})
    found = [
        f"{words} {summary[key]['mean']:.2f} (n {summary[key]['n']})"
        for key, words in (("dice_myocardium", "wall"), ("dice_blood_pool", "blood pool"), ("dice_scar", "scar"))
        if isinstance(summary.get(key), dict)
        and {"mean", "n"} <= summary[key].keys()
        and summary[key]["mean"] is not None
    ]
    return f"Mean Dice on patients its training never saw: {', '.join(found)}." if found else ""

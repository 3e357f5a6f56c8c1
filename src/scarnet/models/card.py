"""The card that travels in a model's weights: what it is, from what, and how good."""

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from scarnet.errors import ScarNetError
from scarnet.network.config import ScarNetConfig

__all__ = ["ModelCard"]


@dataclass(frozen=True)
class ModelCard:
    """Everything a user should know about a set of weights.

    Attributes
    ----------
    name : str
        Short name, as in the registry.
    description : str
        One or two sentences.
    config : ScarNetConfig
        The network and the image it sees.
    licence : str
        Licence of the weights.
    data : tuple of str
        What they were trained on, with citation.
    recipe : dict
        The training recipe.
    commit : str
        Commit of the code that trained them.
    validation : dict
        Figures on patients the training never saw: ``{"summary": {...}, "patients": {...}}``.
    training_cases : tuple of str
        Names of the real cases that it, or a model it was trained from, was trained on; empty where nobody kept them.
    smallest_scar_ml : float
        Connected scar of less volume is not claimed: cleaning turns it into myocardium. Chosen on unseen patients.
    limitations : tuple of str
        What it must not be trusted with. One sentence each.
    """

    name: str
    description: str
    config: ScarNetConfig
    licence: str = "unknown"
    data: tuple[str, ...] = ()
    recipe: dict[str, Any] = field(default_factory=dict)
    commit: str = ""
    validation: dict[str, Any] = field(default_factory=dict)
    limitations: tuple[str, ...] = ()
    smallest_scar_ml: float = 0.0
    training_cases: tuple[str, ...] = ()

    def saw_in_training(self, case: str) -> bool | None:
        """Say whether the training saw a case of this name.

        Parameters
        ----------
        case : str
            The case's name.

        Returns
        -------
        bool or None
            None where the card does not tell what it was trained on.
        """
        return case in self.training_cases if self.training_cases else None

    def to_json(self) -> str:
        """Give the card as JSON.

        Returns
        -------
        str
            The JSON text, which :meth:`from_json` reads back to an equal card.
        """
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "ModelCard":
        """Read a card.

        Parameters
        ----------
        text : str
            What :meth:`to_json` gave.

        Returns
        -------
        ModelCard
            The card.

        Raises
        ------
        ScarNetError
            The text is no card, or its configuration is not valid.
        """
        try:
            values = json.loads(text)
            values = {f.name: values[f.name] for f in fields(cls) if f.name in values}
            config = ScarNetConfig.from_dict(values.pop("config"))
            for name in ("data", "limitations", "training_cases"):
                values[name] = tuple(values.get(name, ()))
            card = cls(config=config, **values)
            texts = (
                card.name,
                card.description,
                card.licence,
                card.commit,
                *card.data,
                *card.limitations,
                *card.training_cases,
            )
            if not all(isinstance(text, str) for text in texts):
                raise TypeError("not text")
            if not isinstance(card.smallest_scar_ml, float | int) or card.smallest_scar_ml < 0:
                raise TypeError("not a volume")
            if not isinstance(card.recipe, dict) or not isinstance(card.validation, dict):
                raise TypeError("not a dict")
            return card
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise ScarNetError("The model's card cannot be read; the file is not a ScarNet model.") from error

"""Who drew the labels that are written."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["MODEL_PREFIX", "LabelOrigin"]

MODEL_PREFIX = "ScarNet "
"""What stands before a model's name in DICOM files."""


@dataclass(frozen=True)
class LabelOrigin:
    """Who drew a label volume: a model, a person, or a person on a model's draft.

    Attributes
    ----------
    kind : {"automatic", "semiautomatic", "manual"}
        DICOM's words: a model's labels as they came; a model's labels that a person may have corrected; drawn by hand
        or of unknown making.
    model_name : str
        The model's name; empty for ``"manual"``.
    model_sha256 : str
        Digest of its weights; empty for ``"manual"``.
    """

    kind: Literal["automatic", "semiautomatic", "manual"] = "manual"
    model_name: str = ""
    model_sha256: str = ""

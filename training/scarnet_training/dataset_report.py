"""What a check of datasets found, and how it is told: every problem at once, or as many as can be read."""

from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Literal, get_args

from scarnet.errors import ScarNetError

__all__ = ["DatasetReport", "ProblemKind", "listed"]

ProblemKind = Literal["description", "files", "patients", "images", "labels", "duplicates"]
"""What a problem is about; problems are told in this order."""

_MOST_LINES = 20
_MOST_NAMES = 20


@dataclass
class DatasetReport:
    """What one or several datasets hold, and what is wrong with them.

    Attributes
    ----------
    folders : tuple of Path
        The datasets.
    cases : list of str
        Names of the cases that are fit to train on.
    with_scar : list of str
        Those of them with scar.
    patients : int
        Number of patients they are of.
    problems : dict
        Sentences about what has to be put right before training, by what they are about.
    warnings : list of str
        Sentences about what one should know, but can train with.
    """

    folders: tuple[Path, ...]
    cases: list[str] = field(default_factory=list)
    with_scar: list[str] = field(default_factory=list)
    patients: int = 0
    problems: dict[ProblemKind, list[str]] = field(default_factory=lambda: {kind: [] for kind in get_args(ProblemKind)})
    warnings: list[str] = field(default_factory=list)

    @property
    def is_fit(self) -> bool:
        """Whether there is no problem."""
        return not any(self.problems.values())

    def raise_problems(self) -> None:
        """Refuse datasets that have problems.

        Raises
        ------
        ScarNetError
            There are problems; the message has a line for each, or for the first of each kind where they are many.
        """
        if self.is_fit:
            return
        where = ", ".join(map(str, self.folders))
        count = sum(map(len, self.problems.values()))
        lines = _shortened([sentences for sentences in self.problems.values() if sentences])
        if count == 1:
            raise ScarNetError(f"{where} cannot be trained on: {lines[0]}")
        listing = "\n".join(f"- {line}" for line in lines)
        raise ScarNetError(f"{where} cannot be trained on because of {count} problems:\n{listing}")


def listed(names: list[str]) -> str:
    """Join names with commas, as many as can be read.

    Parameters
    ----------
    names : list of str
        In the order to tell them.

    Returns
    -------
    str
        At most twenty of them, and the number of the others.
    """
    more = f" … and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _shortened(kinds: list[list[str]]) -> list[str]:
    """Take turns over the kinds of problems, so that many of one kind do not hide the others."""
    turns = [(kind, sentence) for row in zip_longest(*kinds) for kind, sentence in enumerate(row) if sentence]
    told = turns[:_MOST_LINES]
    lines = []
    for kind, sentences in enumerate(kinds):
        own = [sentence for told_kind, sentence in told if told_kind == kind]
        lines += own
        if len(own) < len(sentences):
            lines.append(f"… and {len(sentences) - len(own)} more of this kind.")
    return lines

"""How the figures of an evaluation look, and how they are written."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scarnet.errors import ScarNetError
from scarnet.evaluate.case import CaseResult
from scarnet.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "GREY", "Methods", "frame", "plain", "save_figure", "short"]

Methods = Mapping[str, Sequence[CaseResult]]

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""Okabe and Ito's colours, which colour-blind readers tell apart; the order keeps neighbours unlike."""

GREY = "#555555"
_NAME_LIMIT = 32
_SUFFIXES = (".png", ".pdf")


def save_figure(path: Path, figure: "Figure") -> None:
    """Write a figure; nothing is left behind where that fails.

    Parameters
    ----------
    path : Path
        Where to, ending in ``.png`` (200 dpi) or ``.pdf``; the folder must exist.
    figure : matplotlib.figure.Figure
        The figure.

    Raises
    ------
    ScarNetError
        The suffix is neither, or the file cannot be written.
    """
    import matplotlib

    kind = path.suffix.lower()
    if kind not in _SUFFIXES:
        raise ScarNetError(f"{path.name}: figures are written as {' or '.join(_SUFFIXES)}; choose one of them.")
    # Text stays text in the PDF, and the file says nothing of who made it or when.
    metadata = {"Creator": None, "Producer": None, "CreationDate": None} if kind == ".pdf" else None
    with atomic_path(path) as target, matplotlib.rc_context({"pdf.fonttype": 42}):
        figure.savefig(target, format=kind[1:], dpi=200, metadata=metadata)


def frame(axes: "Axes") -> None:
    """Give axes the plain look of a journal's figure.

    Parameters
    ----------
    axes : Axes
        The axes.
    """
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.grid(axis="y", color="#E5E5E5", linewidth=0.6)
    axes.set_axisbelow(True)


def short(name: str) -> str:
    """Cut a name to what fits over a panel.

    Parameters
    ----------
    name : str
        A method's name.

    Returns
    -------
    str
        At most 32 letters.
    """
    return name if len(name) <= _NAME_LIMIT else name[: _NAME_LIMIT - 1] + "…"


def plain(texts: Sequence[Any]) -> None:
    """Keep matplotlib from reading dollar signs in a user's names as mathematics.

    Parameters
    ----------
    texts : sequence of matplotlib Text
        The texts.
    """
    for text in texts:
        text.set_parse_math(False)

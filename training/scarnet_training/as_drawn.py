"""What is said of held-out cases whose labels are just what a model draws: they cannot tell two models apart."""

from scarnet.wording import counted

__all__ = ["HELD_OUT", "NOTHING_LEFT", "drawn_sentence"]

HELD_OUT = "held-out case"
"""By what :func:`drawn_sentence` can be told from other sentences of a card."""

NOTHING_LEFT = "So nothing says which of the two models is better."
"""What follows where every held-out case is as a model of the two draws it."""


def drawn_sentence(count: int, cases: int, how: str, name: str) -> str:
    """Say that cases are as a model draws them, whose Dice on them is 1 by construction.

    Parameters
    ----------
    count, cases : int
        How many are, of how many.
    how : str
        How they came to their labels, such as ``"accepted"``.
    name : str
        The model.

    Returns
    -------
    str
        The sentence.
    """
    one = count == 1
    return (
        f"{count} of {counted(cases, HELD_OUT)} {'was' if one else 'were'} {how} as {name} drew "
        f"{'it; it is' if one else 'them; they are'} left out."
    )

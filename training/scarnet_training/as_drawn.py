"""What is said of held-out cases whose labels are just what a model draws: they cannot tell two models apart."""

__all__ = ["NOTHING_LEFT", "drawn_sentence"]

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
        f"{count} of {cases} held-out case{'s' if cases != 1 else ''} {'was' if one else 'were'} {how} as {name} drew "
        f"{'it; it is' if one else 'them; they are'} left out."
    )

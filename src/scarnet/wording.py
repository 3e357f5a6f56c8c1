"""How sentences count things."""

__all__ = ["counted"]


def counted(number: int, noun: str) -> str:
    """Give a number with its noun.

    Parameters
    ----------
    number : int
        How many.
    noun : str
        What, in the singular; its plural takes an s.

    Returns
    -------
    str
        Such as ``"1 case"`` or ``"3 cases"``.
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"

"""Tables in the terminal."""

from collections.abc import Sequence

__all__ = ["in_columns"]


def in_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay rows out in columns, two spaces apart.

    Parameters
    ----------
    rows : sequence of sequence of str
        The cells, equally many in each row.

    Returns
    -------
    list of str
        A line a row, without spaces at its end.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]

"""A page in inches: headings, tables and running text that fits its box."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import scarnet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "GREY",
    "HEIGHT",
    "MARGIN",
    "WIDTH",
    "Column",
    "axes_at",
    "draw_table",
    "footer",
    "heading",
    "new_page",
    "paragraphs",
    "write",
]

WIDTH, HEIGHT, MARGIN = 8.27, 11.69, 0.55
"""A4 in inches."""

GREY = "#555555"
_RULE = "#BBBBBB"
_SMALLEST = 4.5
# Width of a mean letter of running text by its size.
_LETTER = 0.57
_CASE_LIMIT = 40


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    head : str
        Its heading.
    width : float
        Its share of the table's width, in any unit.
    words : bool
        Set to the left, as words are; numbers are set to the right.
    """

    head: str
    width: float
    words: bool = False


def new_page() -> "Figure":
    """Give an empty page.

    Returns
    -------
    matplotlib.figure.Figure
        A4, upright, without a canvas of a window system.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, HEIGHT), facecolor="white")


def axes_at(page: "Figure", left: float, bottom: float, width: float, height: float) -> "Axes":
    """Add axes in inches from the page's lower left corner.

    Parameters
    ----------
    page : Figure
        The page.
    left, bottom, width, height : float
        The box.

    Returns
    -------
    Axes
        The axes.
    """
    return page.add_axes((left / WIDTH, bottom / HEIGHT, width / WIDTH, height / HEIGHT))


def write(page: "Figure", x: float, y: float, text: str, size: float = 8, **style: object) -> None:
    """Write a line at a place in inches; dollar signs are no mathematics.

    Parameters
    ----------
    page : Figure
        The page.
    x, y : float
        Where the line's left end (or what ``ha`` and ``va`` say) lies.
    text : str
        The words.
    size : float
        Points.
    **style
        Further properties of matplotlib's Text.
    """
    page.text(x / WIDTH, y / HEIGHT, text, fontsize=size, parse_math=False, **style)  # type: ignore[arg-type]


def heading(page: "Figure", x: float, y: float, text: str) -> None:
    """Write a section's heading.

    Parameters
    ----------
    page : Figure
        The page.
    x, y : float
        Its left end on the base line, in inches.
    text : str
        The words.
    """
    write(page, x, y, text, 9.5, weight="bold")


def footer(page: "Figure", case: str, number: int) -> None:
    """Write what every page says at its foot.

    Parameters
    ----------
    page : Figure
        The page.
    case : str
        The case's name.
    number : int
        The page's, from 1.
    """
    name = case if len(case) <= _CASE_LIMIT else case[: _CASE_LIMIT - 1] + "…"
    left = f"{name}  ·  napari-scarnet {scarnet.__version__}  ·  page {number} of 2"
    write(page, MARGIN, 0.38, left, 7, color=GREY)
    write(
        page, WIDTH - MARGIN, 0.38, "research use only, not a medical device", 7, color=GREY, ha="right", style="italic"
    )


def draw_table(
    page: "Figure", left: float, top: float, width: float, columns: Sequence[Column], rows: Sequence[Sequence[str]],
    row_height: float = 0.16,
) -> float:  # fmt: skip
    """Draw a table.

    Parameters
    ----------
    page : Figure
        The page.
    left, top, width : float
        Its place in inches; the height follows from the rows.
    columns : sequence of Column
        The columns.
    rows : sequence of sequence of str
        The cells, as many a row as there are columns.
    row_height : float
        In inches; the letters follow it.

    Returns
    -------
    float
        Where the table ends, in inches from the page's lower edge.
    """
    height = (len(rows) + 1) * row_height
    axes = axes_at(page, left, top - height, width, height)
    axes.set_axis_off()
    axes.set_xlim(0, sum(column.width for column in columns))
    axes.set_ylim(len(rows) + 1, 0)
    size = min(7.5, row_height * 72 * 0.66)
    at = 0.0
    for number, column in enumerate(columns):
        x = at if column.words else at + column.width * 0.92
        place: dict[str, Any] = {"ha": "left" if column.words else "right", "va": "center", "fontsize": size}
        axes.text(x, 0.5, column.head, color=GREY, parse_math=False, **place)
        for row, cells in enumerate(rows):
            axes.text(x, row + 1.5, cells[number], parse_math=False, **place)
        at += column.width
    for y, line in ((1, 0.8), *((row + 2, 0.25) for row in range(len(rows)))):
        axes.axhline(y, color=_RULE, linewidth=line)
    return top - height


def paragraphs(
    page: "Figure", left: float, top: float, width: float, bottom: float, texts: Sequence[str], size: float = 7.0
) -> None:
    """Set running text into a box, in smaller letters where it is long.

    Parameters
    ----------
    page : Figure
        The page.
    left, top, width, bottom : float
        The box in inches.
    texts : sequence of str
        Paragraphs. Where not even the smallest letters suffice, the last lines are left out and that is said.
    size : float
        The letters' size in points where there is room.
    """
    while True:
        letters = max(int(width * 72 / (size * _LETTER)), 20)
        lines = [line for text in texts for line in (*textwrap.wrap(text, letters), "")]
        room = int((top - bottom) * 72 / (size * 1.28))
        if len(lines) - 1 <= room or size <= _SMALLEST:
            break
        size -= 0.25
    if len(lines) - 1 > room:
        lines = [*lines[: room - 1], "… (the rest is in measures.json and the model's card)"]
    for number, line in enumerate(lines):
        write(page, left, top - number * size * 1.28 / 72, line, size, va="top")

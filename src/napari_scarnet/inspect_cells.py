"""napari's grid with the labels over an image in a cell of their own, which is not the first."""

from typing import Any

from napari.components.grid import GridCanvas

__all__ = ["COLUMNS", "ROWS", "share_cell"]

ROWS, COLUMNS = 2, 5


class PanelGrid(GridCanvas):
    """Puts the layer that no cell is left for into the first cell of the second row.

    napari itself would go round to the very first cell, and does where its internals differ.
    """

    def _viewbox_groups(self, layers: Any) -> tuple[dict[int, int], list[int]]:
        group_of, occupied = super()._viewbox_groups(layers)
        if len(occupied) == ROWS * COLUMNS + 1:
            last = occupied.pop()
            group_of = {i: occupied[COLUMNS] if group == last else group for i, group in group_of.items()}
        return group_of, occupied


def share_cell(grid: Any, on: bool) -> None:
    """Let the eleventh layer share the first cell of the second row, or end that.

    Parameters
    ----------
    grid : GridCanvas
        The viewer's grid; switch it on afterwards.
    on : bool
        Whether to share.
    """
    if type(grid) in (GridCanvas, PanelGrid):
        grid.__class__ = PanelGrid if on else GridCanvas

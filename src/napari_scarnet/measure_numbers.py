"""The headline numbers of the ventricle and of the slice on screen."""

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QWidget

__all__ = ["NumbersTable"]

_ROWS = {
    "wall": ("Wall", "The whole wall: healthy myocardium and scar; mass at 1.05 g/ml"),
    "scar": ("Scar", "What is labelled scar, after the choices below"),
    "percent": ("Scar of the wall", "Scar volume over the volume of the whole wall: healthy myocardium and scar"),
    "pool": ("Blood pool", "Volume of the cavity"),
    "depth": ("Transmurality", "Mean over the chords that meet scar, of 100 from endocardium to epicardium a slice"),
    "border": ("Scar border", "Length of the line between scar and healthy wall, and connected pieces of scar"),
    "doubt": ("By probabilities", "Scar that the network's probabilities expect, with its 95 % interval"),
}
_NOTHING = "–"


class NumbersTable(QWidget):
    """A few rows of numbers, each with its unit; set anew after each stroke."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cells: dict[tuple[str, str], QLabel] = {}
        self._values: dict[str, Any] | None = None
        self._slice = 0
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setHorizontalSpacing(12)
        layout.setVerticalSpacing(3)
        self.slice_title = QLabel("Slice")
        self.slice_title.setToolTip("Slices are counted from 1 here; napari's slider counts from 0.")
        for column, title in ((1, QLabel("Ventricle")), (2, self.slice_title)):
            title.setEnabled(False)
            layout.addWidget(title, 0, column, Qt.AlignmentFlag.AlignRight)
        for row, (key, (name, tip)) in enumerate(_ROWS.items(), start=1):
            label = QLabel(name)
            label.setToolTip(tip)
            layout.addWidget(label, row, 0)
            # What the probabilities expect is of the ventricle, and takes the room of both columns.
            places = ((1, 1, "all"), (2, 1, "slice")) if key != "doubt" else ((1, 2, "all"),)
            for column, width, where in places:
                cell = self.cells[key, where] = QLabel(_NOTHING)
                cell.setToolTip(tip)
                cell.setAccessibleName(f"{name}, {'ventricle' if where == 'all' else 'slice'}")
                cell.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                layout.addWidget(cell, row, column, 1, width, Qt.AlignmentFlag.AlignRight)
        for where in ("all", "slice"):
            font = self.cells["percent", where].font()
            font.setBold(True)
            self.cells["percent", where].setFont(font)
        layout.setColumnStretch(0, 1)
        self.of_what = QLabel("Percentages are of the whole wall: healthy myocardium and scar.")
        self.of_what.setEnabled(False)
        self.of_what.setWordWrap(True)
        layout.addWidget(self.of_what, len(_ROWS) + 1, 0, 1, 3)

    def text(self, row: str, where: str = "all") -> str:
        """Give what a cell says.

        Parameters
        ----------
        row : str
            ``"wall"``, ``"scar"``, ``"percent"``, ``"pool"``, ``"depth"``, ``"border"`` or ``"doubt"``.
        where : {"all", "slice"}
            The column.

        Returns
        -------
        str
            The text.
        """
        return self.cells[row, where].text()

    def show_values(self, values: dict[str, Any] | None) -> None:
        """Show measures.

        Parameters
        ----------
        values : dict or None
            The measures' values; None where there are none.
        """
        self._values = values
        if values is None:
            for cell in self.cells.values():
                cell.setText(_NOTHING)
            return
        depth, pieces = values["transmurality"]["mean_percent_of_scarred"], values["components"]["count"]
        border = _number(values["scar_border_length_mm"], "mm", 0)
        texts = {
            "wall": f"{values['myocardium_volume_ml']:.1f} ml · {values['myocardium_mass_g']:.1f} g",
            "scar": f"{values['scar_volume_ml']:.1f} ml · {values['scar_mass_g']:.1f} g",
            "percent": _number(values["scar_percent_myocardium"], "%"),
            "pool": f"{values['blood_pool_volume_ml']:.1f} ml",
            "depth": _number(depth, "%", 0),
            "border": f"{border} · {pieces} {'piece' if pieces == 1 else 'pieces'}" if pieces else _NOTHING,
        }
        for row, text in texts.items():
            self.cells[row, "all"].setText(text)
        self._show_slice()

    def set_slice(self, z: int) -> None:
        """Choose the slice of the second column.

        Parameters
        ----------
        z : int
            The slice, from 0.
        """
        self._slice = z
        self._show_slice()

    def show_doubt(self, doubt: dict[str, Any] | None) -> None:
        """Show what the probabilities expect.

        Parameters
        ----------
        doubt : dict or None
            From :func:`scarnet.measure.probability_intervals`; None where there is no prediction.
        """
        cell, tip = self.cells["doubt", "all"], _ROWS["doubt"][1]
        if doubt is None:
            cell.setText(_NOTHING)
            cell.setToolTip(tip)
            return
        percent = _expected(doubt["scar_percent_myocardium"], "%", 0)
        cell.setText(f"{_expected(doubt['scar_volume_ml'], 'ml', 1)} · {percent}")
        wall = _expected(doubt["myocardium_volume_ml"], "ml", 1)
        cell.setToolTip(f"{tip}; the wall: {wall}. {doubt['assumes']}")

    def _show_slice(self) -> None:
        slices = [] if self._values is None else self._values["slices"]
        self.slice_title.setText(f"Slice {self._slice + 1}" + (f" of {len(slices)}" if slices else ""))
        if not 0 <= self._slice < len(slices):
            return
        one = slices[self._slice]
        texts = {
            "wall": f"{one['myocardium_volume_ml']:.1f} ml",
            "scar": f"{one['scar_volume_ml']:.1f} ml",
            "percent": _number(one["scar_percent_myocardium"], "%"),
            "pool": f"{one['blood_pool_volume_ml']:.1f} ml",
            "depth": _number(one["scar_transmurality_percent"], "%", 0),
            "border": _number(one["scar_border_length_mm"], "mm", 0) if one["scar_volume_ml"] else _NOTHING,
        }
        for row, text in texts.items():
            self.cells[row, "slice"].setText(text)


def _number(value: float | None, unit: str, digits: int = 1) -> str:
    return _NOTHING if value is None else f"{value:.{digits}f} {unit}"


def _expected(quantity: dict[str, Any], unit: str, digits: int) -> str:
    """Write an expected value with its interval."""
    if quantity["expected"] is None:
        return _NOTHING
    text = f"{quantity['expected']:.{digits}f} {unit}"
    if quantity["interval"] is not None:
        low, high = quantity["interval"]
        text += f" ({low:.{digits}f}–{high:.{digits}f})"
    return text

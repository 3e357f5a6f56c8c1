"""The numbers that follow the brush."""

from typing import Any

from qtpy.QtWidgets import QGridLayout, QLabel, QWidget

__all__ = ["Numbers"]

_ROWS = ("Scar", "Myocardium", "Scar share")


class Numbers(QWidget):
    """Scar, whole wall and scar's share, of the ventricle and of the slice on screen."""

    def __init__(self) -> None:
        super().__init__()
        self.setToolTip("The whole wall counts as myocardium: healthy myocardium and scar.")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(2)
        self.slice_title = QLabel("Slice")
        self.slice_title.setToolTip("Slices are counted from 1 here; napari's slider counts from 0.")
        for column, title in enumerate((QLabel("Ventricle"), self.slice_title), start=1):
            title.setEnabled(False)
            grid.addWidget(title, 0, column)
        self.values: dict[tuple[str, str], QLabel] = {}
        for row, name in enumerate(_ROWS, start=1):
            grid.addWidget(QLabel(name), row, 0)
            for column, where in enumerate(("ventricle", "slice"), start=1):
                label = self.values[name, where] = QLabel("–")
                font = label.font()
                font.setBold(name == "Scar share")
                label.setFont(font)
                grid.addWidget(label, row, column)
        grid.setColumnStretch(0, 2)
        grid.setColumnStretch(1, 3)
        grid.setColumnStretch(2, 3)

    def show_measures(self, measures: dict[str, Any] | None, z: int) -> None:
        """Show measures.

        Parameters
        ----------
        measures : dict or None
            From :func:`scarnet.measure.measure_labels`; None where there are no labels.
        z : int
            The slice on screen.
        """
        of = "" if measures is None else f" of {len(measures['slices'])}"
        self.slice_title.setText(f"Slice {z + 1}{of}")
        if measures is None:
            for label in self.values.values():
                label.setText("–")
            return
        own = measures["slices"][z]
        for name, key in (("Scar", "scar"), ("Myocardium", "myocardium")):
            volume, mass = measures[f"{key}_volume_ml"], measures[f"{key}_mass_g"]
            self.values[name, "ventricle"].setText(f"{volume:.1f} ml · {mass:.1f} g")
            self.values[name, "slice"].setText(f"{own[f'{key}_volume_ml']:.2f} ml")
        for where, share in (("ventricle", measures["scar_percent_myocardium"]), ("slice", own)):
            percent = share["scar_percent_myocardium"] if isinstance(share, dict) else share
            self.values["Scar share", where].setText("–" if percent is None else f"{percent:.1f} %")

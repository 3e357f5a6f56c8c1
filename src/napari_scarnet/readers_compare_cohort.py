"""Two readers over the whole cohort: a table by case and the Bland–Altman figure, in a window."""

from io import BytesIO
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
)

from scarnet.classes import MEASURED_CLASSES
from scarnet.wording import counted

if TYPE_CHECKING:
    from scarnet.project import AnnotatorComparison

__all__ = ["CohortWindow", "agreement_text", "draw_agreement"]


def draw_agreement(comparison: "AnnotatorComparison", first: str, second: str) -> bytes:
    """Draw the Bland–Altman figure; for a worker.

    Parameters
    ----------
    comparison : AnnotatorComparison
        What was compared.
    first, second : str
        What the readers are called.

    Returns
    -------
    bytes
        A PNG.
    """
    from scarnet.evaluate.agreement_figures import bland_altman_figure

    buffer = BytesIO()
    figure = bland_altman_figure({f"{first} and {second}": comparison.cases}, first, second)
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def agreement_text(comparison: "AnnotatorComparison") -> str:
    """Say how two readers agree over a cohort.

    Parameters
    ----------
    comparison : AnnotatorComparison
        What was compared.

    Returns
    -------
    str
        Rich text: mean Dice by class, and bias and limits of agreement of the scar percentage.
    """
    summary = comparison.summary
    dice = [
        f"{words} <b>{found['mean']:.2f}</b>"
        for name, words in MEASURED_CLASSES.items()
        if (found := summary["classes"][name]["dice"])["mean"] is not None
    ]
    lines = [f"{counted(summary['n'], 'case')} labelled by both. Mean Dice: {', '.join(dice) or 'none'}."]
    found = summary["scar_percent"]
    if found.get("bias") is not None:
        limits = found.get("loa")
        between = f", limits of agreement {limits[0]:+.1f} to {limits[1]:+.1f}" if limits else ""
        lines.append(f"Scar percentage, second − first: bias <b>{found['bias']:+.1f}</b> points{between}.")
    if comparison.left_out:
        lines.append(f"Labelled by one only, and left out: {', '.join(comparison.left_out)}.")
    lines += summary["notes"]
    return "<br>".join(lines)


class CohortWindow(QDialog):
    """Shows a comparison.

    Parameters
    ----------
    comparison : AnnotatorComparison
        What was compared.
    names : tuple of str
        What the readers are called.
    figure : bytes
        From :func:`draw_agreement`.
    parent : QWidget, optional
        The window it belongs to.
    """

    def __init__(
        self, comparison: "AnnotatorComparison", names: tuple[str, str], figure: bytes, parent: Any = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"ScarNet · {names[0]} and {names[1]}")
        self.text = QLabel(agreement_text(comparison))
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        dice = [f"Dice {words}" for words in MEASURED_CLASSES.values()]
        heads = ["Case", *dice, f"Scar % {names[0]}", f"Scar % {names[1]}"]
        self.table = QTableWidget(len(comparison.cases), len(heads))
        self.table.setHorizontalHeaderLabels(heads)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(22)
        for place, case in enumerate(comparison.cases):
            values = [*(case.classes[name].dice for name in MEASURED_CLASSES)]
            percents = [case.scar_percent_reference, case.scar_percent_predicted]
            cells = [case.case, *map(_two, values), *("" if v is None else f"{v:.1f}" for v in percents)]
            for column, text in enumerate(cells):
                self.table.setItem(place, column, QTableWidgetItem(text))
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.picture = QLabel()
        pixmap = QPixmap()
        pixmap.loadFromData(figure)
        self.picture.setPixmap(pixmap)
        self.picture.setToolTip("Difference against average of the scar percentage (Bland and Altman).")
        line = QHBoxLayout()
        line.addWidget(self.table, 1)
        line.addWidget(self.picture)
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addLayout(line)
        self.resize(1150, 520)


def _two(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"

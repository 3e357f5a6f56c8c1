"""Class, tool, brush and looks of the labels that are edited, in step with napari's own controls."""

from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from napari_scarnet.metadata import layer_meta
from napari_scarnet.viewer_link import ViewerLink
from scarnet.classes import CLASS_COLOURS, CLASS_NAMES, N_CLASSES, TissueClass

__all__ = ["PaintBox"]

_TOOLS = {
    "paint": ("Brush  P", "Paint with the active class (P). [ and ] change the size, also Alt and moving the mouse."),
    "erase": ("Eraser  E", "Paint background (E); with scar active and kept in the wall, myocardium."),
    "fill": ("Fill  F", "Fill a connected patch with the active class (F)."),
    "polygon": ("Polygon  4", "Outline the active class corner by corner (4); double-click or Enter closes it."),
    "pan_zoom": ("Move  Z", "Move and zoom without painting (Z, or hold the space bar)."),
}
# In napari's status bar, in place of its own, whose 1 to 7 are other tools than the classes here.
_HELP = "1 2 3: class, P: brush, E: eraser, F: fill, 4: polygon, Z: move, R: region, B: box"
CLASSES = (TissueClass.MYOCARDIUM, TissueClass.BLOOD_POOL, TissueClass.SCAR)


def _swatch(cls: TissueClass) -> QIcon:
    picture = QPixmap(14, 14)
    picture.fill(QColor.fromRgbF(*CLASS_COLOURS[cls]))
    return QIcon(picture)


class PaintBox(QWidget):
    """The controls that are used with every stroke."""

    wall_only = Signal(bool)
    """Whether scar is kept in the wall."""
    class_chosen = Signal(int)
    """The active class is another."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._layer: Any = None
        self._told = 0
        self._own_help = ""
        self._link = ViewerLink(viewer)
        self.class_buttons = {cls: self._check(f"{CLASS_NAMES[cls].capitalize()}  {int(cls)}") for cls in CLASSES}
        self.tool_buttons = {tool: self._check(text, tip) for tool, (text, tip) in _TOOLS.items()}
        for cls, button in self.class_buttons.items():
            button.setIcon(_swatch(cls))
            button.setToolTip(f"Paint {CLASS_NAMES[cls]} ({int(cls)}).")
            button.clicked.connect(lambda _=False, cls=cls: self.choose_class(cls))
        for tool, button in self.tool_buttons.items():
            button.clicked.connect(lambda _=False, tool=tool: self.choose_tool(tool))
        self.size = self._slider(1, 40, "Brush size in pixels ([ and ]).")
        self.size_text, self.opacity_text = QLabel(), QLabel()
        self.size.valueChanged.connect(lambda value: self._set("brush_size", value))
        self.opacity = self._slider(0, 100, "How strongly the labels cover the image (O: next of three).")
        self.opacity.valueChanged.connect(lambda value: self._set("opacity", value / 100))
        self.contour = QCheckBox("Outlines only  C")
        self.contour.setToolTip("Show the labels as outlines, so that the image inside them can be seen (C).")
        self.contour.toggled.connect(lambda on: self._set("contour", int(on)))
        self.wall = QCheckBox("Scar only in the wall  W")
        self.wall.setChecked(True)
        self.wall.setToolTip(
            "Scar replaces only myocardium, with every tool; the eraser turns scar back into myocardium (W)."
        )
        self.wall.toggled.connect(self.wall_only)
        self.undo_button, self.redo_button = QPushButton("Undo"), QPushButton("Redo")
        self.undo_button.setToolTip("Take back the last stroke or tool (Ctrl+Z).")
        self.redo_button.setToolTip("Do it again (Ctrl+Shift+Z).")
        self.undo_button.clicked.connect(lambda: self._layer and self._layer.undo())
        self.redo_button.clicked.connect(lambda: self._layer and self._layer.redo())
        self._changing = (*self.class_buttons.values(), *self.tool_buttons.values(), self.undo_button, self.redo_button)
        self._arrange()
        self.set_layer(None)

    def _check(self, text: str, tip: str = "") -> QPushButton:
        button = QPushButton(text)
        button.setCheckable(True)
        button.setToolTip(tip)
        return button

    def _slider(self, low: int, high: int, tip: str) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(low, high)
        slider.setToolTip(tip)
        slider.setAccessibleName(tip)
        return slider

    def _arrange(self) -> None:
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        for column, button in enumerate(self.class_buttons.values()):
            grid.addWidget(button, 0, 2 * column, 1, 2)
        for place, button in enumerate(self.tool_buttons.values()):
            grid.addWidget(button, 1 + place // 3, 2 * (place % 3), 1, 2)
        history = QHBoxLayout()
        history.addWidget(self.undo_button)
        history.addWidget(self.redo_button)
        grid.addLayout(history, 2, 4, 1, 2)
        sliders = QGridLayout()
        for row, (name, slider) in enumerate({"Brush": self.size, "Opacity": self.opacity}.items()):
            sliders.addWidget(QLabel(name), row, 0)
            sliders.addWidget(slider, row, 1)
        sliders.addWidget(self.size_text, 0, 2)
        sliders.addWidget(self.opacity_text, 1, 2)
        self.size_text.setMinimumWidth(self.size_text.fontMetrics().horizontalAdvance("100 % "))
        checks = QHBoxLayout()
        checks.addWidget(self.wall)
        checks.addWidget(self.contour)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(grid)
        layout.addLayout(sliders)
        layout.addLayout(checks)

    @property
    def cls(self) -> int:
        """The active class; 0 where none is."""
        chosen = 0 if self._layer is None else int(self._layer.selected_label)
        return chosen if chosen in self.class_buttons else 0

    def choose_class(self, cls: int) -> None:
        """Make a class the active one, with the brush where no tool was; while boxes are drawn, they go on."""
        if self._layer is None:
            return
        self._layer.selected_label = int(cls)
        active = self._viewer.layers.selection.active
        if active is None or layer_meta(active).get("kind") != "box":
            self._take_up()
            if str(self._layer.mode) not in ("paint", "fill", "polygon"):
                self._layer.mode = "paint"
        self._read()

    def choose_tool(self, tool: str) -> None:
        """Take up a tool; a brush without a class paints scar."""
        if self._layer is None:
            return
        self._take_up()
        if tool != "pan_zoom" and self._layer.selected_label == TissueClass.BACKGROUND:
            self._layer.selected_label = int(TissueClass.SCAR)
        self._layer.mode = tool
        # A click on the tool that is in hand has let its button up.
        self._read()

    def _take_up(self) -> None:
        """Make sure that strokes reach the layer: napari paints in the active one only."""
        self._layer.visible = True
        if self._viewer.layers.selection.active is not self._layer:
            self._viewer.layers.selection.active = self._layer

    def set_layer(self, layer: Any) -> None:
        """Follow another labels layer.

        Parameters
        ----------
        layer : Labels or None
            The layer; None disables everything.
        """
        self._link.release()
        if self._layer is not None:
            self._layer.help = self._own_help
        self._layer = layer
        self.setEnabled(layer is not None)
        if layer is None:
            return
        self._own_help = layer.help
        self._link.connect(layer.events.help, self._on_help)
        layer.help = _HELP
        for name in ("selected_label", "mode", "brush_size", "contour", "opacity", "editable"):
            self._link.connect(getattr(layer.events, name), self._read)
        self._link.connect(self._viewer.layers.selection.events.active, self._read)
        self._read()

    def _on_help(self, event: Any) -> None:
        """Put our keys in place of those that napari writes with each mode; its words on blending stay."""
        if self._layer is not None and self._layer.help.startswith("use <"):
            self._own_help = self._layer.help
            self._layer.help = _HELP

    def _read(self, event: Any = None) -> None:
        layer = self._layer
        if layer is None:
            return
        if layer.selected_label >= N_CLASSES:
            # napari's M and = keys reach for labels that are no tissue.
            layer.selected_label = int(TissueClass.SCAR)
            return
        for control in self._changing:
            control.setEnabled(layer.editable)
        for cls, button in self.class_buttons.items():
            button.setChecked(cls == layer.selected_label)
        # napari's mouse works in the active layer only, which is another while a region or a box is drawn.
        in_hand = self._viewer.layers.selection.active is layer
        for tool, button in self.tool_buttons.items():
            button.setChecked(in_hand and tool == str(layer.mode))
        for widget, value in ((self.size, int(layer.brush_size)), (self.opacity, round(layer.opacity * 100))):
            widget.blockSignals(True)
            widget.setValue(value)
            widget.blockSignals(False)
        self.size_text.setText(f"{int(layer.brush_size)} px")
        self.opacity_text.setText(f"{round(layer.opacity * 100)} %")
        self.contour.blockSignals(True)
        self.contour.setChecked(layer.contour > 0)
        self.contour.blockSignals(False)
        if self.cls != self._told:
            self._told = self.cls
            self.class_chosen.emit(self.cls)

    def _set(self, name: str, value: Any) -> None:
        if self._layer is not None:
            setattr(self._layer, name, value)

    def undo(self) -> None:
        """Take back the last stroke or tool."""
        layer = self._layer_of_keys()
        if layer is not None:
            layer.undo()

    def redo(self) -> None:
        """Do again what was taken back."""
        layer = self._layer_of_keys()
        if layer is not None:
            layer.redo()

    def _layer_of_keys(self) -> Any:
        """Whose last step the keys take back: the labels', also from the image, a map or a box that is drawn."""
        active, layer = self._viewer.layers.selection.active, self._layer
        if layer is not None and active is not None:
            meta = layer_meta(active)
            if active._type_string == "labels" and active.editable and meta.get("kind", "labels") == "labels":
                layer = active  # labels left aside or of the user's own, which napari paints in
            elif meta.get("case") != layer_meta(layer)["case"] or meta["kind"] in ("insertion", "landmark"):
                return None
        return layer if layer is not None and layer.editable else None

    def next_opacity(self) -> None:
        """Go through strong, medium and faint labels."""
        if self._layer is not None:
            steps = (0.85, 0.55, 0.25)
            self._layer.opacity = next((step for step in steps if step < self._layer.opacity - 0.01), steps[0])

"""Make the screenshots of the docs, on the built-in phantom study (nothing of a patient is shown).

xvfb-run -a -s "-screen 0 1600x1000x24" python docs/make_screenshots.py
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import napari
import numpy as np
from qtpy.QtWidgets import QApplication

from napari_scarnet.dock import Column
from napari_scarnet.layers import current_labels, find_layers
from scarnet.classes import TissueClass
from scarnet.figure import save_maps

IMAGES = Path(__file__).parent / "images"


def wait(until: Callable[[], bool], seconds: float = 180.0) -> None:
    """Let napari work until something holds."""
    end = time.monotonic() + seconds
    while not until():
        QApplication.processEvents()
        time.sleep(0.01)
        if time.monotonic() > end:
            raise TimeoutError("napari did not get there in time")


def settle(seconds: float = 1.5) -> None:
    """Let napari draw."""
    end = time.monotonic() + seconds
    wait(lambda: time.monotonic() > end)


def shoot(viewer: napari.Viewer, name: str) -> None:
    """Save the whole window."""
    settle()
    iio.imwrite(IMAGES / f"{name}.png", viewer.screenshot(canvas_only=False, flash=False))
    print(IMAGES / f"{name}.png")


def shoot_edit(viewer: napari.Viewer, dock: Any) -> None:
    """Take the Edit step's picture: brush in hand, and a threshold seen before it is applied."""
    for name, section in dock.sections.items():
        section.expand(name == "edit")
    edit = dock.edit
    for layer in find_layers(viewer, "probability"):
        layer.visible = False
    edit.paint.choose_class(TissueClass.SCAR)
    edit.paint.contour.setChecked(True)
    edit.threshold.preview.click()
    wait(lambda: edit.proposal is not None)
    image = find_layers(viewer, "image")[0]
    camera, middle = viewer.scene.camera, np.argwhere(edit.labels).mean(axis=0)
    before = camera.zoom, camera.center
    camera.zoom, camera.center = camera.zoom * 2.5, (0.0, *image.data_to_world(middle)[1:])
    shoot(viewer, "edit")
    edit.drop_proposal()
    edit.paint.contour.setChecked(False)
    edit.paint.choose_tool("pan_zoom")
    camera.zoom, camera.center = before


def shoot_measures(viewer: napari.Viewer, dock: Any) -> None:
    """Take the Measure step's pictures: numbers, methods with masks and marks, and the 3D view."""
    for name, section in dock.sections.items():
        section.expand(name == "measure")
    measure = dock.measure
    wait(lambda: measure.methods.state == "fresh")
    # The intervals from the probabilities take a moment longer than all else.
    wait(lambda: measure.numbers.text("doubt") != "–")
    for layer in find_layers(viewer, "probability"):
        layer.visible = False
    shoot(viewer, "measure")
    measure.sections["methods"].expand()
    for method in ("fwhm", "sd5"):
        measure.methods.maskToggled.emit(method, True)
    viewer.scene.camera.zoom *= 2.5
    viewer.scene.camera.center = (0.0, *find_layers(viewer, "image")[0].data_to_world(heart_middle(measure))[1:])
    scroll = dock.findChild(Column).verticalScrollBar()
    settle()
    scroll.setValue(dock.sections["measure"].y() + measure.profile.y())
    current_labels(viewer, measure.case).visible = False
    shoot(viewer, "measure-methods")
    current_labels(viewer, measure.case).visible = True
    for method in ("fwhm", "sd5"):
        measure.methods.maskToggled.emit(method, False)
    measure.sections["methods"].expand(False)
    for name in ("polar", "marks"):
        measure.sections[name].expand()
    measure.insertion_show.click()
    measure.remote_show.click()
    settle()
    scroll.setValue(dock.sections["measure"].y() + measure.profile.y())
    shoot(viewer, "measure-marks")
    for button in (measure.insertion_show, measure.remote_show, measure.view3d_button):
        button.click()
    wait(lambda: viewer.dims.ndisplay == 3)
    shoot(viewer, "measure-3d")
    measure.view3d_button.click()


def heart_middle(measure: Any) -> np.ndarray:
    """Give the middle (z, y, x) of the heart in voxels."""
    return np.argwhere(measure.measures.labels).mean(axis=0)


def main() -> None:
    """Go through the steps of the dock as a user would, with a picture of each."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1500, 950)
    _, dock = viewer.window.add_plugin_dock_widget("napari-scarnet", "ScarNet")
    dock.study.open_sample(True)
    wait(lambda: bool(find_layers(viewer, "image")))
    image = find_layers(viewer, "image")[0]
    viewer.dims.set_current_step(0, image.data.shape[0] // 2)
    viewer.reset_view()
    wait(dock.segment.stack_button.isEnabled)
    shoot(viewer, "study")
    dock.segment.segment_stack()
    wait(lambda: not dock.segment.busy and len(find_layers(viewer, "logit")) == 4)
    labels = current_labels(viewer, image.metadata["scarnet"]["case"])
    scar_slice = int((labels.data == 3).sum(axis=(1, 2)).argmax())
    viewer.dims.set_current_step(0, scar_slice)
    shoot(viewer, "segment")
    shoot_edit(viewer, dock)
    dock.sections["edit"].expand(False)
    dock.sections["inspect"].expand()
    for layer in find_layers(viewer, "probability", TissueClass.SCAR):
        layer.visible = True
    dock.inspect.fig3_button.click()
    settle(6)  # titles and colour bars come last
    shoot(viewer, "inspect")
    dock.inspect.fig3_button.click()
    prediction = image.metadata["scarnet"]["prediction"]
    save_maps(IMAGES / "panel.png", image.metadata["scarnet"]["stack"], prediction, scar_slice)
    shoot_measures(viewer, dock)
    viewer.close()


if __name__ == "__main__":
    main()

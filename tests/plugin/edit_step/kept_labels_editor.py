"""Run by a test in a process of its own: edits labels without end, and says which edit it has made."""

import sys
import time
from pathlib import Path

import platformdirs
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

platformdirs.user_data_path = lambda *_, **__: Path(sys.argv[1])

import numpy as np  # noqa: E402
from napari.components import ViewerModel  # noqa: E402

import scarnet.io  # noqa: E402, F401  (a study that was opened has loaded it)
from napari_scarnet.edit_saving import saving_for  # noqa: E402
from napari_scarnet.label_layers import add_labels  # noqa: E402
from napari_scarnet.studies import add_stack  # noqa: E402
from scarnet.stack import LGEStack  # noqa: E402

app = QApplication([])
viewer = ViewerModel()
pixels = np.random.default_rng(5).random((8, 128, 128), np.float32)
image = add_stack(viewer, LGEStack.from_array(pixels, (8, 1.5, 1.5), case="killed"))
labels = add_labels(viewer, image, np.zeros(pixels.shape, np.uint8))
saving = saving_for(viewer)
count = 0


def edit() -> None:
    """Set the next voxel."""
    global count
    labels.data_setitem(tuple(np.array([i]) for i in np.unravel_index(count, pixels.shape)), 3)
    count += 1
    print(count, time.monotonic(), flush=True)


timer = QTimer()
timer.timeout.connect(edit)
timer.start(20)
app.exec()

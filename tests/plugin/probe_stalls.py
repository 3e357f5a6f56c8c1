"""Segment a stack in a fresh napari with the real predictor and print how long Qt's thread ever waited, as JSON.

Run as ``python probe_stalls.py FOLDER_WITH_MODELS``; torch is not imported before the button is pressed.
"""

import json
import os
import subprocess
import sys
import time

LIMIT_MS = 100

# What two threads of any Python program see of each other here: how busy this computer is with other things. Looked at
# only where a wait was too long.
REFERENCE = """
import threading, time
stop = time.perf_counter() + 3
def work():
    while time.perf_counter() < stop:
        sum(range(1000))
threading.Thread(target=work).start()
worst, last = 0, time.perf_counter()
while last < stop:
    time.sleep(0.01)
    now = time.perf_counter()
    worst, last = max(worst, now - last), now
print(worst * 1000)
"""


def reference_ms():
    done = subprocess.run([sys.executable, "-c", REFERENCE], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    os.environ["SCARNET_MODELS"] = sys.argv[1]
    import napari
    from qtpy.QtCore import Qt, QTimer
    from qtpy.QtTest import QTest
    from qtpy.QtWidgets import QApplication

    from napari_scarnet.layers import add_stack
    from napari_scarnet.segment_widget import SegmentWidget
    from scarnet.phantom import make_phantom

    viewer = napari.Viewer()
    widget = SegmentWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Segment")
    # Without this the widget would import torch as soon as there is a study.
    widget._warm = True
    add_stack(viewer, make_phantom(seed=3).stack)

    def turn(condition, seconds=120.0):
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.002)

    turn(lambda: widget.model.entry is not None)
    names = [entry.name for entry in widget.model._entries]
    widget.model.combo.setCurrentIndex(names.index("random"))
    settled = time.monotonic() + 1
    turn(lambda: time.monotonic() > settled)
    waits, last = [], [time.perf_counter()]

    def tick():
        now = time.perf_counter()
        waits.append(now - last[0])
        last[0] = now

    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(tick)
    timer.start(10)
    settled = time.monotonic() + 0.5
    turn(lambda: time.monotonic() > settled)
    waits.clear()
    cold = "torch" not in sys.modules
    QTest.mouseClick(widget.stack_button, Qt.MouseButton.LeftButton)
    turn(lambda: widget.job is None)
    predicting = list(waits)
    turn(lambda: not widget.busy)
    longest = max(predicting) * 1000
    result = {
        "cold": cold,
        "status": widget.status.text(),
        "layers": len(viewer.layers),
        "ticks": len(predicting),
        "longest_ms": longest,
        "showing_ms": max(waits[len(predicting) :], default=0) * 1000,
        "reference_ms": reference_ms() if longest > LIMIT_MS else 0.0,
    }
    viewer.close()
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()

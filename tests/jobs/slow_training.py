"""A training that only counts, at the pace and with the faults that its environment asks for."""

import json
import os
import signal
import time
from pathlib import Path

from scarnet.errors import ScarNetError
from scarnet.files import atomic_path


def train(recipe, out, resume=False, progress=lambda done, total, what: None):
    """Count to STEPS, a checkpoint after each; FAULT is one of "", "told", "bug", "deaf", "no checkpoint"."""
    out = Path(out)
    fault, steps = os.environ.get("FAULT", ""), int(os.environ.get("STEPS", "20"))
    checkpoint, events = out / "checkpoints" / "last.pt", out / "events.jsonl"
    checkpoint.parent.mkdir(exist_ok=True)
    begun, kept = json.loads(checkpoint.read_text()) if resume else (0, 0)
    with events.open("a") as file:
        file.truncate(kept)

    def event(kind, **values):
        with events.open("a") as file:
            file.write(json.dumps({"time": time.time(), "event": kind, **values}) + "\n")

    event("start", pid=os.getpid(), nice=os.nice(0), session=os.getsid(0), resumed=resume, cwd=str(Path.cwd()))
    if fault == "told":
        raise ScarNetError("The data are not fit.")
    if fault == "bug":
        raise RuntimeError(os.environ["HEADER"])
    if fault == "deaf":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        time.sleep(600)
    for step in range(begun, steps):
        progress(step, steps, f"Epoch {step + 1}")
        time.sleep(float(os.environ.get("STEP_SECONDS", "0.05")))
        event("epoch", epoch=step, loss=1 / (step + 1))
        if fault != "no checkpoint":
            with atomic_path(checkpoint) as path:
                path.write_text(json.dumps([step + 1, events.stat().st_size]))
    (out / "model.safetensors").write_text("the model")
    event("end")
    return out / "model.safetensors"

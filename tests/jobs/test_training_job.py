"""The real training as a job, killed and resumed."""

from __future__ import annotations

import os
import signal

from scarnet.models import load_model
from scarnet.phantom import PhantomSettings, write_phantom_cohort
from scarnet_training.jobs import submit
from scarnet_training.recipe import load_recipe

RECIPE = """
[data]
datasets = ["cohort"]
validation_fraction = 0.4
[network]
encoder = "none"
unet_width = 8
grid = 48
spacing_mm = 3.0
localiser_width = 8
localiser_grid = 48
localiser_spacing_mm = 8.0
[training]
epochs = 5
batch_size = 6
localiser_epochs = 1
views = 1
validate_every = 9
[model]
name = "tiny"
licence = "none"
"""


def test_a_training_killed_and_resumed_gives_a_model(tmp_path, monkeypatch, wait_until, events_of, watched):
    small = PhantomSettings(slices=4, matrix=(96, 96), spacing_mm=(2.4, 2.4))
    write_phantom_cohort(tmp_path / "cohort", 4, 3, settings=small)
    (tmp_path / "tiny.toml").write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    job = submit(load_recipe("tiny.toml"), "runs/tiny", gpus=0)
    watched.append(job)

    def epochs():
        return [event["epoch"] for event in events_of(job.folder) if event["event"] == "epoch"]

    wait_until(lambda: 1 in epochs())
    os.kill(job.status().place["worker_pid"], signal.SIGKILL)
    wait_until(lambda: job.state() == "interrupted")
    job.resume()
    wait_until(lambda: job.state() not in ("queued", "running"))
    status = job.status()
    assert (status.state, status.sentence, status.starts) == ("done", "", 2)
    assert epochs() == [0, 1, 2, 3, 4]
    assert load_model(job.folder / "model.safetensors").card.name == "tiny"
    text = (job.folder / "recipe.toml").read_text()
    assert 'name = "tiny"' in text

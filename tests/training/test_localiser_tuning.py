"""The experiment on how to fine-tune the localiser, on small hearts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from scarnet.network.config import ScarNetConfig
from scarnet.network.scarnet import ScarNet
from scarnet_training.data import load_dataset
from scarnet_training.experiments.localiser_tuning import centre_errors, main


def test_without_a_localiser_the_distance_is_that_to_the_images_middle(cohort_folder: Path) -> None:
    case = load_dataset(cohort_folder)[0]
    _, rows, columns = np.nonzero(case.labels)
    middle = (np.array(case.labels.shape[1:]) - 1) / 2
    heart = np.array([rows.min() + rows.max(), columns.min() + columns.max()]) / 2
    expected = np.hypot(*((heart - middle) * np.array(case.stack.spacing_mm[1:])))
    network = ScarNet(ScarNetConfig(encoder="none", unet_width=8, grid=32))
    assert expected > 5
    assert centre_errors(network, [case]) == pytest.approx([expected])


def test_it_prints_a_row_for_each_way(cohort_folder: Path, tmp_path: Path) -> None:
    state = torch.get_rng_state()
    words = ["--phantoms", "1", "--first-epochs", "1", "--sizes", "1", "2", "-o", str(tmp_path / "table.md")]
    assert main(["--dataset", str(cohort_folder), *words]) == 0
    torch.set_rng_state(state)
    rows = [line.split(" | ")[0].strip("| ") for line in (tmp_path / "table.md").read_text().splitlines()[2:]]
    assert rows == [
        "nobody",
        "1 patients, statistics let go",
        "1 patients, statistics held",
        "2 patients, statistics let go",
        "2 patients, statistics held",
    ]
    assert "of 3 |" in (tmp_path / "table.md").read_text()

"""How a model fails: calibration, the table, the pictures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from scarnet.models.card import ModelCard
from scarnet.models.store import save_model
from scarnet.network.config import ScarNetConfig
from scarnet.network.scarnet import ScarNet
from scarnet.phantom import Phantom, PhantomSettings, write_phantom_cohort
from scarnet_training.experiments import held_out
from scarnet_training.labelled_case import LabelledCase


def test_reliability_of_what_is_calibrated_and_of_what_is_not() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(200_000)
    honest = held_out.reliability([p[:1000], p[1000:]], [rng.random(1000) < p[:1000], rng.random(199_000) < p[1000:]])
    assert honest.expected_error < 0.01
    assert honest.count.sum() == 200_000
    np.testing.assert_allclose(honest.frequency, honest.probability, atol=0.02)
    overconfident = held_out.reliability([np.array([0.95, 1.0])], [np.array([True, False])])
    assert overconfident.expected_error == pytest.approx(abs(0.5 - 0.975))
    assert np.isnan(overconfident.frequency[0])


def test_the_figure_shows_every_slice_twice(phantom: Phantom) -> None:
    case = LabelledCase(phantom.stack, phantom.labels)
    depth, height, width = phantom.labels.shape
    figure = held_out.draw_case(case, np.zeros_like(phantom.labels), (0, height, 0, width))
    assert len(figure.axes) == 2 * depth
    drawn = [len(axes.collections) for axes in figure.axes]
    assert max(drawn[:depth]) >= 2
    assert sum(drawn[depth:]) == 0  # the network said nothing


def test_the_command_sorts_from_worst_and_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = PhantomSettings(slices=4, matrix=(96, 96), spacing_mm=(2.4, 2.4))
    write_phantom_cohort(tmp_path / "cohort", 2, 3, settings=small)
    # A network that knows nothing: how well the model that ships does, and on whom, is not asked here.
    torch.manual_seed(0)
    config = ScarNetConfig(encoder="none", unet_width=8, grid=48, spacing_mm=3.0)
    path, card = tmp_path / "model.safetensors", ModelCard("tiny", "", config)
    save_model(path, ScarNet(config), replace(card, validation={"patients": {"somebody": {}}, "summary": {}}))
    words = ["--dataset", str(tmp_path / "cohort"), "--pictures", str(tmp_path / "pictures"), "--worst", "1"]
    words += ["--model", str(path)]
    assert held_out.main(words) == 2
    assert "None of the patients" in capsys.readouterr().err
    cases = sorted(path.name.removesuffix("_0000.nii.gz") for path in (tmp_path / "cohort" / "imagesTr").iterdir())
    save_model(path, ScarNet(config), replace(card, validation={"patients": dict.fromkeys(cases), "summary": {}}))
    assert held_out.main(words) == 0
    text = capsys.readouterr().out
    assert all(case in text for case in cases)
    assert "Expected calibration error within the wall: 0." in text
    [picture] = (tmp_path / "pictures").iterdir()
    assert picture.stem == text.splitlines()[2].split("|")[1].strip()

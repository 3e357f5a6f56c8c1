"""The composite loss against hand-computed values."""

import numpy as np
import pytest
import torch

from scarnet.errors import ScarNetError
from scarnet_training.loss import PRESETS, CompositeLoss, LossSettings


def by_hand(logits: np.ndarray, labels: np.ndarray, s: LossSettings) -> dict[str, float]:
    """The equations, pixel by pixel."""
    dice, tversky = [], []
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for c in range(4):
        tp = fp = fn = 0.0
        for b in range(len(labels)):
            for y in range(labels.shape[1]):
                for x in range(labels.shape[2]):
                    g = float(labels[b, y, x] == c)
                    q = float(p[b, c, y, x])
                    tp, fp, fn = tp + q * g, fp + q * (1 - g), fn + (1 - q) * g
        dice.append(1 - (2 * tp + s.epsilon) / ((tp + fp) + (tp + fn) + s.epsilon))
        ratio = (tp + s.epsilon) / (tp + s.alpha * fp + s.beta * fn + s.epsilon)
        tversky.append((1 - ratio) ** s.gamma)
    true = np.take_along_axis(p, labels[:, None], axis=1)[:, 0]
    ce = -(np.array(s.class_weights)[labels] * np.log(true)).mean()
    return {
        "dice": np.mean(dice),
        "focal_tversky": np.mean(tversky),
        "cross_entropy": ce,
        "scar": dice[3],
        "myocardium": dice[1],
    }


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_term_equals_the_equation(preset: str) -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(2, 4, 3, 5))
    labels = generator.integers(0, 4, (2, 3, 5))
    settings = PRESETS[preset]
    loss, terms = CompositeLoss(settings)(torch.tensor(logits), torch.tensor(labels))
    expected = by_hand(logits, labels, settings)
    expected["focal_tversky"] *= settings.scar_presence
    for name, value in expected.items():
        assert terms[name] == pytest.approx(value, rel=1e-4), name
    total = sum(getattr(settings, name) * value for name, value in expected.items())
    assert float(loss) == pytest.approx(total, rel=1e-4)


def test_paper_weights_sum_to_one() -> None:
    s = PRESETS["paper"]
    assert s.dice + s.focal_tversky + s.cross_entropy + s.scar + s.myocardium == pytest.approx(1)


@pytest.mark.parametrize("present", [(0,), (0, 1, 2), (0, 1, 2, 3)])
def test_loss_and_gradient_are_finite_with_classes_missing(present: tuple[int, ...]) -> None:
    labels = torch.tensor(np.random.default_rng(1).choice(present, (2, 8, 8)))
    for scale in (1.0, 60.0):
        logits = (scale * torch.nn.functional.one_hot(labels, 4).movedim(-1, 1).float()).requires_grad_()
        loss, terms = CompositeLoss(PRESETS["paper"])(logits, labels)
        loss.backward()
        assert logits.grad is not None
        assert torch.isfinite(logits.grad).all()
        assert all(np.isfinite(value) for value in terms.values())
    assert float(loss.detach()) < 0.01


def test_missing_more_costs_more_than_claiming_more() -> None:
    labels = torch.zeros(1, 10, 10, dtype=torch.long)
    labels[0, 2:6, 2:6] = 3
    few, many = labels.clone(), labels.clone()
    few[0, 2:4, 2:6] = 0  # eight scar pixels missed
    many[0, 6:8, 2:6] = 3  # eight claimed too many
    losses = []
    for predicted in (few, many):
        logits = 12.0 * torch.nn.functional.one_hot(predicted, 4).movedim(-1, 1).float()
        losses.append(CompositeLoss(PRESETS["paper"])(logits, labels)[1]["focal_tversky"])
    assert losses[0] > losses[1]


@pytest.mark.parametrize(
    "wrong", [{"dice": -1.0}, {"gamma": 0.0}, {"class_weights": (1.0, 1.0)}, {"epsilon": 0.0}, {"alpha": -0.1}]
)
def test_bad_settings_are_refused(wrong: dict) -> None:
    with pytest.raises(ScarNetError):
        LossSettings(**wrong)

"""The composite loss: its terms against arithmetic written out, its presets and its settings."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from scarnet.errors import ScarNetError
from scarnet_training.loss import CompositeLoss
from scarnet_training.loss_settings import PRESETS, TERMS, LossSettings

# One image of two pixels: the first is scar, the second myocardium. The rows are their probabilities by class
# (background, myocardium, blood pool, scar).
PROBABILITIES = [[0.1, 0.2, 0.1, 0.6], [0.2, 0.5, 0.2, 0.1]]
TRUE_CLASSES = [3, 1]
# Hence by class: TP = 0, .5, 0, .6; FP = .1 + .2, .2, .1 + .2, .1; FN = 0, 1 - .5, 0, 1 - .6.
# 1 - Dice = (FP + FN) / (2 TP + FP + FN + ε) with ε = 1:
DICE = [0.3 / 1.3, 0.7 / 2.7, 0.3 / 1.3, 0.5 / 2.7]


def two_pixels() -> tuple[Tensor, Tensor]:
    logits = torch.tensor(PROBABILITIES, dtype=torch.float64).log().T.reshape(1, 4, 1, 2)
    return logits, torch.tensor(TRUE_CLASSES).reshape(1, 1, 2)


def test_paper_terms_by_hand() -> None:
    loss, terms = CompositeLoss(PRESETS["paper"])(*two_pixels())
    # 1 - Tversky = (.3 FP + .7 FN) / (TP + .3 FP + .7 FN + 1), to the power .75.
    focal = [0.09 / 1.09, (0.06 + 0.35) / 1.91, 0.09 / 1.09, (0.03 + 0.28) / 1.91]
    expected = {
        "dice": sum(DICE) / 4,
        "focal_tversky": sum(x**0.75 for x in focal) / 4,
        "cross_entropy": -(math.log(0.6) + math.log(0.5)) / 2,
        "scar": 0.5 / 2.7,
        "myocardium": 0.7 / 2.7,
    }
    assert list(terms) == list(expected) == list(TERMS)
    for name, value in expected.items():
        assert float(terms[name]) == pytest.approx(value, rel=1e-12), name
    weighted = 0.2 * expected["dice"] + 0.2 * expected["focal_tversky"] + 0.1 * expected["cross_entropy"]
    assert float(loss) == pytest.approx(weighted + 0.25 * 0.5 / 2.7 + 0.25 * 0.7 / 2.7, rel=1e-12)


def test_repository_terms_by_hand() -> None:
    loss, terms = CompositeLoss(PRESETS["repository"])(*two_pixels())
    # 1 - Tversky = (.7 FP + .3 FN) / (TP + .7 FP + .3 FN + 1), to the power 1.
    focal = (0.21 / 1.21 + (0.14 + 0.15) / 1.79 + 0.21 / 1.21 + (0.07 + 0.12) / 1.79) / 4
    cross_entropy = -(0.3 * math.log(0.6) + 0.3 * math.log(0.5)) / 2
    assert float(terms["focal_tversky"]) == pytest.approx(focal, rel=1e-12)
    assert float(terms["cross_entropy"]) == pytest.approx(cross_entropy, rel=1e-6)  # class weights are float32
    # There is scar, so that focal Tversky counts one and a half times.
    expected = 0.5 * 1.5 * focal + 0.4 * sum(DICE) / 4 + 0.1 * cross_entropy
    assert float(loss) == pytest.approx(expected, rel=1e-6)


def test_without_scar_the_factor_is_1() -> None:
    logits, labels = two_pixels()
    loss, terms = CompositeLoss(PRESETS["repository"])(logits, labels.clamp_max(2))
    expected = 0.5 * terms["focal_tversky"] + 0.4 * terms["dice"] + 0.1 * terms["cross_entropy"]
    torch.testing.assert_close(loss, expected)


def pixel_by_pixel(logits: np.ndarray, labels: np.ndarray, s: LossSettings) -> dict[str, float]:
    """The equations, pixel by pixel."""
    dice, tversky = [], []
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for c in range(4):
        tp = fp = fn = 0.0
        for b, y, x in np.ndindex(labels.shape):
            g, q = float(labels[b, y, x] == c), float(p[b, c, y, x])
            tp, fp, fn = tp + q * g, fp + q * (1 - g), fn + (1 - q) * g
        dice.append(1 - (2 * tp + s.epsilon) / ((tp + fp) + (tp + fn) + s.epsilon))
        ratio = (tp + s.epsilon) / (tp + s.alpha * fp + s.beta * fn + s.epsilon)
        tversky.append((1 - ratio) ** s.gamma)
    true = np.take_along_axis(p, labels[:, None], axis=1)[:, 0]
    w = np.array(s.class_weights)
    values = [np.mean(dice), np.mean(tversky), -(w[labels] * np.log(true)).mean(), dice[3], dice[1]]
    return dict(zip(TERMS, values, strict=True))


OTHER_CONSTANTS = LossSettings(
    0.3, 0.1, 0.7, 0.05, 0.4, alpha=0.9, beta=0.2, gamma=1.3, epsilon=1e-3, class_weights=(0.5, 2.0, 0.0, 4.0)
)


@pytest.mark.parametrize("settings", [*PRESETS.values(), OTHER_CONSTANTS], ids=[*PRESETS, "other"])
def test_every_term_of_a_batch_equals_the_equation(settings: LossSettings) -> None:
    generator = np.random.default_rng(0)
    logits, labels = generator.normal(size=(3, 4, 3, 5)), generator.integers(0, 4, (3, 3, 5))
    loss, terms = CompositeLoss(settings)(torch.tensor(logits), torch.tensor(labels))
    expected = pixel_by_pixel(logits, labels, settings)
    for name, value in expected.items():
        assert float(terms[name]) == pytest.approx(value, rel=1e-6), name
    if settings.adaptive == "scar-presence":
        expected["focal_tversky"] *= settings.presence_factor
    total = sum(getattr(settings, name) * value for name, value in expected.items())
    assert float(loss) == pytest.approx(total, rel=1e-6)


def test_presets_are_those_of_the_paper_and_of_its_code() -> None:
    paper, repository = PRESETS["paper"], PRESETS["repository"]
    assert paper.weights() == {
        "dice": 0.2,
        "focal_tversky": 0.2,
        "cross_entropy": 0.1,
        "scar": 0.25,
        "myocardium": 0.25,
    }
    assert sum(paper.weights().values()) == pytest.approx(1)
    assert (paper.alpha, paper.beta, paper.gamma, paper.adaptive) == (0.3, 0.7, 0.75, "none")
    assert paper.class_weights == (1.0, 1.0, 1.0, 1.0)
    assert repository.weights() == {"dice": 0.4, "focal_tversky": 0.5, "cross_entropy": 0.1}
    assert (repository.alpha, repository.beta, repository.gamma) == (0.7, 0.3, 1.0)
    assert repository.class_weights == (0.1, 0.3, 0.3, 0.3)
    assert (repository.adaptive, repository.presence_factor) == ("scar-presence", 1.5)


def test_beta_makes_missing_cost_more_than_claiming() -> None:
    labels = torch.zeros(1, 10, 10, dtype=torch.long)
    labels[0, 2:6, 2:6] = 3
    few, many = labels.clone(), labels.clone()
    few[0, 2:4, 2:6] = 0  # eight scar pixels missed
    many[0, 6:8, 2:6] = 3  # eight claimed too many
    costs = []
    for predicted in (few, many):
        logits = 12.0 * torch.nn.functional.one_hot(predicted, 4).movedim(-1, 1).float()
        costs.append(CompositeLoss(PRESETS["paper"])(logits, labels)[1]["focal_tversky"])
    assert costs[0] > costs[1]


def test_no_class_weights_are_1_each() -> None:
    empty, ones = (CompositeLoss(LossSettings(class_weights=w))(*two_pixels())[0] for w in ((), (1.0,) * 4))
    torch.testing.assert_close(empty, ones, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"dice": -1.0}, "dice"),
        ({"scar": math.nan}, "scar"),
        ({"myocardium": math.inf}, "myocardium"),
        ({"gamma": 0.0}, "gamma"),
        ({"epsilon": 0.0}, "epsilon"),
        ({"alpha": -0.1}, "alpha"),
        ({"alpha": 0.0, "beta": 0.0}, "alpha and beta"),
        ({"presence_factor": 0.0}, "presence_factor"),
        ({"log_variance_limit": -1.0}, "log_variance_limit"),
        (dict.fromkeys(TERMS, 0.0), "weights"),
        ({"class_weights": (1.0, 1.0)}, "class_weights"),
        ({"class_weights": (0.0,) * 4}, "class_weights"),
        ({"class_weights": (1.0, 1.0, math.nan, 1.0)}, "class_weights"),
        ({"adaptive": "sometimes"}, "none, scar-presence, uncertainty"),
    ],
)
def test_bad_settings_are_refused_by_name(wrong: dict, named: str) -> None:
    with pytest.raises(ScarNetError, match=named):
        LossSettings(**wrong)


@pytest.mark.parametrize("preset", PRESETS)
def test_bad_tensors_are_refused(preset: str) -> None:
    loss = CompositeLoss(PRESETS[preset])
    logits, labels = torch.zeros(2, 4, 3, 5), torch.zeros(2, 3, 5, dtype=torch.long)
    for wrong in (logits[:, :3], logits[0], logits.long()):
        with pytest.raises(ScarNetError, match="logits of shape"):
            loss(wrong, labels)
    for wrong in (labels[:1], labels[:, None], labels.float(), labels.int()):
        with pytest.raises(ScarNetError, match="labels of shape"):
            loss(logits, wrong)


class TestUncertainty:
    """The learned weights."""

    @staticmethod
    def of(preset: str, **changed: float) -> CompositeLoss:
        return CompositeLoss(replace(PRESETS[preset], adaptive="uncertainty", **changed)).double()

    @pytest.mark.parametrize("preset", PRESETS)
    def test_starts_as_the_fixed_weights(self, preset: str) -> None:
        fixed = CompositeLoss(replace(PRESETS[preset], adaptive="none"))
        torch.testing.assert_close(self.of(preset)(*two_pixels())[0], fixed.double()(*two_pixels())[0])

    def test_by_hand(self) -> None:
        loss = self.of("paper", dice=0.5, focal_tversky=0.0, cross_entropy=0.0, scar=2.0, myocardium=0.0)
        s = torch.tensor([0.4, -1.1], dtype=torch.float64)
        with torch.no_grad():
            loss.log_variance.copy_(3 * torch.atanh(s / 3))
        dice, scar = sum(DICE) / 4, 0.5 / 2.7
        expected = 0.5 * (math.exp(-0.4) * dice + 0.4 / 2) + 2.0 * (math.exp(1.1) * scar - 1.1 / 2)
        value, terms = loss(*two_pixels())
        assert value.item() == pytest.approx(expected, rel=1e-12)
        assert float(terms["scar"]) == pytest.approx(scar, rel=1e-12)

    def test_at_rest_all_terms_pull_alike(self) -> None:
        loss = self.of("paper")
        optimizer = torch.optim.LBFGS(loss.parameters(), line_search_fn="strong_wolfe", max_iter=100)

        def closure() -> Tensor:
            optimizer.zero_grad()
            value = loss(*two_pixels())[0]
            value.backward()
            return value

        optimizer.step(closure)
        learned = torch.exp(-3 * torch.tanh(loss.log_variance.detach() / 3))
        for weight, term in zip(learned, loss(*two_pixels())[1].values(), strict=True):
            assert float(weight * term) == pytest.approx(0.5, rel=1e-4)

    def test_a_perfect_prediction_does_not_run_away(self) -> None:
        loss = self.of("paper", log_variance_limit=2.0)
        labels = torch.arange(4).reshape(1, 2, 2)
        logits = 1e4 * torch.nn.functional.one_hot(labels, 4).movedim(-1, 1).double()
        optimizer = torch.optim.Adam(loss.parameters(), lr=0.5)
        for _ in range(200):
            optimizer.zero_grad()
            value = loss(logits, labels)[0]
            value.backward()
            optimizer.step()
        assert -1.0 < value.item() < -0.99  # Σλ · (-2) / 2, and never below

    def test_one_parameter_for_each_term_that_counts(self) -> None:
        assert [p.shape for p in self.of("paper").parameters()] == [(5,)]
        assert [p.shape for p in self.of("repository").parameters()] == [(3,)]
        assert list(self.of("repository").state_dict()) == ["log_variance"]
        fixed = CompositeLoss(PRESETS["repository"])
        assert not list(fixed.parameters())
        assert not fixed.state_dict()

"""The composite loss beside MONAI's and torch's, values and gradients."""

from dataclasses import replace

import pytest
import torch
from monai.losses import DiceCELoss, DiceLoss, TverskyLoss
from torch import Tensor
from torch.nn import functional

from scarnet_training.loss import CompositeLoss
from scarnet_training.loss_settings import PRESETS, TERMS, LossSettings

CASES = {"all classes": (0, 1, 2, 3), "no scar": (0, 1, 2), "no heart": (0,), "scar alone": (3,)}


def draw(case: str) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(len(case))
    logits = 3 * torch.randn(3, 4, 9, 7, generator=generator, dtype=torch.float64)
    classes = torch.tensor(CASES[case])
    return logits.requires_grad_(), classes[torch.randint(len(classes), (3, 9, 7), generator=generator)]


def alone(term: str, settings: LossSettings) -> CompositeLoss:
    return CompositeLoss(replace(settings, **(dict.fromkeys(TERMS, 0.0) | {term: 1.0}), adaptive="none"))


def assert_same(ours: CompositeLoss, theirs: Tensor, logits: Tensor, labels: Tensor) -> None:
    value = ours(logits, labels)[0]
    torch.testing.assert_close(value, theirs, rtol=1e-7, atol=1e-12)
    torch.testing.assert_close(
        torch.autograd.grad(value, logits)[0], torch.autograd.grad(theirs, logits)[0], rtol=1e-6, atol=1e-12
    )


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("epsilon", [1.0, 1e-5])
def test_dice(case: str, epsilon: float) -> None:
    logits, labels = draw(case)
    settings = replace(PRESETS["paper"], epsilon=epsilon)
    theirs = DiceLoss(to_onehot_y=True, softmax=True, batch=True, smooth_nr=epsilon, smooth_dr=epsilon)
    assert_same(alone("dice", settings), theirs(logits, labels[:, None]), logits, labels)
    one = DiceLoss(batch=True, smooth_nr=epsilon, smooth_dr=epsilon)
    for term, c in (("scar", 3), ("myocardium", 1)):
        p, g = torch.softmax(logits, dim=1)[:, c : c + 1], (labels == c)[:, None].double()
        assert_same(alone(term, settings), one(p, g), logits, labels)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("preset", PRESETS)
def test_focal_tversky(case: str, preset: str) -> None:
    logits, labels = draw(case)
    s = PRESETS[preset]
    by_class = TverskyLoss(
        to_onehot_y=True,
        softmax=True,
        alpha=s.alpha,
        beta=s.beta,
        reduction="none",
        smooth_nr=s.epsilon,
        smooth_dr=s.epsilon,
        batch=True,
    )
    theirs = by_class(logits, labels[:, None]).pow(s.gamma).mean()
    assert_same(alone("focal_tversky", s), theirs, logits, labels)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("preset", PRESETS)
def test_cross_entropy(case: str, preset: str) -> None:
    logits, labels = draw(case)
    s = PRESETS[preset]
    weights = torch.tensor(s.class_weights).double()
    theirs = functional.cross_entropy(logits, labels, weights, reduction="sum") / labels.numel()
    assert_same(alone("cross_entropy", s), theirs, logits, labels)


@pytest.mark.parametrize("case", CASES)
def test_dice_and_cross_entropy_together(case: str) -> None:
    logits, labels = draw(case)
    theirs = DiceCELoss(
        to_onehot_y=True, softmax=True, batch=True, smooth_nr=1.0, smooth_dr=1.0, lambda_dice=0.2, lambda_ce=0.1
    )
    ours = CompositeLoss(replace(PRESETS["paper"], focal_tversky=0.0, scar=0.0, myocardium=0.0))
    assert_same(ours, theirs(logits, labels[:, None]), logits, labels)

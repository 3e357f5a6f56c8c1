"""The composite loss' gradients: exact, finite and in the right direction where there is little to see."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from scarnet_training.loss import CompositeLoss
from scarnet_training.loss_settings import PRESETS, TERMS, LossSettings

PAPER = PRESETS["paper"]
ALONE = {name: replace(PAPER, **(dict.fromkeys(TERMS, 0.0) | {name: 1.0})) for name in TERMS}
SETTINGS = {
    **PRESETS,
    "paper, uncertainty": replace(PAPER, adaptive="uncertainty"),
    "repository, uncertainty": replace(PRESETS["repository"], adaptive="uncertainty"),
    "paper, scar-presence": replace(PAPER, adaptive="scar-presence"),
}

every_setting = pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)


def draw(seed: int, shape: tuple[int, int, int] = (2, 6, 5), classes: int = 4) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(shape[0], 4, *shape[1:], generator=generator, dtype=torch.float64)
    return logits, torch.randint(classes, shape, generator=generator)


def sharp(labels: Tensor, scale: float) -> Tensor:
    return scale * functional.one_hot(labels, 4).movedim(-1, 1).float()


def gradient(settings: LossSettings, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Give the loss and its gradient in the logits."""
    logits = logits.detach().requires_grad_()
    loss, terms = CompositeLoss(settings)(logits, labels)
    assert all(not term.requires_grad and term.ndim == 0 and torch.isfinite(term) for term in terms.values())
    return loss.detach(), torch.autograd.grad(loss, logits)[0]


@pytest.mark.parametrize("classes", [4, 3, 1], ids=["all classes", "no scar", "no heart"])
@pytest.mark.parametrize("settings", [*SETTINGS.values(), *ALONE.values()], ids=[*SETTINGS, *ALONE])
def test_gradient_equals_finite_differences(settings: LossSettings, classes: int) -> None:
    logits, labels = draw(1, (2, 3, 2), classes)
    loss = CompositeLoss(settings).double()
    theta = [p.detach().clone().uniform_(-1, 1).requires_grad_() for p in loss.parameters()]

    def value(logits: Tensor, *theta: Tensor) -> Tensor:
        with_theta = dict(zip(["log_variance"], theta, strict=False))
        return torch.func.functional_call(loss, with_theta, (logits, labels))[0]

    assert torch.autograd.gradcheck(value, (logits.requires_grad_(), *theta))


@every_setting
@pytest.mark.parametrize("scale", [1.0, 10.0, 100.0, 1e4])
@pytest.mark.parametrize("classes", [4, 3, 1], ids=["all classes", "no scar", "no heart"])
def test_finite_at_any_scale_right_or_wrong(settings: LossSettings, scale: float, classes: int) -> None:
    _, labels = draw(2, (2, 16, 16), classes)
    loss, slope = gradient(settings, sharp(labels, scale), labels)
    assert torch.isfinite(loss)
    assert torch.isfinite(slope).all()
    if scale >= 100:
        assert float(loss) < 1e-6
        assert float(slope.abs().max()) < 1e-6
    wrong = (labels + 1) % 4
    loss, slope = gradient(settings, sharp(wrong, scale), labels)
    assert torch.isfinite(loss)
    assert torch.isfinite(slope).all()
    assert (slope.gather(1, labels[:, None]) < 0).all()  # every true class is asked for more
    assert (slope.gather(1, wrong[:, None]) > 0).all()  # and every wrong one for less


@pytest.mark.parametrize("term", ["dice", "focal_tversky", "scar"])
@pytest.mark.parametrize("gamma", [0.1, 0.75, 1.0, 2.0])
def test_absent_scar_is_pushed_down_and_never_hard(term: str, gamma: float) -> None:
    labels = torch.zeros(2, 8, 8, dtype=torch.long)
    settings = replace(ALONE[term], gamma=gamma)
    slopes = []
    for height in (4.0, 0.0, -4.0, -10.0, -30.0, -80.0, -300.0):
        logits = torch.full((2, 4, 8, 8), -1000.0)  # two classes that take no part
        logits[:, 0], logits[:, 3] = 0.0, height
        slope = gradient(settings, logits, labels)[1][:, 3]
        assert torch.isfinite(slope).all()
        assert (slope > -1e-30).all()
        if height >= -10:
            assert (slope > 0).all()
        slopes.append(float(slope.sum()))
    # |dx^γ / dlogits| is at most γ x^γ: the infinite slope of the power never reaches the network.
    assert max(slopes) <= max(1.0, gamma)
    assert slopes[-1] < 1e-6


@every_setting
def test_a_step_down_lowers_scar_where_there_is_none(settings: LossSettings) -> None:
    logits, labels = draw(3, (2, 16, 16), 3)
    assert (gradient(settings, torch.zeros_like(logits), labels)[1][:, 3] > 0).all()
    slope = gradient(settings, logits, labels)[1]
    before, after = (torch.softmax(x, dim=1)[:, 3].sum() for x in (logits, logits - 100 * slope))
    assert after < before


@every_setting
def test_a_single_pixel_of_scar_is_asked_for(settings: LossSettings) -> None:
    labels = torch.zeros(2, 16, 16, dtype=torch.long)
    labels[1, 5, 7] = 3
    slope = gradient(settings, torch.zeros(2, 4, 16, 16), labels)[1][:, 3]
    assert slope[1, 5, 7] < 0
    assert slope.argmin() == (labels == 3).flatten().int().argmax()
    slope[1, 5, 7] = 1
    assert (slope > 0).all()


@every_setting
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_16_bit_logits_are_summed_in_32(settings: LossSettings, dtype: torch.dtype) -> None:
    _, labels = draw(4, (4, 128, 128))
    logits = sharp(labels, 3.0) + torch.randn(4, 4, 128, 128, generator=torch.Generator().manual_seed(5))
    logits = logits.to(dtype)
    loss, slope = gradient(settings, logits, labels)
    assert loss.dtype == torch.float32
    assert slope.dtype == dtype
    assert torch.isfinite(slope).all()
    exact = gradient(settings, logits.double(), labels)[0]
    assert float(loss) == pytest.approx(float(exact), rel=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        inside, _ = gradient(settings, logits, labels)
    torch.testing.assert_close(inside, loss, rtol=0, atol=0)


@every_setting
@pytest.mark.parametrize("seed", range(3))
def test_what_must_not_matter(settings: LossSettings, seed: int) -> None:
    logits, labels = draw(seed, (4, 6, 5))
    loss = CompositeLoss(settings).double()
    value = loss(logits, labels)[0]
    order = torch.randperm(4, generator=torch.Generator().manual_seed(seed))
    same = {
        "order of the batch": loss(logits[order], labels[order]),
        "orientation": loss(logits.transpose(2, 3).flip(3), labels.transpose(1, 2).flip(2)),
        "a constant on all logits": loss(logits + 37.0, labels),
        "memory format": loss(logits.contiguous(memory_format=torch.channels_last), labels),
        "the same pixels twice, smoothed as much": CompositeLoss(replace(settings, epsilon=2 * settings.epsilon))(
            torch.cat([logits, logits]), torch.cat([labels, labels])
        ),
    }
    for what, (other, _) in same.items():
        torch.testing.assert_close(other, value, rtol=1e-7, atol=0, msg=what)
    scaled = replace(settings, **{name: 7 * weight for name, weight in settings.weights().items()})
    torch.testing.assert_close(CompositeLoss(scaled)(logits, labels)[0], 7 * value, rtol=1e-7, atol=0)


@every_setting
def test_slices_without_scar_are_not_perfect_ones(settings: LossSettings) -> None:
    labels = torch.zeros(4, 16, 16, dtype=torch.long)
    labels[0, 4:8, 4:8] = 3
    missed = sharp(labels.clamp_max(0), 30.0)
    terms = CompositeLoss(settings)(missed, labels)[1]
    assert float(terms["scar"]) == pytest.approx(16 / 17, rel=1e-4)  # a mean over slices would give a quarter of it


@every_setting
def test_descent_finds_the_labels(settings: LossSettings) -> None:
    logits, labels = draw(6, (2, 16, 16))
    labels[1] = labels[1].clamp_max(2)
    loss = CompositeLoss(settings).double()
    logits.requires_grad_()
    optimizer = torch.optim.Adam([logits, *loss.parameters()], lr=0.1)
    for _ in range(150):
        optimizer.zero_grad()
        value, _ = loss(logits, labels)
        value.backward()
        optimizer.step()
    assert math.isfinite(value.item())
    assert (logits.argmax(dim=1) == labels).all()


@every_setting
def test_nothing_is_read_back_from_the_device(settings: LossSettings) -> None:
    called = []

    class Record(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            called.append(func.overloadpacket.__name__)
            return func(*args, **(kwargs or {}))

    loss = CompositeLoss(settings)
    logits, labels = draw(7)
    with Record():
        value, _ = loss(logits.float().requires_grad_(), labels)
        value.backward()
    assert "_log_softmax" in called
    # .item(), float() and bool(); masks as indices; a tensor made of Python numbers.
    assert not {"_local_scalar_dense", "nonzero", "masked_select", "equal", "lift_fresh"} & set(called)
    with Record():
        bool(value > 0)
    assert "_local_scalar_dense" in called

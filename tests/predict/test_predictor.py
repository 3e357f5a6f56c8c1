"""The predictor: grids, batches, flips, cancelling, running out of memory."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch

from scarnet.errors import Cancelled, ScarNetError
from scarnet.models import Model, ModelCard
from scarnet.network.config import ScarNetConfig
from scarnet.network.scarnet import ScarNet
from scarnet.predict import OUTSIDE_LOGITS, Predictor, available_devices
from scarnet.predict import predictor as predictor_module
from scarnet.stack import LGEStack

CONFIG = ScarNetConfig(unet_width=8, grid=64, spacing_mm=1.5, localiser_width=8, localiser_grid=64)


def make_model(config: ScarNetConfig = CONFIG) -> Model:
    torch.manual_seed(0)
    return Model(ScarNet(config).eval(), ModelCard("tiny", "", config), "0" * 64, "tiny")


@pytest.fixture(scope="module")
def model() -> Model:
    return make_model()


@pytest.fixture(scope="module")
def stack() -> LGEStack:
    generator = np.random.default_rng(0)
    return LGEStack.from_array(generator.random((5, 120, 90)), (10.0, 0.9, 1.6), case="noise")


def test_prediction_lies_on_the_stacks_own_grid(model: Model, stack: LGEStack) -> None:
    prediction = Predictor(model, "cpu", batch_size=2).predict(stack, branches=True)
    assert prediction.logits.shape == prediction.probabilities.shape == (4, 5, 120, 90)
    assert prediction.labels.shape == (5, 120, 90)
    assert prediction.labels.dtype == np.uint8
    np.testing.assert_allclose(prediction.probabilities.sum(axis=0), 1, atol=1e-5)
    exponentials = np.exp(prediction.logits - prediction.logits.max(axis=0))
    np.testing.assert_allclose(prediction.probabilities, exponentials / exponentials.sum(axis=0), atol=1e-5)
    assert set(prediction.branch_logits) == {"medsam", "unet"}
    y0, y1, x0, x1 = prediction.window
    outside = np.ones((120, 90), bool)
    outside[y0:y1, x0:x1] = False
    assert (prediction.logits[:, :, outside] == np.array(OUTSIDE_LOGITS)[:, None, None]).all()
    assert (prediction.case, prediction.device, prediction.slices) == ("noise", "cpu", (0, 1, 2, 3, 4))


def test_the_same_input_gives_the_same_output(model: Model, stack: LGEStack) -> None:
    first, second = (Predictor(model, "cpu").predict(stack) for _ in range(2))
    np.testing.assert_array_equal(first.logits, second.logits)


def test_one_slice_is_seen_as_in_the_whole_stack(model: Model, stack: LGEStack) -> None:
    whole = Predictor(model, "cpu").predict(stack, postprocess=False)
    one = Predictor(model, "cpu").predict(stack, slices=[3], postprocess=False)
    assert one.slices == (3,)
    assert one.window == whole.window
    np.testing.assert_allclose(one.logits[:, 3], whole.logits[:, 3], atol=1e-4)
    assert (one.logits[:, 0] == np.array(OUTSIDE_LOGITS)[:, None, None]).all()
    with pytest.raises(ScarNetError, match="among 0 … 4"):
        Predictor(model, "cpu").predict(stack, slices=[5])


def test_huge_and_tiny_slices(model: Model) -> None:
    for size, spacing in ((4096, 0.1), (32, 12.0)):
        pixels = np.random.default_rng(0).random((1, size, size), dtype=np.float32)
        prediction = Predictor(model, "cpu").predict(LGEStack.from_array(pixels, (10.0, spacing, spacing)))
        assert prediction.labels.shape == (1, size, size)
        np.testing.assert_allclose(prediction.probabilities.sum(axis=0), 1, atol=1e-5)


def test_maps_that_do_not_fit_into_memory_get_a_sentence(
    model: Model, stack: LGEStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> np.ndarray:
        raise MemoryError

    monkeypatch.setattr(predictor_module, "_placed", refuse)
    with pytest.raises(ScarNetError, match="noise: the maps of 5 slices of 120 × 90 pixels do not fit"):
        Predictor(model, "cpu").predict(stack)


def test_post_processing_never_touches_the_maps(model: Model, stack: LGEStack) -> None:
    on = Predictor(model, "cpu").predict(stack)
    off = Predictor(model, "cpu").predict(stack, postprocess=False)
    np.testing.assert_array_equal(on.logits, off.logits)
    np.testing.assert_array_equal(on.probabilities, off.probabilities)
    np.testing.assert_array_equal(off.labels, off.probabilities.argmax(axis=0))


def test_flips_average_the_logits_of_four_views(model: Model) -> None:
    # Centred and square, so that flipping the stack flips what the network sees.
    config = ScarNetConfig(unet_width=8, grid=64, spacing_mm=1.0)
    square = LGEStack.from_array(np.random.default_rng(1).random((1, 64, 64)), (10.0, 1.0, 1.0))
    plain = make_model(config)
    flipped = Predictor(plain, "cpu", test_time_flips=True).predict(square).logits
    views = []
    for axes in ((), (2,), (1,), (1, 2)):
        turned = LGEStack.from_array(np.flip(square.pixels, axes), square.spacing_mm)
        one = Predictor(plain, "cpu", test_time_flips=False).predict(turned)
        views.append(np.flip(one.logits, [axis + 1 for axis in axes]))
    np.testing.assert_allclose(flipped, np.mean(views, axis=0), atol=1e-4)


def test_cancel_between_batches(model: Model, stack: LGEStack) -> None:
    seen: list[int] = []

    def progress(done: int, total: int, what: str) -> None:
        if what == "Segmenting slices":
            seen.append(done)
            if done >= 2:
                raise Cancelled

    with pytest.raises(Cancelled):
        Predictor(model, "cpu", batch_size=2).predict(stack, progress=progress)
    assert seen == [0, 2]


class ShortMemory(ScarNet):
    """Runs out of memory above a number of images at a time."""

    limit = 2

    def forward(self, image: torch.Tensor):
        if len(image) > self.limit:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
        return super().forward(image)


def test_out_of_memory_halves_the_batch_and_says_so(model: Model, stack: LGEStack) -> None:
    short = ShortMemory(CONFIG).eval()
    short.load_state_dict(model.network.state_dict())
    expected = Predictor(model, "cpu", batch_size=2).predict(stack)
    prediction = Predictor(Model(short, model.card, "", "short"), "cpu", batch_size=8).predict(stack)
    assert prediction.notices == (
        "Out of memory: went on with 4 slices at a time.",
        "Out of memory: went on with 2 slices at a time.",
    )
    np.testing.assert_allclose(prediction.logits, expected.logits, atol=1e-4)


def test_out_of_memory_for_one_slice_moves_to_the_cpu(
    model: Model, stack: LGEStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No accelerator here: the meta device stands for one, on which a single slice does not fit."""
    moves: list[str] = []

    class Accelerated(ShortMemory):
        limit = 0

        def to(self, *args, **kwargs):
            moves.append(str(args[0]))
            self.limit = 99 if args[0] == "cpu" else 0
            return self

    network = Accelerated(CONFIG).eval()
    monkeypatch.setattr(predictor_module, "available_devices", lambda: ["mps", "cpu"])
    monkeypatch.setattr(torch.Tensor, "to", lambda self, *a, **k: self)
    monkeypatch.setattr(predictor_module.torch, "autocast", lambda *a, **k: torch.no_grad())
    prediction = Predictor(Model(network, model.card, "", "a"), "auto", batch_size=1).predict(stack)
    assert moves == ["mps", "cpu"]
    assert prediction.device == "cpu"
    assert prediction.notices == ("Out of memory on mps: went on with the CPU, which is slower.",)


def test_other_errors_are_not_taken_for_memory(model: Model, stack: LGEStack, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: ScarNet, image: torch.Tensor) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(ScarNet, "forward", fail)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        Predictor(model, "cpu").predict(stack)


def test_unknown_device_and_bad_batch(model: Model) -> None:
    assert available_devices()[-1] == "cpu"
    missing = next(d for d in ("cuda", "mps", "tpu") if d not in available_devices())
    with pytest.raises(ScarNetError, match="use one of: auto"):
        Predictor(model, missing)
    with pytest.raises(ScarNetError, match="at least 1"):
        Predictor(model, batch_size=0)


@pytest.mark.parametrize("shape", [(1, 32, 32), (2, 40, 300), (1, 1024, 700)])
def test_any_shape_is_read(model: Model, shape: tuple[int, int, int]) -> None:
    flat = LGEStack.from_array(np.full(shape, 7.0), (8.0, 1.0, 1.0), case="constant")
    prediction = Predictor(model, "cpu").predict(flat)
    assert prediction.labels.shape == shape
    assert np.isfinite(prediction.logits).all()


def test_nothing_found_is_said(model: Model, stack: LGEStack, monkeypatch: pytest.MonkeyPatch) -> None:
    blind = make_model()
    assert blind.network.localiser is not None
    torch.nn.init.constant_(blind.network.localiser.head.weight, 0)
    torch.nn.init.constant_(blind.network.localiser.head.bias, -10)
    prediction = Predictor(blind, "cpu").predict(stack)
    assert prediction.notices == ("No heart was found; the network looked at the middle of the image.",)


def test_localiser_finds_the_brightest_heart(model: Model) -> None:
    from scarnet.predict.localise import heart_centre

    pixels = np.zeros((3, 100, 140), np.float32)
    pixels[:, 60:70, 100:110] = 1
    pixels[0, 20:30, 20:30] = 1  # a false heart in one slice only

    class Bright(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return 4 * image - 8

    network = make_model().network
    network.localiser = Bright()  # type: ignore[assignment]
    (y, x), found = heart_centre(network, torch.from_numpy(pixels)[:, None], (1.4, 1.1))
    assert found
    assert abs(y - 64.5) < 1.5
    assert abs(x - 104.5) < 1.5


def test_small_scar_is_dropped_in_the_whole_stack_only(model: Model, stack: LGEStack) -> None:
    logits = Predictor(model, "cpu").predict(stack).logits
    model = replace(model, network=deepcopy(model.network))
    # Random weights call no scar; now half of what they see is.
    model.network.classifier.bias.data[3] += float(np.median((logits[:3].max(axis=0) - logits[3])[logits[0] < 9]))
    everything = replace(model, card=replace(model.card, smallest_scar_ml=1e6))
    plain, strict = Predictor(model, "cpu"), Predictor(everything, "cpu")
    before, after = plain.predict(stack), strict.predict(stack)
    assert (before.labels == 3).any()
    assert not (after.labels == 3).any()
    assert after.whole
    voxel_ml = 10.0 * 0.9 * 1.6 / 1000
    assert after.smallest_scar_voxels == int(np.ceil(1e6 / voxel_ml))
    np.testing.assert_array_equal(before.probabilities, after.probabilities)
    # A slice alone does not tell a small scar from the end of a large one.
    alone = strict.predict(stack, slices=[2])
    assert not alone.whole
    np.testing.assert_array_equal(alone.labels, plain.predict(stack, slices=[2]).labels)
    assert (strict.predict(stack, postprocess=False).labels == 3).any()


def test_neighbouring_slices_are_seen_also_where_one_slice_is_asked_for(stack: LGEStack) -> None:
    seeing = Predictor(make_model(replace(CONFIG, context=1, localiser_width=0)), "cpu")
    whole = seeing.predict(stack).logits
    np.testing.assert_allclose(seeing.predict(stack, slices=[0, 2]).logits[:, [0, 2]], whole[:, [0, 2]], atol=1e-4)
    pixels = np.array(stack.pixels)
    pixels[3] = pixels[3, ::-1]
    changed = seeing.predict(LGEStack.from_array(pixels, stack.spacing_mm, case="noise")).logits
    moved = np.abs(changed - whole).max(axis=(0, 2, 3)) > 1e-7
    assert moved.tolist() == [False, False, True, True, True]


def test_a_network_without_an_encoder_has_one_branch(stack: LGEStack) -> None:
    prediction = Predictor(make_model(replace(CONFIG, encoder="none")), "cpu").predict(stack, branches=True)
    assert set(prediction.branch_logits) == {"unet"}
    np.testing.assert_array_equal(prediction.branch_logits["unet"], prediction.logits)

"""Time what users wait for, side by side in one run, and print a table.

    python benchmarks/run.py [--repeats 5] [--threads 2]

Machines differ and are noisy: quote the ratios of one run, not the seconds.
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from timing import interleaved

from scarnet.io import read_study
from scarnet.models import DEFAULT_MODEL, Model, ModelCard, load_model
from scarnet.network.config import EncoderName, ScarNetConfig
from scarnet.network.encoder import build_encoder
from scarnet.network.scarnet import ScarNet
from scarnet.phantom import PhantomSettings, make_phantom, write_dicom_series
from scarnet.predict import Predictor


def show(title: str, seconds: dict[str, list[float]], per: int, baseline: str) -> None:
    """Print medians and their ratio to the baseline's."""
    print(f"\n{title}")
    reference = statistics.median(seconds[baseline])
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"  {name:<44} {median / per:8.4f} s   {median / reference:6.2f} x")


def slice_works() -> tuple[dict[str, Callable[[], object]], int]:
    """Segment a whole phantom study, and run LiteMedSAM's encoder as often as the study has slices."""
    stack = make_phantom(0).stack
    model = load_model(DEFAULT_MODEL)
    passes = stack.shape[0]
    image = torch.rand(1, 3, 256, 256)

    def encode(encoder: torch.nn.Module) -> None:
        with torch.inference_mode():
            for _ in range(passes):
                encoder(image)

    works: dict[str, Callable[[], object]] = {}
    for form, fast in (("as published", False), ("without work on padding", True)):
        torch.manual_seed(0)
        encoder = build_encoder(ScarNetConfig(encoder="lite", fast_attention=fast))
        assert encoder is not None
        works[f"LiteMedSAM's encoder, {form}"] = partial(encode, encoder.eval())
    recommended = bool(model.card.recipe.get("test_time_flips", False))
    for name, flips in (("without flips", False), ("with flips", True)):
        note = ", as its card recommends" if flips == recommended else ""
        predictor = Predictor(model, "cpu", test_time_flips=flips)
        works[f"built-in model, {name}{note}"] = partial(predictor.predict, stack)
    return works, passes


def prediction_works() -> tuple[dict[str, Callable[[], object]], int]:
    """Segment one phantom study with each configuration."""
    stack = make_phantom(0).stack
    models = {"built-in model (scarnet-lite)": load_model(DEFAULT_MODEL)}
    for name, fast in (("plain", False), ("fast", True)):
        torch.manual_seed(0)
        config = ScarNetConfig(encoder="vit_b", unet_width=64, grid=256, spacing_mm=1.4, fast_attention=fast)
        network = ScarNet(config).eval()
        models[f"vit_b, {name} attention (random weights)"] = Model(network, ModelCard(name, "", config), "", name)
    predictors = {name: Predictor(model, "cpu", test_time_flips=False) for name, model in models.items()}
    built_in = models["built-in model (scarnet-lite)"]
    predictors["built-in model with test-time flips"] = Predictor(built_in, "cpu", test_time_flips=True)
    works: dict[str, Callable[[], object]] = {
        name: partial(predictor.predict, stack, slices=[0, 1]) for name, predictor in predictors.items()
    }
    return works, 2


def encoder_works() -> dict[str, Callable[[], object]]:
    """Run the encoders alone."""
    works: dict[str, Callable[[], object]] = {}
    sizes: tuple[tuple[EncoderName, int], ...] = (("lite", 128), ("lite", 256), ("vit_b", 256))
    for name, size in sizes:
        image = torch.rand(1, 3, size, size)
        for form, fast in (("plain", False), ("fast", True)):
            torch.manual_seed(0)
            built = build_encoder(ScarNetConfig(encoder=name, fast_attention=fast))
            assert built is not None
            encoder = built.eval()

            def work(encoder: torch.nn.Module = encoder, image: torch.Tensor = image) -> None:
                with torch.inference_mode():
                    encoder(image)

            works[f"{name} encoder, {size} x {size}, {form} attention"] = work
    return works


def dicom_works(folder: Path) -> dict[str, Callable[[], object]]:
    """Open a series with and without knowing what it is."""
    import pydicom

    stack = make_phantom(1, PhantomSettings(slices=12, matrix=(256, 256))).stack
    files = write_dicom_series(folder, stack, seed=1)

    def plain() -> np.ndarray:
        return np.stack([pydicom.dcmread(file).pixel_array for file in files])

    return {"plain pydicom, file order, no geometry": plain, "scarnet.io.read_study": lambda: read_study(folder)}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 for all")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, CPU, 32 bits, median of {arguments.repeats}")
    works, slices = slice_works()
    show(
        "Seconds a slice of a whole study beside one pass of LiteMedSAM's encoder at 256 x 256",
        interleaved(works, arguments.repeats),
        slices,
        "LiteMedSAM's encoder, as published",
    )
    works, slices = prediction_works()
    show(
        "Seconds a slice, from stack to labels",
        interleaved(works, arguments.repeats),
        slices,
        "built-in model (scarnet-lite)",
    )
    encoders = interleaved(encoder_works(), arguments.repeats)
    for start in range(0, len(encoders), 2):
        pair = dict(list(encoders.items())[start : start + 2])
        show("Seconds an image, encoder alone", pair, 1, next(iter(pair)))
    with tempfile.TemporaryDirectory() as folder:
        works = dicom_works(Path(folder))
        show(
            "Seconds to open a 12-slice DICOM series",
            interleaved(works, arguments.repeats),
            1,
            "plain pydicom, file order, no geometry",
        )


if __name__ == "__main__":
    main()

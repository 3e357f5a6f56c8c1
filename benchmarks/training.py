"""Time our training step beside a plain PyTorch loop, and what it is made of; on a GPU, how much of the chip is used.

    python benchmarks/training.py [--rounds 10] [--device auto] [--threads 2]

On phantoms, with random weights. Machines differ and are noisy: quote the ratios of one run, not the images a second.
"""

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from throughput import bf16_peak, count_flops, encoder_work, inference_work
from timing import Seconds, interleaved, medians
from training_step import PLAIN, TRAINER, phantom_recipe, start_trainer, step_works, take_works

from scarnet.models import DEFAULT_MODEL, load_model
from scarnet_training.data import load_phantoms
from scarnet_training.labelled_case import LabelledCase
from scarnet_training.processes import start_accelerator
from scarnet_training.recipe import Recipe
from scarnet_training.slices import heart_slices

# A GPU works through several steps before anybody looks at the clock.
TIMES = {"cuda": 10}


def measure_steps(title: str, recipe: Recipe, cases: list[LabelledCase], device: str, rounds: int) -> None:
    """Print how fast a recipe's steps are, beside the plain loop, and what share of them the data take."""
    accelerator = start_accelerator(recipe.training.precision, device)
    device = accelerator.device.type
    size = recipe.training.batch_size
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        loop = start_trainer(recipe, cases, folder / "run", accelerator)
        works, views = step_works(loop)
        slices = heart_slices(cases, recipe.network, recipe.augmentation)
        everything = {**works, "views": views, **take_works(slices, size, folder, device)}
        seconds = medians(interleaved(everything, rounds, device, TIMES.get(device, 1), warm_up=2))
        loop.run.release()
    shape = " × ".join(map(str, (size, 1 + 2 * recipe.network.context, recipe.network.grid, recipe.network.grid)))
    print(f"\n{title}: batches of {shape}, {accelerator.mixed_precision}, on {device}")
    for name in works:
        plain = seconds[PLAIN]
        print(f"  {name:<48} {size / seconds[name]:9.1f} images/s {plain / seconds[name]:7.2f} × the plain loop")
    whole = seconds[TRAINER]
    parts = {"views: slices, augmentation, kept embeddings": "views"}
    parts |= {name: name for name in everything if name.startswith("slices")}
    for name, key in parts.items():
        print(f"  {name:<48} {100 * seconds[key] / whole:9.1f} % of our trainer's step")


def measure_chip(cases: list[LabelledCase], rounds: int) -> None:
    """Print throughput on the GPU, and how much of what the chip could do that is."""
    chip = torch.cuda.get_device_name()
    peak = bf16_peak(chip)
    print(f"\n{chip}: {'its bf16 peak is not in our table' if peak is None else f'bf16 peak {peak:.0f} TFLOP/s'}")
    lite = load_model(DEFAULT_MODEL).card.config
    paper = phantom_recipe("paper")
    at_once = replace(paper, training=replace(paper.training, micro_batch=0))
    trained = replace(phantom_recipe("scarnet-lite", lite), network=lite)
    trained = replace(trained, training=replace(trained.training, train_encoder=True, views=0))
    trainings = {
        "training, ViT-B at 256, recipe paper": paper,
        "training, ViT-B at 256, 16 slices at a time": at_once,
        f"training, lite at {lite.grid}, encoder trained too": trained,
    }
    for name, recipe in trainings.items():
        accelerator = start_accelerator(recipe.training.precision, "cuda")
        with tempfile.TemporaryDirectory() as folder:
            loop = start_trainer(recipe, cases, Path(folder), accelerator)
            works, _ = step_works(loop)
            _print_use(name, works[TRAINER], recipe.training.batch_size, rounds, peak)
            loop.run.release()
        del loop, works
        torch.cuda.empty_cache()
    batch = 32
    inferences = {
        "inference, ViT-B at 256, the paper's network": inference_work(paper.network, batch, "cuda"),
        f"inference, lite at {lite.grid}, the built-in network": inference_work(lite, batch, "cuda"),
        "inference, ViT-B's encoder alone at 256": encoder_work(paper.network, 256, batch, "cuda"),
        "inference, lite's encoder alone at 256": encoder_work(lite, 256, batch, "cuda"),
    }
    for name, work in inferences.items():
        _print_use(name, work, batch, rounds, peak)


def _print_use(name: str, work: Callable[[], object], images: int, rounds: int, peak: float | None) -> None:
    flops = count_flops(work)
    seconds: Seconds = interleaved({name: work}, rounds, "cuda", TIMES["cuda"], warm_up=3)
    rate = flops / medians(seconds)[name] / 1e12
    share = "" if peak is None else f" {100 * rate / peak:6.1f} % of the peak"
    print(f"  {name:<48} {images / medians(seconds)[name]:9.1f} images/s {rate:8.2f} TFLOP/s{share}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--device", default="auto", choices=("auto", "cuda", "mps", "cpu"))
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 for all")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} CPU threads, median of {arguments.rounds} rounds")
    cases = load_phantoms(3, 0)
    network = load_model(DEFAULT_MODEL).card.config
    alone = phantom_recipe("scarnet-lite", network, unet_alone=True)
    whole = phantom_recipe("scarnet-lite", network)
    measure_steps("U-Net branch alone", alone, cases, arguments.device, arguments.rounds)
    measure_steps("Whole network, embeddings kept", whole, cases, arguments.device, arguments.rounds)
    if torch.cuda.is_available() and arguments.device in ("auto", "cuda"):
        measure_chip(cases, arguments.rounds)
    else:
        print("\nNo CUDA GPU: throughput against a chip's peak is left out.")


if __name__ == "__main__":
    main()

"""``python -m scarnet_training.experiments.localiser_tuning``: how to fine-tune the localiser on a handful of patients.

A localiser that knows phantoms only is fine-tuned on some patients, with its normalisations' statistics held and let
go, and looks for the heart in the others.
"""

import argparse
import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from scarnet.network.scarnet import ScarNet
from scarnet.predict.localise import heart_centre
from scarnet_training.data import load_dataset, load_phantoms
from scarnet_training.experiments.command_line import add_output, with_status, write_or_print
from scarnet_training.labelled_case import LabelledCase
from scarnet_training.localiser import train_localiser
from scarnet_training.recipe import find_recipe, load_recipe

__all__ = ["centre_errors", "main"]

SIZES = (5, 10, 20)
FAR_MM = 20.0
"""Beyond this a part of a ventricle leaves the window of 140 mm around the centre that was found."""


def centre_errors(network: ScarNet, cases: Sequence[LabelledCase]) -> list[float]:
    """Measure how far from the heart's middle its centre is found.

    Parameters
    ----------
    network : ScarNet
        A network with a localiser.
    cases : sequence of LabelledCase
        Patients with labels.

    Returns
    -------
    list of float
        For each the distance in mm between the centre found and the middle of the box around the labels.
    """
    errors = []
    for case in cases:
        spacing = case.stack.spacing_mm[1:]
        (y, x), _ = heart_centre(network, torch.tensor(case.stack.pixels)[:, None], spacing)
        _, rows, columns = np.nonzero(case.labels)
        middle = np.array([rows.min() + rows.max(), columns.min() + columns.max()]) / 2
        errors.append(float(np.hypot(*((np.array([y, x]) - middle) * np.array(spacing)))))
    return errors


def _row(what: str, errors: Sequence[float]) -> str:
    far = sum(error > FAR_MM for error in errors)
    return f"| {what} | {np.mean(errors):.1f} | {np.max(errors):.1f} | {far} of {len(errors)} |\n"


@with_status
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m scarnet_training.experiments.localiser_tuning", description=__doc__
    )
    parser.add_argument("--dataset", type=Path, default=Path("../shared/data/emidec"), help="the patients")
    parser.add_argument("--phantoms", type=int, default=30, help="how many the first localiser learns from")
    parser.add_argument("--first-epochs", type=int, default=12, help="its passes over them")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="patients to fine-tune on")
    add_output(parser)
    args = parser.parse_args(argv)
    cases, epochs = load_dataset(args.dataset), load_recipe(find_recipe("finetune")).training.localiser_epochs
    cases = [cases[index] for index in np.random.default_rng(0).permutation(len(cases))]
    unseen = cases[max(args.sizes) :]
    torch.manual_seed(0)
    first = ScarNet(load_recipe(find_recipe("scarnet-lite")).network).eval()
    train_localiser(first, load_phantoms(args.phantoms, 1000), args.first_epochs, 0, "cpu")
    text = "| fine-tuned on | mean distance (mm) | largest | further than 20 mm |\n" + "| --- " * 4 + "|\n"
    text += _row("nobody", centre_errors(first, unseen))
    for size in args.sizes:
        for hold, how in ((False, "let go"), (True, "held")):
            tuned = copy.deepcopy(first)
            train_localiser(tuned, cases[:size], epochs, 0, "cpu", hold_norms=hold)
            text += _row(f"{size} patients, statistics {how}", centre_errors(tuned, unseen))
    write_or_print(text, args.output)


if __name__ == "__main__":
    raise SystemExit(main())

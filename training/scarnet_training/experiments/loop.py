"""``python -m scarnet_training.experiments.loop``: what the annotation loop is worth, by the order of the queue.

A project with a model that has seen no patient is worked through by a simulated annotator, who corrects every case to
its reference labels. After 5, 10 and 20 accepted cases the project's model is fine-tuned on them and promoted, and is
measured on the patients of a held-out fold, who never come into the project: Dice, and the voxels that an annotator
would have to change. What is finished is kept, so that the command can be stopped and given again with the same
options.
"""

import argparse
import contextlib
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scarnet.errors import ScarNetError
from scarnet.files import atomic_path, make_folder
from scarnet.models import load_model
from scarnet.predict.predictor import Predictor
from scarnet.project import (
    ORDERS,
    Order,
    Project,
    add_model,
    import_stack,
    model_path,
    order_cases,
    predict_cases,
    promote,
)
from scarnet_training.data import load_dataset
from scarnet_training.experiments.command_line import add_output, with_status, write_or_print
from scarnet_training.experiments.loop_report import draw_curves, markdown_table
from scarnet_training.labelled_case import LabelledCase
from scarnet_training.project import collect_model, find_finetune, plan_finetune, prepare_finetune
from scarnet_training.project.simulated import SimulatedAnnotator, voxels_to_change
from scarnet_training.recipe import Recipe, load_recipe, write_recipe
from scarnet_training.splits import apply_split, fold_patients
from scarnet_training.trainer import train
from scarnet_training.validation import compare_labels, summarise

__all__ = ["COUNTS", "LoopSettings", "arrival", "main", "run_loop"]

COUNTS = (0, 5, 10, 20)
FOLDS = 5
_UNCERTAIN: Order = "most uncertain first"


@dataclass(frozen=True)
class LoopSettings:
    """How the loop is run.

    Attributes
    ----------
    counts : tuple of int
        After how many accepted cases to fine-tune and to measure.
    epochs : int
        Passes of a fine-tuning, each of at least the recipe's least steps.
    device : str
        Where to predict and to train.
    seed : int
        Of the random order, the splits and the trainings.
    recipe : Recipe or None
        In place of the shipped recipe ``finetune``.
    flips : bool or None
        Flips at test time; None as the model recommends.
    learning_rate : float or None
        Peak of a fine-tuning; None for the recipe's.
    with_disagreement : bool
        Ask the network again over flips and noise for the uncertainty; else it is the entropy of one prediction.
    """

    counts: tuple[int, ...] = COUNTS
    epochs: int = 6
    device: str = "auto"
    seed: int = 0
    recipe: Recipe | None = None
    flips: bool | None = None
    learning_rate: float | None = None
    with_disagreement: bool = True


def run_loop(
    cases: Sequence[LabelledCase],
    model: str,
    out: Path,
    orders: Sequence[Order],
    settings: LoopSettings,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, list[dict[str, Any]]]:
    """Work a project through in each order.

    Parameters
    ----------
    cases : sequence of LabelledCase
        The patients; fold 0 of five is measured on, the others are the project's.
    model : str
        The model that has seen none of them.
    out : Path
        Folder for the projects and what was measured; what is in it already is not done again.
    orders : sequence of Order
        In which orders.
    settings : LoopSettings
        How.
    tell : callable
        Called with what was just done, in a few words.

    Returns
    -------
    dict
        By order a list of points, each with ``accepted`` cases, the held-out patients' ``summary`` as
        :func:`scarnet_training.validation.summarise` gives it, and ``voxels``, the mean to change a case.

    Raises
    ------
    ScarNetError
        There are fewer cases than are to be accepted, or a step fails.
    """
    pool, unseen = apply_split(cases, fold_patients(cases, FOLDS, settings.seed)[0])
    pool = sorted(pool, key=lambda case: arrival(case.stack.case))
    if max(settings.counts) > len(pool):
        raise ScarNetError(f"{max(settings.counts)} cases are to be accepted, but there are only {len(pool)}.")
    start = make_folder(out) / "start"
    _make_start(start, pool, model, settings)
    tell(f"{len(pool)} cases in the project are predicted, {len(unseen)} are to be measured on")
    annotator = SimulatedAnnotator({case.stack.case: case.labels for case in pool})
    points: dict[str, list[dict[str, Any]]] = {}
    for order in orders:
        folder = out / order.replace(" ", "-")
        if not folder.exists():
            # All begin with the same predictions, which are costly.
            scratch = out / f".{folder.name}"
            shutil.rmtree(scratch, ignore_errors=True)
            shutil.copytree(start, scratch).replace(folder)
        with Project.open(folder, annotator="simulated") as project:
            if project.why_read_only:
                raise ScarNetError(project.why_read_only)
            points[order] = []
            for count in sorted(settings.counts):
                points[order].append(_point(project, order, count, annotator, unseen, settings))
                tell(f"{order}: measured after {count} cases")
    return points


def arrival(name: str) -> tuple[int, str]:
    """Give a case's place in the queue: by its number, for EMIDEC's letters would bring all without infarct first.

    Parameters
    ----------
    name : str
        The case's name.

    Returns
    -------
    tuple of int and str
        To sort by.
    """
    return int("".join(filter(str.isdigit, name)) or 0), name


def _make_start(folder: Path, pool: Sequence[LabelledCase], model: str, settings: LoopSettings) -> None:
    """Make the project that every order begins with, its cases predicted."""
    if not (folder / "project.json").is_file():
        shutil.rmtree(folder, ignore_errors=True)  # of a start that was killed
        Project.create(folder, annotator="simulated").close()
    with Project.open(folder, annotator="simulated") as project:
        first: dict[str, str] = {}
        for case in pool:
            earlier = first.setdefault(case.patient, case.stack.case)
            if case.stack.case not in project.cases:
                same = earlier if earlier != case.stack.case else None
                import_stack(project, case.stack, case=case.stack.case, same_patient_as=same)
        add_model(project, model, "start")
        _predict(project, settings)


def _predict(project: Project, settings: LoopSettings) -> None:
    report = predict_cases(
        project, device=settings.device, flips=settings.flips, with_disagreement=settings.with_disagreement
    )
    for case, sentence in report.failed.items():
        raise ScarNetError(f"{case} cannot be predicted: {sentence}")


def _point(
    project: Project,
    order: Order,
    count: int,
    annotator: SimulatedAnnotator,
    unseen: Sequence[LabelledCase],
    settings: LoopSettings,
) -> dict[str, Any]:
    """Accept cases up to a count, fine-tune on them, and measure."""
    kept = project.folder.parent / f"{project.folder.name}-{count}.json"
    if kept.is_file():
        point: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        return point
    if order == _UNCERTAIN and project.progress()["accepted"] < count:
        # The other orders do not ask what the new model is unsure of.
        _predict(project, settings)
    while project.progress()["accepted"] < count:
        annotator.work_on(project, order_cases(project.rows(), order, settings.seed)[0])
    if count:
        _learn(project, f"after-{count}", settings)
    # All begin with the same model, which is measured once.
    others = [] if count else sorted(kept.parent.glob("*-0.json"))
    measured = json.loads(others[0].read_text(encoding="utf-8")) if others else _measure(project, unseen, settings)
    point = {**measured, "order": order, "accepted": count}
    with atomic_path(kept) as temporary:
        temporary.write_text(json.dumps(point, indent=1), encoding="utf-8")
    return point


def _learn(project: Project, name: str, settings: LoopSettings) -> None:
    """Fine-tune on what is accepted, or go on with that, and promote the model."""
    current = project.state.current_model
    if current is not None and current.name == name:
        return
    folder = project.folder / "jobs" / name
    if not (folder / "recipe.toml").is_file():
        shutil.rmtree(folder, ignore_errors=True)  # of a start that was killed
        plan = plan_finetune(project, name=name, seed=settings.seed)
        _, recipe = prepare_finetune(
            project, plan, epochs=settings.epochs, learning_rate=settings.learning_rate, recipe=settings.recipe
        )
        write_recipe(recipe, folder / "recipe.toml")
    job = find_finetune(project, name)
    if not (job.run / "model.safetensors").is_file():
        resume = (job.run / "checkpoints" / "last.pt").is_file()
        with contextlib.chdir(project.folder):  # where the recipe's paths start
            train(load_recipe(folder / "recipe.toml"), job.run, resume=resume, device=settings.device)
    collect_model(project, name)
    promote(project, name)


def _measure(project: Project, unseen: Sequence[LabelledCase], settings: LoopSettings) -> dict[str, Any]:
    """Measure the project's model on patients that are not in the project."""
    current = project.state.current_model
    if current is None:
        raise ScarNetError("The project has no model.")
    predictor = Predictor(
        load_model(model_path(project, current.name)), settings.device, test_time_flips=settings.flips
    )
    found = {case.stack.case: predictor.predict(case.stack).labels for case in unseen}
    patients = {case.stack.case: compare_labels(case.labels, found[case.stack.case]) for case in unseen}
    voxels = [voxels_to_change(found[case.stack.case], case.labels) for case in unseen]
    return {"summary": summarise(patients), "voxels": round(float(np.mean(voxels)), 1), "patients": patients}


@with_status
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m scarnet_training.experiments.loop", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/loop"), help="folder for the projects")
    parser.add_argument("--dataset", default="../shared/data/emidec", help="the patients")
    parser.add_argument("--model", default="runs/phantom/model.safetensors", help="the model that has seen no patient")
    parser.add_argument("--orders", default=",".join(ORDERS), help="orders of the queue, separated by commas")
    parser.add_argument("--counts", default=",".join(map(str, COUNTS)), help="numbers of accepted cases")
    parser.add_argument("--epochs", type=int, default=6, help="passes of a fine-tuning, of 30 steps or more each")
    parser.add_argument("--learning-rate", type=float, help="peak of a fine-tuning (default: the recipe's)")
    parser.add_argument("--no-flips", action="store_true", help="no flips at test time: a quarter of the work")
    parser.add_argument("--entropy-only", action="store_true", help="uncertainty from the prediction's entropy alone")
    parser.add_argument("--device", default="auto", help="where to predict and to train")
    parser.add_argument("--seed", type=int, default=0, help="of random order, splits and trainings")
    add_output(parser)
    parser.add_argument("--figure", type=Path, help="a .png or .pdf for the curves")
    args = parser.parse_args(argv)
    settings = LoopSettings(
        counts=tuple(int(count) for count in args.counts.split(",")),
        epochs=args.epochs,
        device=args.device,
        seed=args.seed,
        flips=False if args.no_flips else None,
        learning_rate=args.learning_rate,
        with_disagreement=not args.entropy_only,
    )
    cases, orders = load_dataset(args.dataset), args.orders.split(",")
    points = run_loop(cases, args.model, args.out, orders, settings, lambda text: print(text, file=sys.stderr))
    write_or_print(markdown_table(points), args.output)
    if args.figure is not None:
        draw_curves(points, args.figure)


if __name__ == "__main__":
    raise SystemExit(main())

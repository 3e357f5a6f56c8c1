"""``python -m scarnet_training.experiments.choose_point``: choose anew how readily a trained model calls scar.

On the patients that its card names as held out. A choice that was made before is taken out first.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from scarnet.errors import ScarNetError
from scarnet.models.store import read_model
from scarnet_training.correction import carried_correction
from scarnet_training.data import load_dataset
from scarnet_training.experiments.command_line import with_status
from scarnet_training.experiments.held_out import held_out_patients
from scarnet_training.finishing import write_model

__all__ = ["main"]


@with_status
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m scarnet_training.experiments.choose_point", description=__doc__)
    parser.add_argument("model", type=Path, help="the model")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the file with the choice built in")
    parser.add_argument("--dataset", type=Path, default=Path("../shared/data/emidec"), help="the patients")
    args = parser.parse_args(argv)
    model = read_model(args.model)
    held_out = held_out_patients(model.card)
    cases = [case for case in load_dataset(args.dataset) if case.stack.case in held_out]
    if len(cases) < len(held_out) or not cases:
        raise ScarNetError(f"{args.dataset} holds {len(cases)} of the {len(held_out)} held-out patients; give all.")
    carried_correction(model.card).undo(model.network)
    write_model(args.output, model.network, model.card, cases, choose_scar_shift=True)


if __name__ == "__main__":
    raise SystemExit(main())

"""Time scar measures on a stack of usual size, and print them.

    python benchmarks/measures.py [--rounds 7]

What the viewer does after each brush stroke is `measure_study(..., thresholds=False)`.
"""

import argparse
import statistics

import numpy as np
from scipy.ndimage import gaussian_filter
from timing import interleaved

from scarnet.measure import measure_labels, measure_study, probability_intervals
from scarnet.phantom import PhantomSettings, make_phantom


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    settings = PhantomSettings(
        slices=20, matrix=(256, 256), spacing_mm=(1.4, 1.4), slice_thickness_mm=5, gap_mm=0, pattern="ischaemic"
    )
    phantom = make_phantom(1, settings)
    labels, stack = phantom.labels, phantom.stack
    maps = np.stack([gaussian_filter((labels == c).astype(np.float32), (0, 1.5, 1.5)) for c in range(4)])
    works = {
        "volumes alone": lambda: measure_labels(labels, stack),
        "after a brush stroke": lambda: measure_study(labels, stack, thresholds=False),
        "with all threshold methods": lambda: measure_study(labels, stack),
        "intervals from probabilities": lambda: probability_intervals(maps, stack),
    }
    print(f"{stack.shape[0]} slices of {stack.shape[1]} × {stack.shape[2]}")
    for name, seconds in interleaved(works, rounds).items():
        print(f"  {name:<30} {1000 * statistics.median(seconds):8.1f} ms   fastest {1000 * min(seconds):8.1f} ms")


if __name__ == "__main__":
    main()

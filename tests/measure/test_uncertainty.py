"""Intervals from probabilities against what is known of their distribution; intervals of a noise run."""

import numpy as np
import pytest

from scarnet.errors import ScarNetError
from scarnet.measure import noise_intervals, probability_intervals
from scarnet.measure.uncertainty import disagreement_notes
from scarnet.stack import LGEStack

SHAPE = (4, 24, 24)
SPACING = (8.0, 2.0, 2.0)
VOXELS = int(np.prod(SHAPE))


@pytest.fixture
def stack():
    return LGEStack.from_array(np.zeros(SHAPE), SPACING, case="made")


def maps(scar, wall):
    """Probabilities of scar and of the whole wall, the rest background."""
    scar, wall = np.broadcast_to(scar, SHAPE), np.broadcast_to(wall, SHAPE)
    return np.stack([1 - wall, wall - scar, np.zeros(SHAPE), scar]).astype(np.float32)


def test_sure_probabilities_have_no_spread(stack):
    sure = np.zeros(SHAPE)
    sure[1:3, 5:15, 5:15] = 1
    found = probability_intervals(maps(0.5 * sure + 0.5 * sure, sure), stack, draws=20)
    volume = 200 * 0.032
    assert found["scar_volume_ml"] == {"expected": pytest.approx(volume), "interval": [pytest.approx(volume)] * 2}
    assert found["scar_percent_myocardium"]["interval"] == pytest.approx([100, 100])


def test_the_expected_volume_is_the_sum_of_probabilities(stack):
    random = np.random.default_rng(1)
    wall = random.uniform(0, 1, SHAPE)
    scar = wall * random.uniform(0, 1, SHAPE)
    found = probability_intervals(maps(scar, wall), stack, draws=60)
    for name, p in (("scar_volume_ml", scar), ("myocardium_volume_ml", wall)):
        low, high = found[name]["interval"]
        assert found[name]["expected"] == pytest.approx(p.sum() * 0.032, rel=1e-5)
        assert low < found[name]["expected"] < high
    assert found["scar_percent_myocardium"]["expected"] == pytest.approx(100 * scar.sum() / wall.sum(), rel=1e-5)


def test_errors_together_spread_more_than_errors_alone(stack):
    even = maps(0.3, 1.0)
    alone = probability_intervals(even, stack, draws=150, correlation_mm=0.01)["scar_volume_ml"]["interval"]
    # Independent voxels are binomial.
    sd = np.sqrt(VOXELS * 0.3 * 0.7) * 0.032
    assert alone[1] - alone[0] == pytest.approx(2 * 1.96 * sd, rel=0.25)
    assert np.mean(alone) == pytest.approx(0.3 * VOXELS * 0.032, rel=0.02)
    together = probability_intervals(even, stack, draws=150)["scar_volume_ml"]["interval"]
    assert together[1] - together[0] > 5 * (alone[1] - alone[0])
    assert together[0] < 0.3 * VOXELS * 0.032 < together[1]


def test_labels_outside_their_interval_are_told(stack):
    found = probability_intervals(maps(0.3, 0.8), stack, draws=20)
    low, high = found["scar_volume_ml"]["interval"]
    assert disagreement_notes(0.5 * (low + high), found) == []
    (note,) = disagreement_notes(low - 1, found)
    assert f"{low - 1:.1f} ml of scar" in note
    assert f"{low:.1f} to {high:.1f} ml" in note


def test_the_same_probabilities_give_the_same_interval(stack):
    one, other = (probability_intervals(maps(0.3, 0.8), stack, draws=10) for _ in range(2))
    assert one == other
    assert "calibrated" in one["assumes"]


def test_no_wall_has_no_percentage(stack):
    found = probability_intervals(maps(0.0, 0.0), stack, draws=5)
    assert found["scar_percent_myocardium"] == {"expected": None, "interval": None}
    assert found["scar_volume_ml"]["interval"] == [0, 0]


def test_logits_and_other_grids_are_refused(stack):
    with pytest.raises(ScarNetError, match="not logits"):
        probability_intervals(4 * maps(0.5, 0.9) - 2, stack)
    with pytest.raises(ScarNetError, match="4 classes on the image's"):
        probability_intervals(maps(0.5, 0.9)[:, 1:], stack)


def test_a_noise_runs_interval():
    found = noise_intervals({"scar_percent_myocardium": [*np.linspace(10, 20, 101), None]})["scar_percent_myocardium"]
    assert found == {"mean": pytest.approx(15), "interval": pytest.approx([10.25, 19.75]), "n": 101}
    with pytest.raises(ScarNetError, match="at least 2"):
        noise_intervals({"scar_volume_ml": [1.0, None]})
    with pytest.raises(ScarNetError, match="not known"):
        noise_intervals({"scar": [1.0, 2.0]})

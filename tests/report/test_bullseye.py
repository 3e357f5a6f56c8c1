"""The bullseye follows the standard's figure."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from scarnet.measure import SEGMENT_NAMES
from scarnet.report import draw_bullseye
from scarnet.report.bullseye import segment_wedges


def middle(number):
    outer, inner, start, end = segment_wedges()[number]
    angle, radius = np.radians((start + end) / 2), (outer + inner) / 2
    return radius * np.cos(angle), radius * np.sin(angle)


@pytest.mark.parametrize("number", range(1, 17))
def test_walls_lie_where_their_names_say(number):
    x, y = middle(number)
    name = SEGMENT_NAMES[number]
    if "antero" in name or name.endswith("anterior"):
        assert y > 0.2
    if "infero" in name or name.endswith("inferior"):
        assert y < -0.2
    if "sept" in name:
        assert x < -0.2
    if "lateral" in name:
        assert x > 0.2
    if name.endswith(("anterior", "inferior")):
        assert x == pytest.approx(0, abs=1e-9)


def test_segments_tile_the_disc():
    wedges = segment_wedges()
    assert sorted(wedges) == list(range(1, 18))
    x, y = np.random.default_rng(0).uniform(-1, 1, (2, 4000))
    radius, angle = np.hypot(x, y), np.degrees(np.arctan2(y, x))
    hits = sum(
        ((inner <= radius) & (radius < outer) & ((angle - start) % 360 < end - start)).astype(int)
        if end - start < 360
        else (radius < outer).astype(int)
        for outer, inner, start, end in wedges.values()
    )
    assert np.array_equal(hits, (radius < 1).astype(int))
    rings = [np.hypot(*middle(number)) for number in (1, 7, 13)]
    assert rings == sorted(rings, reverse=True)


def test_values_and_what_is_missing():
    axes = Figure().add_subplot()
    values = {number: float(number) for number in range(1, 17)} | {17: None}
    drawn = draw_bullseye(axes, values, maximum=20, title="Scar")
    written = [text.get_text() for text in axes.texts]
    assert written[:17] == [*(str(number) for number in range(1, 17)), "–"]
    assert drawn[17].get_hatch()
    assert not drawn[1].get_hatch()
    # Darker for more.
    light = [np.dot(drawn[number].get_facecolor()[:3], (0.3, 0.59, 0.11)) for number in (1, 8, 16)]
    assert light == sorted(light, reverse=True)
    assert drawn[3].contains_point(axes.transData.transform(middle(3)))

"""Labels from probabilities, post-processing, uncertainty maps."""

import numpy as np
import pytest

from scarnet.classes import TissueClass
from scarnet.errors import ScarNetError
from scarnet.predict import drop_small_scar, entropy_map, labels_from_probabilities, margin_map, postprocess_labels

BG, MYO, BLOOD, SCAR = (int(c) for c in TissueClass)


def ring(size: int = 40, centre: tuple[int, int] = (20, 20)) -> np.ndarray:
    y, x = np.indices((size, size))
    r = np.hypot(y - centre[0], x - centre[1])
    labels = np.zeros((size, size), np.uint8)
    labels[r < 12] = MYO
    labels[r < 7] = BLOOD
    labels[(r < 10) & (r >= 7) & (x > centre[1] + 4)] = SCAR
    return labels


def test_a_clean_ventricle_is_left_alone() -> None:
    stack = np.stack([ring(), ring()])
    np.testing.assert_array_equal(postprocess_labels(stack), stack)


def test_one_ventricle_without_holes_and_scar_in_the_wall() -> None:
    clean = np.stack([ring(), ring()])
    dirty = clean.copy()
    dirty[0, 2:5, 2:5] = SCAR  # a second, smaller object
    dirty[0, 20, 20] = BG  # a hole in the blood pool
    dirty[1, 10, 20] = BG  # a hole in the wall
    dirty[1, 19:21, 17:19] = SCAR  # scar floating in the blood
    before = dirty.copy()
    result = postprocess_labels(dirty)
    np.testing.assert_array_equal(result, clean)
    np.testing.assert_array_equal(dirty, before)


def test_no_heart_stays_no_heart() -> None:
    assert not postprocess_labels(np.zeros((2, 8, 8), np.uint8)).any()


def test_all_scar_is_not_deleted() -> None:
    labels = np.where(ring() > 0, SCAR, BG).astype(np.uint8)[None]
    np.testing.assert_array_equal(postprocess_labels(labels), labels)


def probabilities() -> np.ndarray:
    generator = np.random.default_rng(0)
    p = generator.random((4, 3, 8, 8)).astype(np.float32)
    return p / p.sum(axis=0)


def test_threshold_redraws_only_scar() -> None:
    p = probabilities()
    plain = labels_from_probabilities(p, postprocess=False)
    np.testing.assert_array_equal(plain, p.argmax(axis=0))
    for threshold in (0.1, 0.3, 0.6):
        labels = labels_from_probabilities(p, scar_threshold=threshold, postprocess=False)
        np.testing.assert_array_equal(labels == SCAR, p[SCAR] >= threshold)
        np.testing.assert_array_equal(labels[labels != SCAR], p[:SCAR].argmax(axis=0)[labels != SCAR])
    with pytest.raises(ScarNetError, match="between 0 and 1"):
        labels_from_probabilities(p, scar_threshold=1.5)


def test_entropy_and_margin_against_hand_computed_values() -> None:
    p = np.zeros((4, 1, 1, 3), np.float32)
    p[:, 0, 0, 0] = (1, 0, 0, 0)
    p[:, 0, 0, 1] = (0.25, 0.25, 0.25, 0.25)
    p[:, 0, 0, 2] = (0.5, 0.3, 0.2, 0.0)
    expected = -(0.5 * np.log(0.5) + 0.3 * np.log(0.3) + 0.2 * np.log(0.2)) / np.log(4)
    np.testing.assert_allclose(entropy_map(p)[0, 0], [0, 1, expected], atol=1e-6)
    np.testing.assert_allclose(margin_map(p)[0, 0], [1, 0, 0.2], atol=1e-6)


def test_small_scar_becomes_myocardium_and_size_counts_over_slices() -> None:
    labels = np.ones((3, 8, 8), np.uint8)
    labels[0, 1, 1] = labels[1, 2, 2] = labels[2, 3, 3] = 3  # one scar through corners, three voxels
    labels[0, 6, 6] = 3
    kept = drop_small_scar(labels, 2)
    assert (kept == 3).sum() == 3
    assert kept[0, 6, 6] == 1
    assert (drop_small_scar(labels, 4) == 1).all()
    assert drop_small_scar(labels, 0) is labels

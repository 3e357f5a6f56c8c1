import math

import numpy as np
import pytest

from scarnet.phantom.artefacts import acquire, coil_profile, store_integers
from scarnet.phantom.contrast import Contrast, inversion_recovery, null_time_ms
from scarnet.phantom.texture import smooth_field


@pytest.mark.parametrize(
    ("t1", "ti", "tr", "expected"),
    [
        # TI = T1 ln 2 and a long TR: 1 - 2/2 + 0.
        (500.0, 500.0 * math.log(2), 1e9, 0.0),
        # No time to recover: 1 - 2 + 1 at once, -1 after full recovery.
        (500.0, 0.0, 0.0, 0.0),
        (500.0, 0.0, 1e9, -1.0),
        # By hand: e^-0.5 = 0.60653, e^-1.5 = 0.22313.
        (540.0, 270.0, 810.0, 1 - 2 * 0.60653 + 0.22313),
        # e^-0.6 = 0.54881, e^-1.8 = 0.16530.
        (450.0, 270.0, 810.0, 1 - 2 * 0.54881 + 0.16530),
    ],
)
def test_inversion_recovery_is_what_the_formula_gives_by_hand(t1, ti, tr, expected):
    assert inversion_recovery(t1, ti, tr) == pytest.approx(expected, abs=2e-5)
    assert inversion_recovery(t1, ti, tr, 0.5) == pytest.approx(expected / 2, abs=2e-5)


def test_the_null_time_nulls_and_orders_tissues_as_lge_does():
    tr = 800.0
    ti = null_time_ms(540.0, tr)
    assert 250 < ti < 275
    assert inversion_recovery(540.0, ti, tr) == pytest.approx(0.0, abs=1e-9)
    fat, infarct, blood, no_reflow = (inversion_recovery(t1, ti, tr) for t1 in (350, 425, 450, 800))
    assert fat > infarct > blood > 0 > no_reflow


def test_contrast_uses_each_tissues_density_and_air_is_dark():
    contrast = Contrast({"remote": 540.0, "lung": 540.0}, ti_ms=300.0, tr_ms=800.0)
    ratio = contrast.signal("lung") / contrast.signal("remote")
    assert ratio == pytest.approx(0.16 / 0.95)
    assert (contrast.signal("air", np.ones((2, 3))) == np.zeros((2, 3))).all()


def test_noise_is_rician_in_magnitude_and_gaussian_in_psir():
    empty, coil = np.zeros((200, 200), np.float32), np.ones((200, 200), np.float32)
    common = {"coil": coil, "noise": 0.1, "ghosting": 0.0, "phase_axis": 0, "blur": 0.0}
    magnitude = acquire(empty, np.random.default_rng(1), kind="magnitude", **common)
    psir = acquire(empty, np.random.default_rng(1), kind="psir", **common)
    assert magnitude.min() >= 0
    # Rayleigh: mean sigma sqrt(pi/2).
    assert magnitude.mean() == pytest.approx(0.1 * math.sqrt(math.pi / 2), rel=0.02)
    assert psir.mean() == pytest.approx(0, abs=0.003)
    assert psir.std() == pytest.approx(0.1, rel=0.02)


def test_psir_keeps_the_sign_and_magnitude_loses_it():
    signal, coil = np.full((8, 8), -0.5, np.float32), np.ones((8, 8), np.float32)
    common = {"coil": coil, "noise": 0.0, "ghosting": 0.0, "phase_axis": 0, "blur": 0.0}
    assert acquire(signal, np.random.default_rng(0), kind="psir", **common) == pytest.approx(-0.5)
    assert acquire(signal, np.random.default_rng(0), kind="magnitude", **common) == pytest.approx(0.5)


def test_ghost_is_a_faint_copy_along_the_phase_axis():
    signal = np.zeros((64, 64), np.float32)
    signal[10, 20] = 1.0
    coil = np.ones((64, 64), np.float32)
    ghosted = acquire(
        signal, np.random.default_rng(0), kind="psir", coil=coil, noise=0.0, ghosting=0.1, phase_axis=0, blur=0.0
    )
    rows, cols = np.nonzero(ghosted)
    assert len(rows) == 2
    assert set(cols) == {20}
    assert sorted(abs(ghosted[rows, cols])) == pytest.approx([0.1, 1.0])


def test_coil_profile_is_smooth_positive_and_flat_at_zero_strength():
    rng = np.random.default_rng(0)
    assert coil_profile(rng, (20, 30), 0.0) == pytest.approx(1.0)
    profile = coil_profile(rng, (100, 120), 0.5)
    assert profile.min() > 0
    assert profile.mean() == pytest.approx(1.0, rel=1e-4)
    assert np.abs(np.diff(profile, axis=0)).max() < 0.1


def test_stored_values_are_whole_numbers_within_twelve_bits():
    image = np.array([[-9.0, -0.1, 0.0, 0.1004, 99.0]])
    assert store_integers(image, "psir", 1000, 1024).tolist() == [[0, 924, 1024, 1124, 4095]]
    assert store_integers(image, "magnitude", 1000, 1024).tolist() == [[0, 0, 0, 100, 4095]]


def test_smooth_field_has_unit_spread_and_the_asked_for_scale():
    rng = np.random.default_rng(3)
    rough, smooth = smooth_field(rng, (128, 128), 3), smooth_field(rng, (128, 128), 24)
    assert rough.shape == (128, 128)
    assert rough.std() == pytest.approx(1, rel=1e-3)
    assert np.abs(np.diff(rough)).mean() > 4 * np.abs(np.diff(smooth)).mean()

"""Threshold methods, remote region, grey zone and no-reflow on intensities whose answers are known."""

import numpy as np
import pytest
from scipy.stats import norm

from scarnet.errors import ScarNetError
from scarnet.measure import (
    MeasureSettings,
    enclosed_dark,
    find_remote,
    fwhm,
    gaussian_mixture,
    grey_zone,
    measure_study,
    n_sd,
    otsu,
    remote_from_mask,
    threshold_scar,
    wall_mask,
)
from scarnet.measure.mixture import fit_two_gaussians
from scarnet.phantom import PhantomSettings, make_phantom

HEALTHY, SD, BRIGHT = 100.0, 5.0, 200.0


def lit(labels, radius, angle):
    """Healthy wall of 100 ± 5, scar of 200, blood of 180."""
    random = np.random.default_rng(3)
    noise = random.normal(0, SD, labels.shape)
    return np.choose(labels, [20.0, HEALTHY, 180.0, BRIGHT]) + np.where(labels == 3, 0, noise)


@pytest.fixture
def scarred(ventricle, make_wedge):
    """A scar over 90°, plain to see."""
    return ventricle(20, 30, make_wedge(0, 90), image=lit)


def parts(made):
    wall = wall_mask(made.labels)
    return made.stack.pixels, wall, find_remote(made.stack.pixels, wall, made.stack.spacing_mm)


def test_the_remote_region_is_healthy_and_in_the_wall(scarred):
    pixels, wall, remote = parts(scarred)
    assert not remote.mask[~wall].any()
    assert not remote.mask[scarred.labels == 3].any()
    assert remote.mask.any(axis=(1, 2)).all()
    assert remote.mean == pytest.approx(HEALTHY, abs=1)
    assert remote.sd == pytest.approx(SD, abs=0.7)
    assert remote.mean == pytest.approx(pixels[remote.mask].mean())


def test_every_method_finds_plain_scar(scarred):
    pixels, wall, remote = parts(scarred)
    found = threshold_scar(pixels, wall, remote)
    assert set(found) == {"fwhm", "sd2", "sd3", "sd4", "sd5", "sd6", "otsu", "gmm"}
    truth = scarred.labels == 3
    for name, one in found.items():
        assert one.note is None
        assert not one.mask[~wall].any()
        assert not (truth & ~one.mask).any(), name
        # Healthy voxels above n SD are as many as a normal distribution has.
        n = float(name[2:]) if name.startswith("sd") else 8
        share = one.mask[wall & ~truth].mean()
        assert share == pytest.approx(norm.sf(n), abs=0.012 if n == 2 else 0.005), name


def test_thresholds_by_hand(scarred):
    pixels, wall, _ = parts(scarred)
    drawn = np.zeros(wall.shape, bool)
    drawn[1] = (scarred.angle < -np.pi / 2) & (scarred.radius < 35)
    remote = remote_from_mask(pixels, wall, drawn)
    inside = pixels[drawn & wall].astype(np.float64)
    assert (remote.mean, remote.sd, remote.drawn) == (
        pytest.approx(inside.mean()),
        pytest.approx(inside.std(ddof=1)),
        True,
    )
    assert n_sd(pixels, wall, remote, 2.5).threshold == pytest.approx(inside.mean() + 2.5 * inside.std(ddof=1))
    assert fwhm(pixels, wall, remote).threshold == pytest.approx((inside.mean() + BRIGHT) / 2, rel=1e-5)
    assert fwhm(pixels, wall, remote, "zero").threshold == pytest.approx(BRIGHT / 2, rel=1e-5)
    assert HEALTHY + 4 * SD < otsu(pixels, wall, remote).threshold < BRIGHT


def test_psir_has_no_half_of_zero_but_the_same_scar(scarred):
    pixels, wall, remote = parts(scarred)
    shifted = pixels - 150
    low = find_remote(shifted, wall, scarred.stack.spacing_mm)
    note = fwhm(shifted, wall, low, "zero")
    assert note.threshold is None
    assert not note.mask.any()
    assert "negative" in note.note
    for name, one in threshold_scar(shifted, wall, low).items():
        assert np.array_equal(one.mask, threshold_scar(pixels, wall, remote)[name].mask) or name == "gmm"


def test_half_of_a_maximum_counted_from_a_zero_far_away_is_doubted(scarred):
    pixels, wall, _ = parts(scarred)
    far = pixels + 5000
    found = fwhm(far, wall, find_remote(far, wall, scarred.stack.spacing_mm), "zero")
    assert found.mask[wall].all()
    assert "zero means nothing" in found.note


def test_two_gaussians_are_recovered():
    random = np.random.default_rng(0)
    values = np.concatenate([random.normal(100, 10, 30000), random.normal(180, 20, 10000)])
    fit = fit_two_gaussians(values)
    assert fit.weights == pytest.approx((0.75, 0.25), abs=0.01)
    assert fit.means == pytest.approx((100, 180), abs=1)
    assert fit.sds == pytest.approx((10, 20), abs=0.5)
    dark, light = (w * norm.pdf(fit.threshold, m, s) for w, m, s in zip(fit.weights, fit.means, fit.sds, strict=True))
    assert dark == pytest.approx(light)
    assert fit.means[0] < fit.threshold < fit.means[1]
    assert fit_two_gaussians(np.full(50, 7.0)) is None


def test_a_wall_without_scar_is_doubted(ventricle):
    pixels, wall, remote = parts(ventricle(image=lit))
    for method in (fwhm, otsu, gaussian_mixture):
        assert "whether there is scar at all" in method(pixels, wall, remote).note


def test_a_flat_wall_gives_sentences(ventricle):
    values = measure_study((made := ventricle(image=lambda labels, *_: labels * 0.0)).labels, made.stack).values
    for name in ("otsu", "gmm"):
        assert values["thresholds"][name]["threshold"] is None
        assert "do not part" in values["thresholds"][name]["note"]
        # No threshold is no finding of no scar.
        assert values["thresholds"][name]["scar_volume_ml"] is None
        assert values["thresholds"][name]["scar_percent_myocardium"] is None


@pytest.mark.parametrize(("drawn", "told"), [((2, 4, 4), "has shape"), (None, "covers 0 voxels")])
def test_bad_remote_regions_are_refused(scarred, drawn, told):
    region = np.zeros(drawn or scarred.labels.shape, bool)
    with pytest.raises(ScarNetError, match=told):
        measure_study(scarred.labels, scarred.stack, remote=region)


def test_core_and_grey_zone_of_a_ramp(ventricle):
    # Intensity falls from 300 at the endocardium; half the wall's turn is flat and remote.
    def ramp(labels, radius, angle):
        noise = np.random.default_rng(1).normal(0, 1, labels.shape)
        return np.where(angle > 0, 300 - 20 * (radius - 20), 100) + noise

    made = ventricle(20, 30, slices=4, spacing=(8, 0.5, 0.5), image=ramp)
    pixels, wall, remote = parts(made)
    zone = grey_zone(pixels, wall, remote)
    assert not (zone.core & zone.grey).any()
    assert zone.grey_threshold - remote.mean == pytest.approx(0.7 * (zone.core_threshold - remote.mean))
    # From 100 to about 300: 50 % is reached at 25 mm, 35 % at 26.5 mm.
    half = np.broadcast_to(made.angle > 0.1, wall.shape)
    radii = np.broadcast_to(made.radius, wall.shape)
    assert radii[zone.core & half].max() == pytest.approx(25, abs=0.5)
    assert radii[zone.grey & half].max() == pytest.approx(26.5, abs=0.5)
    by_sd = grey_zone(pixels, wall, remote, "sd")
    assert np.array_equal(by_sd.core, n_sd(pixels, wall, remote, 3).mask)
    assert np.array_equal(by_sd.core | by_sd.grey, n_sd(pixels, wall, remote, 2).mask)


def test_what_scar_encloses_is_no_reflow(ventricle, make_wedge):
    made = ventricle(20, 30, make_wedge(0, 120))
    bright = made.labels == 3
    right = np.degrees(made.angle)
    hole = (right > 40) & (right < 80) & (made.radius > 23) & (made.radius < 27)
    at_blood = (right > 40) & (right < 80) & (made.radius < 25)
    at_outside = (right > 40) & (right < 80) & (made.radius > 25)
    at_healthy = (right > 90) & (made.radius > 23) & (made.radius < 27)
    for dark, enclosed in ((hole, True), (at_blood, True), (at_outside, False), (at_healthy, False)):
        found = enclosed_dark(bright & ~dark, made.labels)
        assert np.array_equal(found, bright & dark if enclosed else np.zeros_like(bright))
    # A ring of scar round the whole wall leaves a healthy inner rim.
    ring = ventricle(20, 30, lambda r, a: r > 24)
    assert not enclosed_dark(ring.labels == 3, ring.labels).any()


def test_no_reflow_counts_as_scar_or_apart():
    settings = PhantomSettings(
        pattern="ischaemic",
        transmurality=0.9,
        extent=0.3,
        no_reflow=True,
        slices=5,
        matrix=(100, 100),
        spacing_mm=(1.9, 1.9),
    )
    made = make_phantom(1, settings)
    inside = measure_study(made.labels, made.stack)
    found, truth = inside.no_reflow, made.no_reflow
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.6
    assert inside.values["no_reflow"]["counted"] == "in scar"
    apart = measure_study(made.labels, made.stack, MeasureSettings(no_reflow="apart"), thresholds=False)
    volume = apart.values["no_reflow"]["volume_ml"]
    assert apart.values["scar_volume_ml"] == pytest.approx(inside.values["scar_volume_ml"] - volume)
    assert apart.values["myocardium_volume_ml"] == inside.values["myocardium_volume_ml"]
    assert any("no-reflow" in note for note in apart.values["notes"])


def test_small_scar_counts_as_healthy(ventricle, make_wedge):
    small, large = make_wedge(0, 6), make_wedge(90, 180)
    made = ventricle(20, 30, lambda r, a: small(r, a) | large(r, a), image=lit)
    smallest = 1.0
    found = measure_study(made.labels, made.stack, MeasureSettings(smallest_scar_ml=smallest))
    assert found.values["components"]["count"] == 1
    assert found.values["components"]["volumes_ml"] == pytest.approx([found.values["scar_volume_ml"]])
    assert found.values["scar_percent_myocardium"] == pytest.approx(25, abs=0.6)
    assert np.array_equal(found.labels == 3, (made.labels == 3) & large(made.radius, made.angle))
    assert found.thresholds["fwhm"].mask.sum() == (found.labels == 3).sum()
    assert any("pieces under 1 ml" in note for note in found.values["notes"])


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ScarNetError, match="choose from first, last"):
        MeasureSettings(base="top")
    with pytest.raises(ScarNetError, match="volume of 0 ml or more"):
        MeasureSettings(smallest_scar_ml=-1)

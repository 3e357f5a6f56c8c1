import hashlib
from dataclasses import fields

import numpy as np
import pytest
from scipy import ndimage

from scarnet.errors import ScarNetError
from scarnet.phantom import PhantomSettings, make_phantom

SMALL = {"matrix": (112, 128), "spacing_mm": (2.0, 1.8), "slices": 6}


def digest(phantom):
    return hashlib.sha256(phantom.stack.pixels.tobytes() + phantom.labels.tobytes()).hexdigest()


@pytest.fixture(scope="module")
def infarct():
    settings = PhantomSettings(
        matrix=(160, 176),
        spacing_mm=(1.3, 1.2),
        slices=6,
        shift_mm=0.0,
        length_mm=80.0,
        wall_mm=11.0,
        pattern="ischaemic",
        territory="LAD",
        transmurality=0.75,
        extent=0.5,
        no_reflow=True,
    )
    return make_phantom(3, settings)


def test_same_seed_gives_the_same_bytes_and_another_seed_does_not():
    settings = PhantomSettings(**SMALL)
    assert digest(make_phantom(5, settings)) == digest(make_phantom(5, settings))
    assert digest(make_phantom(5, settings)) != digest(make_phantom(6, settings))


def test_a_choice_leaves_the_rest_of_the_drawing_alone():
    free = make_phantom(5, PhantomSettings(**SMALL)).settings
    loud = make_phantom(5, PhantomSettings(**SMALL, noise=0.05)).settings
    differing = [f.name for f in fields(free) if getattr(free, f.name) != getattr(loud, f.name)]
    assert differing == ["noise"]


def test_the_stack_is_a_plausible_study(infarct):
    stack = infarct.stack
    assert stack.shape == infarct.labels.shape == (6, 160, 176)
    assert infarct.labels.dtype == np.uint8
    assert stack.source.format == "phantom"
    assert "ynthetic" in " ".join(stack.source.notes)
    assert stack.case == "phantom_3"
    assert stack.kind == infarct.settings.kind
    assert (stack.pixels == np.rint(stack.pixels)).all()
    assert all(getattr(infarct.settings, f.name) is not None for f in fields(infarct.settings))
    columns = stack.affine[:3, :3]
    assert np.linalg.norm(columns, axis=0)[::-1] == pytest.approx(stack.spacing_mm)
    # Right-handed, at right angles, and oblique to all of the patient's axes.
    unit = columns / np.linalg.norm(columns, axis=0)
    assert unit.T @ unit == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.det(unit) == pytest.approx(1.0)
    assert np.abs(unit[:, 2]).max() < 0.95


def test_every_class_is_there_and_no_reflow_is_scar(infarct):
    assert set(np.unique(infarct.labels)) == {0, 1, 2, 3}
    assert infarct.no_reflow.sum() > 10
    assert (infarct.labels[infarct.no_reflow] == 3).all()
    # Enclosed by enhancing scar: a core never touches the cavity or the outside in the plane.
    cross = ndimage.generate_binary_structure(2, 1)
    touching = inside = 0
    for labels, core in zip(infarct.labels, infarct.no_reflow, strict=True):
        border = ndimage.binary_dilation(core, cross) & ~core
        touching += (border & (labels != 3)).sum()
        inside += (border & (labels == 3)).sum()
    assert touching < 0.15 * inside


def test_infarct_touches_the_cavity_and_leaves_the_outer_wall(infarct):
    scar, cavity, outside = infarct.labels == 3, infarct.labels == 2, infarct.labels == 0
    cross = ndimage.generate_binary_structure(2, 1)[None]
    touch_cavity = (scar & ndimage.binary_dilation(cavity, cross)).sum()
    touch_outside = (scar & ndimage.binary_dilation(outside, cross)).sum()
    assert touch_cavity > 20
    assert touch_outside < 0.35 * touch_cavity


def test_chosen_transmurality_orders_the_scar_volume():
    volumes = [
        make_phantom(
            4, PhantomSettings(**SMALL, pattern="ischaemic", transmurality=t, extent=0.5, no_reflow=True)
        ).truth_ml["scar"]
        for t in (0.25, 0.5, 1.0)
    ]
    assert volumes[0] * 1.7 < volumes[1]
    assert volumes[1] * 1.5 < volumes[2]


def test_no_scar_where_none_is_asked_for():
    phantom = make_phantom(0, PhantomSettings(**SMALL, pattern="none"))
    assert set(np.unique(phantom.labels)) == {0, 1, 2}
    assert phantom.truth_ml["scar"] == 0
    assert phantom.settings.no_reflow is False


def test_non_ischaemic_scar_spares_the_subendocardium():
    settings = PhantomSettings(matrix=(200, 200), spacing_mm=(1.1, 1.1), slices=4, pattern="non-ischaemic", extent=0.8)
    phantom = make_phantom(1, settings)
    cross = ndimage.generate_binary_structure(2, 1)[None]
    scar = phantom.labels == 3
    assert scar.sum() > 50
    assert (scar & ndimage.binary_dilation(phantom.labels == 2, cross)).sum() < 0.05 * scar.sum()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_label_volumes_agree_with_the_geometry(seed):
    settings = PhantomSettings(matrix=(180, 180), spacing_mm=(1.3, 1.3), slices=6, shift_mm=0.0, length_mm=85.0)
    phantom = make_phantom(seed, settings)
    voxel_ml = np.prod(phantom.stack.spacing_mm) / 1000
    wall = ((phantom.labels == 1) | (phantom.labels == 3)).sum() * voxel_ml
    assert wall == pytest.approx(phantom.truth_ml["myocardium"], rel=0.06)
    assert (phantom.labels == 2).sum() * voxel_ml == pytest.approx(phantom.truth_ml["blood_pool"], rel=0.06)


def test_grey_levels_are_those_of_lge():
    settings = PhantomSettings(
        matrix=(180, 180), spacing_mm=(2.2, 2.2), slices=6, kind="psir", ti_error_ms=0.0,
        noise=0.001, bias=0.0, ghosting=0.0, texture=0.0, margin=False,
        pattern="ischaemic", extent=0.9, transmurality=1.0, no_reflow=True, wall_mm=12.0,
        t1_remote_ms=540.0, t1_infarct_ms=400.0, t1_blood_ms=450.0,
    )  # fmt: skip
    phantom = make_phantom(2, settings)
    core = ndimage.binary_erosion(phantom.labels == 1, np.ones((1, 3, 3)))
    enhanced = (phantom.labels == 3) & ~ndimage.binary_dilation(phantom.no_reflow, np.ones((1, 3, 3)))
    image, middle = phantom.stack.pixels, slice(1, 5)
    remote, blood, scar, dark = (
        np.median(image[middle][mask[middle]])
        for mask in (core, phantom.labels == 2, enhanced, ndimage.binary_erosion(phantom.no_reflow, np.ones((1, 3, 1))))
    )
    assert scar > blood > remote > dark
    # No signal at the null, which a phase-sensitive image stores as its offset.
    assert abs(remote - np.median(image[:, :4, :4])) < 0.35 * (blood - remote)


def test_magnitude_and_psir_differ_only_in_reconstruction():
    magnitude = make_phantom(7, PhantomSettings(**SMALL, kind="magnitude"))
    psir = make_phantom(7, PhantomSettings(**SMALL, kind="psir"))
    assert (magnitude.labels == psir.labels).all()
    assert (magnitude.stack.kind, psir.stack.kind) == ("magnitude", "psir")
    assert not (magnitude.stack.pixels == psir.stack.pixels).all()


def test_drawn_cohort_has_the_stated_mix():
    from scarnet.phantom.settings import resolve_settings

    drawn = [resolve_settings(np.random.default_rng(s), None) for s in range(600)]
    share = {p: np.mean([d.pattern == p for d in drawn]) for p in ("ischaemic", "non-ischaemic", "none")}
    assert share["ischaemic"] == pytest.approx(0.65, abs=0.06)
    assert share["non-ischaemic"] == pytest.approx(0.08, abs=0.04)
    large = [d for d in drawn if d.pattern == "ischaemic" and d.extent > 0.35 and d.transmurality > 0.45]
    assert np.mean([d.no_reflow for d in large]) == pytest.approx(1 / 3, abs=0.09)
    assert all(d.t1_infarct_ms < d.t1_remote_ms and d.t1_blood_ms < d.t1_remote_ms for d in drawn)
    assert any(d.spacing_mm[0] != d.spacing_mm[1] for d in drawn)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"matrix": (4, 256)}, "matrix"),
        ({"matrix": 256}, "matrix"),
        ({"spacing_mm": (0.0, 1.0)}, "spacing_mm"),
        ({"spacing_mm": (1.0, float("nan"))}, "spacing_mm"),
        ({"slices": 0}, "slices"),
        ({"slices": 2.5}, "slices"),
        ({"slice_thickness_mm": -8}, "slice_thickness_mm"),
        ({"gap_mm": -1}, "gap_mm"),
        ({"pattern": "scar"}, "pattern"),
        ({"territory": "LMCA"}, "territory"),
        ({"transmurality": 1.5}, "transmurality"),
        ({"transmurality": True}, "transmurality"),
        ({"kind": "phase"}, "kind"),
        ({"noise": "loud"}, "noise"),
        ({"no_reflow": "yes"}, "no_reflow"),
        ({"no_reflow": True, "pattern": "none"}, "No-reflow"),
        ({"wall_mm": 19.0, "radius_mm": 20.0}, "wall"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(wrong, named):
    with pytest.raises(ScarNetError, match=named):
        PhantomSettings(**wrong)


@pytest.mark.parametrize(
    "odd",
    [
        {"slices": 1},
        {"slices": 20, "length_mm": 60.0},
        {"matrix": (40, 300), "spacing_mm": (2.0, 1.0)},
        {"matrix": (64, 64), "spacing_mm": (1.0, 1.0)},
        {"wall_mm": 20.0},
        {"radius_mm": 20.0},
        {"slice_thickness_mm": 4.0, "gap_mm": 8.0},
        {"noise": 0.0, "bias": 0.0, "texture": 0.0, "ghosting": 0.0, "shift_mm": 0.0},
    ],
)
def test_odd_choices_still_make_a_study_with_a_heart(odd):
    settings = PhantomSettings(**({"matrix": (96, 96), "spacing_mm": (2.4, 2.4), "slices": 3} | odd))
    phantom = make_phantom(0, settings)
    assert {1, 2} <= set(np.unique(phantom.labels))

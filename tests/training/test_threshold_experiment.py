"""Threshold methods against a reference: the table and the pictures."""

import numpy as np
import pytest

from scarnet.phantom import PhantomSettings, make_phantom, write_phantom_cohort
from scarnet_training.experiments.thresholds import METHODS, draw_methods, main, mark_scar, table
from scarnet_training.labelled_case import LabelledCase

SMALL = {"slices": 3, "matrix": (80, 80), "spacing_mm": (2.4, 2.4)}


@pytest.fixture(scope="module")
def marked():
    """Two patients with scar and one without."""
    made = [
        make_phantom(seed, PhantomSettings(pattern=pattern, **SMALL), case=f"p{seed}")
        for seed, pattern in ((1, "ischaemic"), (2, "ischaemic"), (3, "none"))
    ]
    return [mark_scar(LabelledCase(one.stack, one.labels)) for one in made]


def test_the_table_says_what_the_masks_do(marked):
    for one in marked:
        wall, scar = np.isin(one.case.labels, (1, 3)), one.case.labels == 3
        assert set(one.masks) == set(METHODS)
        for name, mask in one.masks.items():
            assert not (mask & ~wall).any()
            assert one.percents[name] == pytest.approx(100 * mask.sum() / wall.sum())
            if one.case.has_scar:
                assert one.dices[name] == pytest.approx(2 * (mask & scar).sum() / (mask.sum() + scar.sum()))
    lines = table(marked).splitlines()
    assert "Dice (n 2)" in lines[0]
    assert "(n 1)" in lines[0]
    cells = [cell.strip() for cell in lines[2].strip("|").split("|")]
    assert cells[0] == METHODS["fwhm"]
    assert float(cells[1]) == pytest.approx(np.mean([one.dices["fwhm"] for one in marked[:2]]), abs=0.006)
    bias = np.mean([one.percents["fwhm"] - one.percents["reference"] for one in marked[:2]])
    assert float(cells[2]) == pytest.approx(bias, abs=0.06)
    assert float(cells[5]) == pytest.approx(marked[2].percents["fwhm"], abs=0.06)


def test_a_picture_has_a_panel_a_slice_and_method(marked):
    assert len(draw_methods(marked[0]).axes) == 5 * 3


def test_the_command_prints_a_table_and_draws_outside(tmp_path, capsys):
    write_phantom_cohort(tmp_path / "data", 1, seed=1, settings=PhantomSettings(pattern="ischaemic", **SMALL))
    arguments = ["--dataset", str(tmp_path / "data"), "--pictures", str(tmp_path / "pictures"), "--each", "1"]
    assert main(arguments) == 0
    assert "| two Gaussians |" in capsys.readouterr().out
    assert len(list((tmp_path / "pictures").iterdir())) == 2
    assert main(["--dataset", str(tmp_path / "nowhere")]) == 2
    assert "error:" in capsys.readouterr().err

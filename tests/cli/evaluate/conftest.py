"""Labels of small hearts as `scarnet evaluate` finds them: a dataset, what segment wrote, a folder of files."""

import json

import nibabel as nib
import numpy as np
import pytest

AFFINE = np.diag([-1.0, -2.0, 10.0, 1.0])
SHAPE = (5, 36, 40)


def draw_heart(scar, shift=0):
    """A ring of wall around a pool on the inner slices; scar is its first `scar` voxels on each."""
    z, y, x = np.indices(SHAPE)
    radius = np.hypot(y - 18, x - 18 - shift)
    labels = np.where(radius < 7, 2, np.where(radius < 12, 1, 0)).astype(np.uint8)
    labels[(z == 0) | (z == SHAPE[0] - 1)] = 0
    for one in labels[1:-1]:
        one.ravel()[np.flatnonzero(one == 1)[:scar]] = 3
    return labels


def save_labels(path, labels, affine=AFFINE):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(labels.transpose(2, 1, 0), affine), path)
    return path


SCAR = {"p1": (20, 30), "p2": (40, 36), "p3": (60, 70), "n1": (0, 12), "n2": (0, 0)}


@pytest.fixture
def scar_voxels():
    """How many voxels of scar on each slice: of a case the reference's and the prediction's."""
    return SCAR


@pytest.fixture
def heart():
    """Draw labels (Z, Y, X): `heart(scar, shift=0)`."""
    return draw_heart


@pytest.fixture
def save():
    """Write labels as NIfTI: `save(path, labels, affine=AFFINE)`."""
    return save_labels


@pytest.fixture
def reference(tmp_path):
    """An nnU-Net dataset whose label values are not ours."""
    folder = tmp_path / "Dataset001"
    for case, (scar, _) in SCAR.items():
        ours = draw_heart(scar)
        save_labels(folder / "labelsTr" / f"{case}.nii.gz", np.choose(ours, [0, 2, 1, 4]).astype(np.uint8))
    names = {"background": 0, "cavity": 1, "myocardium": 2, "infarction": 3, "no_reflow": 4}
    (folder / "dataset.json").write_text(json.dumps({"labels": names}))
    return folder


@pytest.fixture
def results(tmp_path):
    """What `scarnet segment` would have written."""
    for case, (_, scar) in SCAR.items():
        save_labels(tmp_path / "results" / case / "labels.nii.gz", draw_heart(scar, shift=1))
        (tmp_path / "results" / case / "result.json").write_text("{}")
    return tmp_path / "results"


@pytest.fixture
def flat(tmp_path):
    """Another prediction, a folder of files."""
    for case, (_, scar) in SCAR.items():
        save_labels(tmp_path / "flat" / f"{case}.nii.gz", draw_heart(scar // 2, shift=3))
    return tmp_path / "flat"


@pytest.fixture(autouse=True)
def drawing():
    """Draw nothing unless a test calls this: the figures take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scarnet.evaluate.report._write_figures", lambda *arguments: None)
        yield patch.undo

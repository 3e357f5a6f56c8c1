"""What napari gets from the manifest: readers, writers, samples and widgets."""

import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest
import tifffile
from npe2 import PluginManager
from qtpy.QtWidgets import QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit, QPushButton

from napari_scarnet.layers import add_stack, current_labels, show_prediction
from napari_scarnet.reader import get_reader
from scarnet.errors import ScarNetError

NAME = "napari-scarnet"


@pytest.fixture
def oblique(tmp_path):
    affine = np.array([[1.2, 0.3, 2.0, 5], [-0.4, 1.1, 3.0, -7], [0.1, 0.2, 7.0, 11], [0, 0, 0, 1]])
    data = np.random.default_rng(0).integers(0, 900, (30, 24, 5)).astype(np.int16)
    nib.save(nib.Nifti1Image(data, affine), tmp_path / "oblique.nii.gz")
    return tmp_path / "oblique.nii.gz"


def test_opening_a_file_gives_mm(make_napari_viewer, oblique):
    viewer = make_napari_viewer()
    (layer,) = viewer.open(oblique, plugin=NAME)
    assert [str(unit) for unit in layer.units] == ["millimeter"] * 3
    assert layer.axis_labels == ("z", "y", "x")
    assert tuple(layer.scale) == pytest.approx(layer.metadata["scarnet"]["stack"].spacing_mm)


def test_what_is_no_study_is_left_to_others(tmp_path):
    colour = tmp_path / "colour.tif"
    tifffile.imwrite(colour, np.zeros((20, 30, 3), np.uint8), photometric="rgb")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.txt").write_text("no study")
    for path in (colour, tmp_path / "folder", tmp_path / "missing.tif"):
        assert get_reader(str(path)) is None
    assert get_reader([str(colour), str(colour)]) is None


def test_what_only_we_could_read_is_refused_in_words(tmp_path):
    (tmp_path / "text.dcm").write_text("not DICOM")
    (tmp_path / "folder").mkdir()
    for name, sentence in (("text.dcm", "not a DICOM file"), ("folder", "is empty"), ("gone.nii", "does not exist")):
        with pytest.raises(ScarNetError, match=sentence):
            get_reader(str(tmp_path / name))(str(tmp_path / name))


def test_labels_are_saved_on_the_source_s_grid(make_napari_viewer, oblique, tmp_path, new_prediction):
    viewer = make_napari_viewer()
    (image,) = viewer.open(oblique, plugin=NAME)
    stack = image.metadata["scarnet"]["stack"]
    labels = show_prediction(viewer, image, new_prediction(stack)).labels
    for name in ("out.nii.gz", "out.tif"):
        assert labels.save(str(tmp_path / name), plugin=NAME)
    saved, source = nib.load(tmp_path / "out.nii.gz"), nib.load(oblique)
    assert saved.shape == source.shape
    assert np.allclose(saved.affine, source.affine)
    assert np.array_equal(np.unique(np.asarray(saved.dataobj)), np.unique(labels.data))
    assert tifffile.imread(tmp_path / "out.tif").shape == labels.data.shape


def test_labels_with_other_values_are_refused(make_napari_viewer, stack, tmp_path, new_prediction):
    viewer = make_napari_viewer()
    image = add_stack(viewer, stack)
    show_prediction(viewer, image, new_prediction(stack))
    current_labels(viewer, "case A").data[0, 0, 0] = 7
    with pytest.raises(RuntimeError, match="0 to 3"):
        current_labels(viewer, "case A").save(str(tmp_path / "bad.nii.gz"), plugin=NAME)
    assert not (tmp_path / "bad.nii.gz").exists()


@pytest.mark.parametrize("sample", ["infarct", "no_scar"])
def test_samples(make_napari_viewer, sample):
    viewer = make_napari_viewer()
    (layer,) = viewer.open_sample(NAME, sample)
    assert layer.metadata["scarnet"]["stack"].source.format == "phantom"


def test_each_widget_opens_and_every_control_has_a_tooltip(make_napari_viewer, qtbot):
    viewer = make_napari_viewer()
    names = [w.display_name for w in PluginManager.instance().get_manifest(NAME).contributions.widgets]
    assert names == ["ScarNet", "Study", "Segment", "Edit", "Inspect", "Measure", "Project", "Fine-tune"]
    for name in names:
        dock, widget = viewer.window.add_plugin_dock_widget(NAME, name)
        assert widget.viewer is viewer if name != "ScarNet" else widget.study.viewer is viewer
        kinds = (QPushButton, QComboBox, QLineEdit, QAbstractSpinBox, QAbstractSlider, QAbstractButton)
        for kind in kinds:
            for control in widget.findChildren(kind):
                inner = control.parent()
                outside = isinstance(inner, QComboBox | QAbstractSpinBox) or control.objectName().startswith("qt_")
                bar = "ScrollBar" in type(control).__name__
                tip = control.toolTip() or inner.toolTip() or inner.parent().toolTip()
                assert tip or outside or bar, f"{name}: {type(control).__name__} {control.objectName()} has no tooltip"
        viewer.window.remove_dock_widget(dock)


def test_listing_the_plugin_loads_neither_torch_nor_matplotlib():
    code = (
        "import sys, napari_scarnet, napari_scarnet.reader, napari_scarnet.writer, napari_scarnet.samples,"
        " napari_scarnet.dock, napari_scarnet.study_widget, napari_scarnet.segment_widget;"
        "print([m for m in ('torch', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

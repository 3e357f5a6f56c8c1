"""A DICOM Segmentation gives the labels back voxel for voxel, on the source's grid, in three programs."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import highdicom
import nibabel
import numpy as np
import pydicom
import pytest
from highdicom.seg import segread

from scarnet.errors import ScarNetError
from scarnet.export import LabelOrigin, make_segmentation, write_dicom
from scarnet.io import read_labels, read_study
from scarnet.io.dicom import frames_of_stack
from scarnet.stack import LGEStack

KINDS = ("oblique", "gapped", "enhanced", "joined")
MODEL = LabelOrigin("automatic", "scarnet-lite", "ab" * 32)


def masks_of(labels):
    return [np.isin(labels, (1, 3)), labels == 2, labels == 3]


def tool(name):
    found = shutil.which(name, path=Path(sys.executable).parent)
    if found is None:
        pytest.skip(f"needs {name} of the package dcmqi")
    return found


@pytest.fixture(params=KINDS)
def written(request, make_study, tmp_path):
    study = make_study(request.param)
    path = tmp_path / "segmentation.dcm"
    write_dicom(path, make_segmentation(study.labels, study.stack, MODEL))
    return study, path


def test_reads_back_here_and_in_highdicom(written):
    study, path = written
    assert np.array_equal(read_labels(path, study.stack), study.labels)
    assert np.array_equal(read_labels(path), study.labels)

    found = segread(path)
    frames = frames_of_stack(study.stack)
    uids = [frame.identity[0] for frame in frames]
    if frames[0].index is None:
        arrays = found.get_pixels_by_source_instance(source_sop_instance_uids=uids)
    else:
        arrays = found.get_pixels_by_source_frame(uids[0], [frame.index + 1 for frame in frames])
    for number, mask in enumerate(masks_of(study.labels)):
        assert np.array_equal(arrays[..., number] > 0, mask)


def test_each_frame_refers_to_the_image_its_labels_were_drawn_on(written):
    study, path = written
    sources = {dataset.SOPInstanceUID: dataset for dataset in map(pydicom.dcmread, study.folder.iterdir())}
    found = pydicom.dcmread(path)
    assert {item.ReferencedSOPInstanceUID for item in found.SourceImageSequence} <= set(sources)
    by_series = {
        (series.SeriesInstanceUID, item.ReferencedSOPInstanceUID)
        for series in found.ReferencedSeriesSequence
        for item in series.ReferencedInstanceSequence
    }
    seen = set()
    for frame, mask in zip(found.PerFrameFunctionalGroupsSequence, found.pixel_array, strict=True):
        (reference,) = frame.DerivationImageSequence[0].SourceImageSequence
        source = sources[reference.ReferencedSOPInstanceUID]
        assert reference.ReferencedSOPClassUID == source.SOPClassUID
        assert (source.SeriesInstanceUID, source.SOPInstanceUID) in by_series
        pixels = source.pixel_array
        if pixels.ndim == 3:
            pixels = pixels[reference.ReferencedFrameNumber - 1]
        (z,) = [z for z in range(study.stack.shape[0]) if np.array_equal(study.stack.pixels[z], pixels)]
        segment = frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        assert np.array_equal(mask > 0, masks_of(study.labels)[segment - 1][z])
        seen.add((segment, z))
    assert len(seen) == 3 * study.stack.shape[0]


def test_dcmqi_gives_the_grid_of_the_source(written, tmp_path):
    study, path = written
    command = [tool("segimage2itkimage"), "--inputDICOM", path, "--outputDirectory", tmp_path, "--outputType", "nii"]
    subprocess.run([*map(str, command), "--prefix", "s"], check=True, capture_output=True)
    frames = frames_of_stack(study.stack)
    for number, mask in enumerate(masks_of(study.labels), start=1):
        image = nibabel.load(tmp_path / f"s-{number}.nii.gz")
        values = np.asarray(image.dataobj).transpose(2, 1, 0)
        lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine
        places = [np.linalg.inv(lps) @ (*frame.position, 1) for frame in frames]
        slices = [round(place[2]) for place in places]
        # Each slice begins where a slice of the source does, and what lies in a gap is empty.
        assert np.allclose(places, [(0, 0, z, 1) for z in slices], atol=1e-3)
        assert np.allclose(np.linalg.norm(lps[:3, :2], axis=0), study.stack.spacing_mm[:0:-1], atol=1e-5)
        assert np.array_equal(values[slices] > 0, mask)
        assert np.count_nonzero(values) == mask.sum()


def test_codes_and_making(make_study):
    study = make_study()
    found = make_segmentation(study.labels, study.stack, MODEL)
    assert [str(item.SegmentedPropertyTypeCodeSequence[0].CodeValue) for item in found.SegmentSequence] == [
        "49848007",
        "87612001",
        "55641003",
    ]
    algorithm = found.SegmentSequence[2].SegmentationAlgorithmIdentificationSequence[0]
    assert found.SegmentSequence[2].SegmentAlgorithmType == "AUTOMATIC"
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("ScarNet scarnet-lite", "ab" * 32)
    by_hand = make_segmentation(study.labels, study.stack, LabelOrigin())
    assert by_hand.SegmentSequence[0].SegmentAlgorithmType == "MANUAL"


def test_no_scar_is_an_empty_segment(make_study, tmp_path):
    study = make_study()
    labels = np.where(study.labels == 3, 1, study.labels).astype(np.uint8)
    write_dicom(tmp_path / "s.dcm", make_segmentation(labels, study.stack, MODEL))
    assert np.array_equal(read_labels(tmp_path / "s.dcm", study.stack), labels)
    assert len(segread(tmp_path / "s.dcm").segment_numbers) == 3


def test_sources_that_cannot_be_referred_to(make_study, tmp_path):
    study = make_study()

    def refused(stack, match):
        with pytest.raises(ScarNetError, match=match):
            make_segmentation(study.labels, stack, MODEL)

    refused(LGEStack.from_array(study.stack.pixels, study.stack.spacing_mm), "array: the study was not read from DICOM")
    refused(replace(study.stack, pixels=study.stack.pixels + 1), "no longer those that were opened")
    for path in study.folder.iterdir():
        dataset = pydicom.dcmread(path)
        del dataset.FrameOfReferenceUID
        dataset.save_as(path)
    refused(study.stack, "lack FrameOfReferenceUID")
    shutil.rmtree(study.folder)
    refused(study.stack, "Cannot read")


def test_labels_that_do_not_fit(make_study):
    study = make_study()
    for labels in (study.labels[:3], study.labels + 3):
        with pytest.raises(ScarNetError, match="labels do not fit"):
            make_segmentation(labels, study.stack, MODEL)


def test_another_programs_segmentation(make_study, tmp_path):
    study = make_study()
    ours = make_segmentation(study.labels, study.stack, MODEL)
    sources = sorted(map(pydicom.dcmread, study.folder.iterdir()), key=lambda d: float(d.SliceLocation))

    def description(number, label):
        tissue = highdicom.sr.CodedConcept("85756007", "SCT", "Tissue")
        return highdicom.seg.SegmentDescription(number, label, tissue, tissue, "MANUAL")

    def made(names, sop_class="LABELMAP"):
        return highdicom.seg.Segmentation(
            sources, study.labels, sop_class, [description(n, name) for n, name in enumerate(names, start=1)],
            ours.SeriesInstanceUID, 1, highdicom.UID(), 1, "other", "other", "1", "1",
        )  # fmt: skip

    write_dicom(tmp_path / "s.dcm", made(["LV myocardium", "Cavity", "Infarction"]))
    assert np.array_equal(read_labels(tmp_path / "s.dcm", study.stack), study.labels)
    write_dicom(tmp_path / "s.dcm", made(["Scar", "Myo", "blood pool"], "BINARY"))
    assert np.array_equal(read_labels(tmp_path / "s.dcm", study.stack), np.array([0, 3, 1, 2])[study.labels])
    write_dicom(tmp_path / "s.dcm", made(["LV myocardium", "liver", "Infarction"]))
    with pytest.raises(ScarNetError, match="'liver' is not known"):
        read_labels(tmp_path / "s.dcm", study.stack)


def test_segmentation_of_another_case(make_study, tmp_path):
    study, path = make_study(), tmp_path / "segmentation.dcm"
    write_dicom(path, make_segmentation(study.labels, study.stack, MODEL))
    moved = study.stack.affine.copy()
    moved[:3, 3] += (0, 4, 0)
    elsewhere = LGEStack(study.stack.pixels, study.stack.spacing_mm, moved, "other")
    with pytest.raises(ScarNetError, match=r"lies 4\.0 mm from the nearest one of other"):
        read_labels(path, elsewhere)
    small = LGEStack.from_array(np.zeros((6, 8, 8)), study.stack.spacing_mm)
    with pytest.raises(ScarNetError, match="20 × 29"):
        read_labels(path, small)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ScarNetError, match="damaged or not a whole"):
        read_labels(path)


def test_a_segmentation_beside_its_images_is_no_slice(make_study):
    study = make_study()
    write_dicom(study.folder / "segmentation.dcm", make_segmentation(study.labels, study.stack, MODEL))
    again = read_study(study.folder)
    assert np.array_equal(again.pixels, study.stack.pixels)
    assert any("a segmentation" in note for note in again.source.notes)

"""DICOM slice positions: gaps, repeats, phases, copies."""

from __future__ import annotations

import numpy as np
import pytest

from scarnet.io import AmbiguousStudyError, list_series, read_study


def test_a_gap_is_reported_with_positions(tmp_path, write_series):
    stack = read_study(write_series(tmp_path / "a", offsets=(0, 8, 16, 32, 40)))
    assert stack.spacing_mm[0] == pytest.approx(8)
    assert np.diff(stack.slice_positions_mm) == pytest.approx([8, 8, 16, 8])
    assert any("Gap: 1 slice(s) missing between slice 3" in note for note in stack.source.notes)


def test_a_gap_beside_one_regular_step_does_not_change_the_spacing(tmp_path, write_series):
    stack = read_study(write_series(tmp_path / "a", offsets=(0, 8, 24)))
    assert stack.spacing_mm[0] == pytest.approx(8)


def test_uneven_spacing_is_reported(tmp_path, write_series):
    stack = read_study(write_series(tmp_path / "a", offsets=(0, 8, 18, 30)))
    assert any("unevenly" in note for note in stack.source.notes)
    assert stack.spacing_mm[0] == pytest.approx(10)


def test_phases_are_offered_and_chosen(tmp_path, write_series, volume):
    folder = write_series(
        tmp_path / "a",
        offsets=(0, 0, 8, 8, 16, 16),
        headers=lambda index: {"TriggerTime": 100 + 500 * (index % 2)},
    )
    with pytest.raises(AmbiguousStudyError, match="6 images at 3 slice positions, 2 at each") as caught:
        read_study(folder)
    assert caught.value.phases == ["trigger time 100 ms", "trigger time 600 ms"]
    assert np.array_equal(read_study(folder, phase=1).pixels, volume[1::2])
    assert list_series(folder)[0].n_phases == 2
    with pytest.raises(AmbiguousStudyError, match="no phase 2"):
        read_study(folder, phase=2)


def test_a_slice_taken_twice_is_offered_either_way(tmp_path, write_series, volume):
    folder = write_series(tmp_path / "a", offsets=(0, 8, 8, 16), headers=lambda i: {"InstanceNumber": i + 1})
    with pytest.raises(AmbiguousStudyError, match="2 at position 2 and 1 at position 1, 3"):
        read_study(folder)
    assert np.array_equal(read_study(folder, phase=0).pixels, volume[[0, 1, 3]])
    second = read_study(folder, phase=1)
    assert np.array_equal(second.pixels, volume[[0, 2, 3]])
    assert any("its last one is used" in note for note in second.source.notes)


@pytest.mark.parametrize(
    ("offsets", "repeats"),
    [((0, 8, 16, 16.5, 24, 32), "2 at position 3"), ((0, 0.2, 8, 8.2, 16, 16.2), "2 at each")],
)
def test_a_slice_taken_again_a_little_off_is_a_repeat(tmp_path, write_series, offsets, repeats):
    folder = write_series(tmp_path / "a", offsets=offsets)
    with pytest.raises(AmbiguousStudyError, match=repeats) as caught:
        read_study(folder)
    assert len(caught.value.phases) == 2
    for phase in range(2):
        assert read_study(folder, phase=phase).spacing_mm[0] == pytest.approx(8, abs=0.3)


def test_thin_regular_slices_are_no_repeats(tmp_path, write_series):
    stack = read_study(write_series(tmp_path / "a", offsets=(0, 1, 2, 3, 4, 5), SliceThickness=8))
    assert stack.shape[0] == 6
    assert stack.spacing_mm[0] == pytest.approx(1)


def test_every_other_slice_missing_is_noted(tmp_path, write_series):
    stack = read_study(write_series(tmp_path / "a", offsets=(0, 16, 32, 48)))
    assert any("every other one may be missing" in note for note in stack.source.notes)


def test_copies_of_a_file_are_left_out(tmp_path, write_series):
    folder = write_series(tmp_path / "a")
    (folder / "copy").write_bytes((folder / "f000").read_bytes())
    stack = read_study(folder)
    assert stack.shape[0] == 6
    assert any("copies" in note for note in stack.source.notes)

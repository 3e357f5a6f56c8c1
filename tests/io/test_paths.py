"""What a folder holds."""

import pytest

from scarnet.errors import ScarNetError
from scarnet.io.paths import visible_children


def test_hidden_files_are_left_out_and_the_rest_is_sorted(tmp_path):
    for name in ("b.nii.gz", "a", ".DS_Store"):
        (tmp_path / name).mkdir()
    assert visible_children(tmp_path) == [tmp_path / "a", tmp_path / "b.nii.gz"]


def test_a_folder_that_cannot_be_read_is_one_sentence(tmp_path):
    with pytest.raises(ScarNetError, match=r"Cannot read the folder .*nowhere: No such file or directory\."):
        visible_children(tmp_path / "nowhere")

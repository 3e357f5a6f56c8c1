"""A folder of results stands whole, or as it was before."""

import errno
import os
from pathlib import Path

import pytest

from scarnet.errors import ScarNetError
from scarnet_cli import outputs
from scarnet_cli.outputs import check_replaceable, replaced_folder


def write(target, text, may_hold=("a.txt",)):
    with replaced_folder(target, may_hold) as folder:
        (folder / "a.txt").write_text(text)


def test_the_folder_appears_only_when_it_is_complete(tmp_path):
    target = tmp_path / "deep" / "case"
    with replaced_folder(target, ("a.txt",)) as folder:
        (folder / "a.txt").write_text("new")
        assert not target.exists()
        assert folder.name == "case"
    assert (target / "a.txt").read_text() == "new"
    assert [path.name for path in target.parent.iterdir()] == ["case"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_goes_wrong_half_way_leaves_the_old_folder(tmp_path, everything_in, error):
    def stop_half_way():
        with replaced_folder(tmp_path / "case", ("a.txt",)) as folder:
            (folder / "a.txt").write_text("half")
            raise error

    write(tmp_path / "case", "old")
    with pytest.raises(error):
        stop_half_way()
    assert (tmp_path / "case/a.txt").read_text() == "old"
    assert everything_in(tmp_path) == {"case", "case/a.txt"}


@pytest.mark.parametrize("failing_call", [1, 2])
@pytest.mark.parametrize("after", [True, False], ids=["after", "before"])
def test_an_interrupt_while_folders_change_places_leaves_a_whole_one(tmp_path, monkeypatch, failing_call, after):
    write(tmp_path / "case", "old")
    calls = []
    replace = Path.replace

    def interrupted(self, target):
        calls.append(self)
        if len(calls) == failing_call and not after:
            raise KeyboardInterrupt
        result = replace(self, target)
        if len(calls) == failing_call:
            raise KeyboardInterrupt
        return result

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "case", "new")
    # Whole means the old one, or the new one if only the very last step was done already.
    done = failing_call == 2 and after
    assert (tmp_path / "case/a.txt").read_text() == ("new" if done else "old")
    assert [path.name for path in tmp_path.iterdir()] == ["case"]


def test_a_failed_write_names_the_target(tmp_path):
    with pytest.raises(ScarNetError) as caught, replaced_folder(tmp_path / "case", ()) as folder:
        raise ScarNetError(f"Cannot write {folder / 'a.txt'}: the disk is full.")
    assert str(caught.value) == f"Cannot write {tmp_path / 'case' / 'a.txt'}: the disk is full."


def test_the_operating_systems_words_become_a_sentence(tmp_path):
    with pytest.raises(ScarNetError, match="case: No space left on device"), replaced_folder(tmp_path / "case", ()):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_foreign_files_are_never_replaced(tmp_path):
    (tmp_path / "case").mkdir()
    (tmp_path / "case/notes.docx").write_text("mine")
    with pytest.raises(ScarNetError, match="did not write"):
        write(tmp_path / "case", "new")
    assert (tmp_path / "case/notes.docx").read_text() == "mine"


def test_files_of_the_system_and_patterns_are_no_foreign_files(tmp_path):
    for name in (".DS_Store", "1.dcm", "2.dcm"):
        (tmp_path / name).write_text("")
    check_replaceable(tmp_path, ("*.dcm",))
    with pytest.raises(ScarNetError):
        check_replaceable(tmp_path, ("1.dcm",))


def test_the_folder_one_is_in_is_not_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScarNetError, match="is the folder you are in"):
        write(Path(), "new")


def test_a_link_is_not_replaced(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "case").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ScarNetError, match="not a folder"):
        write(tmp_path / "case", "new")


def test_permissions_are_those_of_any_new_folder(tmp_path):
    write(tmp_path / "case", "new")
    (tmp_path / "plain").mkdir()
    assert (tmp_path / "case").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_all_files_of_a_case_are_known():
    volumes = {"labels.nii.gz", "probabilities.nii.gz", "logits.nii.gz"}
    assert set(outputs.CASE_FILES) == {*volumes, "labels_imagej.tif", "segmentation.dcm", "result.json"}

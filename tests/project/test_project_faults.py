"""What goes wrong on a real computer: killed processes, full disks, damaged files, wrong clocks, two openers."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from scarnet.errors import ScarNetError
from scarnet.project import DamagedLabelsError, Project, import_stack
from scarnet.project.lock import OWNER
from scarnet.project.review_log import ReviewLog

posix = pytest.mark.skipif(os.name != "posix", reason="needs kill -9")


def in_another_process(code, *arguments):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


def fill(path):
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


SAVE_FOR_EVER = """
import sys
import numpy as np
from scarnet.project import Project
project = Project.open(sys.argv[1])
assert not project.read_only, project.why_read_only
labels = np.zeros(project.stack("case-001").shape, np.uint8)
for stroke in range(10**6):
    labels[0] = 1 + stroke % 3
    labels[1:, 0, 0] = 1 + stroke // 3 % 3
    project.save_labels("case-001", labels)
    print(stroke, flush=True)
"""


@posix
def test_killed_while_saving_the_labels_are_of_the_last_strokes_and_the_lock_is_free(project):
    project.close()
    child = in_another_process(SAVE_FOR_EVER, project.folder)
    for _ in range(5):
        child.stdout.readline()
    with Project.open(project.folder) as second:
        assert second.read_only
        assert f"process {child.pid}" in second.why_read_only
        with pytest.raises(ScarNetError, match="read-only"):
            second.exclude("case-001")
        assert second.row("case-001").status == "in progress", "what there is can be looked at"
    time.sleep(0.2)
    child.send_signal(signal.SIGKILL)
    told = [line for line in child.communicate()[0].splitlines() if line.isdigit()]
    last = int(told[-1]) if told else 4
    with Project.open(project.folder) as again:
        assert not again.read_only, "a dead process holds nothing"
        found = again.labels("case-001")
        # The stroke that was told last, or the one that was being saved.
        strokes = [(1 + stroke % 3, 1 + stroke // 3 % 3) for stroke in (last, last + 1)]
        assert (int(found[0, 1, 1]), int(found[1, 0, 0])) in strokes
        again.save_labels("case-001", np.ones_like(found))
        again.accept("case-001")


def test_damaged_labels_offer_the_last_good_version(project, labels):
    project.save_labels("case-001", labels)
    later = labels.copy()
    later[0, 0, 0] = 3
    project.save_labels("case-001", later)
    path = project.case_folder("case-001") / "labels.nii.gz"
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:-9] + b"\x00" + whole[-8:], b""):
        path.write_bytes(damaged)
        with pytest.raises(DamagedLabelsError, match="last good version") as told:
            project.labels("case-001")
        assert told.value.last_good
    assert np.array_equal(project.restore_last_good("case-001"), labels)
    assert np.array_equal(project.labels("case-001"), labels)
    assert (path.parent / "labels.damaged.nii.gz").read_bytes() == b""
    path.unlink()
    assert np.array_equal(project.restore_last_good("case-001"), labels), "deleted by hand is damaged, too"
    for file in path.parent.glob("labels*"):
        file.write_bytes(b"torn")
    with pytest.raises(DamagedLabelsError, match="no good version"):
        project.restore_last_good("case-001")
    project.save_labels("case-001", later)
    assert np.array_equal(project.labels("case-001"), later), "what is in the viewer can always be saved"


def test_labels_that_cannot_be_read_at_all_are_set_aside_too(project, labels, monkeypatch):
    project.save_labels("case-001", labels)
    path = project.case_folder("case-001") / "labels.nii.gz"
    bad, number = path.read_bytes(), path.stat().st_ino
    real = io.open

    def sector(file, *args, **kwargs):
        # A bad sector is where it is, whatever the file is called.
        there = isinstance(file, str | os.PathLike) and Path(file).exists()
        if there and Path(file).stat().st_ino == number:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(file, *args, **kwargs)

    for module in ("io", "builtins"):
        monkeypatch.setattr(f"{module}.open", sector)
    with pytest.raises(DamagedLabelsError):
        project.labels("case-001")
    project.save_labels("case-001", np.ones_like(labels))
    assert (project.labels("case-001") == 1).all()
    monkeypatch.undo()
    assert (path.parent / "labels.damaged.nii.gz").read_bytes() == bad


def test_labels_begun_anew_over_damaged_ones_keep_both_aside(project, labels):
    later = labels.copy()
    later[0, 0, 0] = 3
    for version in (labels, later):
        project.save_labels("case-001", version)
    path = project.case_folder("case-001") / "labels.nii.gz"
    torn, good = path.read_bytes()[:-9], (path.parent / "labels.last.nii.gz").read_bytes()
    path.write_bytes(torn)
    for version in (np.zeros_like(labels), np.ones_like(labels), labels):
        project.save_labels("case-001", version)
    assert (path.parent / "labels.damaged.nii.gz").read_bytes() == torn
    assert (path.parent / "labels.before-damage.nii.gz").read_bytes() == good


def test_a_full_disk_leaves_the_last_version_and_one_sentence(mounted, draw_stack, labels):
    disk = mounted("size=1m")
    with Project.create(disk / "p") as project:
        import_stack(project, draw_stack(0))
        project.save_labels("case-001", labels)
        filler = disk / "filler"
        fill(filler)
        noise = np.random.default_rng(0).integers(0, 4, labels.shape).astype(np.uint8)
        before = project.log()
        for attempt in (
            lambda: project.save_labels("case-001", noise),
            lambda: import_stack(project, draw_stack(1)),
            lambda: project.accept("case-001"),
        ):
            with pytest.raises(ScarNetError, match="No space left on device") as told:
                attempt()
            assert ".writing-" not in str(told.value)
        assert np.array_equal(project.labels("case-001"), labels)
        assert project.cases == ("case-001",)
        filler.unlink()
        assert project.save_labels("case-001", noise)
        project.accept("case-001")
        assert [entry.seq for entry in project.log()] == list(range(1, len(project.log()) + 1))
        assert len(project.log()) > len(before)
    assert not list((disk / "p").rglob(".writing-*"))


@pytest.mark.parametrize("written", [0, 1, 2])
def test_a_disk_that_fills_up_keeps_the_prediction_there_was(project, predict, labels, monkeypatch, written):
    predict(project, "case-001", labels)
    room, sync = [written], os.fsync

    def run_out(handle):
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        room[0] -= 1
        sync(handle)

    monkeypatch.setattr("scarnet.files.os.fsync", run_out)
    with pytest.raises(ScarNetError, match="No space left on device") as told:
        predict(project, "case-001", np.zeros_like(labels), model="newer")
    assert ".writing-" not in str(told.value)
    assert (project.row("case-001").status, project.row("case-001").model) == ("predicted", "made-up")
    assert np.array_equal(project.prediction("case-001").labels, labels)
    assert not list(project.case_folder("case-001").rglob(".writing-*"))
    monkeypatch.undo()
    predict(project, "case-001", np.zeros_like(labels), model="newer")
    assert project.row("case-001").model == "newer"
    assert not project.prediction("case-001").labels.any()


def test_a_prediction_that_may_not_be_replaced_is_told_in_one_sentence(project, predict, labels, monkeypatch):
    predict(project, "case-001", labels)
    remove = Path.unlink

    def refuse(path, missing_ok=False):
        if path.name == "prediction.json":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        remove(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(ScarNetError, match=r"Cannot write .*prediction: Permission denied"):
        predict(project, "case-001", np.zeros_like(labels), model="newer")
    assert np.array_equal(project.prediction("case-001").labels, labels)


def test_labels_whose_record_could_not_be_written_are_not_accepted_still(tmp_path, draw_stack, labels, monkeypatch):
    from scarnet.project.record import CaseRecord

    with Project.create(tmp_path / "p") as project:
        import_stack(project, draw_stack(0))
        project.save_labels("case-001", labels)
        project.accept("case-001")
        changed = labels.copy()
        changed[0] = 0
        with monkeypatch.context() as full:
            full.setattr(CaseRecord, "write", _no_space)
            with pytest.raises(ScarNetError, match="No space"):
                project.save_labels("case-001", changed)
        assert project.save_labels("case-001", changed)  # as the viewer does once more
        assert project.row("case-001").status == "in progress"
        assert project.dataset.cases() == set()
        assert not project.save_labels("case-001", changed)


def _no_space(*_):
    raise ScarNetError("Cannot write case.json: No space left on device.")


def test_a_read_only_disk_can_be_looked_at(mounted, draw_stack, labels):
    disk = mounted("size=2m")
    with Project.create(disk / "p") as project:
        import_stack(project, draw_stack(0))
        project.save_labels("case-001", labels)
    mounted("ro")
    with Project.open(disk / "p") as project:
        assert "Read-only file system" in project.why_read_only
        assert np.array_equal(project.labels("case-001"), labels)
        with pytest.raises(ScarNetError, match="Read-only"):
            project.save_labels("case-001", labels * 0)


def test_another_machine_s_note_keeps_it_read_only_until_taken_over(project):
    folder = project.folder
    project.close()
    note = {"host": "mri-console", "pid": 4711, "created": 1.0, "since": 1.0}
    (folder / OWNER).write_text(json.dumps(note))
    with Project.open(folder) as seen:
        assert seen.read_only
        assert "mri-console" in seen.why_read_only
        assert "take over" in seen.why_read_only
    assert json.loads((folder / OWNER).read_text()) == note
    with Project.open(folder, take_over=True) as taken:
        assert not taken.read_only
    assert not (folder / OWNER).exists()


def test_the_log_survives_a_torn_line_and_a_clock_that_goes_back(tmp_path, monkeypatch):
    path = tmp_path / "log.jsonl"
    ReviewLog(path).append("import", "ann", case="a")
    with path.open("ab") as file:
        file.write(b'{"seq": 2, "time": "2026-')
    times = iter(["2020-01-01T00:00:00Z", "2019-01-01T00:00:00Z"])
    monkeypatch.setattr("scarnet.project.review_log.now", lambda: next(times))
    log = ReviewLog(path)
    log.append("edit", "ann", case="a", changed={"scar": {"added": 4, "removed": 0}})
    log.append("accept", "ann", case="a")
    entries = ReviewLog(path).read()
    assert [(entry.seq, entry.action) for entry in entries] == [(1, "import"), (2, "edit"), (3, "accept")]
    assert path.read_bytes().startswith(b'{"seq": 1')
    assert len(path.read_bytes().splitlines()) == 4, "nothing was taken out"


def test_no_project_or_a_damaged_one_gets_one_sentence(tmp_path, project):
    with pytest.raises(ScarNetError, match="no project"):
        Project.open(tmp_path)
    with pytest.raises(ScarNetError, match="project already"):
        Project.create(project.folder)
    with pytest.raises(ScarNetError, match="not empty"):
        Project.create(tmp_path)
    project.close()
    (project.folder / "project.json").write_text('{"format": 99}')
    with pytest.raises(ScarNetError, match="format 99"):
        Project.open(project.folder)
    (project.folder / "project.json").write_text('{"format": 1, "name": 3}')
    with pytest.raises(ScarNetError, match="damaged"):
        Project.open(project.folder)

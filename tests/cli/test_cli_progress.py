"""Bars on a terminal, silence in a log."""

import io
import os
import sys

import pytest

from scarnet_cli.progress import Bars


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Put a terminal in the place of stderr; only from within the test, since pytest changes it before that."""

    def put():
        monkeypatch.setattr(sys, "stderr", Terminal())
        return sys.stderr

    return put


def test_bars_follow_the_work(terminal):
    stream = terminal()
    with Bars(cases=2) as bars:
        for done in range(4):
            bars(done, 3, "Reading slices")
        bars(0, 5, "Segmenting slices")
        bars(5, 5, "Segmenting slices")
        bars.case_done()
    text = stream.getvalue()
    assert "Reading slices" in text
    assert "Segmenting slices" in text
    assert "cases: " in text
    assert "0/2" in text


def test_work_that_starts_again_gets_a_new_bar(terminal):
    terminal()
    with Bars() as bars:
        bars(2, 3, "first")
        bars(1, 3, "second")
        assert bars._inner.n == 1
        bars(2, 3, "second, further")
        assert bars._inner.n == 2
        bars(3, 3, "done")
        assert bars._inner is None


def test_lines_are_printed_above_the_bars(terminal, capsys):
    stream = terminal()
    with Bars(cases=2) as bars:
        bars(1, 3, "work")
        bars.say("found something")
        bars.note("look at this")
    assert capsys.readouterr().out == "found something\n"
    assert "note: look at this\n" in stream.getvalue()


@pytest.mark.parametrize("quiet", [True, False])
def test_no_bars_without_a_terminal_or_when_quiet(terminal, capsys, quiet):
    if quiet:
        terminal()
    with Bars(quiet, cases=3) as bars:
        bars(1, 3, "work")
        bars.case_done()
    shown = sys.stderr.getvalue() if quiet else capsys.readouterr().err
    assert shown == ""


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("quiet", [False, True])
def test_a_real_terminal_sees_progress(scarnet_process, tiny_model, study, tmp_path, quiet):
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    # A new pseudo-terminal has no size, and on nothing nothing is shown.
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    arguments = ["segment", study, "-o", tmp_path / "out", "--model", tiny_model, "--device", "cpu"]
    process = scarnet_process(*arguments, *(["-q"] if quiet else []), stderr=theirs)
    os.close(theirs)
    seen = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    os.close(ours)
    process.communicate(timeout=60)
    assert process.returncode == 0, seen
    assert (b"Segmenting slices" in seen) is not quiet
    assert bool(seen) is not quiet

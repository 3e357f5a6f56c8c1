"""The thread that saves edits: what it is told to forget."""

import threading

from napari_scarnet.edit_writer import LatestWriter
from scarnet.errors import ScarNetError


def test_a_job_that_is_forgotten_while_it_runs_fails_for_nobody():
    begun, may_end, told = threading.Event(), threading.Event(), []

    def fail():
        begun.set()
        may_end.wait(10)
        raise ScarNetError("The disk was away.")

    writer = LatestWriter(lambda *how: told.append(how))
    writer.submit("case", fail)
    assert begun.wait(10)
    writer.forget("case")
    may_end.set()
    assert writer.wait(10)
    assert len(told) == 1
    assert writer.failures == {}
    writer.submit("case", fail)
    assert writer.wait(10)
    assert list(writer.failures) == ["case"]

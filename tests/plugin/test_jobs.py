"""Work beside Qt: what may be left when the program ends, and what may not."""

import subprocess
import sys

import pytest

SCRIPT = """
import os, sys, threading, time
from qtpy.QtCore import QCoreApplication
from napari_scarnet.jobs import Job

app, begun = QCoreApplication([]), threading.Event()

def work(progress):
    begun.set()
    time.sleep(float(sys.argv[2]))
    print("done", flush=True)

job = Job(work, may_be_left=sys.argv[1] == "left")
job.start()
begun.wait(30)
"""


@pytest.mark.parametrize(("how", "seconds", "said"), [("left", 600.0, ""), ("waited for", 1.0, "done\n")])
def test_the_program_ends_while_a_job_runs(how, seconds, said):
    command = [sys.executable, "-c", SCRIPT, how, str(seconds)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == said
    assert "Traceback" not in ended.stderr

"""`scarnet jobs`: trainings in the background, looked after from a terminal."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from scarnet_training.jobs import JobOptions, Status, processes, read_job, submit
from scarnet_training.jobs.status import write_status


def make_job(folder, state, events=(), **values):
    """Write a job's folder as it stands after its end."""
    folder.mkdir(parents=True)
    options = values.pop("options", JobOptions())
    write_status(folder, Status(state, options, **values))
    lines = [json.dumps({"time": 1.7e9 + number, **event}) + "\n" for number, event in enumerate(events)]
    (folder / "events.jsonl").write_text("".join(lines))
    return folder


EVENTS = [
    {"event": "start", "recipe": {"training": {"epochs": 2}}, "training": 12, "steps_an_epoch": 30},
    {"event": "unet_step", "epoch": 0, "step": 0, "loss": 0.75},
    {"event": "epoch", "epoch": 0, "epochs": 2, "loss": 0.512345, "seconds": 7500.4},
    {
        "event": "validation",
        "epoch": 1,
        "best": True,
        "dice_blood_pool": {"mean": 0.9266, "n": 6},
        "dice_scar": {"mean": 0.61234, "n": 5},
        "scar_percent_bias": 1.234,
        "patients_without_scar": 1,
        "false_alarms": 1,
    },
    {"event": "end", "dice_scar": {"mean": 0.61234, "n": 5}},
]


@pytest.fixture
def runs(tmp_path):
    folder = tmp_path / "runs"
    make_job(folder / "a", "done", EVENTS, place={"host": "ward3"}, started=1.7e9, ended=1.7e9 + 60, starts=1)
    slurm = JobOptions("slurm", gpus=2, minutes=60, partition="gpu")
    make_job(
        folder / "deep" / "b",
        "failed",
        EVENTS[:3],
        sentence="The data are not fit.",
        options=slurm,
        place={"job_id": "77"},
        submitted=1.7e9,
    )
    return folder


@pytest.fixture
def counting(tmp_path, monkeypatch, project_root):
    """Start a job that counts; end it when the test is over."""
    from scarnet_training.recipe import Recipe

    monkeypatch.setenv("PYTHONPATH", str(project_root / "tests" / "jobs"))
    monkeypatch.setenv("STEPS", "10000")
    job = submit(Recipe(), tmp_path / "run", train="slow_training:train")
    yield job
    if job.state() in ("queued", "running"):
        processes.end(job.status().place, 0.5)


def test_jobs_are_listed_a_line_each(scarnet, runs):
    for command in (["jobs", "list", runs], ["jobs", "list", runs.parent]):
        result = scarnet(*command)
        assert (result.status, result.err) == (0, "")
        lines = result.out.splitlines()
        assert lines[0].split() == ["JOB", "STATE", "WHERE", "SINCE", "LATEST"]
    assert lines[1].startswith("runs/a ")
    assert " done " in lines[1]
    assert " ward3 " in lines[1]
    assert lines[1].endswith(" finished: Dice scar 0.61 (n 5)")
    assert lines[2].startswith("runs/deep/b  failed  Slurm job 77  ")
    assert lines[2].endswith(" epoch 1 of 2, loss 0.512, took 2 h 5 min")


def test_a_job_lists_itself_and_an_empty_folder_says_so(scarnet, runs, tmp_path, monkeypatch):
    assert scarnet("jobs", "list", runs / "a").out.splitlines()[1].startswith("a ")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    result = scarnet("jobs")
    assert result.status == 0
    assert "There are no jobs in" in result.out


def test_a_damaged_job_is_told_beside_the_others(scarnet, runs):
    (runs / "a" / "status.json").write_text("{")
    result = scarnet("jobs", "list", runs)
    assert result.status == 2
    assert result.err.startswith("error: ")
    assert "is damaged" in result.err
    assert result.err.count("\n") == 1
    assert "deep/b" in result.out


def test_what_an_earlier_start_told_last_is_not_how_far_this_one_is(scarnet, tmp_path):
    here = processes.describe(os.getpid())
    job = make_job(tmp_path / "a", "running", EVENTS[:3], place=here, submitted=1.8e9, started=1.8e9, starts=2)
    assert scarnet("jobs", "list", tmp_path).out.splitlines()[1].endswith(" starts")
    start = {**EVENTS[0], "time": 1.8e9 + 1, "resumed": True}
    with (job / "events.jsonl").open("a") as events:
        events.write(json.dumps(start) + "\n")
    shown = scarnet("jobs", "show", job).out
    assert "Latest:    goes on from its last checkpoint: 12 cases to train on" in shown


def test_a_step_is_told_with_the_epochs_there_are_and_the_time_left(scarnet, tmp_path):
    now = time.time()
    events = [
        {**EVENTS[0], "time": now - 200, "recipe": {"training": {"epochs": 5}}},
        {"event": "epoch", "epoch": 0, "epochs": 5, "time": now - 160, "seconds": 60},
        {"event": "epoch", "epoch": 1, "epochs": 5, "time": now - 60, "seconds": 70},
        {"event": "step", "epoch": 2, "step": 4, "loss": 0.3333, "time": now},
    ]
    make_job(tmp_path / "a", "running", events, place=processes.describe(os.getpid()), started=now - 210)
    # Three epochs of 80 s on average, 60 s of which are over.
    assert scarnet("jobs", "list", tmp_path).out.endswith(" epoch 3 of 5, step 5, loss 0.333, about 3 min left\n")


def test_a_training_without_a_job_is_seen_but_not_touched(scarnet, tmp_path):
    from filelock import FileLock

    run = tmp_path / "mine"
    run.mkdir()
    (run / "events.jsonl").write_text("".join(json.dumps({"time": 1.7e9, **event}) + "\n" for event in EVENTS[:3]))
    with FileLock(run / ".lock"):
        line = scarnet("jobs", "list", tmp_path).out.splitlines()[1]
        assert line.split("  ")[:3] == ["mine", "running", "no job"]
        for action, words in (("cancel", "stop it with Ctrl-C"), ("resume", "is running already")):
            refused = scarnet("jobs", action, run)
            assert refused.status == 2
            assert words in refused.err
    assert scarnet("jobs", "show", run, "--json").status == 0
    assert "interrupted" in scarnet("jobs", "show", run).out
    refused = scarnet("jobs", "resume", run)
    assert refused.status == 2
    assert "give the command that started it again with --resume" in refused.err
    failed = {"time": 1.7e9, "event": "failed", "reason": "The disk is full."}
    with (run / "events.jsonl").open("a") as events:
        events.write(json.dumps(failed) + "\n")
    assert scarnet("jobs", "watch", run).err == "error: The job failed: The disk is full.\n"
    assert set(path.name for path in run.iterdir()) <= {"events.jsonl", ".lock"}


def test_json_is_for_programs(scarnet, runs):
    [first, second] = json.loads(scarnet("jobs", "list", runs, "--json").out)
    assert first["folder"] == str(runs / "a")
    assert (first["state"], second["state"]) == ("done", "failed")
    assert second == json.loads(scarnet("jobs", "show", runs / "deep" / "b", "--json").out)
    asked = {"where": "slurm", "gpus": 2, "nodes": 1, "minutes": 60, "partition": "gpu"}
    assert second["options"] == {**asked, "cpus": None, "memory_gb": None}


def test_show_tells_a_reader_all_of_it(scarnet, runs):
    (runs / "deep" / "b" / "log.txt").write_text("Reading cases\nerror: The data are not fit.\n")
    result = scarnet("jobs", "show", runs / "deep" / "b")
    assert (result.status, result.err) == (0, "")
    for words in (
        "b: failed\n  The data are not fit.\n",
        "Where:     Slurm job 77",
        "gpus 2, nodes 1, minutes 60, partition gpu",
        "Latest:    epoch 1 of 2, loss 0.512",
        "  error: The data are not fit.",
    ):
        assert words in result.out


def test_an_ended_job_is_watched_to_its_end(scarnet, runs):
    result = scarnet("jobs", "watch", runs / "a")
    assert (result.status, result.err) == (0, "")
    lines = [line[21:] for line in result.out.splitlines()[:-1]]
    assert lines == [
        "begins: 12 cases to train on, 30 steps an epoch",
        "epoch 1 of 2, loss 0.512, took 2 h 5 min, about 2 h 5 min left",
        "validation after epoch 2: Dice blood pool 0.93 (n 6), scar 0.61 (n 5); scar percentage bias +1.2 points; "
        "false alarms 1 of 1; the best so far",
        "finished: Dice scar 0.61 (n 5)",
    ]
    assert result.out.splitlines()[-1] == "The job is done."
    assert "U-Net epoch 1, step 1, loss 0.75" in scarnet("jobs", "watch", runs / "a", "--steps").out
    raw = scarnet("jobs", "watch", runs / "a", "--json").out.splitlines()
    assert [json.loads(line)["event"] for line in raw] == [event["event"] for event in EVENTS]
    failed = scarnet("jobs", "watch", runs / "deep" / "b")
    assert (failed.status, failed.err) == (2, "error: The job failed: The data are not fit.\n")


def test_ctrl_c_stops_watching_only_and_cancel_stops_the_job(scarnet, scarnet_process, counting, monkeypatch):
    watching = scarnet_process("jobs", "watch", counting.folder)
    while "epoch 3, loss" not in watching.stdout.readline():
        assert watching.poll() is None
    watching.send_signal(signal.SIGINT)
    assert watching.wait(60) == 130
    assert watching.stderr.read() == f"Stopped watching; the job in {counting.folder} goes on.\n"
    assert counting.state() == "running"
    again = scarnet("jobs", "resume", counting.folder)
    assert again.status == 2
    assert "is running already" in again.err
    result = scarnet("jobs", "cancel", counting.folder)
    assert (result.status, result.err) == (0, "")
    assert f"scarnet jobs resume {counting.folder}" in result.out
    assert scarnet("jobs", "watch", counting.folder).status == 130
    monkeypatch.setenv("STEPS", "1")
    resumed = scarnet("jobs", "resume", counting.folder, "--gpus", "0")
    assert (resumed.status, resumed.err) == (0, "")
    until = time.monotonic() + 120
    while counting.state() != "done":
        assert time.monotonic() < until
        time.sleep(0.1)
    assert read_job(counting.folder).status().options == JobOptions(gpus=0)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["show", "nowhere"], "There is no job in"),
        (["list", "nowhere"], "There is no folder"),
        (["watch"], "the following arguments are required: JOB; see 'scarnet jobs watch --help'."),
        (["cancel", "runs/a"], "is done already; there is nothing to cancel"),
        (["cancel", "runs/a", "--grace", "-1"], "'-1' is not a number of seconds"),
        (["resume", "runs/a"], "is done; there is nothing to resume"),
        (["resume", "runs/deep/b", "--job", "local", "--nodes", "2"], "runs on one machine, not on 2"),
        (["resume", "runs/deep/b", "--minutes", "0"], "'0' is not a whole number of at least 1"),
    ],
)
def test_bad_input_gets_one_sentence(scarnet, runs, monkeypatch, arguments, sentence):
    monkeypatch.chdir(runs.parent)
    if "resume" in arguments:
        (runs / "deep" / "b" / "recipe.toml").write_text("")
    result = scarnet("jobs", *arguments)
    assert result.status == 2
    assert result.err.startswith("error: ")
    assert sentence in result.err
    assert result.err.count("\n") == 1


def test_looking_after_jobs_needs_neither_torch_nor_submitit(runs):
    code = (
        "import sys; from scarnet_cli.main import main; assert main(['jobs', 'list', sys.argv[1]]) == 0; "
        "heavy = {'torch', 'submitit', 'accelerate', 'pandas', 'napari'} & set(sys.modules); assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code, runs], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr

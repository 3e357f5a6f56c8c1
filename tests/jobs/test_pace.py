"""How long a run still takes: from its first steps on, validations counted, and how long its localiser."""

import pytest

from scarnet_training.jobs.pace import TimeLeft, time_left

SETTINGS = {"epochs": 4, "validate_every": 2, "keep": "best", "localiser_epochs": 3}
START = {"event": "start", "time": 0, "recipe": {"training": SETTINGS}, "steps_an_epoch": 10, "validation": 2}
LEFT = ", and then a validation"


def progress(of, time, done, total):
    return {"event": "progress", "of": of, "time": time, "done": done, "total": total}


def step(epoch, number, time):
    return {"event": "step", "epoch": epoch, "step": number, "time": time, "loss": 0.5}


def epoch(number, time):
    return {"event": "epoch", "epoch": number, "epochs": 4, "seconds": 20, "time": time}


def validation(number, time):
    return {"event": "validation", "epoch": number, "time": time}


def run(*events, end_passes=8):
    return [START | {"end_passes": end_passes}, *events]


LOCALISER = [progress("localiser", 0, 0, 3), progress("localiser", 40, 1, 3), progress("localiser", 80, 2, 3)]
FIRST = [{"event": "localiser", "time": 120}, progress("views", 120, 0, 9), progress("views", 130, 8, 9)]
# An epoch takes 20 s, a validation 10 s; the end takes 8 of these.
TWO = [epoch(0, 150), epoch(1, 170), progress("validation", 170, 0, 2), validation(1, 180)]


@pytest.mark.parametrize(
    ("events", "now", "left"),
    [
        (run(), 5, None),
        (run(*LOCALISER[:1]), 5, None),
        (run(*LOCALISER[:2]), 50, TimeLeft(70, " of the localiser")),
        (run(*LOCALISER, *FIRST), 130, None),
        # Within the first epoch: 2 s a step, encoding not counted as a step.
        (run(*FIRST, *(step(0, number, 132 + 2 * number) for number in range(3))), 136, TimeLeft(14 + 60, LEFT)),
        # So too where only the latest step was read.
        (run(*FIRST, step(0, 2, 136)), 138, TimeLeft(12 + 60, LEFT)),
        (run(*FIRST, epoch(0, 150)), 155, TimeLeft(60 - 5, LEFT)),
        # Two epochs, their one validation and the end.
        (run(*FIRST, *TWO), 180, TimeLeft(40 + 10 + 80)),
        (run(*FIRST, *TWO, end_passes=0), 185, TimeLeft(40 + 10 - 5)),
        # The first validation is half done.
        (run(*FIRST, *TWO[:3], progress("validation", 175, 1, 2)), 175, TimeLeft(40 + 5 + 10 + 80)),
        (run(*FIRST, *TWO, epoch(2, 200), epoch(3, 220), validation(3, 230)), 240, TimeLeft(80)),
        (run(*FIRST, *TWO, epoch(3, 220), validation(3, 230), progress("end", 230, 0, 4)), 240, TimeLeft(70)),
        (run(*FIRST, *TWO, epoch(3, 220), progress("end", 230, 0, 4), progress("end", 250, 1, 4)), 260, TimeLeft(50)),
        (run(*FIRST, *TWO, epoch(3, 220), validation(3, 230), {"event": "end", "time": 300}), 300, None),
        (run(*FIRST, *TWO, {"event": "early_stop", "time": 180}), 180, TimeLeft(80)),
    ],
)
def test_the_time_left_is_that_of_all_that_is_left(events, now, left):
    assert time_left(events, now) == (left and (pytest.approx(left.seconds), left.until))


def test_a_u_net_branch_that_trains_first_tells_nothing_of_the_rest():
    first = {**SETTINGS, "unet_epochs": 2}
    events = [START | {"recipe": {"training": first}}, {**step(0, 0, 2), "event": "unet_step"}]
    assert time_left(events, 3) is None
    events.append({**epoch(0, 20), "event": "unet_epoch", "epochs": 2})
    assert time_left(events, 21) is None

"""A run's events as curves, also when the run goes back to a checkpoint; and the curves as pixels."""

import numpy as np
from qtpy.QtGui import QPainter

from napari_scarnet.finetune_curve import RunCurve
from napari_scarnet.finetune_record import RunRecord

START = {"event": "start", "time": 0.0, "recipe": {"training": {"epochs": 4}}, "steps_an_epoch": 2, "device": "cpu"}


def epoch(number, loss):
    dice = {f"dice_{name}": {"mean": 0.2 * (number + 1), "n": 3} for name in ("myocardium", "blood_pool")}
    steps = [{"event": "step", "epoch": number, "step": n, "loss": loss + 0.1 * (1 - n)} for n in (0, 1)]
    end = {"event": "epoch", "epoch": number, "epochs": 4, "loss": loss, "scar": loss / 2, "memory_gb": 1.5}
    return [*steps, end, {"event": "validation", "epoch": number, "best": True, **dice, "dice_scar": None}]


def test_events_become_curves_whatever_their_portions():
    events = [START, *epoch(0, 0.9), *epoch(1, 0.7), {"event": "warning", "text": "Few patients."}]
    whole, parts = RunRecord(), RunRecord()
    whole.add(events)
    for event in events:
        parts.add([event])
    assert vars(whole) == vars(parts)
    assert whole.steps == [(0.5, 1.0), (1.0, 0.9), (1.5, 0.7 + 0.1), (2.0, 0.7)]
    assert whole.terms == {"loss": [(1.0, 0.9), (2.0, 0.7)], "scar": [(1.0, 0.45), (2.0, 0.35)]}
    assert whole.dice["myocardium"] == [(1.0, 0.2), (2.0, 0.4)]
    assert "scar" not in whole.dice
    assert (whole.memory_gb, whole.warnings, whole.done) == (1.5, ["Few patients."], 2.0)
    assert whole.sentence().startswith(
        "epoch 2 of 4; step 2 of 2, loss 0.700; validation Dice, without flips at test time, "
    )
    assert whole.sentence().endswith(" wall 0.40, blood pool 0.40")


def test_a_run_that_goes_back_forgets_what_it_had_told():
    record, straight = RunRecord(), RunRecord()
    record.add([START, *epoch(0, 0.9), *epoch(1, 0.7)])
    record.add([{"event": "rewound", "kept": 5}, START | {"resumed": True}, *epoch(1, 0.6)])
    straight.add([START, *epoch(0, 0.9), START | {"resumed": True}, *epoch(1, 0.6)])
    assert vars(record) == vars(straight)


def test_what_is_done_beside_steps_names_itself_and_moves_the_bar():
    record = RunRecord()
    settings = {"epochs": 4, "localiser_epochs": 8}
    record.add([START | {"recipe": {"training": settings}}])
    assert (record.sentence(), record.share) == ("It has not begun to train yet.", 0)

    def progress(of, done, total):
        record.add([{"event": "progress", "of": of, "done": done, "total": total}])
        return record.share

    shares = [progress("localiser", done, 8) for done in range(8)]
    assert shares == sorted(set(shares))
    assert record.sentence() == "Training the localiser, epoch 8 of 8."
    record.add([{"event": "localiser", "losses": [0.1]}])
    shares.append(progress("views", 3, 9))
    assert record.sentence() == "Encoding views, slice 4 of 9."
    record.add(epoch(0, 0.9)[:-1])
    shares.append(progress("validation", 0, 2))
    assert record.sentence() == "epoch 1 of 4; step 2 of 2, loss 0.900; validating, patient 1 of 2"
    record.add([event for number in (1, 2, 3) for event in epoch(number, 0.5)])
    shares += [progress("end", done, 4) for done in (1, 3)]
    assert "; measuring the finished model, patient 4 of 4; " in record.sentence()
    assert shares == sorted(set(shares))
    assert shares[-1] < 1
    # The finished model is measured with flips; of two Dice only its own is told in figures.
    record.add([{"event": "end", "dice_myocardium": {"mean": 0.95, "n": 3}, "dice_scar": {"mean": 0.91, "n": 3}}])
    assert record.share == 1
    assert record.sentence().endswith(
        "; Dice of the finished model wall 0.95, scar 0.91; the curve's are without flips at test time"
    )


def test_a_curve_of_steps_alone_is_something(qtbot, monkeypatch):
    written = []

    class Painter(QPainter):
        def drawText(self, *words):
            written.append(words[-1])
            super().drawText(*words)

    monkeypatch.setattr("napari_scarnet.finetune_curve.QPainter", Painter)
    curve = RunCurve()
    qtbot.addWidget(curve)
    curve.resize(360, 300)
    curve.grab()
    assert {"training loss: nothing yet", "validation Dice: nothing yet"} <= set(written)
    record = RunRecord()
    record.add([START, *epoch(0, 0.9)[:1]])
    curve.show_record(record)
    written.clear()
    curve.grab()
    assert {"training loss:", "validation Dice: nothing yet"} <= set(written)
    record.add(epoch(0, 0.9)[1:])
    written.clear()
    curve.grab()
    assert {"wall", "blood pool"} <= set(written)
    assert "myocardium" not in written


def test_curves_are_drawn(qtbot):
    curve = RunCurve()
    qtbot.addWidget(curve)
    curve.resize(360, 300)

    def pixels():
        image = curve.grab().toImage().convertToFormat(curve.grab().toImage().Format.Format_RGB32)
        return np.frombuffer(image.constBits().asstring(image.sizeInBytes()), np.uint8).copy()

    empty = pixels()
    record = RunRecord()
    record.add([START, *epoch(0, 0.9), *epoch(1, 0.7)])
    curve.show_record(record)
    assert (pixels() != empty).sum() > 1000

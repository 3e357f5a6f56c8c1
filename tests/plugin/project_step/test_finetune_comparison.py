"""Old and new model compared: what was accepted as the old one drew it counts for neither."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_scarnet.finetune_comparison import FinetuneComparison
from scarnet.evaluate import evaluate_case
from scarnet_training.project.comparing import ComparedCase, ModelComparison, judge

LEFT = Qt.MouseButton.LeftButton
WORSE = "The Dice of scar is 1.000 lower on average."


@pytest.mark.parametrize("drawn", [1, 2])
def test_a_case_that_is_as_the_old_model_drew_it_is_left_out_and_marked(
    qtbot, desk, folder, heart_labels, monkeypatch, drawn
):
    healthy = np.where(heart_labels == 3, 1, heart_labels).astype(np.uint8)
    result = [evaluate_case(heart_labels, labels, (10, 2.4, 2), distances=False) for labels in (heart_labels, healthy)]
    cases = [
        ComparedCase(f"case-00{number}", f"case-00{number}", *result, "tiny" if number <= drawn else None)
        for number in (1, 2)
    ]
    comparison = ModelComparison("tiny", "new", tuple(cases), *judge(cases))
    monkeypatch.setattr("scarnet_training.project.compare_models", lambda *_, **__: comparison)
    desk.open(folder)
    step = FinetuneComparison(desk.viewer)
    desk.viewer.window.add_dock_widget(step, name="Compare")
    step.use("tiny", True)
    qtbot.waitUntil(step.compare_button.isEnabled, timeout=10000)
    qtbot.mouseClick(step.compare_button, LEFT)
    qtbot.waitUntil(lambda: step.comparison is comparison, timeout=20000)
    told = step.warnings.text().split("<br>")
    assert not step.warnings.isHidden()
    if drawn == 1:
        assert told[0] == "⚠ 1 of 2 held-out cases was accepted as tiny drew it; it is left out."
        assert f"⚠ {WORSE}" in told
        assert not any(text.startswith("⚠ case-001") for text in told)
        assert "nothing to compare" not in step.summary.text()
    else:
        assert told == [
            "⚠ 2 of 2 held-out cases were accepted as tiny drew them; they are left out.",
            "⚠ So nothing says which of the two models is better.",
        ]
        assert step.summary.text().count("nothing to compare") == 3
    assert step.table.item(0, 0).text() == "case-001, left out"
    assert step.table.item(1, 0).text() == ("case-002" if drawn == 1 else "case-002, left out")
    coloured = [step.table.item(row, 3).foreground().style() != Qt.BrushStyle.NoBrush for row in (0, 1)]
    assert coloured == [False, drawn == 1]
    assert "wall" in step.summary.text()
    assert "myocardium" not in step.summary.text()
    desk.viewer.window.remove_dock_widget(step)

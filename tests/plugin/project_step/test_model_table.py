"""The project's models in a table: what can be done with each, and why not."""

import shutil
from dataclasses import replace

import pytest
from qtpy.QtCore import Qt

from scarnet.project import Project

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def models(qtbot, desk, folder):
    """The table, of a project whose second model, trained from the first, is the project's now."""
    from napari_scarnet.finetune_models import ModelTable

    with Project.open(folder) as project:
        first = project.state.current_model
        second = replace(first, name="finetune-001", sha256="2" * 64, base=first.name)
        for suffix in ("safetensors", "json"):
            shutil.copy(folder / "models" / f"{first.name}.{suffix}", folder / "models" / f"finetune-001.{suffix}")
        project.change_state(models=(first, second), promotions=(first.name, second.name, first.name))
    desk.open(folder)
    table = ModelTable(desk.viewer)
    desk.viewer.window.add_dock_widget(table, name="Models")
    desk.widget.projects.refresh()
    qtbot.waitUntil(lambda: len(table._models) == 2, timeout=20000)
    yield table
    table.release()


def test_a_model_that_predicts_no_case_can_go_and_the_others_say_why_not(qtbot, desk, models):
    models.select("tiny")
    assert not any(b.isEnabled() for b in (models.promote_button, models.discard_button, models.roll_back_button))
    assert models.promote_button.toolTip() == "tiny is the project's model already."
    assert "tiny is the project's model, so it is kept" in models.discard_button.toolTip()
    models.select("finetune-001")
    assert "roll back to it" in models.promote_button.toolTip()
    assert models.roll_back_button.isEnabled()
    qtbot.mouseClick(models.discard_button, LEFT)
    qtbot.waitUntil(lambda: dict((r.name, s) for r, s in models._models)["finetune-001"] == "discarded", timeout=20000)
    models.select("finetune-001")
    assert not models.discard_button.isEnabled()
    assert "only its card is left" in models.roll_back_button.toolTip()


def test_a_model_whose_predictions_are_in_use_is_kept(qtbot, desk, models):
    models.select("finetune-001")
    qtbot.mouseClick(models.roll_back_button, LEFT)
    qtbot.waitUntil(lambda: desk.widget.projects.snapshot.model.name == "finetune-001", timeout=20000)
    models.select("tiny")
    qtbot.waitUntil(lambda: "in use: case-001, case-002, case-003" in models.discard_button.toolTip(), timeout=20000)
    assert not models.discard_button.isEnabled()


def test_the_built_in_model_is_called_so(desk, models):
    record = replace(models._models[-1][0], name="scarnet-lite")
    models._fill(type("Read", (), {"models": [(record, "current")]}))
    assert models.table.item(0, 2).text() == "built-in"

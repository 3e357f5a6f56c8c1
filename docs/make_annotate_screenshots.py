"""Make the screenshots of docs/annotate.md, on phantoms (nothing of a patient is shown). Takes some minutes.

xvfb-run -a -s "-screen 0 1600x1000x24" python docs/make_annotate_screenshots.py
"""

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import imageio.v3 as iio
import napari
import numpy as np
from make_screenshots import settle, wait

import scarnet_training.finetune as finetune
from napari_scarnet.edit_target import apply_labels
from napari_scarnet.label_layers import current_labels
from scarnet.io import write_image
from scarnet.phantom import make_phantom
from scarnet.project import predict_cases

IMAGES = Path(__file__).resolve().parent / "images"
SEEDS = (0, 3, 5, 9, 7, 1)
MINUTES = 60.0


def shorten_recipe() -> None:
    """Cut the fine-tuning to a few minutes; the pictures are to show the step, not a good model."""
    load = finetune.load_recipe
    short = {"localiser_epochs": 1, "views": 1, "least_steps": 4, "validate_every": 1, "refresh_epochs": 100}
    finetune.load_recipe = lambda path: replace(r := load(path), training=replace(r.training, **short))


class Walk:
    """The dock in a window, and the steps of the walk-through.

    Parameters
    ----------
    root : Path
        A folder for studies and project.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.viewer = napari.Viewer()
        self.viewer.window._qt_window.resize(1500, 950)
        _, self.dock = self.viewer.window.add_plugin_dock_widget("napari-scarnet", "ScarNet")
        self.project, self.tune = self.dock.project, self.dock.finetune
        self.projects, self.cases = self.project.projects, self.project.cases

    def only(self, *names: str) -> None:
        """Leave some sections open."""
        for name, section in self.dock.sections.items():
            section.expand(name in names)

    def shoot(self, name: str) -> None:
        """Save the window."""
        settle()
        picture = self.viewer.screenshot(canvas_only=False, flash=False)
        iio.imwrite(IMAGES / f"annotate-{name}.png", picture)

    def rest(self) -> None:
        """Wait until a case is on show and nothing runs."""
        wait(lambda: self.cases.job is None and not self.cases.show_layers.is_running, 60 * MINUTES)
        settle(1.0)

    def open(self, case: str) -> None:
        """Show a case, at the slice with most scar."""
        self.cases.show_case(case)
        wait(lambda: self.projects.case == case)
        self.rest()
        labels = current_labels(self.viewer, case).data
        self.viewer.dims.set_current_step(0, int((labels == 3).sum(axis=(1, 2)).argmax()))

    def begin(self) -> None:
        """Make the project and import studies."""
        self.only("project")
        self.project.opening.path_edit.setText("pilot")
        self.project.opening.annotator.setText("anna")
        self.shoot("new")
        self.project.opening.open_button.click()
        wait(lambda: self.projects.snapshot is not None and self.projects.snapshot.model is not None)
        studies = self.root / "studies"
        studies.mkdir()
        self.truth = {}
        for number, seed in enumerate(SEEDS, start=1):
            phantom = make_phantom(seed=seed)
            write_image(studies / f"scan_{number}.nii.gz", phantom.stack)
            self.truth[f"case-{number:03d}"] = phantom.labels
        self.project.open_paths([studies])
        wait(lambda: self.project.imports.choice.isVisible() and self.project.imports.job is None)
        for row in (1, 2):
            self.project.imports.table.item(row, 2).setText("patient B")
        self.shoot("import")
        self.project.imports.import_button.click()
        wait(lambda: len(self.projects.snapshot.rows) == len(SEEDS) and self.project.predicting.button.isEnabled())
        self.shoot("imported")
        self.project.imports.names.dismiss_button.click()
        self.project.predicting.predict()
        wait(lambda: "of 6" in self.project.predicting.job_bar.bar.format(), 60 * MINUTES)
        self.shoot("predict")
        self.project.predicting.cancel()
        wait(lambda: self.project.predicting.job is None, 60 * MINUTES)
        # Without flips, which takes a quarter of the time.
        predict_cases(self.projects.project, flips=False)
        self.project.predicting.say("")
        self.projects.refresh()
        wait(lambda: self.projects.snapshot.counts["predicted"] == len(SEEDS))

    def work(self) -> None:
        """Open a case, correct it, accept it and the following."""
        self.cases.open_next()
        wait(lambda: self.projects.case is not None)
        self.rest()
        first = self.projects.case
        self.open(first)
        self.only("project")
        self.shoot("case")
        apply_labels(current_labels(self.viewer, first), self.truth[first])
        self.only("project", "edit")
        wait(lambda: any(r.case == first and r.status == "in progress" for r in self.projects.snapshot.rows))
        self.shoot("edit")
        for _ in range(5):
            case = self.projects.case
            apply_labels(current_labels(self.viewer, case), self.truth[case])
            wait(self.cases.accept_button.isEnabled)
            self.cases.accept()
            wait(lambda case=case: self.projects.case != case)
            self.rest()
        self.only("project")
        self.shoot("accepted")
        self.project.show_log()
        wait(lambda: hasattr(self.project, "log_window"))
        settle()
        self.project.log_window.grab().save(str(IMAGES / "annotate-log.png"))
        self.project.log_window.close()

    def train(self) -> None:
        """Fine-tune."""
        self.only("finetune")
        self.tune.setup.epochs.setValue(6)
        self.tune.setup.parts.setCurrentText("heads")
        self.tune.setup.plan()
        wait(self.tune.setup.start_button.isEnabled)
        self.shoot("split")
        self.tune.setup.start()
        wait(lambda: len(self.tune.watch.record.dice.get("scar", ())) >= 4, 60 * MINUTES)
        self.shoot("training")
        wait(lambda: self.tune.watch.state == "done", 60 * MINUTES)

    def compare(self) -> None:
        """Compare the old and the new model, and look at both on a case."""
        self.only("finetune")
        self.tune.sections["setup"].expand(False)
        self.tune.sections["comparison"].expand()
        self.tune.sections["models"].expand()
        wait(self.tune.comparison.compare_button.isEnabled, 60 * MINUTES)
        self.tune.comparison.compare()
        wait(lambda: self.tune.comparison.comparison is not None, 60 * MINUTES)
        self.tune.sections["watch"].expand(False)
        case = self.tune.comparison.comparison.cases[0].case
        self.tune.comparison.table.cellDoubleClicked.emit(0, 0)
        wait(self.tune.comparison.views.isVisible)
        self.rest()
        labels = current_labels(self.viewer, case).data
        self.viewer.dims.set_current_step(0, int((labels == 3).sum(axis=(1, 2)).argmax()))
        self.shoot("compare")
        self.tune.comparison.views.side_by_side.click()
        settle(1.5)
        self.shoot("side-by-side")
        self.tune.comparison.views.side_by_side.click()

    def read_twice(self) -> None:
        """Compare a second reader's labels with the case's own."""
        case = self.projects.case
        second = np.array(current_labels(self.viewer, case).data)
        second[(second == 3) & (np.indices(second.shape)[1] % 24 < 10)] = 1
        self.projects.project.save_labels(case, second, "bob")
        self.projects.refresh()
        readers = self.project.readers
        wait(lambda: readers.second.findData("bob") > 0)
        self.only("project")
        readers.parentWidget().expand()
        settle()
        readers.compare()
        wait(readers.found.isVisible)
        readers.regions.table.selectRow(1)
        self.shoot("readers")


def main() -> None:
    """Go through a project as an annotator would, with a picture of each step."""
    shorten_recipe()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # so that no path of this machine is in the pictures
        walk = Walk(Path(folder))
        walk.begin()
        walk.work()
        walk.train()
        walk.compare()
        walk.read_twice()
        walk.viewer.close()
    print(*sorted(path.name for path in IMAGES.glob("annotate-*.png")), sep="\n")


if __name__ == "__main__":
    main()

"""What a job would stumble over is told before it is submitted, in the words of a training here and now."""

from __future__ import annotations

import json

import pytest

from scarnet.phantom import PhantomSettings, write_phantom_cohort

SMALL = PhantomSettings(slices=4, matrix=(96, 96), spacing_mm=(2.4, 2.4))


@pytest.fixture
def never_submitted(monkeypatch):
    """Let no job start."""
    monkeypatch.setattr("scarnet_training.jobs.submit", lambda *args, **options: pytest.fail("it was submitted"))


@pytest.fixture
def cohort(tmp_path):
    """Five small patients."""
    write_phantom_cohort(tmp_path / "cohort", 5, 3, settings=SMALL)
    return tmp_path / "cohort"


def lose_a_label(cohort):
    next((cohort / "labelsTr").iterdir()).unlink()


def lose_the_description(cohort):
    (cohort / "dataset.json").unlink()


def lose_the_cohort(cohort):
    cohort.rename(cohort.with_name("elsewhere"))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lose_a_label, "labelsTr lacks "),
        (lose_the_description, "dataset.json of nnU-Net's layout is missing"),
        (lose_the_cohort, "there is no folder imagesTr"),
    ],
)
def test_a_cohort_that_is_not_whole_is_refused_before_a_job_is_submitted(
    scarnet, never_submitted, cohort, tmp_path, damage, words
):
    damage(cohort)
    run = tmp_path / "run"
    job = scarnet("finetune", cohort, "-o", run, "--job", "local")
    assert (job.status, job.out) == (2, "")
    assert words in job.err
    assert not run.exists()
    here = scarnet("finetune", cohort, "-o", run, "--quiet")
    assert (here.status, here.err) == (job.status, job.err)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[training]\nencoder_weights = 'none.pth'\n", "training.encoder_weights is 'none.pth'"),
        ("[start]\nmodel = 'nobody'\n", "no model 'nobody'"),
        ("[start]\nmodel = 'scarnet-lite'\nreplay = ['earlier']\n", "earlier cannot be trained on"),
        ("splits = 'none.json'\n", "Cannot read none.json"),
        ("splits = 'splits.json'\n", "splits.json, split 1: 'val' names cases that the data do not have: nobody"),
    ],
)
def test_what_a_recipe_names_must_be_there_before_a_job_is_submitted(
    scarnet, never_submitted, cohort, tmp_path, monkeypatch, text, words
):
    monkeypatch.chdir(tmp_path)
    cases = sorted(path.name.removesuffix(".nii.gz") for path in (cohort / "labelsTr").iterdir())
    (tmp_path / "splits.json").write_text(json.dumps([{"train": cases, "val": ["nobody"]}]))
    (tmp_path / "recipe.toml").write_text(f"[data]\ndatasets = ['cohort']\n{text}")
    job = scarnet("train", "recipe.toml", "-o", "run", "--job", "local")
    assert (job.status, job.out) == (2, "")
    assert words in job.err
    assert not (tmp_path / "run").exists()
    here = scarnet("train", "recipe.toml", "-o", "run", "--quiet")
    assert (here.status, here.err) == (job.status, job.err)


def test_a_recipe_that_names_nothing_is_no_job(scarnet, never_submitted, tmp_path):
    (tmp_path / "recipe.toml").write_text("[training]\nepochs = 1\n")
    result = scarnet("train", tmp_path / "recipe.toml", "-o", tmp_path / "run", "--job", "local")
    assert result.status == 2
    assert "names nothing to train on" in result.err
    assert not (tmp_path / "run").exists()


def test_a_whole_cohort_is_submitted(scarnet, cohort, tmp_path, monkeypatch):
    from scarnet_training.jobs import Job

    submitted = []

    def submit(recipe, out, *args, **options):
        submitted.append(out)
        return Job(out)

    monkeypatch.setattr("scarnet_training.jobs.submit", submit)
    result = scarnet("finetune", cohort, "-o", tmp_path / "run", "--job", "local")
    assert (result.status, result.err) == (0, "")
    assert submitted == [tmp_path / "run"]

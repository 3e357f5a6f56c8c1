"""Helps that a newcomer can follow, and how the terminal is told of errors."""

import argparse
import re
import shlex
import subprocess
import sys

import pytest

import scarnet as package
from scarnet_cli import main as main_module


def commands_of(parser, *words):
    """Every command below a parser, as the words a user types."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                yield [*words, name]
                yield from commands_of(command, *words, name)


COMMANDS = list(commands_of(main_module.build_parser()))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_says_what_it_does_and_gives_examples(scarnet, command):
    result = scarnet(*command, "--help")
    assert result.status == 0
    assert result.err == ""
    description, examples = result.out.split("\nexamples:\n")
    assert len(description.split("\n\n")[1]) > 10
    lines = [line for line in examples.splitlines() if line.startswith("  scarnet ")]
    assert lines
    assert f"  scarnet {' '.join(command)}" in "\n".join(lines)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_examples_are_valid_command_lines(scarnet, command):
    parser = main_module.build_parser()
    for line in scarnet(*command, "--help").out.splitlines():
        if line.startswith("  scarnet "):
            parser.parse_args(shlex.split(line)[1:])


def test_every_option_has_a_help_text_and_defaults_are_shown(scarnet):
    text = scarnet("segment", "--help").out
    assert "(default: 8)" in text
    assert "(default: auto)" in text
    assert "(default: labels,probabilities,logits)" in re.sub(r"\s+", " ", text)
    assert "None" not in text
    assert "True" not in text
    assert "(default: demo-output)" in scarnet("demo", "--help").out
    assert "(default: 0)" in scarnet("phantom", "--help").out


def test_the_commands_are_listed(scarnet):
    text = scarnet("--help").out
    names = "demo view segment measure evaluate train finetune jobs project models phantom"
    for name in names.split():
        assert f"\n    {name} " in text


def test_the_guide_lists_every_command(project_root):
    guide = (project_root / "docs" / "guide.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `scarnet (\w+)", guide, re.MULTILINE)
    assert listed == [name for name, *actions in COMMANDS if not actions]


def test_version(scarnet):
    assert scarnet("--version").out == f"scarnet {package.__version__}\n"


def test_without_a_command_the_help_is_shown_and_nothing_counts_as_done(scarnet):
    result = scarnet()
    assert result.status == 2
    assert "scarnet demo" in result.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["segmen"], "invalid choice: 'segmen'"),
        (["segment", "x"], "the following arguments are required: -o/--output; see 'scarnet segment --help'."),
        (["segment", "x", "-o", "y", "--save", "label"], "'label' is not known; choose from labels,probabilities"),
        (["segment", "x", "-o", "y", "--batch-size", "0"], "'0' is not a whole number of at least 1"),
        (["segment", "x", "-o", "y", "--spacing", "1,2"], "'1,2' is not three positive numbers in mm"),
        (["segment", "x", "-o", "y", "--device", "tpu"], "invalid choice: 'tpu'"),
        (["phantom", "out", "--cases", "none"], "'none' is not a whole number"),
    ],
)
def test_a_wrong_command_line_gets_one_sentence(scarnet, arguments, sentence):
    result = scarnet(*arguments)
    assert result.status == 2
    assert result.err.startswith("error: ")
    assert sentence in result.err
    assert result.err.count("\n") == 1
    assert result.out == ""


def test_an_unforeseen_error_shows_neither_traceback_nor_its_message(scarnet, monkeypatch):
    def fail():
        raise RuntimeError("PatientName is Doe^Jane")

    monkeypatch.setattr("scarnet.models.list_models", fail)
    result = scarnet("models")
    assert result.status == 1
    assert result.err.startswith("error: ")
    assert "RuntimeError" in result.err
    assert "Doe" not in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("arguments", [["--debug", "models"], ["models", "--debug"], ["models", "list", "--debug"]])
def test_debug_shows_the_traceback(scarnet, monkeypatch, arguments):
    def fail():
        raise RuntimeError("the cause")

    monkeypatch.setattr("scarnet.models.list_models", fail)
    result = scarnet(*arguments)
    assert "Traceback" in result.err
    assert "the cause" in result.err
    assert result.err.splitlines()[-1].startswith("error: ")


def test_ctrl_c_is_no_error(scarnet, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr("scarnet.models.list_models", interrupt)
    result = scarnet("models")
    assert result.status == 130
    assert result.err == "Stopped.\n"


def test_help_needs_neither_torch_nor_napari():
    code = (
        "import sys; from scarnet_cli.main import main; assert main(['segment', '--help']) == 0; "
        "heavy = {'torch', 'matplotlib', 'napari', 'qtpy', 'scipy', 'pydicom'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, timeout=60)


def test_a_pipe_that_closes_early_is_no_error(scarnet_process):
    process = scarnet_process("segment", "--help")
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) == 0

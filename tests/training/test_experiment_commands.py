"""How an experiment's command line ends."""

import argparse

import pytest

from scarnet.errors import ScarNetError
from scarnet_training.experiments import ablation_table, learning_curve, queue_order
from scarnet_training.experiments.command_line import add_output, with_status, write_or_print


def command(*words):
    """Run a small experiment."""

    @with_status
    def main(argv):
        parser = argparse.ArgumentParser()
        add_output(parser)
        write_or_print("| a |\n", parser.parse_args(argv).output)

    return main([str(word) for word in words])


def test_what_was_found_is_printed_or_written(tmp_path, capsys):
    assert command() == 0
    assert capsys.readouterr() == ("| a |\n", "")
    assert command("-o", tmp_path / "table.md") == 0
    assert capsys.readouterr() == ("", "")
    assert (tmp_path / "table.md").read_text(encoding="utf-8") == "| a |\n"


def test_a_table_that_cannot_be_written_is_one_sentence(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert command("-o", tmp_path / "file" / "table.md") == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("error: ")


def test_a_bug_is_not_taken_for_bad_input():
    @with_status
    def main():
        raise KeyError("bug")

    with pytest.raises(KeyError):
        main()


def test_an_error_is_its_sentence():
    @with_status
    def main():
        raise ScarNetError("This is wrong.")

    assert main() == 2


@pytest.mark.parametrize(
    ("main", "words", "sentence"),
    [
        (ablation_table.main, ("--runs", "{}"), "nowhere"),
        (queue_order.main, ("--out", "{}"), "Nothing was measured in"),
        (learning_curve.main, ("--sizes", "0", "--model", "{}"), "nowhere"),
    ],
)
def test_experiments_tell_what_they_lack(tmp_path, capsys, main, words, sentence):
    nowhere = str(tmp_path / "nowhere")
    assert main([word.format(nowhere) for word in words] + (["--dataset", nowhere])) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("error: ")
    assert sentence in err

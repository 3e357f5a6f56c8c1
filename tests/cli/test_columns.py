"""Tables in the terminal."""

import pytest

from scarnet_cli.columns import in_columns


def test_columns_stand_below_each_other_and_lines_end_with_their_text():
    rows = [("CASE", "STATUS", "NOTE"), ("case-001", "new", ""), ("b", "accepted", "seen twice")]
    assert in_columns(rows) == ["CASE      STATUS    NOTE", "case-001  new", "b         accepted  seen twice"]


def test_no_rows_are_no_lines():
    assert in_columns([]) == []


def test_a_row_that_lacks_a_cell_is_a_bug():
    with pytest.raises(ValueError, match="zip"):
        in_columns([("a", "b"), ("c",)])

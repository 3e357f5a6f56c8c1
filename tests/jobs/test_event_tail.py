"""Following events while another process writes the file, and cuts it back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scarnet.errors import ScarNetError
from scarnet_training.jobs.event_tail import EventTail


def line(number: int, attempt: int = 0) -> bytes:
    return json.dumps({"time": attempt, "event": "step", "step": number}).encode() + b"\n"


def steps(events: list[dict]) -> list[object]:
    return [event.get("step", event["event"]) for event in events]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def test_each_event_is_given_once_and_only_when_it_is_whole(path):
    tail = EventTail(path)
    assert tail.read_new_events() == []
    path.write_bytes(line(0) + line(1) + line(2)[:9])
    assert steps(tail.read_new_events()) == [0, 1]
    assert tail.read_new_events() == []
    path.write_bytes(line(0) + line(1) + line(2))
    assert steps(tail.read_new_events()) == [2]


@pytest.mark.parametrize("kept", [0, 1, 5, 9])
@pytest.mark.parametrize("written", [0, 1, 30])
def test_a_file_cut_back_is_followed_from_where_it_was_cut(path, kept, written):
    first = [line(number) for number in range(10)]
    path.write_bytes(b"".join(first))
    tail = EventTail(path)
    assert len(tail.read_new_events()) == 10
    path.write_bytes(b"".join(first[:kept] + [line(number, 1) for number in range(kept, kept + written)]))
    events = tail.read_new_events()
    assert events[0] == {"event": "rewound", "kept": kept}
    assert steps(events[1:]) == list(range(kept, kept + written))
    assert tail.read_new_events() == []


def test_a_line_that_a_killed_process_left_is_passed_over(path):
    path.write_bytes(line(0) + b'{"time": 1, "ev\n' + b"[1]\n" + line(1))
    tail = EventTail(path)
    assert steps(tail.read_new_events()) == [0, 1]
    path.write_bytes(line(0))
    assert tail.read_new_events() == [{"event": "rewound", "kept": 1}]


def test_a_file_that_was_removed_takes_its_events_along(path):
    path.write_bytes(line(0))
    tail = EventTail(path)
    tail.read_new_events()
    path.unlink()
    assert tail.read_new_events() == [{"event": "rewound", "kept": 0}]
    assert tail.read_new_events() == []


def test_a_file_that_cannot_be_read_is_told(path):
    path.mkdir()
    with pytest.raises(ScarNetError, match=r"Cannot read .*Is a directory"):
        EventTail(path).read_new_events()

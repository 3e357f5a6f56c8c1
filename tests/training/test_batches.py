"""Batches: every slice is shown, the shares are kept, and processes part a batch as accumulation does."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from scarnet.errors import ScarNetError
from scarnet_training.batches import micro_batches, plan_epoch, replayed_slices, steps_an_epoch

NONE = torch.arange(0)


@pytest.mark.parametrize(("slices", "batch_size"), [(1, 1), (1, 8), (7, 3), (12, 4), (13, 4), (40, 16)])
def test_an_epoch_shows_every_slice_in_full_batches(slices: int, batch_size: int) -> None:
    own, scar = torch.arange(slices), torch.zeros(slices, dtype=torch.bool)
    batches = plan_epoch(own, NONE, scar, batch_size, 0.5, 0.0, seed=3)
    assert len(batches) == steps_an_epoch(slices, batch_size)
    assert {len(batch) for batch in batches} == {batch_size}
    shown = torch.cat(batches).bincount(minlength=slices)
    assert shown.min() >= 1
    # What fills the last batch is spread evenly, too.
    assert shown.max() - shown.min() <= 1


def test_the_order_is_the_seeds() -> None:
    own, scar = torch.arange(30), torch.zeros(30, dtype=torch.bool)
    plans = [torch.stack(plan_epoch(own, NONE, scar, 6, 0.0, 0.0, seed)) for seed in (1, 1, 2)]
    assert torch.equal(plans[0], plans[1])
    assert not torch.equal(plans[0], plans[2])
    assert not torch.equal(plans[0].flatten(), own)


def test_each_batch_holds_its_share_of_replayed_slices() -> None:
    own, replayed, scar = torch.arange(10), torch.arange(10, 40), torch.zeros(40, dtype=torch.bool)
    batches = plan_epoch(own, replayed, scar, 8, 0.25, 0.0, seed=0)
    assert len(batches) == steps_an_epoch(10, 6)
    assert all(int((batch >= 10).sum()) == 2 for batch in batches)
    assert set(torch.cat(batches).tolist()) >= set(range(10))


def test_replayed_slices_never_fill_a_batch() -> None:
    assert [replayed_slices(size, 0.9) for size in (1, 2, 4, 10)] == [0, 1, 3, 9]
    assert replayed_slices(16, 0.0) == 0
    batches = plan_epoch(torch.arange(3), torch.arange(3, 6), torch.zeros(6, dtype=torch.bool), 1, 0.9, 0.0, seed=0)
    assert sorted(torch.cat(batches).tolist()) == [0, 1, 2]


def test_each_batch_holds_its_share_of_scar_and_keeps_what_is_replayed() -> None:
    own, replayed = torch.arange(40), torch.arange(40, 60)
    scar = torch.zeros(60, dtype=torch.bool)
    scar[[3, 17]] = True
    batches = plan_epoch(own, replayed, scar, 8, 0.25, 0.5, seed=0)
    for batch in batches:
        assert len(batch) == 8
        assert int(scar[batch].sum()) >= 4
        assert int((batch >= 40).sum()) == 2


def test_a_cohort_without_scar_is_left_as_it_comes() -> None:
    own, scar = torch.arange(9), torch.zeros(9, dtype=torch.bool)
    plain, asked = (plan_epoch(own, NONE, scar, 4, 0.0, share, seed=5) for share in (0.0, 0.5))
    assert torch.equal(torch.cat(plain), torch.cat(asked))


def test_micro_batches_part_every_batch_alike_whatever_the_processes() -> None:
    for size, micro, processes in itertools.product(range(1, 20), range(6), range(1, 5)):
        if micro > size:
            continue
        try:
            parts = [micro_batches(size, micro, process, processes) for process in range(processes)]
        except ScarNetError:
            # Only where there is not a row for each part.
            parts_each = math.ceil(math.ceil(size / (micro or math.ceil(size / processes))) / processes)
            assert parts_each * processes > size
            continue
        assert len({len(own) for own in parts}) == 1
        rows = [row for own in parts for part in own for row in range(size)[part]]
        assert sorted(rows) == list(range(size))
        lengths = [part.stop - part.start for own in parts for part in own]
        assert min(lengths) >= 1
        assert max(lengths) <= (micro or math.ceil(size / processes))
        # One process that accumulates has the very same parts.
        together = micro_batches(size, max(lengths), 0, 1)
        if len(together) == len(lengths):
            assert sorted((p.start, p.stop) for own in parts for p in own) == [(p.start, p.stop) for p in together]


def test_four_by_four_and_one_by_one() -> None:
    assert micro_batches(16, 4, 0, 1) == [slice(0, 4), slice(4, 8), slice(8, 12), slice(12, 16)]
    assert micro_batches(3, 1, 0, 1) == [slice(0, 1), slice(1, 2), slice(2, 3)]
    assert micro_batches(16, 0, 0, 1) == [slice(0, 16)]
    assert micro_batches(16, 4, 1, 2) == [slice(4, 8), slice(12, 16)]


def test_a_batch_too_small_for_the_processes_is_refused() -> None:
    with pytest.raises(ScarNetError, match=r"batch of 2 .* among 4 processes; make training.batch_size"):
        micro_batches(2, 0, 3, 4)


def test_a_small_cohort_is_passed_through_again_and_again_up_to_the_least_steps() -> None:
    own, scar = torch.arange(5), torch.zeros(5, dtype=torch.bool)
    batches = plan_epoch(own, NONE, scar, 4, 0.0, 0.0, seed=0, least_steps=6)
    assert len(batches) == 6
    assert {len(batch) for batch in batches} == {4}
    shown = torch.cat(batches).bincount(minlength=5)
    assert shown.max() - shown.min() <= 1

"""Prefetching: in order, no further ahead than asked, and ended with its consumer."""

import threading
import time
from collections.abc import Generator

import pytest
import torch

from vaerun.data.dataloader import prefetch


def counting(made: list[int], n: int = 10) -> Generator[int, None, None]:
    for number in range(n):
        made.append(number)
        yield number


def settles(made: list[int]) -> int:
    """How many were made once no more are."""
    time.sleep(0.05)
    return len(made)


def test_items_come_in_order_and_are_made_no_further_ahead_than_asked():
    made: list[int] = []
    items = prefetch(counting(made), 2)
    assert settles(made) == 0  # nothing before the first is wanted
    for number in range(10):
        assert next(items) == number
        assert settles(made) == min(number + 3, 10)
    with pytest.raises(StopIteration):
        next(items)


def test_an_error_comes_where_its_item_would_have():
    def failing() -> Generator[int, None, None]:
        yield 1
        raise ValueError("no more")

    items = prefetch(failing(), 3)
    assert next(items) == 1
    with pytest.raises(ValueError, match="no more"):
        next(items)


def test_who_wants_no_more_ends_the_thread_and_what_it_works_at():
    closed, n_before = [], threading.active_count()

    def endless() -> Generator[int, None, None]:
        try:
            while True:
                yield 0
        finally:
            closed.append(True)

    items = prefetch(endless(), 1)
    next(items)
    assert threading.active_count() == n_before + 1
    items.close()
    assert (closed, threading.active_count()) == ([True], n_before)


def test_work_goes_on_while_its_outcome_is_used():
    def slow() -> Generator[int, None, None]:
        for number in range(5):
            time.sleep(0.05)
            yield number

    begin = time.monotonic()
    for _ in prefetch(slow(), 1):
        time.sleep(0.05)
    assert time.monotonic() - begin < 0.45  # one after the other it would be 0.5


def test_what_is_made_ahead_takes_one_thread_and_leaves_the_others_theirs():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        made = prefetch((torch.get_num_threads() for _ in range(3)), 1)
        assert [next(made), torch.get_num_threads()] == [1, 2]
        assert list(made) == [1, 1]
    finally:
        torch.set_num_threads(before)

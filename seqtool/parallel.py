"""Threads over independent pieces of work. Kernels release the GIL, so threads are enough."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def for_each(
    items: Iterable[T], make_worker: Callable[[], Callable[[T], None]], threads: int
) -> None:
    """Call a worker for every item, in ``threads`` threads; the calling thread is one of them.

    Each thread calls ``make_worker`` once, so a worker may own its scratch memory. Items are
    taken in order. The first exception stops all threads and is raised here.
    """
    queue: Iterator[T] = iter(items)
    lock = threading.Lock()
    failures: list[BaseException] = []

    def take() -> tuple[bool, T | None]:
        with lock:
            for item in queue:
                return True, item
        return False, None

    def work() -> None:
        try:
            worker = make_worker()
            while not failures:
                more, item = take()
                if not more:
                    return
                worker(item)  # type: ignore[arg-type]
        except BaseException as error:
            failures.append(error)

    helpers = [threading.Thread(target=work, daemon=True) for _ in range(threads - 1)]
    for thread in helpers:
        thread.start()
    work()
    try:
        for thread in helpers:
            thread.join()
    except BaseException as error:  # an interrupt: the threads must not go on
        failures.append(error)
        raise
    if failures:
        raise failures[0]


def map_each(items: Sequence[T], work: Callable[[T], R], threads: int) -> list[R]:
    """What ``work`` makes of each item, in their order; see `for_each`."""
    found: dict[int, R] = {}

    def run(number: int) -> None:
        found[number] = work(items[number])

    for_each(range(len(items)), lambda: run, max(1, min(threads, len(items))))
    return [found[number] for number in range(len(items))]
